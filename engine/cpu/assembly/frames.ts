/**
 * ENTER with its nesting levels and BOUND (SDM vol. 2).
 */
import { VECTOR_BR, raise } from "./faults";
import { SS } from "./layout.generated";
import { isUser, readLinear16, readLinear32, readLinear64 } from "./memoryAccess";
import { commitStackPointer, probeTop, push, release, stackMask, useCurrentStack } from "./stack";
import { RBP, RSP, gpr64, setGpr16, setGpr64 } from "./state";
import { elementAddress } from "./strings";

/** A stack-relative value at the old frame pointer. */
function frameValue(offset: u64, size: i32): u64 {
  const linear = elementAddress(SS, offset & stackMask(), size, false);
  if (size == 2) return readLinear16(linear, isUser()) as u64;
  return size == 4 ? (readLinear32(linear, isUser()) as u64) : readLinear64(linear, isUser());
}

export function enter(size: i32, frameBytes: i32, nesting: i32): void {
  const level = nesting & 31;
  useCurrentStack();
  const oldPointer = gpr64(RSP);
  let frame = gpr64(RBP);
  push(frame, size);
  const newFrame = (oldPointer & ~stackMask()) | ((oldPointer - (size as u64)) & stackMask());
  if (level > 0) {
    for (let i = 1; i < level; i++) {
      frame -= size as u64;
      push(frameValue(frame, size), size);
    }
    push(newFrame, size);
  }
  release(-(frameBytes & 0xffff));
  // The new top must be writable: ENTER faults, not the first push after it.
  probeTop(size);
  commitStackPointer();
  if (size == 2) setGpr16(RBP, newFrame as u32);
  else setGpr64(RBP, size == 4 ? newFrame & 0xffffffff : newFrame);
}

export function bound(index: i32, linear: u64, size: i32): void {
  const user = isUser();
  // An index below the first bound leaves the second unread.
  if (index < readBound(linear, size, user) || index > readBound(linear + (size as u64), size, user)) {
    raise(VECTOR_BR, -1);
  }
}

function readBound(linear: u64, size: i32, user: bool): i32 {
  return size == 2 ? ((readLinear16(linear, user) << 16) as i32) >> 16 : (readLinear32(linear, user) as i32);
}
