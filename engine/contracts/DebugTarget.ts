import type { TypedEvent } from "../base/TypedEvent.ts";
import type { CpuState } from "./CpuState.ts";
import type { WatchedAccess, Watchpoint } from "./VcpuDebug.ts";

/** Where a debugger wants a machine to stop: before an instruction, or behind one that makes a watched access. */
export type StopPoint =
  | { readonly kind: "execute"; readonly address: bigint }
  | { readonly kind: WatchedAccess; readonly address: bigint; readonly length: number };

/** Why a machine does not run any more. */
export type DebugStop =
  /** Somebody asked for it. */
  | { readonly kind: "paused" }
  | { readonly kind: "step" }
  | { readonly kind: "breakpoint"; readonly address: bigint }
  | { readonly kind: "watchpoint"; readonly watchpoint: Watchpoint }
  /** It is off. */
  | { readonly kind: "off" };

/** "linear": through segments' bases already, by the page tables in force. */
export type AddressSpace = "linear" | "physical";

/**
 * A machine as a debugger sees it. Registers and memory may be looked at and changed while the machine runs too: every call falls between
 * two instructions. Calls throw "illegal-state" while the machine is off. Addresses are linear unless a call says otherwise.
 */
export interface DebugTarget {
  readonly state: "off" | "running" | "paused";
  /** The machine stopped, for whatever reason. */
  readonly stopped: TypedEvent<DebugStop>;
  /** It runs again, whoever wanted it; also for a step. */
  readonly resumed: TypedEvent<undefined>;
  pause(): void;
  /** Goes on with the instruction at the place it stands at, even when there is a breakpoint. */
  resume(): void;
  /** Executes one instruction of a paused machine and emits `stopped`. A halted processor waits for its interrupt first. */
  step(): void;
  registers(): CpuState;
  setRegisters(state: CpuState): void;
  /** What is RAM or ROM from the address on, at most `length` bytes: less when something else begins, or nothing is mapped. */
  readMemory(address: bigint, length: number, space: AddressSpace): Uint8Array<ArrayBuffer>;
  /** Gives how many bytes could be written: RAM only. */
  writeMemory(address: bigint, bytes: Uint8Array, space: AddressSpace): number;
  /** As often as `insert` is called for a point, `remove` must be, until it is gone. Throws "too-many-watchpoints". */
  insert(point: StopPoint): void;
  remove(point: StopPoint): void;
}
