import type { CpuState } from "./CpuState.ts";
import type { VcpuDebug, Watchpoint } from "./VcpuDebug.ts";

/** Why `run` came back. */
export type VcpuExit =
  /** The instruction budget is used up or `kick` was called. */
  | { readonly kind: "budget" }
  /** HLT with nothing pending: wait for an interrupt. */
  | { readonly kind: "halted" }
  /** Triple fault: the machine resets or stops. */
  | { readonly kind: "shutdown"; readonly reason: string }
  /** Before an instruction at which a debugger wants to look. */
  | { readonly kind: "breakpoint"; readonly address: bigint }
  /** Behind an instruction that touched what a debugger watches. */
  | { readonly kind: "watchpoint"; readonly watchpoint: Watchpoint }
  /** Behind the one instruction that a debugger wanted. */
  | { readonly kind: "step" }
  /** The executor broke an invariant: this machine stops as "Aborted". */
  | { readonly kind: "failure"; readonly error: Error };

/** One virtual processor. Port and memory-mapped I/O is called through the buses during `run`. */
export interface Vcpu {
  /** Runs at most about `instructions` guest instructions. Host time is bounded by that alone. */
  run(instructions: number): VcpuExit;
  /** Makes a running `run` return at the next block boundary. May be called from within I/O handlers. */
  kick(): void;
  /** The level of the INTR pin. */
  setInterruptPending(pending: boolean): void;
  /** Edge-triggered; held until it can be taken. */
  raiseNmi(): void;
  /** RESET: the power-on state, real mode at F000:FFF0. */
  reset(): void;
  /** INIT: starts there too, but keeps MSRs, counters, x87 and vector registers. */
  init(): void;
  /** The A20 gate: false wraps odd megabytes onto even ones. */
  setA20(enabled: boolean): void;
  getState(): CpuState;
  setState(state: CpuState): void;
  /** Forgets decoded and translated code of a physical range; called when memory changed behind the processor's back. */
  invalidateCode(address: number, length: number): void;
  /** Forgets cached translations (the memory map changed). */
  flushTlb(): void;
  /** For a debugger outside of the guest. */
  readonly debug: VcpuDebug;
  /** Guest instructions executed since power-on (statistics; a REP iteration may or may not count). */
  instructionCount(): number;
}
