/**
 * Descriptor tables (SDM vol. 3, 3.4 and 5.5): finding an 8-byte descriptor by selector, its fields, and loading data segment registers
 * with all checks. A descriptor is passed around as the u64 it is in memory.
 */
import {
  GDTR_BASE,
  GDTR_LIMIT,
  LDTR,
  SS,
  STACK_SEGMENT_SHADOW,
} from "./layout.generated";
import { VECTOR_GP, VECTOR_NP, VECTOR_SS, generalProtection, raiseSelector } from "./faults";
import { readLinear64, writeLinear8 } from "./memoryAccess";
import { isCanonical } from "./mmu";
import { setNullSegment, setParagraphSegment, setSegment } from "./segments";
import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_EXPAND_CONFORMING,
  ATTR_G,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_WRITE_READ,
  cpl,
  isCode64,
  isLongMode,
  isProtectedProper,
  segmentAttributes,
  segmentBase,
  segmentLimit,
} from "./state";

export const TYPE_TSS16: u32 = 1;
export const TYPE_LDT: u32 = 2;
export const TYPE_TSS16_BUSY: u32 = 3;
export const TYPE_CALL_GATE16: u32 = 4;
export const TYPE_TASK_GATE: u32 = 5;
export const TYPE_INTERRUPT_GATE16: u32 = 6;
export const TYPE_TRAP_GATE16: u32 = 7;
export const TYPE_TSS32: u32 = 9;
export const TYPE_TSS32_BUSY: u32 = 11;
export const TYPE_CALL_GATE32: u32 = 12;
export const TYPE_INTERRUPT_GATE32: u32 = 14;
export const TYPE_TRAP_GATE32: u32 = 15;

export function attributesOf(descriptor: u64): u32 {
  return ((descriptor >> 40) as u32) & 0xf0ff;
}
export function baseOf(descriptor: u64): u64 {
  return ((descriptor >> 16) & 0xffffff) | ((descriptor >> 32) & 0xff000000);
}
export function limitOf(descriptor: u64): u32 {
  const limit = ((descriptor as u32) & 0xffff) | (((descriptor >> 32) as u32) & 0xf0000);
  return attributesOf(descriptor) & ATTR_G ? (limit << 12) | 0xfff : limit;
}
export function dplOf(descriptor: u64): u32 {
  return ((descriptor >> 45) as u32) & 3;
}
export function isPresent(descriptor: u64): bool {
  return (attributesOf(descriptor) & ATTR_P) != 0;
}
/** Type field of a system descriptor, or 0 for a code or data segment. */
export function systemTypeOf(descriptor: u64): u32 {
  const attributes = attributesOf(descriptor);
  return attributes & ATTR_S ? 0 : attributes & 15;
}
export function isCodeSegment(descriptor: u64): bool {
  const kind = ATTR_S | ATTR_CODE;
  return (attributesOf(descriptor) & kind) == kind;
}
export function isConforming(descriptor: u64): bool {
  return (attributesOf(descriptor) & ATTR_EXPAND_CONFORMING) != 0;
}
export function isWritableData(descriptor: u64): bool {
  return (attributesOf(descriptor) & (ATTR_S | ATTR_CODE | ATTR_WRITE_READ)) == (ATTR_S | ATTR_WRITE_READ);
}
/** 64-bit code, which only long mode knows. */
export function isLongCode(descriptor: u64): bool {
  return isLongMode() && (attributesOf(descriptor) & ATTR_L) != 0;
}
/** Data, or code that may be read. */
export function isReadable(descriptor: u64): bool {
  const attributes = attributesOf(descriptor);
  return (attributes & ATTR_S) != 0 && (attributes & (ATTR_CODE | ATTR_WRITE_READ)) != ATTR_CODE;
}
export function isNull(selector: u32): bool {
  return (selector & 0xfffc) == 0;
}
export function rplOf(selector: u32): u32 {
  return selector & 3;
}

/** Linear address of a selector's descriptor. */
export function descriptorAddress(selector: u32): u64 {
  const base = selector & 4 ? segmentBase(LDTR) : load<u64>(GDTR_BASE);
  return base + ((selector & 0xfff8) as u64);
}

/** Whether the selector lies within its table. */
export function isWithinTable(selector: u32): bool {
  if (selector & 4) return (segmentAttributes(LDTR) & ATTR_P) != 0 && (selector | 7) <= segmentLimit(LDTR);
  return (selector | 7) <= load<u32>(GDTR_LIMIT);
}

