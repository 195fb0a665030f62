/**
 * Debug facilities (SDM vol. 3, chapter 18): instruction, data and I/O breakpoints, single step, general detect and the task switch trap.
 * The run loop calls `debugBeforeInstruction` and `debugAfterInstruction` around each instruction while `attentionBits.debug` is set. Pages with an
 * armed data breakpoint never enter the read and write tags of the TLB, so that their accesses come by the slow path. Branch trace
 * and last-branch records are absent.
 */
import {
  DR,
  PENDING_DEBUG,
  STACK_SEGMENT_SHADOW,
  STEP_ARMED,
} from "./layout.generated";
import { VECTOR_DB, VECTOR_UD, raise } from "./faults";
import { deliverTrap } from "./interrupts";
import { refreshCodeMode } from "./segments";
import { CR4_DE, FLAG_RF, FLAG_TF, cr4, flagsSystem, setSystemFlags, updateAttention } from "./state";
import { flushTlbAll } from "./tlb";
import { isWatchpointPage } from "./watchpoints";

export const DR6_BD: u32 = 1 << 13;
export const DR6_BS: u32 = 1 << 14;
export const DR6_BT: u32 = 1 << 15;
const DR6_FIXED: u32 = 0xffff0ff0;
const DR7_FIXED: u32 = 1 << 10;
const DR7_GD: u32 = 1 << 13;

const KIND_EXECUTE: u32 = 0;
const KIND_WRITE: u32 = 1;
const KIND_IO: u32 = 2;
const KIND_READ_WRITE: u32 = 3;

/** Values of `stackSegmentShadow`: the instruction under way loaded SS; it did, and holds the next one's debug events off. */
const SHADOW_AFTER_LOAD: u32 = 1;
const SHADOW_ON_NEXT: u32 = 2;

/** Follows from DR7; recomputed by `refreshBreakpoints`. */
let dataArmed: bool = false;

function dr6(): u32 {
  return load<u32>(DR + 48);
}
function dr7(): u32 {
  return load<u32>(DR + 56);
}
function breakpointAddress(index: u32): u64 {
  return load<u64>(DR + ((index as usize) << 3));
}
function isEnabled(index: u32): bool {
  return (dr7() & (3 << (index << 1))) != 0;
}
function breakpointKind(index: u32): u32 {
  return (dr7() >> (16 + (index << 2))) & 3;
}
function breakpointLength(index: u32): u32 {
  const code = (dr7() >> (18 + (index << 2))) & 3;
  return code == 2 ? 8 : code + 1;
}

export function refreshBreakpoints(): void {
  dataArmed = false;
  for (let i: u32 = 0; i < 4; i++) {
    const kind = breakpointKind(i);
    if (isEnabled(i) && (kind == KIND_WRITE || kind == KIND_READ_WRITE)) dataArmed = true;
  }
}

/** A data breakpoint is armed. */
export function watchesData(): bool {
  return dataArmed;
}

/** Whether a linear page holds a data breakpoint, or a debugger's watchpoint. */
export function isWatchedPage(page: u64): bool {
  if (isWatchpointPage(page)) return true;
  if (!dataArmed) return false;
  for (let i: u32 = 0; i < 4; i++) {
    const kind = breakpointKind(i);
    if (isEnabled(i) && (kind == KIND_WRITE || kind == KIND_READ_WRITE) && (breakpointAddress(i) & ~0xfff) == page) return true;
  }
  return false;
}

/** Breakpoints that [address, address + size) touches, as DR6 bits. */
function matching(address: u64, size: u32, written: bool, io: bool): u32 {
  let bits: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    const kind = breakpointKind(i);
    const wanted = io ? kind == KIND_IO : kind == KIND_READ_WRITE || (kind == KIND_WRITE && written);
    if (!wanted || !isEnabled(i)) continue;
    const length = breakpointLength(i);
    const start = breakpointAddress(i) & ~((length - 1) as u64);
    if (address < start + (length as u64) && start < address + (size as u64)) bits |= 1 << i;
  }
  return bits;
}

export function checkDataBreakpoint(linear: u64, size: u32, written: bool): void {
  if (!dataArmed) return;
  store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | matching(linear, size, written, false));
}

export function checkIoBreakpoint(port: u32, size: u32): void {
  if (!(dr7() & 0xff) || !(cr4() & CR4_DE)) return;
  store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | matching(port as u64, size, true, true));
}

function instructionBreakpoints(linear: u64): u32 {
  let bits: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    if (isEnabled(i) && breakpointKind(i) == KIND_EXECUTE && breakpointAddress(i) == linear) bits |= 1 << i;
  }
  return bits;
}

