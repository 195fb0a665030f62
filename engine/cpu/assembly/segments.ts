/**
 * Segment registers (SDM vol. 3, chapter 3): the hidden parts and the checked ranges that emitted code compares with, and what decoded code
 * depends on (`codeMode`). Real mode loads keep limit and attributes, as hardware does ("unreal" mode). Loading through descriptor
 * tables is in descriptors.ts.
 */
import {
  CODE_MODE,
  CODE_MODE_BIG_STACK,
  CODE_MODE_FLAT,
  CODE_MODE_STEPPING,
  CPL,
  CR3,
  CS,
  DR,
  DS,
  ES,
  GS,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_EXECUTE_HI,
  SEGMENT_LIMIT,
  SEGMENT_READ_HI,
  SEGMENT_READ_LO,
  SEGMENT_SELECTOR,
  SEGMENT_WRITE_HI,
  SEGMENT_WRITE_LO,
  SS,
} from "./layout.generated";
import { refreshBreakpoints } from "./debug";
import { loadPdptes } from "./mmu";
import {
  ATTR_CODE,
  ATTR_DB,
  ATTR_EXPAND_CONFORMING,
  ATTR_L,
  ATTR_P,
  ATTR_S,
  ATTR_WRITE_READ,
  CR0_PG,
  CR4_PAE,
  FLAG_TF,
  cr0,
  cr4,
  flagsSystem,
  isLongMode,
  isProtected,
  isProtectedProper,
  isVirtual8086,
  segmentAttributes,
  segmentRow,
  updateAttention,
} from "./state";
import { selectTlb } from "./tlb";

/** Attributes of every segment in virtual-8086 mode: present, DPL 3, writable data, accessed. */
const VIRTUAL_8086_ATTRIBUTES: u32 = 0xf3;
const REAL_DATA_ATTRIBUTES: u32 = 0x93;

function setRange(row: usize, readLo: u32, readHi: u32, writeLo: u32, writeHi: u32): void {
  store<u32>(row + SEGMENT_READ_LO, readLo);
  store<u32>(row + SEGMENT_READ_HI, readHi);
  store<u32>(row + SEGMENT_WRITE_LO, writeLo);
  store<u32>(row + SEGMENT_WRITE_HI, writeHi);
}

/** Recomputes the ranges in which accesses are allowed. */
export function refreshSegment(segment: i32): void {
  const row = segmentRow(segment);
  const attributes = load<u32>(row + SEGMENT_ATTRIBUTES);
  const limit = load<u32>(row + SEGMENT_LIMIT);
  store<u32>(row + SEGMENT_EXECUTE_HI, limit);
  if (!isProtectedProper()) return setRange(row, 0, limit, 0, limit);
  if (!(attributes & ATTR_P) || !(attributes & ATTR_S)) return setRange(row, 1, 0, 1, 0);
  if (attributes & ATTR_CODE) {
    if (attributes & ATTR_WRITE_READ) setRange(row, 0, limit, 1, 0);
    else setRange(row, 1, 0, 1, 0);
    return;
  }
  let lo: u32 = 0;
  let hi = limit;
  if (attributes & ATTR_EXPAND_CONFORMING) {
    lo = limit + 1;
    hi = attributes & ATTR_DB ? 0xffffffff : 0xffff;
    if (limit >= hi) {
      lo = 1;
      hi = 0;
    }
  }
  if (attributes & ATTR_WRITE_READ) setRange(row, lo, hi, lo, hi);
  else setRange(row, lo, hi, 1, 0);
}

function isFlat(segment: i32, written: bool): bool {
  const row = segmentRow(segment);
  if (load<u64>(row + SEGMENT_BASE) != 0) return false;
  if (load<u32>(row + SEGMENT_READ_LO) != 0 || load<u32>(row + SEGMENT_READ_HI) != 0xffffffff) return false;
  return !written || (load<u32>(row + SEGMENT_WRITE_LO) == 0 && load<u32>(row + SEGMENT_WRITE_HI) == 0xffffffff);
}

/** Recomputes what decoded records depend on. Whoever can change it ends its block, so nothing need be told to look again. */
export function refreshCodeMode(): void {
  const code = segmentAttributes(CS);
  let mode: u32 = code & ATTR_DB ? 1 : 0;
  if (isLongMode() && code & ATTR_L) {
    mode = 2 | CODE_MODE_BIG_STACK | CODE_MODE_FLAT;
  } else {
    if (segmentAttributes(SS) & ATTR_DB) mode |= CODE_MODE_BIG_STACK;
    if (isFlat(CS, false) && isFlat(SS, true) && isFlat(DS, true) && isFlat(ES, true)) mode |= CODE_MODE_FLAT;
  }
  if (flagsSystem() & FLAG_TF || load<u32>(DR + 56) & 0xff) mode |= CODE_MODE_STEPPING;
  store<u32>(CODE_MODE, mode);
}

/** Writes a hidden part as it is and brings what follows from it up to date. */
export function setSegment(segment: i32, selector: u32, base: u64, limit: u32, attributes: u32): void {
  const row = segmentRow(segment);
  store<u32>(row + SEGMENT_SELECTOR, selector);
  store<u64>(row + SEGMENT_BASE, base);
  store<u32>(row + SEGMENT_LIMIT, limit);
  store<u32>(row + SEGMENT_ATTRIBUTES, attributes);
  refreshSegment(segment);
  if (segment <= DS) refreshCodeMode();
}

export function setNullSegment(segment: i32, selector: u32): void {
  setSegment(segment, selector, 0, 0, 0);
}

/** What any load does in real mode: the base moves, the rest stays, unless it was left unusable by a null selector. */
export function setRealSegment(segment: i32, selector: u32): void {
  const attributes = segmentAttributes(segment);
  const usable = (attributes & ATTR_P) != 0;
  const limit = usable ? load<u32>(segmentRow(segment) + SEGMENT_LIMIT) : 0xffff;
  setSegment(segment, selector & 0xffff, ((selector & 0xffff) << 4) as u64, limit, usable ? attributes : REAL_DATA_ATTRIBUTES);
}

export function setVirtual8086Segment(segment: i32, selector: u32): void {
  setSegment(segment, selector & 0xffff, ((selector & 0xffff) << 4) as u64, 0xffff, VIRTUAL_8086_ATTRIBUTES);
}

/** The load for code that runs in real or virtual-8086 mode. */
export function setParagraphSegment(segment: i32, selector: u32): void {
  if (isVirtual8086()) setVirtual8086Segment(segment, selector);
  else setRealSegment(segment, selector);
}

export function setCpl(level: u32): void {
  store<u32>(CPL, level);
  selectTlb();
}

/**
 * Recomputes everything that follows from control registers, flags and segments, after they were changed as a whole. With PAE paging the
 * page-directory pointers are read anew, so guest memory must be in place before.
 */
export function updateMode(): void {
  if (cr0() & CR0_PG && cr4() & CR4_PAE && !isLongMode()) loadPdptes(load<u64>(CR3));
  let level: u32 = 0;
  if (isProtected()) level = isVirtual8086() ? 3 : (segmentAttributes(SS) >> 5) & 3;
  setCpl(level);
  for (let segment = ES; segment <= GS; segment++) refreshSegment(segment);
  refreshBreakpoints();
  refreshCodeMode();
  updateAttention();
}
