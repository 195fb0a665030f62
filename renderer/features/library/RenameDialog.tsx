import { useState } from "react";
import { useTranslation } from "react-i18next";
import { checkMachineDraft } from "../../../engine/api/checkMachineDraft.ts";
import { defaultMachineDraft } from "../../../engine/api/MachineConfig.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { useNameTaken } from "../../state/useNameTaken.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
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
    if (await attempt(t("failure.rename"), () => session.call("library.rename", { id, name: name.trim() }))) onClose();
  };
  return (
    <ActionDialog
      shape="form"
      title={t("rename.title", { name: machine?.name ?? "" })}
      width={420}
      action={t("actions.rename")}
      enabled={error === undefined && !unchanged}
      onAction={() => void save()}
      onClose={onClose}
    >
      <TextField label={t("details.name")} value={name} onChange={setName} error={error} autoFocus />
    </ActionDialog>
  );
}
