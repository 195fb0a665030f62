import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { DebugExit, VcpuDebug, WatchedAccess, Watchpoint } from "../contracts/VcpuDebug.ts";
import type { CpuStateImage } from "./CpuStateImage.ts";
import type { Interpreter } from "./interpreter/Interpreter.ts";
import { attentionBits } from "./layout/cpuLayout.ts";

const WATCHPOINTS_MAX = 16;
const accessKinds: Readonly<Record<WatchedAccess, number>> = { read: 1, write: 2, access: 3 };
const EFER_LMA = 0x400n;

/**
 * The interpreter's side of a debugger: hands breakpoints to the code cache, watchpoints to the page walker and steps to the run loop's
 * questions, and tells how a run ended. What is set takes effect with the next run, so that a debugger that takes its breakpoints
 * out at each stop and puts them in again costs no decoded code.
 */
export class InterpreterDebug implements VcpuDebug {
  readonly #interpreter: Interpreter;
  readonly #state: CpuStateImage;
  #offsets: ReadonlySet<number> = new Set();
  #kept: ReadonlySet<number> = new Set();

  constructor(interpreter: Interpreter, state: CpuStateImage) {
    this.#interpreter = interpreter;
    this.#state = state;
  }

  setBreakpoints(addresses: Iterable<bigint>): void {
    this.#offsets = this.#interpreter.stops.setBreakpoints(addresses);
  }

  passBreakpoint(): void {
    this.#interpreter.stops.pass(this.#interpreter.linearRip());
  }

  setWatchpoints(watchpoints: readonly Watchpoint[]): void {
    if (watchpoints.length > WATCHPOINTS_MAX) {
      throw new GuesthouseError("too-many-watchpoints", `At most ${WATCHPOINTS_MAX} places can be watched.`);
    }
    const { stops, system } = this.#interpreter;
    stops.setWatchpoints(watchpoints);
    system.clearWatchpoints();
    for (const { address, length, access } of watchpoints) system.watch(address, length, accessKinds[access]);
  }

  setStepping(stepping: boolean): void {
    this.#interpreter.stops.stepping = stepping;
  }

  translate(linear: bigint): bigint | undefined {
    const long = (this.#state.get64("efer") & EFER_LMA) !== 0n;
    const address = BigInt.asUintN(long ? 64 : 32, linear);
    const physical = BigInt.asUintN(64, this.#interpreter.system.translateForDebugger(address));
    return physical === 0xffff_ffff_ffff_ffffn ? undefined : physical;
  }

  beforeRun(): void {
    const { stops, cache } = this.#interpreter;
    if (this.#offsets !== this.#kept) {
      if (!isSame(this.#offsets, this.#kept)) cache.keepOut(this.#offsets);
      this.#kept = this.#offsets;
    }
    if (stops.stepping || stops.isUnderWay) this.#attend(true);
  }

  /** Why the debugger gets control, if it does. */
  afterRun(): DebugExit | undefined {
    const { stops } = this.#interpreter;
    if (!(this.#state.get32("attention") & attentionBits.debugger) && !stops.isUnderWay) return undefined;
    const stop = stops.take();
    if (!stops.isUnderWay) this.#attend(false);
    return stop;
  }

  #attend(wanted: boolean): void {
    const bits = this.#state.get32("attention") & ~attentionBits.debugger;
    this.#state.set32("attention", wanted ? bits | attentionBits.debugger : bits);
  }
}

function isSame(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((value) => b.has(value));
}
