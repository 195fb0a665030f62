import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

/** Shown once, before the first capture: how to get keyboard and pointer back. */
export function CaptureHelpDialog({ proceed, onClose }: { proceed: () => void; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog
      title={t("captureHelp.title")}
      width={460}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button
            variant="primary"
            autoFocus
            onPress={() => {
              onClose();
              // The dialog gives the focus back as it goes; the screen takes it after that.
              setTimeout(proceed, 50);
            }}
          >
            {t("captureHelp.proceed")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>{t("captureHelp.body")}</p>
        <p className="capture-key">
          <kbd>{t("keys.hostName")}</kbd>
          {t("captureHelp.key")}
        </p>
        <p className="quiet">{t("captureHelp.where")}</p>
      </div>
    </Dialog>
  );
}
