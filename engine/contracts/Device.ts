import type { StateReader } from "../base/StateReader.ts";
import type { StateWriter } from "../base/StateWriter.ts";

/** "power": everything to its power-on state. "hard": the reset line (CMOS, RAM and media stay). */
export type ResetKind = "power" | "hard";

/**
 * A part of the machine with state. The constructor takes exactly what the part uses (clock, irq line, dma, sink);
 * the board maps its windows. `load` reads what `save` of the same `stateVersion` wrote, throws before it changes
 * anything when the bytes are not right, and re-arms timers. Lines are driven again by `load` so that load order
 * does not matter.
 */
export interface Device {
  readonly id: string;
  readonly stateVersion: number;
  reset(kind: ResetKind): void;
  save(writer: StateWriter): void;
  load(reader: StateReader): void;
}
