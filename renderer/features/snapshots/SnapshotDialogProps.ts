import type { Snapshot } from "../../../engine/api/snapshotProtocol.ts";
import { useSnapshots } from "../../state/useSnapshots.ts";

/** Of dialogs about one snapshot of one machine. */
export interface SnapshotDialogProps {
  id: string;
  snapshotId: string;
  onClose: () => void;
}

/** Undefined until the snapshots are read, and when it is gone. */
export function useSnapshot(id: string, snapshotId: string): Snapshot | undefined {
  return useSnapshots(id)?.snapshots.find((candidate) => candidate.id === snapshotId);
}
