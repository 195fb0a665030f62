import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { navigate } from "../../app/routes.ts";
import { useAttempt, useMachine, useServices } from "../../state/AppContext.tsx";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";

interface MachineFile {
  path: string;
  sizeBytes: number;
}

function useMachineFiles(id: string): readonly MachineFile[] | undefined {
  const { session } = useServices();
  const [files, setFiles] = useState<readonly MachineFile[]>();
  useEffect(() => {
    session.call("library.files", { id }).then(
      (answer) => setFiles(answer.files),
      // Removing without files needs no list, and with files the host reports what it cannot delete.
      () => setFiles([]),
    );
  }, [session, id]);
  return files;
}

/** What goes with the machine, file by file. */
function LostFiles({ folder, files }: { folder: string; files: readonly MachineFile[] }) {
  const { t, i18n } = useTranslation();
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const size = (bytes: number) => formatBytes(bytes, i18n.language);
  const relative = (path: string) => (path.startsWith(folder) ? path.slice(folder.length + 1) : path);
  return (
    <Notice kind="warning">
      <strong>{t("remove.lost", { count: files.length, size: size(total) })}</strong>
      <ul className="file-list mono">
        {files.map((file) => (
          <li key={file.path}>
            <span className="truncate">{relative(file.path)}</span>
            <span>{size(file.sizeBytes)}</span>
          </li>
        ))}
      </ul>
      <span>{t("remove.outside")}</span>
    </Notice>
  );
}

/** Removes a machine from the list, with or without its files, and says exactly what would be lost. */
export function RemoveDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const machine = useMachine(id);
  const files = useMachineFiles(id);
  const [choice, setChoice] = useState<"keep" | "delete">("keep");
  const [busy, setBusy] = useState(false);
  if (machine === undefined) return null;
  const remove = async () => {
    setBusy(true);
    const done = await attempt(t("failure.remove", { name: machine.name }), () =>
      session.call("library.remove", { id, withFiles: choice === "delete" }),
    );
    setBusy(false);
    if (!done) return;
    onClose();
    navigate({ kind: "home" });
  };
  return (
    <ActionDialog
      shape="question"
      title={t("remove.title", { name: machine.name })}
      action={choice === "keep" ? t("remove.keepAction") : t("remove.deleteAction")}
      danger
      busy={busy}
      onAction={() => void remove()}
      onClose={onClose}
    >
      <Choice
        label={t("remove.question")}
        look="list"
        value={choice}
        onChange={setChoice}
        options={[
          { id: "keep", label: t("remove.keep") },
          { id: "delete", label: t("remove.delete") },
        ]}
      />
      {choice === "keep" ? (
        <p className="quiet">
          {t("remove.keepNote")} <span className="mono selectable">{machine.folder}</span>
        </p>
      ) : (
        <LostFiles folder={machine.folder} files={files ?? []} />
      )}
    </ActionDialog>
  );
}
