import type { IrqLine } from "../../engine/contracts/IrqLine.ts";

/** An interrupt wire for tests that remembers its level and counts rising edges. */
export class RecordedLine implements IrqLine {
  level = false;
  rises = 0;

  set(level: boolean): void {
    if (level && !this.level) this.rises++;
    this.level = level;
  }
}
