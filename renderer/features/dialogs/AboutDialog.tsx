import { useTranslation } from "react-i18next";
import { useHost } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Logo } from "../../ui/Logo.tsx";

export function AboutDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const info = useHost((state) => state.info);
  const versions = Object.entries(info?.engineVersions ?? {});
  return (
    <Dialog
      title={t("about.title")}
      width={420}
      onClose={onClose}
      footer={<Button onPress={onClose}>{t("actions.close")}</Button>}
    >
      <div className="about">
        <Logo size={56} />
        <div className="stack selectable">
          <p>
            <strong>Guesthouse {info?.version ?? ""}</strong>
          </p>
          <p className="quiet">{t("about.body")}</p>
          <dl className="aside-facts">
            {versions.map(([part, version]) => (
              <div key={part}>
                <dt>{part}</dt>
                <dd>{version}</dd>
              </div>
            ))}
          </dl>
        </div>
      </div>
    </Dialog>
  );
}
