import { useServices, useShellState } from "../../state/AppContext.tsx";
import type { OpenDialog } from "../../state/shellState.ts";
import { DialogFailure } from "../../ui/Dialog.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { ExportDialog } from "../appliance/ExportDialog.tsx";
import { ImportDialog } from "../appliance/ImportDialog.tsx";
import { CaptureHelpDialog } from "../console/CaptureHelpDialog.tsx";
import { CloseConsoleDialog } from "../console/CloseConsoleDialog.tsx";
import { TypeTextDialog } from "../console/TypeTextDialog.tsx";
import { HostFileDialog } from "../files/HostFileDialog.tsx";
import { RemoveDialog } from "../library/RemoveDialog.tsx";
import { RenameDialog } from "../library/RenameDialog.tsx";
import { CreateDiskDialog } from "../media/CreateDiskDialog.tsx";
import { CreateDisketteDialog } from "../media/CreateDisketteDialog.tsx";
import { MediumDialog } from "../media/MediumDialog.tsx";
import { CommandPalette } from "../palette/CommandPalette.tsx";
import { SettingsDialog } from "../settings/SettingsDialog.tsx";
import { CloneDialog } from "../snapshots/CloneDialog.tsx";
import { DeleteSnapshotDialog } from "../snapshots/DeleteSnapshotDialog.tsx";
import { RestoreSnapshotDialog } from "../snapshots/RestoreSnapshotDialog.tsx";
import { EditSnapshotDialog, TakeSnapshotDialog } from "../snapshots/SnapshotTextDialog.tsx";
import { NewMachineDialog } from "../wizard/NewMachineDialog.tsx";
import { AboutDialog } from "./AboutDialog.tsx";
import { ConfirmDialog } from "./ConfirmDialog.tsx";
import { PassphraseDialog } from "./PassphraseDialog.tsx";
import { ShortcutsDialog } from "./ShortcutsDialog.tsx";

function renderDialog(dialog: OpenDialog, close: () => void) {
  switch (dialog.kind) {
    case "newMachine":
      return <NewMachineDialog onClose={close} />;
    case "settings":
      return <SettingsDialog id={dialog.id} section={dialog.section} onClose={close} />;
    case "rename":
      return <RenameDialog id={dialog.id} onClose={close} />;
    case "remove":
      return <RemoveDialog id={dialog.id} onClose={close} />;
    case "closeConsole":
      return <CloseConsoleDialog id={dialog.id} onClose={close} />;
    case "import":
      return <ImportDialog existing={dialog.existing === true} onClose={close} />;
    case "export":
      return <ExportDialog id={dialog.id} onClose={close} />;
    case "createDisk":
      return <CreateDiskDialog folder={dialog.folder} made={dialog.made} onClose={close} />;
    case "createDiskette":
      return <CreateDisketteDialog folder={dialog.folder} made={dialog.made} onClose={close} />;
    case "medium":
      return <MediumDialog work={dialog.work} path={dialog.path} onClose={close} />;
    case "takeSnapshot":
      return <TakeSnapshotDialog id={dialog.id} onClose={close} />;
    case "editSnapshot":
      return <EditSnapshotDialog id={dialog.id} snapshotId={dialog.snapshotId} onClose={close} />;
    case "restoreSnapshot":
      return <RestoreSnapshotDialog id={dialog.id} snapshotId={dialog.snapshotId} onClose={close} />;
    case "deleteSnapshot":
      return <DeleteSnapshotDialog id={dialog.id} snapshotId={dialog.snapshotId} onClose={close} />;
    case "clone":
      return <CloneDialog id={dialog.id} snapshotId={dialog.snapshotId} onClose={close} />;
    case "typeText":
      return <TypeTextDialog id={dialog.id} onClose={close} />;
    case "captureHelp":
      return <CaptureHelpDialog proceed={dialog.proceed} onClose={close} />;
    case "confirm":
      return <ConfirmDialog confirmation={dialog.confirmation} onClose={close} />;
    case "chooseFile":
      return <HostFileDialog options={dialog.options} answer={dialog.answer} onClose={close} />;
    case "passphrase":
      return <PassphraseDialog disk={dialog.disk} wrong={dialog.wrong} answer={dialog.answer} onClose={close} />;
    case "palette":
      return <CommandPalette onClose={close} />;
    case "about":
      return <AboutDialog onClose={close} />;
    case "shortcuts":
      return <ShortcutsDialog onClose={close} />;
  }
}

/** The last thing that failed in a window. */
function FailureIn({ dialog }: { dialog: OpenDialog }) {
  const notice = useShellState(({ notices }) => notices.findLast((candidate) => candidate.dialog === dialog));
  if (notice === undefined) return null;
  return (
    <div className="dialog-failure">
      <Notice key={notice.id} kind="error">
        <strong>{notice.title}</strong>
        {notice.body === undefined ? null : <span>{notice.body}</span>}
        {notice.details === undefined ? null : <FoldedDetails text={notice.details} />}
      </Notice>
    </div>
  );
}

/** Every open dialog, the last one on top. */
export function DialogHost() {
  const { shell } = useServices();
  const dialogs = useShellState((state) => state.dialogs);
  return dialogs.map((dialog, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a dialog's place in the stack is its identity
    <div key={`${index}-${dialog.kind}`}>
      <DialogFailure value={<FailureIn dialog={dialog} />}>
        {renderDialog(dialog, () => shell.close(dialog))}
      </DialogFailure>
    </div>
  ));
}