/**
 * Call before each instruction while `attentionBits.debug` is set, with its linear address: raises #DB for an instruction breakpoint (a
 * fault: `rip` is the instruction's own), and notes whether a single-step trap follows. A task switch trap is delivered here, before the new
 * task's first instruction. After a load of SS neither breakpoints of the next instruction nor traps that the load left pending come before it.
 */
export function debugBeforeInstruction(linear: u64): void {
  const flags = flagsSystem();
  const isShadowed = load<u32>(STACK_SEGMENT_SHADOW) == SHADOW_ON_NEXT;
  store<u32>(STACK_SEGMENT_SHADOW, 0);
  if (load<u32>(PENDING_DEBUG) && !isShadowed) return deliverPendingTrap(0);
  if (flags & FLAG_RF) {
    setSystemFlags(FLAG_RF, 0);
  } else {
    const bits = isShadowed ? 0 : instructionBreakpoints(linear);
    if (bits) {
      store<u32>(DR + 48, (dr6() & ~0xf) | bits);
      raise(VECTOR_DB, -1);
    }
  }
  store<u32>(STEP_ARMED, flags & FLAG_TF ? 1 : 0);
}

/**
 * Call after each instruction (or iteration of a repeated one) while stepping, `rip` being the next instruction's address: delivers the
 * debug trap that is due, if any.
 */
export function debugAfterInstruction(): void {
  const bits: u32 = load<u32>(STEP_ARMED) ? DR6_BS : 0;
  store<u32>(STEP_ARMED, 0);
  updateAttention();
  if (load<u32>(STACK_SEGMENT_SHADOW) == SHADOW_AFTER_LOAD) {
    store<u32>(STACK_SEGMENT_SHADOW, SHADOW_ON_NEXT);
    return;
  }
  if (load<u32>(PENDING_DEBUG) | bits) deliverPendingTrap(bits);
}

/** Traps that were noted, and `bits`, are delivered as one #DB. */
function deliverPendingTrap(bits: u32): void {
  store<u32>(DR + 48, dr6() | bits | load<u32>(PENDING_DEBUG));
  store<u32>(PENDING_DEBUG, 0);
  updateAttention();
  deliverTrap(VECTOR_DB);
}

/** INT1 is the #DB that pending traps would be: they go with it. */
export function mergePendingTrap(): void {
  store<u32>(DR + 48, dr6() | load<u32>(PENDING_DEBUG));
  store<u32>(PENDING_DEBUG, 0);
  updateAttention();
}

/** A faulting instruction takes its data breakpoints with it. */
export function dropPendingBreakpoints(): void {
  store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) & DR6_BT);
  updateAttention();
}

/** A task whose T bit is set was switched to: a trap before its first instruction. */
export function noteTaskSwitchTrap(): void {
  store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | DR6_BT);
  updateAttention();
}

/** MOV to or from a debug register: general detect, and DR4/DR5 as aliases unless CR4.DE. Gives the register meant. */
export function checkDebugAccess(register: i32): i32 {
  let meant = register;
  if (register == 4 || register == 5) {
    if (cr4() & CR4_DE) raise(VECTOR_UD, -1);
    meant = register + 2;
  }
  if (dr7() & DR7_GD) {
    store<u32>(DR + 48, dr6() | DR6_BD);
    raise(VECTOR_DB, -1);
  }
  return meant;
}

export function storeDebugRegister(register: i32, value: u64): void {
  if (register < 4) store<u64>(DR + (register << 3), value);
  else if (register == 6) store<u64>(DR + 48, ((value as u32) & 0xe00f) | DR6_FIXED);
  else store<u64>(DR + 56, ((value as u32) & 0xffff23ff) | DR7_FIXED);
  refreshBreakpoints();
  flushTlbAll();
  refreshCodeMode();
  updateAttention();
}

/** Whether a single-step trap follows the present instruction goes by TF as it is now. */
export function rearmStep(): void {
  store<u32>(STEP_ARMED, 0);
  if (flagsSystem() & FLAG_TF) store<u32>(PENDING_DEBUG, load<u32>(PENDING_DEBUG) | DR6_BS);
  updateAttention();
}

/** Delivery of any event ends single stepping of the interrupted code. */
export function disarmStep(): void {
  if (!load<u32>(STEP_ARMED)) return;
  store<u32>(STEP_ARMED, 0);
  updateAttention();
}

/** #DB by an instruction breakpoint or general detect clears GD, so that the handler may look. */
export function clearGeneralDetect(): void {
  store<u32>(DR + 56, dr7() & ~DR7_GD);
}
