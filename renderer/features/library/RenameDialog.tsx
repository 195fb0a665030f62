import { useState } from "react";
import { useTranslation } from "react-i18next";
import { checkMachineDraft } from "../../../engine/api/checkMachineDraft.ts";
import { defaultMachineDraft } from "../../../engine/api/MachineConfig.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { useNameTaken } from "../../state/useNameTaken.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/TextField.tsx";

export function RenameDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const [name, setName] = useState(machine?.name ?? "");
  const taken = useNameTaken(name, id);
  const issue = checkMachineDraft(defaultMachineDraft(name)).find(({ field }) => field === "name");
  const error = issue !== undefined ? t(`issue.${issue.code}`) : taken ? t("issue.name-taken") : undefined;
  const unchanged = name.trim() === machine?.name;
  const save = async () => {
    if (error !== undefined || unchanged) return;
    if (await attempt(t("failure.rename"), () => session.call("library.rename", { id, name: name.trim() }))) onClose();
  };
  return (
    <Dialog
      title={t("rename.title", { name: machine?.name ?? "" })}
      width={420}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button variant="primary" isDisabled={error !== undefined || unchanged} onPress={() => void save()}>
            {t("actions.rename")}
          </Button>
        </>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TextField label={t("details.name")} value={name} onChange={setName} error={error} autoFocus />
      </form>
    </Dialog>
  );
}
