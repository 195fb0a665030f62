/**
 * Far JMP, CALL and RET (SDM vol. 2 and vol. 3, 5.8): within real and virtual-8086 mode, to code segments directly, through call gates of 16 and
 * 32 bits with stack switch and parameters, to tasks. Sizes are operand sizes in bytes; `rip` is the next instruction's address.
 */
import {
  checkStackSegment,
  dplOf,
  fetchDescriptor,
  isCodeSegment,
  isConforming,
  isNull,
  isPresent,
  isWritableData,
  limitOf,
  markAccessed,
  rplOf,
  setSegmentFrom,
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
import { setCpl, setNullSegment, setParagraphSegment } from "./segments";
import { commitStackPointer, peek, push, release, useCurrentStack, useNewStack } from "./stack";
import {
  ATTR_CODE,
  ATTR_DB,
  ATTR_EXPAND_CONFORMING,
  RSP,
  cpl,
  gpr32,
  isProtectedProper,
  rip,
  segmentAttributes,
  segmentLimit,
  segmentSelector,
  setGpr16,
  setGpr32,
  setRip,
} from "./state";
import { SWITCH_CALL, SWITCH_JUMP, enterTask, taskGateTarget } from "./taskSwitch";

function truncated(offset: u64, size: i32): u32 {
  return size == 2 ? (offset as u32) & 0xffff : (offset as u32);
}

/** JMP and CALL straight to a code segment: may this level go there at its own level? */
function checkDirectTarget(selector: u32, code: u64): void {
  const level = dplOf(code);
  const allowed = isConforming(code) ? level <= cpl() : level == cpl() && rplOf(selector) <= cpl();
  if (!allowed) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
}

/** The privilege checks on a gate or TSS that an instruction names. */
function checkNamed(selector: u32, descriptor: u64): void {
  const level = dplOf(descriptor);
  if (level < cpl() || level < rplOf(selector)) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
}

/** The code segment behind a call gate. */
function gateCode(selector: u32): u64 {
  if (isNull(selector)) generalProtection();
  const code = fetchDescriptor(selector, VECTOR_GP);
  if (!isCodeSegment(code) || dplOf(code) > cpl()) raiseSelector(VECTOR_GP, selector);
  return code;
}

/** Continues at the current privilege level in a checked code segment. */
function enterCode(selector: u32, code: u64, offset: u32): void {
  setSegmentFrom(CS, (selector & 0xfffc) | cpl(), code);
  setRip(offset as u64);
}

/** The target is a TSS or a task gate: switches and says so. */
function switchedTask(selector: u32, descriptor: u64, source: i32): bool {
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
    if (offset > segmentLimit(CS)) generalProtection();
    setParagraphSegment(CS, selector);
    setRip(offset as u64);
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
    if (type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32) {
      checkNamed(selector, descriptor);
      codeSelector = gateSelector(descriptor);
      code = gateCode(codeSelector);
      if (!isConforming(code) && dplOf(code) != cpl()) raiseSelector(VECTOR_GP, codeSelector);
      if (!isPresent(code)) raiseSelector(VECTOR_NP, codeSelector);
      offset = gateOffset(descriptor, type == TYPE_CALL_GATE32);
    } else {
      if (!switchedTask(selector, descriptor, SWITCH_JUMP)) raiseSelector(VECTOR_GP, selector);
      return;
    }
  }
  if (offset > limitOf(code)) generalProtection();
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
    if (offset > segmentLimit(CS)) generalProtection();
    commitStackPointer();
    setParagraphSegment(CS, selector);
    setRip(offset as u64);
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
  if (type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32) {
    checkNamed(selector, descriptor);
    callThroughGate(descriptor, type == TYPE_CALL_GATE32);
  } else if (!switchedTask(selector, descriptor, SWITCH_CALL)) {
    raiseSelector(VECTOR_GP, selector);
  }
}

