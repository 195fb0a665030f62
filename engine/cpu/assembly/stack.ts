/**
 * A stack in the making: far transfers and interrupts push and peek here and move the real stack pointer only when nothing can fault
 * any more. One such stack exists at a time; `useCurrentStack` or `useNewStack` starts it.
 */
import { CODE_MODE, CODE_MODE_BIG_STACK, SEGMENT_WRITE_HI, SEGMENT_WRITE_LO, SS } from "./layout.generated";
import { attributesOf, baseOf, limitOf } from "./descriptors";
import { VECTOR_SS, raiseSelector } from "./faults";
import { isUser, probeLinearWrite, readLinear16, readLinear32, readLinear64, writeLinear16, writeLinear32, writeLinear64 } from "./memoryAccess";
import { isCanonical } from "./mmu";
import { ATTR_DB, ATTR_EXPAND_CONFORMING, RSP, gpr64, isCode64, segmentBase, segmentRow, setGpr64 } from "./state";

let base: u64 = 0;
let lo: u32 = 0;
let hi: u32 = 0;
let mask: u64 = 0;
let pointer: u64 = 0;
let user: bool = false;
/** Error code of #SS: the selector of a stack that is only being switched to. */
let faultSelector: u32 = 0;

export function useCurrentStack(): void {
  const row = segmentRow(SS);
  base = segmentBase(SS);
  lo = load<u32>(row + SEGMENT_WRITE_LO);
  hi = load<u32>(row + SEGMENT_WRITE_HI);
  if (isCode64()) {
    base = 0;
    lo = 0;
    hi = 0xffffffff;
    mask = 0xffffffffffffffff;
  } else {
    mask = load<u32>(CODE_MODE) & CODE_MODE_BIG_STACK ? 0xffffffff : 0xffff;
  }
  pointer = gpr64(RSP);
  user = isUser();
  faultSelector = 0;
}

/** A stack of 64-bit code. */
export function useLongStack(stackPointer: u64, forUser: bool): void {
  base = 0;
  mask = 0xffffffffffffffff;
  pointer = stackPointer;
  user = forUser;
  faultSelector = 0;
}

/** The stack of a checked stack segment, for code of another privilege level. */
export function useNewStack(selector: u32, descriptor: u64, stackPointer: u64, forUser: bool): void {
  const attributes = attributesOf(descriptor);
  const limit = limitOf(descriptor);
  base = baseOf(descriptor);
  mask = attributes & ATTR_DB ? 0xffffffff : 0xffff;
  lo = 0;
  hi = limit;
  if (attributes & ATTR_EXPAND_CONFORMING) {
    lo = limit + 1;
    hi = mask as u32;
    if (limit >= hi) {
      lo = 1;
      hi = 0;
    }
  }
  pointer = stackPointer;
  user = forUser;
  faultSelector = selector;
}

/** Linear address of `size` bytes at a masked stack offset. */
function stackAddress(offset: u64, size: u32): u64 {
  if (mask <= 0xffffffff) {
    const first = offset as u32;
    const last = first + size - 1;
    if (first < lo || last > hi || last < first) raiseSelector(VECTOR_SS, faultSelector);
  } else if (!isCanonical(offset)) {
    raiseSelector(VECTOR_SS, 0);
  }
  return base + offset;
}

function moved(bytes: i32): u64 {
  return (pointer & ~mask) | ((pointer + (bytes as u64)) & mask);
}

export function push(value: u64, size: i32): void {
  const next = moved(-size);
  const address = stackAddress(next & mask, size);
  if (size == 2) writeLinear16(address, value as u32, user);
  else if (size == 4) writeLinear32(address, value as u32, user);
  else writeLinear64(address, value, user);
  pointer = next;
}

/** What lies `bytes` above the top. */
export function peek(bytes: i32, size: i32): u64 {
  const address = stackAddress((pointer + (bytes as u64)) & mask, size);
  if (size == 2) return readLinear16(address, user) as u64;
  if (size == 4) return readLinear32(address, user) as u64;
  return readLinear64(address, user);
}

/** Moves the stack in the making without an access. */
export function release(bytes: i32): void {
  pointer = moved(bytes);
}

/** Raises what a push of `size` bytes that ended at the present top would raise. */
export function probeTop(size: u32): void {
  probeLinearWrite(stackAddress(pointer & mask, size), size, user);
}

/** The bits of the stack pointer in use. */
export function stackMask(): u64 {
  return mask;
}

/** Makes the pointer real. */
export function commitStackPointer(): void {
  setGpr64(RSP, pointer);
}
