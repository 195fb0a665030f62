/**
 * Where the beam is, from the clock and the CRT controller's timing: display disabled (bit 0) and vertical retrace (bit
 * 3) of input status 1. Timings that no monitor could follow, as before the first mode is set, count as 640 x 480 at 60 Hz.
 */
import type { Clock } from "../../contracts/Clock.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";

const DISPLAY_DISABLED = 0x01;
const VERTICAL_RETRACE = 0x08;

interface Timing {
  readonly lineNs: number;
  readonly lines: number;
  readonly visibleLines: number;
  /** Part of a line that is visible. */
  readonly visiblePart: number;
  readonly retraceStart: number;
  readonly retraceEnd: number;
}

const standardTiming: Timing = {
  lineNs: 800 / 0.025175,
  lines: 525,
  visibleLines: 480,
  visiblePart: 640 / 800,
  retraceStart: 490,
  retraceEnd: 492,
};

const SHORTEST_FRAME_NS = 5_000_000;
const LONGEST_FRAME_NS = 50_000_000;

function readTiming(registers: VgaRegisters): Timing {
  const { crtc, sequencer, miscellaneousOutput } = registers;
  const columns = crtc[0x00]! + 5;
  const dots = columns * ((sequencer[1]! & 1) === 0 ? 9 : 8) * ((sequencer[1]! & 8) !== 0 ? 2 : 1);
  const clockGHz = (miscellaneousOutput & 0x0c) === 0x04 ? 0.028322 : 0.025175;
  const lineNs = dots / clockGHz;
  const lines = registers.verticalTotal + 2;
  const frameNs = lineNs * lines;
  if (frameNs < SHORTEST_FRAME_NS || frameNs > LONGEST_FRAME_NS) return standardTiming;
  const retraceStart = registers.verticalRetraceStart;
  return {
    lineNs,
    lines,
    visibleLines: registers.verticalDisplayEnd + 1,
    visiblePart: (crtc[0x01]! + 1) / columns,
    retraceStart,
    // The end register holds the low four bits of the line.
    retraceEnd: retraceStart + ((crtc[0x11]! - retraceStart) & 0xf || 16),
  };
}

export class BeamPosition {
  readonly #clock: Clock;
  readonly #registers: () => VgaRegisters;
  #timing: Timing | undefined;

  /** The registers are asked for at the first look only. */
  constructor(clock: Clock, registers: () => VgaRegisters) {
    this.#clock = clock;
    this.#registers = registers;
  }

  /** The timing registers have changed. */
  forgetTiming(): void {
    this.#timing = undefined;
  }

  status(): number {
    this.#timing ??= readTiming(this.#registers());
    const timing = this.#timing;
    const position = (this.#clock.nowNs() / timing.lineNs) % timing.lines;
    const line = Math.floor(position);
    const hidden = line >= timing.visibleLines || position - line >= timing.visiblePart;
    const retrace = line >= timing.retraceStart && line < timing.retraceEnd;
    return (hidden ? DISPLAY_DISABLED : 0) | (retrace ? VERTICAL_RETRACE : 0);
  }
}
