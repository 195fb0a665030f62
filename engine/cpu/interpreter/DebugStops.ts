import type { DebugExit, Watchpoint } from "../../contracts/VcpuDebug.ts";

/**
 * What a debugger outside of the guest has asked of the run loop, and how far it has got. Instructions at breakpoints are kept out of the code
 * cache, so that they are met where records are missed and code without breakpoints costs nothing.
 */
export class DebugStops {
  readonly #breakpoints = new Set<bigint>();
  #watchpoints: readonly Watchpoint[] = [];
  /** A run begins here, and does not stop here. */
  #passed: bigint | undefined;
  #reached: DebugExit | undefined;
  /** What is to be reported once the instruction under way is executed. */
  #due: DebugExit | undefined;
  stepping = false;

  /** Gives the offsets of breakpoints in their pages. */
  setBreakpoints(addresses: Iterable<bigint>): ReadonlySet<number> {
    this.#breakpoints.clear();
    for (const address of addresses) this.#breakpoints.add(BigInt.asUintN(64, address));
    return new Set([...this.#breakpoints].map((address) => Number(address & 0xfffn)));
  }

  setWatchpoints(watchpoints: readonly Watchpoint[]): void {
    this.#watchpoints = watchpoints;
  }

  /** A breakpoint at this address is not met the next time. */
  pass(linear: bigint): void {
    this.#passed = this.#breakpoints.has(linear) ? linear : undefined;
  }

  /** An instruction is about to be executed: is it to be stopped at? */
  meets(linear: bigint): boolean {
    if (!this.#breakpoints.has(linear)) return false;
    if (this.#passed === linear) {
      this.#passed = undefined;
      return false;
    }
    this.#reached = { kind: "breakpoint", address: linear };
    return true;
  }

  /** The instruction that is executed next ends the run: as a step, or because it meets the watchpoint with this number, from 1 on. */
  endAfterNext(watchpoint = 0): void {
    this.#passed = undefined;
    const met = this.#watchpoints[watchpoint - 1];
    this.#due = met === undefined ? { kind: "step" } : { kind: "watchpoint", watchpoint: met };
  }

  /** Between two instructions: true when the run ends here. */
  isOver(): boolean {
    if (this.#due !== undefined) {
      this.#reached = this.#due;
      this.#due = undefined;
    }
    return this.#reached !== undefined;
  }

  get isUnderWay(): boolean {
    return this.#due !== undefined || this.#reached !== undefined;
  }

  /** Why the run ended, once. */
  take(): DebugExit | undefined {
    const reached = this.#reached;
    this.#reached = undefined;
    return reached;
  }

  /** RESET: nothing is under way. */
  forget(): void {
    this.#reached = undefined;
    this.#due = undefined;
    this.#passed = undefined;
  }
}
