/**
 * Far JMP, CALL and RET (SDM vol. 2 and vol. 3, 5.8): within real and virtual-8086 mode, to code segments directly, through call gates of 16, 32
 * and 64 bits with stack switch and parameters, to tasks; into and out of 64-bit code. Sizes are operand sizes in bytes; `rip` is the next instruction's address.
 */
import {
  attributesOf,
  checkCodeOffset,
  checkStackSegment,
  dplOf,
  fetchDescriptor,
  isCodeSegment,
  isConforming,
  isLongCode,
  isNull,
  isPresent,
  isWritableData,
  markAccessed,
  rplOf,
  setNullStackSegment,
  setSegmentFrom,
  systemDescriptorHigh,
  systemTypeOf,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS32,
} from "./descriptors";
import { CS, DS, ES, FS, GS, SS } from "./layout.generated";
import { VECTOR_GP, VECTOR_NP, VECTOR_SS, VECTOR_TS, generalProtection, raiseSelector } from "./faults";
import { readFlags } from "./flags";
import { gateOffset, gateSelector, innerStack } from "./gates";
import { stackFromTss } from "./longGates";
import { isCanonical } from "./mmu";
import { setCpl, setParagraphSegment, setSegment } from "./segments";
import { commitStackPointer, peek, push, release, useCurrentStack, useLongStack, useNewStack } from "./stack";
import {
  ATTR_CODE,
  ATTR_DB,
  ATTR_EXPAND_CONFORMING,
  ATTR_P,
  RSP,
  cpl,
  gpr32,
  gpr64,
  isLongMode,
  isProtectedProper,
  rip,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentSelector,
  setGpr16,
  setGpr32,
  setGpr64,
  setRip,
} from "./state";
import { SWITCH_CALL, SWITCH_JUMP, enterTask, taskGateTarget } from "./taskSwitch";

function truncated(offset: u64, size: i32): u64 {
  return size == 2 ? offset & 0xffff : size == 4 ? offset & 0xffffffff : offset;
}

/** JMP and CALL straight to a code segment: may this level go there at its own level? */
function checkDirectTarget(selector: u32, code: u64): void {
  const level = dplOf(code);
  const allowed = isConforming(code) ? level <= cpl() : level == cpl() && rplOf(selector) <= cpl();
  if (!allowed || isOfBothSizes(code)) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
}

/** L and D set: no code may have both in long mode. */
function isOfBothSizes(code: u64): bool {
  return isLongCode(code) && (attributesOf(code) & ATTR_DB) != 0;
}

/** The privilege checks on a gate or TSS that an instruction names. */
function checkNamed(selector: u32, descriptor: u64): void {
  const level = dplOf(descriptor);
  if (level < cpl() || level < rplOf(selector)) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
}

/** Long mode has call gates of 64 bits only, in the place of those of 32. */
function isCallGate(type: u32): bool {
  return type == TYPE_CALL_GATE32 || (type == TYPE_CALL_GATE16 && !isLongMode());
}

/** Where a call gate leads to within its code segment. */
function gateTarget(gateSelectorValue: u32, gate: u64): u64 {
  const low = gateOffset(gate, systemTypeOf(gate) == TYPE_CALL_GATE32) as u64;
  return isLongMode() ? low | (systemDescriptorHigh(gateSelectorValue) << 32) : low;
}

/** #GP(selector) unless a gate of long mode leads to 64-bit code. */
function checkGateCode(selector: u32, code: u64): void {
  if (isLongMode() && (!isLongCode(code) || attributesOf(code) & ATTR_DB)) raiseSelector(VECTOR_GP, selector);
}

/** The code segment behind a call gate. */
function gateCode(selector: u32): u64 {
  if (isNull(selector)) generalProtection();
  const code = fetchDescriptor(selector, VECTOR_GP);
  if (!isCodeSegment(code) || dplOf(code) > cpl()) raiseSelector(VECTOR_GP, selector);
  return code;
}

/** Continues at the current privilege level in a checked code segment. */
function enterCode(selector: u32, code: u64, offset: u64): void {
  setSegmentFrom(CS, (selector & 0xfffc) | cpl(), code);
  setRip(offset);
}

/** The target is a TSS or a task gate: switches and says so. */
function switchedTask(selector: u32, descriptor: u64, source: i32): bool {
  if (isLongMode()) return false;
  const type = systemTypeOf(descriptor);
  if (type == TYPE_TASK_GATE) {
    checkNamed(selector, descriptor);
    const target = gateSelector(descriptor);
    enterTask(target, taskGateTarget(target), source, readFlags(), false, 0);
    return true;
  }
  if (type != TYPE_TSS16 && type != TYPE_TSS32) return false;
  if (selector & 4) raiseSelector(VECTOR_GP, selector);
  checkNamed(selector, descriptor);
  enterTask(selector, descriptor, source, readFlags(), false, 0);
  return true;
}

