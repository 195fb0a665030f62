import { useTranslation } from "react-i18next";
import { ActionDialog } from "../../ui/ActionDialog.tsx";

/** Shown once, before the first capture: how to get keyboard and pointer back. */
export function CaptureHelpDialog({ proceed, onClose }: { proceed: () => void; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <ActionDialog
      shape="offer"
      title={t("captureHelp.title")}
      width={460}
      action={t("captureHelp.proceed")}
      onAction={() => {
        onClose();
        // The dialog gives the focus back as it goes; the screen takes it after that.
        setTimeout(proceed, 50);
      }}
      onClose={onClose}
    >
      <p>{t("captureHelp.body")}</p>
      <p className="capture-key">
        <kbd>{t("keys.hostName")}</kbd>
        {t("captureHelp.key")}
      </p>
      <p className="quiet">{t("captureHelp.where")}</p>
    </ActionDialog>
  );
}
