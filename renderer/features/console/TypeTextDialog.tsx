import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { TextField } from "../../ui/TextField.tsx";

/** Types text into the guest as keystrokes: the way in for long commands and passwords before there is a shared clipboard. */
export function TypeTextDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const [text, setText] = useState("");
  const type = () => {
    onClose();
    void attempt(t("failure.typeText"), () => session.call("console.type", { id, text }));
  };
  return (
    <ActionDialog
      shape="form"
      title={t("typeText.title", { name: machine?.name ?? "" })}
      width={520}
      action={t("typeText.action")}
      enabled={text !== ""}
      onAction={type}
      onClose={onClose}
    >
      <TextField
        label={t("typeText.label")}
        hint={t("typeText.hint")}
        value={text}
        onChange={setText}
        multiline
        mono
        autoFocus
      />
    </ActionDialog>
  );
}
