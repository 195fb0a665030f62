import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import { GuesthouseError } from "../../../engine/base/GuesthouseError.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { withPassphrase } from "../../state/passphrases.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { DISK_MIB_MAX, DISK_MIB_MIN, DiskSizeField } from "./DiskSizeField.tsx";

/** Makes a disk larger or smaller. Cutting off data is asked about by itself, when the host says that there is some. */
export function ResizeMediumDialog({ medium, onClose }: { medium: Medium; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const [sizeMiB, setSizeMiB] = useState(() => Math.round(medium.sizeBytes / 2 ** 20));
  const title = t("failure.media.resize", { name: medium.name });
  const sizeBytes = sizeMiB * 2 ** 20;
  const resize = (truncate: boolean) =>
    attempt(title, async () => {
      try {
        await withPassphrase(shell, (given) =>
          session.call("media.resize", { path: medium.path, sizeBytes, truncate, ...given }),
        );
      } catch (error) {
        if (!(error instanceof GuesthouseError) || error.kind !== "truncation-needed") throw error;
        shell.open({
          kind: "confirm",
          confirmation: {
            title: t("media.truncateTitle", { name: medium.name }),
            body: t("media.truncateBody", { name: medium.name, size: formatBytes(sizeBytes, i18n.language) }),
            action: t("media.truncateAction"),
            danger: true,
            run: () => void resize(true),
          },
        });
      }
    });
  const good = sizeMiB >= DISK_MIB_MIN && sizeMiB <= DISK_MIB_MAX && sizeBytes !== medium.sizeBytes;
  return (
    <ActionDialog
      shape="form"
      title={t("media.resizeTitle", { name: medium.name })}
      width={520}
      action={t("media.resizeAction")}
      enabled={good}
      onAction={() => {
        onClose();
        void resize(false);
      }}
      onClose={onClose}
    >
      <p>{t("media.sizeNow", { size: formatBytes(medium.sizeBytes, i18n.language) })}</p>
      <DiskSizeField sizeMiB={sizeMiB} onChange={setSizeMiB} />
      {sizeBytes < medium.sizeBytes ? <Notice kind="warning">{t("media.shrinkNote")}</Notice> : null}
      <p className="field-hint">{t("media.resizeHint")}</p>
    </ActionDialog>
  );
}