export function farJump(selector: u32, target: u64, size: i32): void {
  selector &= 0xffff;
  let offset = truncated(target, size);
  if (!isProtectedProper()) {
    if (offset > (segmentLimit(CS) as u64)) generalProtection();
    setParagraphSegment(CS, selector);
    setRip(offset);
    return;
  }
  if (isNull(selector)) generalProtection();
  const descriptor = fetchDescriptor(selector, VECTOR_GP);
  let code = descriptor;
  let codeSelector = selector;
  if (isCodeSegment(descriptor)) {
    checkDirectTarget(selector, descriptor);
  } else {
    const type = systemTypeOf(descriptor);
    if (isCallGate(type)) {
      checkNamed(selector, descriptor);
      codeSelector = gateSelector(descriptor);
      code = gateCode(codeSelector);
      if (!isConforming(code) && dplOf(code) != cpl()) raiseSelector(VECTOR_GP, codeSelector);
      checkGateCode(codeSelector, code);
      if (!isPresent(code)) raiseSelector(VECTOR_NP, codeSelector);
      offset = gateTarget(selector, descriptor);
    } else {
      if (!switchedTask(selector, descriptor, SWITCH_JUMP)) raiseSelector(VECTOR_GP, selector);
      return;
    }
  }
  checkCodeOffset(code, offset);
  enterCode(codeSelector, markAccessed(codeSelector, code), offset);
}

/** Pushes the return address of a far call on the stack in the making. */
function pushReturn(size: i32): void {
  push(segmentSelector(CS) as u64, size);
  push(rip(), size);
}

export function farCall(selector: u32, target: u64, size: i32): void {
  selector &= 0xffff;
  const offset = truncated(target, size);
  if (!isProtectedProper()) {
    useCurrentStack();
    pushReturn(size);
    if (offset > (segmentLimit(CS) as u64)) generalProtection();
    commitStackPointer();
    setParagraphSegment(CS, selector);
    setRip(offset);
    return;
  }
  if (isNull(selector)) generalProtection();
  const descriptor = fetchDescriptor(selector, VECTOR_GP);
  if (isCodeSegment(descriptor)) {
    checkDirectTarget(selector, descriptor);
    callSameLevel(selector, descriptor, offset, size);
    return;
  }
  const type = systemTypeOf(descriptor);
  if (isCallGate(type)) {
    checkNamed(selector, descriptor);
    if (isLongMode()) callThroughLongGate(selector, descriptor);
    else callThroughGate(descriptor, type == TYPE_CALL_GATE32);
  } else if (!switchedTask(selector, descriptor, SWITCH_CALL)) {
    raiseSelector(VECTOR_GP, selector);
  }
}

function callSameLevel(selector: u32, code: u64, offset: u64, size: i32): void {
  useCurrentStack();
  pushReturn(size);
  checkCodeOffset(code, offset);
  const marked = markAccessed(selector, code);
  commitStackPointer();
  enterCode(selector, marked, offset);
}

