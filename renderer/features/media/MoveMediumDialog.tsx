import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { useFileTaken } from "../../state/useFileTaken.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { FileField } from "../../ui/FileField.tsx";

/** Gives the file of a medium another place or name; whatever uses it follows. */
export function MoveMediumDialog({ medium, onClose }: { medium: Medium; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const filters = useFileFilters();
  const [target, setTarget] = useState(medium.path);
  const taken = useFileTaken(target) && target !== medium.path;
  const move = () => {
    onClose();
    void attempt(t("failure.media.move", { name: medium.name }), () =>
      session.call("media.move", { path: medium.path, target }),
    );
  };
  return (
    <ActionDialog
      shape="form"
      title={t("media.moveTitle", { name: medium.name })}
      width={560}
      action={t("media.moveAction")}
      enabled={target.trim() !== "" && target !== medium.path && !taken}
      onAction={move}
      onClose={onClose}
    >
      <FileField
        label={t("media.target")}
        hint={t("media.moveHint")}
        value={target}
        onChange={setTarget}
        error={taken ? t("issue.file-exists") : undefined}
        choose={{ title: t("media.target"), filters: filters(medium.kind), mode: "save" }}
      />
    </ActionDialog>
  );
}
