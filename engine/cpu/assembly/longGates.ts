/**
 * Interrupts and exceptions in long mode (SDM vol. 3, 6.14): 16-byte interrupt and trap gates into 64-bit code, the interrupt stack table, an
 * aligned frame that always holds SS and RSP. There are no task gates, and the handler's SS is null when the level changes.
 */
import {
  attributesOf,
  dplOf,
  fetchDescriptor,
  isCodeSegment,
  isConforming,
  isLongCode,
  isNull,
  isPresent,
  markAccessed,
  setNullStackSegment,
  setSegmentFrom,
  systemTypeOf,
  TYPE_INTERRUPT_GATE32,
  TYPE_TRAP_GATE32,
} from "./descriptors";
import { CS, IDTR_BASE, IDTR_LIMIT, SS, TR } from "./layout.generated";
import { VECTOR_GP, VECTOR_NP, VECTOR_TS, generalProtection, raiseGate, raiseSelector } from "./faults";
import { clearFlagsForHandler, gateOffset, gateSelector } from "./gates";
import { readLinear64 } from "./memoryAccess";
import { isCanonical } from "./mmu";
import { setCpl } from "./segments";
import { commitStackPointer, push, useLongStack } from "./stack";
import { ATTR_DB, RSP, cpl, gpr64, rip, segmentBase, segmentLimit, segmentSelector, setRip } from "./state";

/** RSP0..2 are entries 0..2 of the TSS, the interrupt stack table entries 4..10. */
export function stackFromTss(entry: u32): u64 {
  const offset: u32 = 4 + (entry << 3);
  if (offset + 7 > segmentLimit(TR)) raiseSelector(VECTOR_TS, segmentSelector(TR));
  return readLinear64(segmentBase(TR) + (offset as u64), false);
}

/** The gate's code segment, checked. */
function handlerCode(selector: u32): u64 {
  if (isNull(selector)) generalProtection();
  const code = fetchDescriptor(selector, VECTOR_GP);
  const is64 = isCodeSegment(code) && isLongCode(code) && !(attributesOf(code) & ATTR_DB);
  if (!is64 || dplOf(code) > cpl()) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(code)) raiseSelector(VECTOR_NP, selector);
  return code;
}

export function deliverThroughLongGate(vector: i32, software: bool, hasErrorCode: bool, errorCode: u32, flags: u32): void {
  if ((((vector << 4) | 15) as u32) > load<u32>(IDTR_LIMIT)) raiseGate(VECTOR_GP, vector);
  const at = load<u64>(IDTR_BASE) + ((vector << 4) as u64);
  const gate = readLinear64(at, false);
  const type = systemTypeOf(gate);
  if (type != TYPE_INTERRUPT_GATE32 && type != TYPE_TRAP_GATE32) raiseGate(VECTOR_GP, vector);
  if (software && dplOf(gate) < cpl()) raiseGate(VECTOR_GP, vector);
  if (!isPresent(gate)) raiseGate(VECTOR_NP, vector);
  const selector = gateSelector(gate);
  const code = handlerCode(selector);
  const offset = (gateOffset(gate, true) as u64) | (readLinear64(at + 8, false) << 32);
  if (!isCanonical(offset)) generalProtection();
  const level = isConforming(code) ? cpl() : dplOf(code);
  const table = ((gate >> 32) as u32) & 7;
  let stackPointer = gpr64(RSP);
  if (table) stackPointer = stackFromTss(table + 3);
  else if (level < cpl()) stackPointer = stackFromTss(level);
  useLongStack(stackPointer & ~15, level == 3);
  push(segmentSelector(SS) as u64, 8);
  push(gpr64(RSP), 8);
  push(flags as u64, 8);
  push(segmentSelector(CS) as u64, 8);
  push(rip(), 8);
  if (hasErrorCode) push(errorCode as u64, 8);
  const marked = markAccessed(selector, code);
  commitStackPointer();
  clearFlagsForHandler(type == TYPE_INTERRUPT_GATE32);
  if (level != cpl()) {
    setCpl(level);
    setNullStackSegment(level);
  }
  setSegmentFrom(CS, (selector & 0xfffc) | level, marked);
  setRip(offset);
}
