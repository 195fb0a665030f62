import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAttempt, useHost, useMachine, useServices } from "../../state/AppContext.tsx";
import { withDiskPassphrases } from "../../state/passphrases.ts";
import { useNameTaken } from "../../state/useNameTaken.ts";
import { useSnapshots } from "../../state/useSnapshots.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { freeName } from "./freeName.ts";

type Kind = "full" | "linked";
type Scope = "state" | "all";

interface CloneDialogProps {
  id: string;
  /** Null clones the machine as it is. */
  snapshotId: string | null;
  onClose: () => void;
}

/** Makes a twin of a machine, of what it is now or was at a snapshot. */
export function CloneDialog({ id, snapshotId, onClose }: CloneDialogProps) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const snapshots = useSnapshots(id)?.snapshots ?? [];
  const snapshot = snapshots.find((candidate) => candidate.id === snapshotId);
  const names = useHost((state) => state.machines).map((other) => other.name);
  const [name, setName] = useState(() => freeName(t("clone.named", { name: machine?.name ?? "" }), names));
  const [kind, setKind] = useState<Kind>("full");
  const [scope, setScope] = useState<Scope>("state");
  const taken = useNameTaken(name, null);
  if (machine === undefined) return null;
  const trimmed = name.trim();
  const error = trimmed === "" ? t("issue.name-empty") : taken ? t("issue.name-taken") : undefined;
  // Only a full clone of the machine as it is can bring the snapshots along.
  const mayTakeAll = kind === "full" && snapshotId === null && snapshots.length > 0;
  const clone = () => {
    onClose();
    void attempt(t("failure.machine.clone", { name: machine.name }), async () => {
      await withDiskPassphrases(shell, (given) =>
        session.call("machine.clone", {
          id,
          snapshotId,
          name: trimmed,
          linked: kind === "linked",
          scope: mayTakeAll ? scope : "state",
          ...given,
        }),
      );
      shell.notify({ kind: "info", title: t("clone.done", { name: machine.name, clone: trimmed }) });
    });
  };
  return (
    <ActionDialog
      shape="form"
      title={t("clone.title", { name: machine.name })}
      width={520}
      action={t("clone.action")}
      enabled={error === undefined}
      onAction={clone}
      onClose={onClose}
    >
      <TextField label={t("clone.name")} value={name} onChange={setName} error={error} autoFocus />
      {snapshot === undefined ? null : <p>{t("clone.ofSnapshot", { name: snapshot.name })}</p>}
      <Choice<Kind>
        label={t("clone.kind")}
        look="list"
        value={kind}
        onChange={setKind}
        options={[
          { id: "full", label: t("clone.full") },
          { id: "linked", label: t("clone.linked") },
        ]}
      />
      {kind === "linked" ? (
        <p className="field-hint">{t(snapshotId === null ? "clone.linkedTakesHint" : "clone.linkedHint")}</p>
      ) : null}
      {mayTakeAll ? (
        <Choice<Scope>
          label={t("tabs.snapshots")}
          look="list"
          value={scope}
          onChange={setScope}
          options={[
            { id: "state", label: t("clone.stateOnly") },
            { id: "all", label: t("clone.all") },
          ]}
        />
      ) : null}
    </ActionDialog>
  );
}
