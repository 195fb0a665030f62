import type { VcpuExit } from "./Vcpu.ts";

/** Accesses that a watchpoint is for. */
export type WatchedAccess = "read" | "write" | "access";

/** Linear addresses from `address` on. */
export interface Watchpoint {
  readonly address: bigint;
  readonly length: number;
  readonly access: WatchedAccess;
}

/** Why `run` came back to a debugger. */
export type DebugExit = Extract<VcpuExit, { kind: "breakpoint" | "watchpoint" | "step" }>;

/**
 * What a debugger outside of the guest wants of a processor. Nothing of it can be seen by the guest: neither its memory nor its debug
 * registers are used. All calls are made between two runs.
 */
export interface VcpuDebug {
  /** `run` ends before an instruction at one of these linear addresses. */
  setBreakpoints(addresses: Iterable<bigint>): void;
  /** The next run does not end where it begins, whatever breakpoint is there. */
  passBreakpoint(): void;
  /** `run` ends behind an instruction that makes such an access. At most 16. */
  setWatchpoints(watchpoints: readonly Watchpoint[]): void;
  /**
   * Runs from here on end behind one instruction, or at the handler of its fault; of repeated string instructions after an
   * iteration. Interrupts wait meanwhile, unless the processor is halted.
   */
  setStepping(stepping: boolean): void;
  /** The physical address behind a linear one by the page tables in force, or undefined; nothing changes by asking. */
  translate(linear: bigint): bigint | undefined;
}
