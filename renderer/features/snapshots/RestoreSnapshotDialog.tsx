import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { withDiskPassphrases } from "../../state/passphrases.ts";
import { useSnapshots } from "../../state/useSnapshots.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Checkbox } from "../../ui/Choices.tsx";
import { Notice } from "../../ui/Notice.tsx";
import type { SnapshotDialogProps } from "./SnapshotDialogProps.ts";
import { SnapshotTextFields, type SnapshotTexts, useNextSnapshotName } from "./SnapshotTextDialog.tsx";

/** Goes back to a snapshot, and offers to keep what there is now as another one. */
export function RestoreSnapshotDialog({ id, snapshotId, onClose }: SnapshotDialogProps) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const tree = useSnapshots(id);
  const proposal = useNextSnapshotName(id);
  const changed = tree?.changed ?? true;
  const [take, setTake] = useState(changed);
  const [texts, setTexts] = useState<SnapshotTexts>({ name: proposal, description: "" });
  const snapshot = tree?.snapshots.find((candidate) => candidate.id === snapshotId);
  if (machine === undefined || snapshot === undefined) return null;
  const restore = () => {
    onClose();
    void attempt(t("failure.snapshot.restore", { name: snapshot.name }), () =>
      withDiskPassphrases(shell, (given) =>
        session.call("snapshot.restore", {
          id,
          snapshotId,
          takeCurrent: take ? { ...texts, name: texts.name.trim() } : null,
          ...given,
        }),
      ),
    );
  };
  return (
    <ActionDialog
      shape="question"
      title={t("snapshot.restoreTitle", { name: snapshot.name })}
      action={t("snapshot.restore")}
      danger={!take && changed}
      enabled={!take || texts.name.trim() !== ""}
      onAction={restore}
      onClose={onClose}
    >
      <p>
        {t(snapshot.withState ? "snapshot.restoreStateBody" : "snapshot.restoreBody", {
          machine: machine.name,
          name: snapshot.name,
        })}
      </p>
      {snapshot.memory === "lost" ? <Notice kind="warning">{t("snapshot.memoryLost")}</Notice> : null}
      <Checkbox selected={take} onChange={setTake}>
        {t("snapshot.takeCurrent")}
      </Checkbox>
      {take ? <SnapshotTextFields value={texts} onChange={setTexts} /> : null}
      {!take && changed ? <Notice kind="warning">{t("snapshot.restoreLost")}</Notice> : null}
    </ActionDialog>
  );
}
