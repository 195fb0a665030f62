/**
 * Accessors for the processor's state in shared memory and the names of its bits, as the SDM spells them. Everything the guest
 * can see lies there, so that saving the memory saves the processor.
 */
export * from "./registerBits";
import {
  ACTIVITY,
  ATTENTION,
  ATTENTION_DEBUG,
  ATTENTION_INTERRUPT,
  ATTENTION_STOP,
  CODE_MODE,
  CODE_MODE_CODE_SIZE_MASK,
  CPL,
  CR0,
  CR4,
  DR,
  EFER,
  FLAGS_SYSTEM,
  GPR,
  INTERRUPT_PIN,
  NMI_BLOCKED,
  NMI_PENDING,
  PENDING_DEBUG,
  RIP,
  SEGMENTS,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_STRIDE,
  STEP_ARMED,
} from "./layout.generated";
import { ACTIVITY_RUNNING, CR0_PE, EFER_LMA, FLAG_AC, FLAG_IF, FLAG_TF, FLAG_VM } from "./registerBits";
import { refreshCodeMode } from "./segments";
import { dropUserPages } from "./tlb";

export function gpr64(number: i32): u64 {
  return load<u64>(GPR + (number << 3));
}
export function gpr32(number: i32): u32 {
  return load<u32>(GPR + (number << 3));
}
export function gpr16(number: i32): u32 {
  return load<u16>(GPR + (number << 3));
}
export function setGpr64(number: i32, value: u64): void {
  store<u64>(GPR + (number << 3), value);
}
export function setGpr32(number: i32, value: u32): void {
  store<u64>(GPR + (number << 3), value as u64);
}
export function setGpr16(number: i32, value: u32): void {
  store<u16>(GPR + (number << 3), value as u16);
}

export function segmentRow(segment: i32): usize {
  return SEGMENTS + segment * SEGMENT_STRIDE;
}
export function segmentSelector(segment: i32): u32 {
  return load<u32>(segmentRow(segment) + SEGMENT_SELECTOR);
}
export function segmentBase(segment: i32): u64 {
  return load<u64>(segmentRow(segment) + SEGMENT_BASE);
}
export function segmentLimit(segment: i32): u32 {
  return load<u32>(segmentRow(segment) + SEGMENT_LIMIT);
}
export function segmentAttributes(segment: i32): u32 {
  return load<u32>(segmentRow(segment) + SEGMENT_ATTRIBUTES);
}

export function cr0(): u32 {
  return load<u32>(CR0);
}
export function cr4(): u32 {
  return load<u32>(CR4);
}
export function efer(): u32 {
  return load<u32>(EFER);
}
export function cpl(): u32 {
  return load<u32>(CPL);
}
export function rip(): u64 {
  return load<u64>(RIP);
}
export function setRip(value: u64): void {
  store<u64>(RIP, value);
}
export function flagsSystem(): u32 {
  return load<u32>(FLAGS_SYSTEM);
}
export function iopl(): u32 {
  return (flagsSystem() >> 12) & 3;
}

export function isProtected(): bool {
  return (cr0() & CR0_PE) != 0;
}
export function isVirtual8086(): bool {
  return (flagsSystem() & FLAG_VM) != 0;
}
/** Protected mode proper: PE and not VM. */
export function isProtectedProper(): bool {
  return isProtected() && !isVirtual8086();
}
export function isLongMode(): bool {
  return (efer() & EFER_LMA) != 0;
}
export function isCode64(): bool {
  return (load<u32>(CODE_MODE) & CODE_MODE_CODE_SIZE_MASK) == 2;
}
/** Linear addresses have 32 bits outside of long mode; in compatibility mode system tables may lie above. */
export function wrapLinear(linear: u64): u64 {
  return isLongMode() ? linear : linear & 0xffffffff;
}

/** Changes bits of EFLAGS that are kept in place (not the arithmetic ones), and what depends on them; VM excepted. */
export function setSystemFlags(clear: u32, set: u32): void {
  const old = flagsSystem();
  const flags = (old & ~clear) | set | 2;
  store<u32>(FLAGS_SYSTEM, flags);
  if ((old ^ flags) & FLAG_TF) refreshCodeMode();
  if (old & ~flags & FLAG_AC) dropUserPages();
  updateAttention();
}

/** Recomputes the attention bits that follow from the state; `kick` and `refetch` stay. Called by whoever changes the INTR pin too. */
export function updateAttention(): void {
  let bits = load<u32>(ATTENTION) & ~(ATTENTION_INTERRUPT | ATTENTION_STOP | ATTENTION_DEBUG);
  const flags = flagsSystem();
  if (load<u32>(INTERRUPT_PIN) && flags & FLAG_IF) bits |= ATTENTION_INTERRUPT;
  if (load<u32>(NMI_PENDING) && !load<u32>(NMI_BLOCKED)) bits |= ATTENTION_INTERRUPT;
  if (load<u32>(ACTIVITY) != ACTIVITY_RUNNING) bits |= ATTENTION_STOP;
  // A step that was armed is due even when its instruction cleared TF.
  if (flags & FLAG_TF || load<u32>(DR + 56) & 0xff || load<u32>(PENDING_DEBUG) || load<u32>(STEP_ARMED)) bits |= ATTENTION_DEBUG;
  store<u32>(ATTENTION, bits);
}
