import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";

/** Takes a medium off the list, with or without its file. */
export function RemoveMediumDialog({ medium, onClose }: { medium: Medium; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const [choice, setChoice] = useState<"keep" | "delete">("keep");
  const missing = medium.state.kind === "missing";
  const remove = () => {
    onClose();
    void attempt(t("failure.remove", { name: medium.name }), () =>
      session.call("media.remove", { path: medium.path, withFile: choice === "delete" }),
    );
  };
  return (
    <ActionDialog
      shape="question"
      title={t("remove.title", { name: medium.name })}
      action={choice === "keep" ? t("remove.keepAction") : t("media.deleteFile")}
      danger
      onAction={remove}
      onClose={onClose}
    >
      <Choice
        label={t("media.removeQuestion")}
        look="list"
        value={choice}
        onChange={setChoice}
        options={[
          { id: "keep", label: t("media.removeKeep") },
          { id: "delete", label: t("media.removeDelete"), disabled: missing },
        ]}
      />
      {choice === "delete" ? (
        <Notice kind="warning">
          <strong>{t("media.lost", { size: formatBytes(medium.allocatedBytes, i18n.language) })}</strong>
          <span className="mono selectable">{medium.path}</span>
        </Notice>
      ) : null}
    </ActionDialog>
  );
}