function callThroughGate(gate: u64, wide: bool): void {
  const selector = gateSelector(gate);
  const code = gateCode(selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  const offset = gateOffset(gate, wide) as u64;
  const size = wide ? 4 : 2;
  if (isConforming(code) || dplOf(code) == cpl()) {
    callSameLevel(selector, code, offset, size);
    return;
  }
  const level = dplOf(code);
  const stack = innerStack(level);
  const stackSelector = (stack >> 32) as u32;
  const stackSegment = checkStackSegment(stackSelector, level, VECTOR_TS);
  const parameters = ((gate >> 32) as i32) & 31;
  // One stack in the making at a time: each parameter is fetched from the old one before it is pushed onto the new one.
  let newPointer = stack & 0xffffffff;
  const oldSelector = segmentSelector(SS);
  const oldPointer = gpr32(RSP);
  useNewStack(stackSelector, stackSegment, newPointer, false);
  push(oldSelector as u64, size);
  push(oldPointer as u64, size);
  for (let i = parameters - 1; i >= 0; i--) {
    useCurrentStack();
    const parameter = peek(i * size, size);
    useNewStack(stackSelector, stackSegment, newPointer, false);
    release(-(2 + parameters - 1 - i) * size);
    push(parameter, size);
  }
  pushReturn(size);
  checkCodeOffset(code, offset);
  const markedStack = markAccessed(stackSelector, stackSegment);
  const markedCode = markAccessed(selector, code);
  commitStackPointer();
  setCpl(level);
  setSegmentFrom(SS, stackSelector, markedStack);
  enterCode(selector, markedCode, offset);
}

/** SDM vol. 3, 5.8.3.1: no parameters, frames of 8-byte values, and a null SS when the level changes. */
function callThroughLongGate(gateSelectorValue: u32, gate: u64): void {
  const selector = gateSelector(gate);
  const code = gateCode(selector);
  checkGateCode(selector, code);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  const offset = gateTarget(gateSelectorValue, gate);
  const level = isConforming(code) ? cpl() : dplOf(code);
  if (level == cpl()) {
    useCurrentStack();
    pushReturn(8);
  } else {
    const stackPointer = stackFromTss(level);
    if (!isCanonical(stackPointer)) raiseSelector(VECTOR_SS, 0);
    useLongStack(stackPointer, level == 3);
    push(segmentSelector(SS) as u64, 8);
    push(gpr64(RSP), 8);
    pushReturn(8);
  }
  checkCodeOffset(code, offset);
  const marked = markAccessed(selector, code);
  commitStackPointer();
  if (level != cpl()) {
    setCpl(level);
    setNullStackSegment(level);
  }
  enterCode(selector, marked, offset);
}

/** The checks of a code segment that RET or IRET goes back to. */
export function checkReturnCode(selector: u32): u64 {
  if (isNull(selector)) generalProtection();
  const code = fetchDescriptor(selector, VECTOR_GP);
  const level = dplOf(code);
  const fits = isConforming(code) ? level <= rplOf(selector) : level == rplOf(selector);
  if (!isCodeSegment(code) || rplOf(selector) < cpl() || !fits || isOfBothSizes(code)) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  return code;
}

/**
 * Data segments that an outer level may not keep become null. In long mode FS and GS keep their bases, which MSRs gave them, whether they are
 * null already or become it: processors only mark them unusable.
 */
function dropInnerSegment(segment: i32): void {
  const attributes = segmentAttributes(segment);
  if (!(attributes & ATTR_P)) return;
  const anyPrivilege = (attributes & ATTR_CODE) != 0 && (attributes & ATTR_EXPAND_CONFORMING) != 0;
  if (anyPrivilege || ((attributes >> 5) & 3) >= cpl()) return;
  const keepsBase = isLongMode() && (segment == FS || segment == GS);
  setSegment(segment, 0, keepsBase ? segmentBase(segment) : 0, 0, 0);
}

/**
 * The stack segment that RET or IRET takes along to `level`, which raise different exceptions when it is not present; 0 for the null one that 64-bit code above level 3 may have.
 */
export function checkReturnStack(stackSelector: u32, code: u64, level: u32, vectorWhenAbsent: i32): u64 {
  if (isNull(stackSelector)) {
    if (!isLongCode(code) || level == 3 || rplOf(stackSelector) != level) generalProtection();
    return 0;
  }
  const descriptor = fetchDescriptor(stackSelector, VECTOR_GP);
  if (rplOf(stackSelector) != level || dplOf(descriptor) != level || !isWritableData(descriptor)) {
    raiseSelector(VECTOR_GP, stackSelector);
  }
  if (!isPresent(descriptor)) raiseSelector(vectorWhenAbsent, stackSelector);
  return descriptor;
}

/**
 * Goes back to code with a stack of its own, at `size` bytes each: `stackAt` is where the other stack pointer and SS lie above the current
 * top, `releaseBytes` is added to that stack pointer. Data segments that an outer level may not keep become null.
 */
export function returnWithStack(selector: u32, code: u64, offset: u64, stackAt: i32, size: i32, releaseBytes: i32, vectorWhenAbsent: i32): void {
  const stackPointer = peek(stackAt, size) + (releaseBytes as u64);
  const stackSelector = (peek(stackAt + size, size) as u32) & 0xffff;
  const level = rplOf(selector);
  const stackSegment = checkReturnStack(stackSelector, code, level, vectorWhenAbsent);
  checkCodeOffset(code, offset);
  const markedCode = markAccessed(selector, code);
  const markedStack = stackSegment ? markAccessed(stackSelector, stackSegment) : 0;
  const outer = level > cpl();
  setCpl(level);
  enterCode(selector, markedCode, offset);
  if (markedStack) setSegmentFrom(SS, stackSelector, markedStack);
  else setNullStackSegment(stackSelector);
  if (isLongCode(code)) setGpr64(RSP, stackPointer);
  else if (segmentAttributes(SS) & ATTR_DB) setGpr32(RSP, stackPointer as u32);
  else setGpr16(RSP, stackPointer as u32);
  if (!outer) return;
  dropInnerSegment(ES);
  dropInnerSegment(DS);
  dropInnerSegment(FS);
  dropInnerSegment(GS);
}

/** RETF and RETF n. */
export function farReturn(size: i32, releaseBytes: i32): void {
  useCurrentStack();
  const offset = peek(0, size);
  const selector = (peek(size, size) as u32) & 0xffff;
  if (!isProtectedProper()) {
    if (offset > (segmentLimit(CS) as u64)) generalProtection();
    release(2 * size + releaseBytes);
    commitStackPointer();
    setParagraphSegment(CS, selector);
    setRip(offset);
    return;
  }
  const code = checkReturnCode(selector);
  if (rplOf(selector) > cpl()) {
    returnWithStack(selector, code, offset, 2 * size + releaseBytes, size, releaseBytes, VECTOR_SS);
    return;
  }
  checkCodeOffset(code, offset);
  const marked = markAccessed(selector, code);
  release(2 * size + releaseBytes);
  commitStackPointer();
  enterCode(selector, marked, offset);
}
