import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { FileField } from "../../ui/FileField.tsx";

/** Gives the file of a medium another place or name; whatever uses it follows. */
export function MoveMediumDialog({ medium, onClose }: { medium: Medium; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const filters = useFileFilters();
  const [target, setTarget] = useState(medium.path);
  const move = () => {
    onClose();
    void attempt(t("failure.media.move", { name: medium.name }), () =>
      session.call("media.move", { path: medium.path, target }),
    );
  };
  return (
    <Dialog
      title={t("media.moveTitle", { name: medium.name })}
      width={560}
      dismissable={false}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button variant="primary" isDisabled={target.trim() === "" || target === medium.path} onPress={move}>
            {t("media.moveAction")}
          </Button>
        </>
      }
    >
      <FileField
        label={t("media.target")}
        hint={t("media.moveHint")}
        value={target}
        onChange={setTarget}
        choose={{ title: t("media.target"), filters: filters(medium.kind), mode: "save" }}
      />
    </Dialog>
  );
}
