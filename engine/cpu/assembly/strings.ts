/**
 * MOVS, STOS, LODS, CMPS and SCAS with their repeat prefixes (SDM vol. 2). Forward runs within plain pages go by bulk memory operations;
 * everything else element by element through the checked accesses. eSI, eDI and eCX are written back before anything can fault, so that
 * an interrupted or faulting instruction continues where it was.
 */
import { BUDGET, ES, FLAG_AUX, FLAG_CARRIES, FLAG_RESULT, SEGMENT_READ_HI, SEGMENT_READ_LO, SEGMENT_WRITE_HI, SEGMENT_WRITE_LO, STEP_ARMED } from "./layout.generated";
import { watchesData } from "./debug";
import { segmentFault } from "./faults";
import { isUser, loadSlow16, loadSlow32, loadSlow64, loadSlow8, storeSlow16, storeSlow32, storeSlow64, storeSlow8 } from "./memoryAccess";
import { FLAG_DF, RAX, RCX, RDI, RSI, flagsSystem, gpr16, gpr32, gpr64, isCode64, segmentBase, segmentRow, setGpr16, setGpr32, setGpr64 } from "./state";
import { ACCESS_READ, ACCESS_USER, ACCESS_WRITE, translate } from "./mmu";
import { fastRead, fastWrite } from "./tlb";

/** Elements handled before the caller gets to look for interrupts. */
const ELEMENTS_PER_CALL: u64 = 4096;
/** A bulk move does about so many elements (as a power of two) in the time of one instruction. */
const ELEMENTS_PER_INSTRUCTION_LOG2: u32 = 4;

export function addressMask(addressSize: i32): u64 {
  return addressSize == 2 ? 0xffff : addressSize == 4 ? 0xffffffff : 0xffffffffffffffff;
}

export function indexRegister(number: i32, addressSize: i32): u64 {
  if (addressSize == 2) return gpr16(number) as u64;
  return addressSize == 4 ? (gpr32(number) as u64) : gpr64(number);
}

export function setIndexRegister(number: i32, addressSize: i32, value: u64): void {
  if (addressSize == 2) setGpr16(number, value as u32);
  else if (addressSize == 4) setGpr32(number, value as u32);
  else setGpr64(number, value);
}

export function advance(number: i32, addressSize: i32, bytes: i64): void {
  setIndexRegister(number, addressSize, indexRegister(number, addressSize) + (bytes as u64));
}

/** How many elements there are to do in this call; without a prefix one. */
export function elementBudget(addressSize: i32, rep: i32): u64 {
  if (rep == 0) return 1;
  const count = indexRegister(RCX, addressSize);
  // Counting in ECX clears the upper half of RCX even when there is nothing to count.
  if (count == 0) setIndexRegister(RCX, addressSize, 0);
  if (load<u32>(STEP_ARMED) || watchesData()) return min<u64>(count, 1);
  const taken = min<u64>(count, ELEMENTS_PER_CALL);
  // Long repetitions use up the turn as the instructions do that would take as long.
  store<u32>(BUDGET, load<u32>(BUDGET) - ((taken as u32) >> ELEMENTS_PER_INSTRUCTION_LOG2));
  return taken;
}

/** Counts `done` elements; 1 when the instruction has more to do. */
export function countDown(addressSize: i32, rep: i32, done: u64): i32 {
  if (rep == 0) return 0;
  const left = indexRegister(RCX, addressSize) - done;
  setIndexRegister(RCX, addressSize, left);
  return (left & addressMask(addressSize)) != 0 ? 1 : 0;
}

export function elementStep(size: i32): i64 {
  return flagsSystem() & FLAG_DF ? -(size as i64) : (size as i64);
}

/** Linear address of an element at `offset`, after the segment check. */
export function elementAddress(segment: i32, offset: u64, size: u32, written: bool): u64 {
  if (isCode64()) return segment >= 4 ? segmentBase(segment) + offset : offset;
  const row = segmentRow(segment);
  const first = offset as u32;
  const last = first + size - 1;
  const lo = load<u32>(row + (written ? SEGMENT_WRITE_LO : SEGMENT_READ_LO));
  const hi = load<u32>(row + (written ? SEGMENT_WRITE_HI : SEGMENT_READ_HI));
  if (first < lo || last > hi || last < first) segmentFault(segment);
  return (segmentBase(segment) + offset) & 0xffffffff;
}

/**
 * How many whole elements from `offset` on lie in one page, in the segment and below the address size's wrap, at most `wanted`. The first is
 * known to be in the segment.
 */