function callSameLevel(selector: u32, code: u64, offset: u32, size: i32): void {
  useCurrentStack();
  pushReturn(size);
  if (offset > limitOf(code)) generalProtection();
  const marked = markAccessed(selector, code);
  commitStackPointer();
  enterCode(selector, marked, offset);
}

function callThroughGate(gate: u64, wide: bool): void {
  const selector = gateSelector(gate);
  const code = gateCode(selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  const offset = gateOffset(gate, wide);
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
  if (offset > limitOf(code)) generalProtection();
  const markedStack = markAccessed(stackSelector, stackSegment);
  const markedCode = markAccessed(selector, code);
  commitStackPointer();
  setCpl(level);
  setSegmentFrom(SS, stackSelector, markedStack);
  enterCode(selector, markedCode, offset);
}

/** The checks of a code segment that RET or IRET goes back to. */
export function checkReturnCode(selector: u32): u64 {
  if (isNull(selector)) generalProtection();
  const code = fetchDescriptor(selector, VECTOR_GP);
  const level = dplOf(code);
  const fits = isConforming(code) ? level <= rplOf(selector) : level == rplOf(selector);
  if (!isCodeSegment(code) || rplOf(selector) < cpl() || !fits) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  return code;
}

/** Data segments that an outer level may not keep become null. */
function dropInnerSegment(segment: i32): void {
  const attributes = segmentAttributes(segment);
  const anyPrivilege = (attributes & ATTR_CODE) != 0 && (attributes & ATTR_EXPAND_CONFORMING) != 0;
  if (!anyPrivilege && ((attributes >> 5) & 3) < cpl()) setNullSegment(segment, 0);
}

/**
 * Goes back to a less privileged level: `stackAt` is where the outer ESP and SS lie above the current top, `releaseBytes` is added to the
 * outer stack pointer.
 */
export function returnToOuter(selector: u32, code: u64, offset: u32, stackAt: i32, size: i32, releaseBytes: i32): void {
  const stackPointer = peek(stackAt, size) as u32;
  const stackSelector = (peek(stackAt + size, size) as u32) & 0xffff;
  const level = rplOf(selector);
  if (isNull(stackSelector)) generalProtection();
  const stackSegment = fetchDescriptor(stackSelector, VECTOR_GP);
  if (rplOf(stackSelector) != level || dplOf(stackSegment) != level || !isWritableData(stackSegment)) {
    raiseSelector(VECTOR_GP, stackSelector);
  }
  if (!isPresent(stackSegment)) raiseSelector(VECTOR_SS, stackSelector);
  if (offset > limitOf(code)) generalProtection();
  const markedCode = markAccessed(selector, code);
  const markedStack = markAccessed(stackSelector, stackSegment);
  setCpl(level);
  enterCode(selector, markedCode, offset);
  setSegmentFrom(SS, stackSelector, markedStack);
  if (segmentAttributes(SS) & ATTR_DB) setGpr32(RSP, stackPointer + releaseBytes);
  else setGpr16(RSP, stackPointer + releaseBytes);
  dropInnerSegment(ES);
  dropInnerSegment(DS);
  dropInnerSegment(FS);
  dropInnerSegment(GS);
}

/** RETF and RETF n. */
export function farReturn(size: i32, releaseBytes: i32): void {
  useCurrentStack();
  const offset = peek(0, size) as u32;
  const selector = (peek(size, size) as u32) & 0xffff;
  if (!isProtectedProper()) {
    if (offset > segmentLimit(CS)) generalProtection();
    release(2 * size + releaseBytes);
    commitStackPointer();
    setParagraphSegment(CS, selector);
    setRip(offset as u64);
    return;
  }
  const code = checkReturnCode(selector);
  if (rplOf(selector) > cpl()) {
    returnToOuter(selector, code, offset, 2 * size + releaseBytes, size, releaseBytes);
    return;
  }
  if (offset > limitOf(code)) generalProtection();
  const marked = markAccessed(selector, code);
  release(2 * size + releaseBytes);
  commitStackPointer();
  enterCode(selector, marked, offset);
}
