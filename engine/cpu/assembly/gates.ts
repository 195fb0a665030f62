/**
 * Interrupts and exceptions through the gates of the IDT in protected mode (SDM vol. 3, 6.11 to 6.12): interrupt, trap and task gates of 16
 * and 32 bits, to the same or an inner privilege level, and out of virtual-8086 mode. Also where inner stacks come from.
 */
import {
  checkStackSegment,
  dplOf,
  fetchDescriptor,
  isCodeSegment,
  isConforming,
  isNull,
  isPresent,
  limitOf,
  markAccessed,
  setSegmentFrom,
  systemTypeOf,
  TYPE_INTERRUPT_GATE16,
  TYPE_INTERRUPT_GATE32,
  TYPE_TASK_GATE,
  TYPE_TRAP_GATE16,
  TYPE_TRAP_GATE32,
} from "./descriptors";
import { CS, DS, ES, FS, GS, IDTR_BASE, IDTR_LIMIT, SS, TR } from "./layout.generated";
import { VECTOR_GP, VECTOR_NP, VECTOR_TS, generalProtection, raiseGate, raiseSelector } from "./faults";
import { readLinear16, readLinear32, readLinear64 } from "./memoryAccess";
import { setCpl, setNullSegment } from "./segments";
import { commitStackPointer, push, useCurrentStack, useNewStack } from "./stack";
import {
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  RSP,
  cpl,
  gpr32,
  isVirtual8086,
  rip,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentSelector,
  setRip,
  setSystemFlags,
} from "./state";
import { SWITCH_INTERRUPT, enterTask, taskGateTarget } from "./taskSwitch";

/** A 32-bit TSS has type 9 or 11. */
export function isTss32(): bool {
  return (segmentAttributes(TR) & 8) != 0;
}

/** SS:ESP for an inner level from the TSS: selector in bits 32..47, pointer below. */
export function innerStack(level: u32): u64 {
  const wide = isTss32();
  const offset: u32 = wide ? (level << 3) + 4 : (level << 2) + 2;
  if (offset + (wide ? 7 : 3) > segmentLimit(TR)) raiseSelector(VECTOR_TS, segmentSelector(TR));
  const at = segmentBase(TR) + (offset as u64);
  const pointer = wide ? readLinear32(at, false) : readLinear16(at, false);
  const selector = readLinear16(at + (wide ? 4 : 2), false);
  return ((selector as u64) << 32) | (pointer as u64);
}

/** Offset field of a gate. */
export function gateOffset(gate: u64, wide: bool): u32 {
  const low = (gate as u32) & 0xffff;
  return wide ? low | (((gate >> 32) as u32) & 0xffff0000) : low;
}
export function gateSelector(gate: u64): u32 {
  return ((gate as u32) >> 16) & 0xffff;
}

function pushFrame(size: i32, flags: u32, hasErrorCode: bool, errorCode: u32): void {
  push(flags as u64, size);
  push(segmentSelector(CS) as u64, size);
  push(rip(), size);
  if (hasErrorCode) push(errorCode as u64, size);
}

/** What every handler starts with. */
export function clearFlagsForHandler(isInterruptGate: bool): void {
  setSystemFlags(FLAG_TF | FLAG_VM | FLAG_RF | FLAG_NT | (isInterruptGate ? FLAG_IF : 0), 0);
}

export function deliverThroughGate(vector: i32, software: bool, hasErrorCode: bool, errorCode: u32, flags: u32): void {
  if ((((vector << 3) | 7) as u32) > load<u32>(IDTR_LIMIT)) raiseGate(VECTOR_GP, vector);
  const gate = readLinear64(load<u64>(IDTR_BASE) + ((vector << 3) as u64), false);
  const type = systemTypeOf(gate);
  const isInterrupt = type == TYPE_INTERRUPT_GATE16 || type == TYPE_INTERRUPT_GATE32;
  const isTrap = type == TYPE_TRAP_GATE16 || type == TYPE_TRAP_GATE32;
  if (!isInterrupt && !isTrap && type != TYPE_TASK_GATE) raiseGate(VECTOR_GP, vector);
  if (software && dplOf(gate) < cpl()) raiseGate(VECTOR_GP, vector);
  if (!isPresent(gate)) raiseGate(VECTOR_NP, vector);
  if (type == TYPE_TASK_GATE) {
    const selector = gateSelector(gate);
    enterTask(selector, taskGateTarget(selector), SWITCH_INTERRUPT, flags, hasErrorCode, errorCode);
    return;
  }
  const selector = gateSelector(gate);
  if (isNull(selector)) generalProtection();
  const code = fetchDescriptor(selector, VECTOR_GP);
  if (!isCodeSegment(code) || dplOf(code) > cpl()) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  const wide = type >= TYPE_INTERRUPT_GATE32;
  const size = wide ? 4 : 2;
  const offset = gateOffset(gate, wide);
  if (!isConforming(code) && dplOf(code) < cpl()) {
    if (isVirtual8086() && dplOf(code) != 0) raiseSelector(VECTOR_GP, selector);
    deliverToInner(selector, code, offset, size, isInterrupt, hasErrorCode, errorCode, flags);
  } else {
    if (isVirtual8086()) raiseSelector(VECTOR_GP, selector);
    useCurrentStack();
    pushFrame(size, flags, hasErrorCode, errorCode);
    if (offset > limitOf(code)) generalProtection();
    const marked = markAccessed(selector, code);
    commitStackPointer();
    clearFlagsForHandler(isInterrupt);
    setSegmentFrom(CS, (selector & 0xfffc) | cpl(), marked);
    setRip(offset as u64);
  }
}

function deliverToInner(
  selector: u32,
  code: u64,
  offset: u32,
  size: i32,
  isInterruptGate: bool,
  hasErrorCode: bool,
  errorCode: u32,
  flags: u32,
): void {
  const level = dplOf(code);
  const stack = innerStack(level);
  const stackSelector = (stack >> 32) as u32;
  const stackSegment = checkStackSegment(stackSelector, level, VECTOR_TS);
  const fromVirtual8086 = isVirtual8086();
  useNewStack(stackSelector, stackSegment, stack & 0xffffffff, false);
  if (fromVirtual8086) {
    push(segmentSelector(GS) as u64, size);
    push(segmentSelector(FS) as u64, size);
    push(segmentSelector(DS) as u64, size);
    push(segmentSelector(ES) as u64, size);
  }
  push(segmentSelector(SS) as u64, size);
  push(gpr32(RSP) as u64, size);
  pushFrame(size, flags, hasErrorCode, errorCode);
  if (offset > limitOf(code)) generalProtection();
  const markedStack = markAccessed(stackSelector, stackSegment);
  const markedCode = markAccessed(selector, code);
  commitStackPointer();
  clearFlagsForHandler(isInterruptGate);
  setCpl(level);
  setSegmentFrom(SS, stackSelector, markedStack);
  setSegmentFrom(CS, (selector & 0xfffc) | level, markedCode);
  if (fromVirtual8086) {
    setNullSegment(ES, 0);
    setNullSegment(DS, 0);
    setNullSegment(FS, 0);
    setNullSegment(GS, 0);
  }
  setRip(offset as u64);
}
