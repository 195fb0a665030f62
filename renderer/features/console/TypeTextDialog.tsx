import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
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
    <Dialog
      title={t("typeText.title", { name: machine?.name ?? "" })}
      width={520}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button variant="primary" isDisabled={text === ""} onPress={type}>
            {t("typeText.action")}
          </Button>
        </>
      }
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
    </Dialog>
  );
}
