/**
 * Instructions that ask about selectors or load the system segment registers (SDM vol. 2): LAR, LSL, VERR, VERW, ARPL, LLDT, LTR, SLDT, STR. All
 * raise #UD in real and virtual-8086 mode.
 */
import { checkUserModeInstruction, requireProtected, requireSupervisor } from "./control";
import {
  descriptorAddress,
  dplOf,
  fetchDescriptor,
  isCodeSegment,
  isConforming,
  isNull,
  isPresent,
  isReadable,
  isWithinTable,
  isWritableData,
  limitOf,
  rplOf,
  systemBaseHigh,
  systemTypeOf,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_LDT,
  TYPE_TASK_GATE,
  TYPE_TSS16,
  TYPE_TSS16_BUSY,
  TYPE_TSS32,
  TYPE_TSS32_BUSY,
  attributesOf,
  baseOf,
} from "./descriptors";
import { VECTOR_GP, VECTOR_NP, generalProtection, raiseSelector } from "./faults";
import { setZeroFlag } from "./flags";
import { LDTR, TR } from "./layout.generated";
import { readLinear64, writeLinear8 } from "./memoryAccess";
import { isCanonical } from "./mmu";
import { setNullSegment, setSegment } from "./segments";
import { ATTR_S, cpl, segmentSelector } from "./state";

/** The descriptor if the selector names one that this level may see, else 0. */
function visibleDescriptor(selector: u32): u64 {
  if (isNull(selector) || !isWithinTable(selector & 0xffff)) return 0;
  const descriptor = readLinear64(descriptorAddress(selector), false);
  const anyPrivilege = isCodeSegment(descriptor) && isConforming(descriptor);
  if (!anyPrivilege && dplOf(descriptor) < max<u32>(cpl(), rplOf(selector))) return 0;
  return descriptor;
}

/** A code or data segment, or a system type that has a limit. */
function hasLimit(descriptor: u64): bool {
  if (attributesOf(descriptor) & ATTR_S) return true;
  const type = systemTypeOf(descriptor);
  return type == TYPE_TSS16 || type == TYPE_TSS16_BUSY || type == TYPE_LDT || type == TYPE_TSS32 || type == TYPE_TSS32_BUSY;
}

export function lar(selector: u32, old: u32): u32 {
  requireProtected();
  const descriptor = visibleDescriptor(selector);
  const type = systemTypeOf(descriptor);
  const known =
    descriptor != 0 &&
    (hasLimit(descriptor) || type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32 || type == TYPE_TASK_GATE);
  setZeroFlag(known);
  return known ? ((descriptor >> 32) as u32) & 0x00ffff00 : old;
}

export function lsl(selector: u32, old: u32): u32 {
  requireProtected();
  const descriptor = visibleDescriptor(selector);
  const known = descriptor != 0 && hasLimit(descriptor);
  setZeroFlag(known);
  return known ? limitOf(descriptor) : old;
}

export function verr(selector: u32): void {
  requireProtected();
  setZeroFlag(isReadable(visibleDescriptor(selector)));
}

export function verw(selector: u32): void {
  requireProtected();
  setZeroFlag(isWritableData(visibleDescriptor(selector)));
}

export function arpl(destination: u32, source: u32): u32 {
  requireProtected();
  const raised = rplOf(destination) < rplOf(source);
  setZeroFlag(raised);
  return raised ? (destination & 0xfffc) | rplOf(source) : destination & 0xffff;
}

export function sldt(): u32 {
  requireProtected();
  checkUserModeInstruction();
  return segmentSelector(LDTR);
}

export function str(): u32 {
  requireProtected();
  checkUserModeInstruction();
  return segmentSelector(TR);
}

/** Base of an LDT or TSS; #GP(selector) when it is not canonical. */
function systemBase(selector: u32, descriptor: u64): u64 {
  const base = baseOf(descriptor) | systemBaseHigh(selector);
  if (!isCanonical(base)) raiseSelector(VECTOR_GP, selector);
  return base;
}

function setSystemSegment(segment: i32, selector: u32, descriptor: u64): void {
  setSegment(segment, selector, systemBase(selector, descriptor), limitOf(descriptor), attributesOf(descriptor));
}

export function lldt(selector: u32): void {
  requireProtected();
  requireSupervisor();
  selector &= 0xffff;
  if (isNull(selector)) {
    setNullSegment(LDTR, selector);
    return;
  }
  if (selector & 4) raiseSelector(VECTOR_GP, selector);
  const descriptor = fetchDescriptor(selector, VECTOR_GP);
  if (systemTypeOf(descriptor) != TYPE_LDT) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
  setSystemSegment(LDTR, selector, descriptor);
}

export function ltr(selector: u32): void {
  requireProtected();
  requireSupervisor();
  selector &= 0xffff;
  if (isNull(selector)) generalProtection();
  if (selector & 4) raiseSelector(VECTOR_GP, selector);
  const descriptor = fetchDescriptor(selector, VECTOR_GP);
  const type = systemTypeOf(descriptor);
  if (type != TYPE_TSS16 && type != TYPE_TSS32) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
  systemBase(selector, descriptor);
  const busy = descriptor | ((2 as u64) << 40);
  writeLinear8(descriptorAddress(selector) + 5, (busy >> 40) as u32, false);
  setSystemSegment(TR, selector, busy);
}
