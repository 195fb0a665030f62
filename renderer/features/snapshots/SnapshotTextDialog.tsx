import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { withDiskPassphrases } from "../../state/passphrases.ts";
import { useDiskFacts } from "../../state/useDiskFacts.ts";
import { useSnapshots } from "../../state/useSnapshots.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { type SnapshotDialogProps, useSnapshot } from "./SnapshotDialogProps.ts";
import { nextSnapshotName } from "./snapshotForest.ts";

export interface SnapshotTexts {
  name: string;
  description: string;
}

/** Name and description of a snapshot. */
export function SnapshotTextFields({
  value,
  onChange,
}: {
  value: SnapshotTexts;
  onChange: (value: SnapshotTexts) => void;
}) {
  const { t } = useTranslation();
  return (
    <>
      <TextField
        label={t("snapshot.name")}
        value={value.name}
        autoFocus
        onChange={(name) => onChange({ ...value, name })}
        error={value.name.trim() === "" ? t("snapshot.nameEmpty") : undefined}
      />
      <TextField
        label={t("section.description")}
        value={value.description}
        multiline
        onChange={(description) => onChange({ ...value, description })}
      />
    </>
  );
}

/** A proposal for the name of the next snapshot of a machine. */
export function useNextSnapshotName(id: string): string {
  const { t } = useTranslation();
  const names = useSnapshots(id)?.snapshots.map(({ name }) => name) ?? [];
  return nextSnapshotName(names, (number) => t("snapshot.numbered", { number }));
}

interface TextDialogProps {
  title: string;
  action: string;
  hint?: ReactNode;
  initial: SnapshotTexts;
  onDone: (texts: SnapshotTexts) => void;
  onClose: () => void;
}

function TextDialog({ title, action, hint, initial, onDone, onClose }: TextDialogProps) {
  const [texts, setTexts] = useState(initial);
  const good = texts.name.trim() !== "";
  const done = () => {
    onClose();
    onDone({ ...texts, name: texts.name.trim() });
  };
  return (
    <ActionDialog
      shape="form"
      title={title}
      width={480}
      action={action}
      enabled={good}
      onAction={done}
      onClose={onClose}
    >
      <SnapshotTextFields value={texts} onChange={setTexts} />
      {hint === undefined ? null : <p className="field-hint">{hint}</p>}
    </ActionDialog>
  );
}

/** What is kept of a machine that runs, and that encrypted disks do not make a secret of its memory. */
function RunningHint({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const encrypted = [...useDiskFacts(machine).values()].some((disk) => disk.encrypted);
  return `${t("snapshot.takeRunningHint")}${encrypted ? ` ${t("snapshot.memoryReadable")}` : ""}`;
}

export function TakeSnapshotDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const name = useNextSnapshotName(id);
  const known = useSnapshots(id) !== undefined;
  if (machine === undefined) return null;
  const up = machine.state.kind === "running" || machine.state.kind === "paused";
  return (
    <TextDialog
      // A proposal that came before the list of names would be wrong.
      key={String(known)}
      title={t("snapshot.takeTitle", { name: machine.name })}
      action={t("snapshot.take")}
      hint={up ? <RunningHint machine={machine} /> : t("snapshot.takeHint")}
      initial={{ name, description: "" }}
      onClose={onClose}
      onDone={(texts) =>
        void attempt(t("failure.snapshot.take", { name: machine.name }), () =>
          withDiskPassphrases(shell, (given) => session.call("snapshot.take", { id, ...texts, ...given })),
        )
      }
    />
  );
}

export function EditSnapshotDialog({ id, snapshotId, onClose }: SnapshotDialogProps) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const snapshot = useSnapshot(id, snapshotId);
  if (snapshot === undefined) return null;
  const { name, description } = snapshot;
  return (
    <TextDialog
      title={t("snapshot.editTitle", { name })}
      action={t("settings.save")}
      initial={{ name, description }}
      onClose={onClose}
      onDone={(texts) =>
        void attempt(t("failure.snapshot.edit", { name }), () =>
          session.call("snapshot.edit", { id, snapshotId, ...texts }),
        )
      }
    />
  );
}