function runLength(segment: i32, offset: u64, linear: u64, size: u32, addressSize: i32, written: bool, wanted: u64): u64 {
  let bytes: u64 = 0x1000 - (linear & 0xfff);
  if (!isCode64()) {
    const hi = load<u32>(segmentRow(segment) + (written ? SEGMENT_WRITE_HI : SEGMENT_READ_HI));
    bytes = min<u64>(bytes, (hi as u64) - offset + 1);
    bytes = min<u64>(bytes, addressMask(addressSize) - offset + 1);
  }
  return min<u64>(wanted, bytes / (size as u64));
}

function loadElement(linear: u64, size: i32): u64 {
  if (size == 1) return loadSlow8(linear) as u64;
  if (size == 2) return loadSlow16(linear) as u64;
  return size == 4 ? (loadSlow32(linear) as u64) : loadSlow64(linear);
}
export function storeElement(linear: u64, size: i32, value: u64): void {
  if (size == 1) storeSlow8(linear, value as u32);
  else if (size == 2) storeSlow16(linear, value as u32);
  else if (size == 4) storeSlow32(linear, value as u32);
  else storeSlow64(linear, value);
}

/** Copies forward with the effect of one element after the other: where the target overlaps what is yet to be read, the pattern repeats. */
function copyForward(target: usize, source: usize, bytes: usize, size: i32): void {
  if (target <= source || target >= source + bytes) {
    memory.copy(target, source, bytes);
    return;
  }
  for (let i: usize = 0; i < bytes; i += size as usize) {
    if (size == 1) store<u8>(target + i, load<u8>(source + i));
    else if (size == 2) store<u16>(target + i, load<u16>(source + i));
    else if (size == 4) store<u32>(target + i, load<u32>(source + i));
    else store<u64>(target + i, load<u64>(source + i));
  }
}

/** Where a plain page that may be read lies in memory, or 0; page faults are raised. */
function plainRead(user: bool, linear: u64, size: i32): usize {
  const at = fastRead(user, linear, size);
  if (at || crossesPage(linear, size)) return at;
  translate(linear, user ? ACCESS_READ | ACCESS_USER : ACCESS_READ);
  return fastRead(user, linear, size);
}