/** The descriptor of a selector that is not null; `vector`(selector) when it lies outside of its table. */
export function fetchDescriptor(selector: u32, vector: i32): u64 {
  if (!isWithinTable(selector & 0xffff)) raiseSelector(vector, selector);
  return readLinear64(descriptorAddress(selector), false);
}

/** Sets the accessed bit in the table, once; gives the descriptor with it. */
export function markAccessed(selector: u32, descriptor: u64): u64 {
  if (attributesOf(descriptor) & ATTR_ACCESSED) return descriptor;
  const marked = descriptor | ((ATTR_ACCESSED as u64) << 40);
  writeLinear8(descriptorAddress(selector) + 5, (marked >> 40) as u32, false);
  return marked;
}

/** Puts a checked descriptor into a segment register. */
export function setSegmentFrom(segment: i32, selector: u32, descriptor: u64): void {
  setSegment(segment, selector & 0xffff, baseOf(descriptor), limitOf(descriptor), attributesOf(descriptor));
}

/**
 * The checks of a stack segment for privilege level `level`: `vector`(selector) when it may not be one, #SS(selector) when it is
 * absent. Gives the descriptor.
 */
export function checkStackSegment(selector: u32, level: u32, vector: i32): u64 {
  if (isNull(selector)) raiseSelector(vector, 0);
  const descriptor = fetchDescriptor(selector, vector);
  if (rplOf(selector) != level || dplOf(descriptor) != level || !isWritableData(descriptor)) raiseSelector(vector, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_SS, selector);
  return descriptor;
}

/** The checks of a data segment: `vector`(selector), #NP(selector). The selector is not null. */
export function checkDataSegment(selector: u32, vector: i32): u64 {
  const descriptor = fetchDescriptor(selector, vector);
  if (!isReadable(descriptor)) raiseSelector(vector, selector);
  const anyPrivilege = isCodeSegment(descriptor) && isConforming(descriptor);
  const level = dplOf(descriptor);
  if (!anyPrivilege && (rplOf(selector) > level || cpl() > level)) raiseSelector(vector, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
  return descriptor;
}

/** The null SS of 64-bit code: it still carries the level. */
export function setNullStackSegment(selector: u32): void {
  setSegment(SS, selector, 0, 0, rplOf(selector) << 5);
}

/**
 * The second half of a 16-byte descriptor of long mode: #GP(selector) when it lies outside of the table or its type field is not zero.
 */
export function systemDescriptorHigh(selector: u32): u64 {
  if (!isWithinTable((selector & 0xffff) + 8)) raiseSelector(VECTOR_GP, selector);
  const high = readLinear64(descriptorAddress(selector) + 8, false);
  if (high & 0x1f0000000000) raiseSelector(VECTOR_GP, selector);
  return high;
}

/** The upper half of a TSS's or LDT's base, which must be canonical. */
export function systemBaseHigh(selector: u32): u64 {
  if (!isLongMode()) return 0;
  const base = systemDescriptorHigh(selector) << 32;
  if (!isCanonical(base)) raiseSelector(VECTOR_GP, selector);
  return base;
}

/** #GP(0) unless the offset lies in the code segment, or is canonical in 64-bit code. */
export function checkCodeOffset(code: u64, offset: u64): void {
  const fits = isLongCode(code) ? isCanonical(offset) : offset <= (limitOf(code) as u64);
  if (!fits) generalProtection();
}

/** MOV, POP and LxS into ES, SS, DS, FS or GS. */
export function loadSegment(segment: i32, selector: u32): void {
  selector &= 0xffff;
  if (!isProtectedProper()) {
    setParagraphSegment(segment, selector);
  } else if (segment == SS) {
    if (isNull(selector)) {
      if (!isCode64() || cpl() == 3 || rplOf(selector) != cpl()) generalProtection();
      setNullStackSegment(selector);
    } else {
      const descriptor = checkStackSegment(selector, cpl(), VECTOR_GP);
      setSegmentFrom(SS, selector, markAccessed(selector, descriptor));
    }
  } else if (isNull(selector)) {
    setNullSegment(segment, selector);
  } else {
    const descriptor = checkDataSegment(selector, VECTOR_GP);
    setSegmentFrom(segment, selector, markAccessed(selector, descriptor));
  }
  if (segment == SS) store<u32>(STACK_SEGMENT_SHADOW, 1);
}
