/** What each light of the console's status bar shows: pure, from the session's figures. */
import { type ActivityCounter, type ActivityView, isLit } from "../../state/activityHistory.ts";

export type StorageLight = "disk" | "optical" | "floppy";

export interface LightState {
  reading: boolean;
  writing: boolean;
  readBytes: number;
  writtenBytes: number;
  readRate: number;
  writeRate: number;
}

const sources: Record<StorageLight, { read: ActivityCounter; write?: ActivityCounter }> = {
  disk: { read: "diskRead", write: "diskWritten" },
  optical: { read: "opticalRead" },
  floppy: { read: "floppyRead", write: "floppyWritten" },
};

export function lightState(light: StorageLight, view: ActivityView | undefined, nowMs: number): LightState {
  const { read, write } = sources[light];
  const reading = isLit(view, read, nowMs);
  const writing = write !== undefined && isLit(view, write, nowMs);
  return {
    reading,
    writing,
    readBytes: view?.totals[read] ?? 0,
    writtenBytes: write === undefined ? 0 : (view?.totals[write] ?? 0),
    readRate: reading ? (view?.rates[read] ?? 0) : 0,
    writeRate: writing && write !== undefined ? (view?.rates[write] ?? 0) : 0,
  };
}