function plainWrite(user: bool, linear: u64, size: i32): usize {
  const at = fastWrite(user, linear, size);
  if (at || crossesPage(linear, size)) return at;
  translate(linear, user ? ACCESS_WRITE | ACCESS_USER : ACCESS_WRITE);
  return fastWrite(user, linear, size);
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
function crossesPage(linear: u64, size: i32): bool {
  return (linear & 0xfff) + (size as u64) > 0x1000;
}

/** MOVS: a run by bulk copy when both pages are plain, else one element. Gives the elements moved. */
function moveRun(size: i32, addressSize: i32, segment: i32, wanted: u64): u64 {
  const sourceOffset = indexRegister(RSI, addressSize);
  const targetOffset = indexRegister(RDI, addressSize);
  const source = elementAddress(segment, sourceOffset, size, false);
  const target = elementAddress(ES, targetOffset, size, true);
  const step = elementStep(size);
  if (step > 0 && wanted > 1) {
    const user = isUser();
    // The two pages may share a TLB entry, so each is resolved on its own.
    const from = plainRead(user, source, size);
    const to = from ? plainWrite(user, target, size) : 0;
    if (from && to) {
      const run = runLength(ES, targetOffset, target, size, addressSize, true, runLength(segment, sourceOffset, source, size, addressSize, false, wanted));
      const bytes = run * (size as u64);
      copyForward(to, from, bytes as usize, size);
      advance(RSI, addressSize, bytes as i64);
      advance(RDI, addressSize, bytes as i64);
      return run;
    }
  }
  storeElement(target, size, loadElement(source, size));
  advance(RSI, addressSize, step);
  advance(RDI, addressSize, step);
  return 1;
}

export function movs(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  let left = elementBudget(addressSize, rep);
  let more = 0;
  if (left == 0) {
    // As in RCX: 32-bit addresses leave zeros above them also when nothing is moved.
    advance(RSI, addressSize, 0);
    advance(RDI, addressSize, 0);
  }
  while (left > 0) {
    const done = moveRun(size, addressSize, segment, left);
    more = countDown(addressSize, rep, done);
    left -= done;
  }
  return more;
}

function fillForward(target: usize, bytes: usize, size: i32, value: u64): void {
  if (size == 1) {
    memory.fill(target, value as u8, bytes);
    return;
  }
  for (let i: usize = 0; i < bytes; i += size as usize) {
    if (size == 2) store<u16>(target + i, value as u16);
    else if (size == 4) store<u32>(target + i, value as u32);
    else store<u64>(target + i, value);
  }
}

function storeRun(size: i32, addressSize: i32, value: u64, wanted: u64): u64 {
  const offset = indexRegister(RDI, addressSize);
  const target = elementAddress(ES, offset, size, true);
  const step = elementStep(size);
  if (step > 0 && wanted > 1) {
    const to = plainWrite(isUser(), target, size);
    if (to) {
      const run = runLength(ES, offset, target, size, addressSize, true, wanted);
      fillForward(to, (run * (size as u64)) as usize, size, value);
      advance(RDI, addressSize, (run * (size as u64)) as i64);
      return run;
    }
  }
  storeElement(target, size, value);
  advance(RDI, addressSize, step);
  return 1;
}

export function stos(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  let left = elementBudget(addressSize, rep);
  const value = gpr64(RAX);
  let more = 0;
  if (left == 0) advance(RDI, addressSize, 0);
  while (left > 0) {
    const done = storeRun(size, addressSize, value, left);
    more = countDown(addressSize, rep, done);
    left -= done;
  }
  return more;
}

export function lods(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  let left = elementBudget(addressSize, rep);
  let more = 0;
  for (; left > 0; left--) {
    const value = loadElement(elementAddress(segment, indexRegister(RSI, addressSize), size, false), size);
    if (size == 1) setGpr64(RAX, (gpr64(RAX) & ~0xff) | value);
    else if (size == 2) setGpr16(RAX, value as u32);
    else setGpr64(RAX, value);
    advance(RSI, addressSize, elementStep(size));
    more = countDown(addressSize, rep, 1);
  }
  return more;
}

/** Sign-extended from the element's width, as `flagResult` wants it. */
function signExtended(value: u64, size: i32): i64 {
  const shift = (64 - (size << 3)) as i64;
  return ((value as i64) << shift) >> shift;
}

/** Flags of first - second. */
function compareFlags(first: u64, second: u64, size: i32): void {
  const difference = first - second;
  const borrows = (~first & second) | ((~first | second) & difference);
  const top = ((size << 3) - 1) as u64;
  const borrowOut = ((borrows >> top) & 1) as u32;
  const borrowIn = ((borrows >> (top - 1)) & 1) as u32;
  store<i64>(FLAG_RESULT, signExtended(difference, size));
  store<u32>(FLAG_CARRIES, (borrowOut << 31) | (borrowIn << 30));
  store<u32>(FLAG_AUX, ((first ^ second ^ difference) as u32) & 0x10);
}

/** REPE goes on while equal, REPNE while not. */
function goesOn(rep: i32, equal: bool): bool {
  return rep == 1 ? equal : !equal;
}

/**
 * A fault leaves the flags as they were before the instruction (SDM vol. 2, CMPS), so they change with its last element only, and where a
 * single step shows each.
 */
function showsFlags(left: u64, more: i32): bool {
  return left == 1 && (more == 0 || load<u32>(STEP_ARMED) != 0);
}

export function cmps(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  let left = elementBudget(addressSize, rep);
  let more = 0;
  for (; left > 0; left--) {
    // The destination comes first, as processors report its faults first.
    const second = loadElement(elementAddress(ES, indexRegister(RDI, addressSize), size, false), size);
    const first = loadElement(elementAddress(segment, indexRegister(RSI, addressSize), size, false), size);
    advance(RSI, addressSize, elementStep(size));
    advance(RDI, addressSize, elementStep(size));
    more = countDown(addressSize, rep, 1);
    const last = rep != 0 && !goesOn(rep, first == second);
    if (last || showsFlags(left, more)) compareFlags(first, second, size);
    if (last) return 0;
  }
  return more;
}

export function scas(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  let left = elementBudget(addressSize, rep);
  const mask: u64 = size == 8 ? 0xffffffffffffffff : ((1 as u64) << ((size << 3) as u64)) - 1;
  const first = gpr64(RAX) & mask;
  let more = 0;
  for (; left > 0; left--) {
    const second = loadElement(elementAddress(ES, indexRegister(RDI, addressSize), size, false), size);
    advance(RDI, addressSize, elementStep(size));
    more = countDown(addressSize, rep, 1);
    const last = rep != 0 && !goesOn(rep, first == second);
    if (last || showsFlags(left, more)) compareFlags(first, second, size);
    if (last) return 0;
  }
  return more;
}
