/**
 * Port input and output with the privilege rules of SDM vol. 1, 19.5: IOPL, and the I/O permission bitmap of a 32-bit TSS.
 */
import { checkIoBreakpoint } from "./debug";
import { portRead, portWrite } from "./environment";
import { generalProtection } from "./faults";
import { isTss32 } from "./gates";
import { TR } from "./layout.generated";
import { readLinear16 } from "./memoryAccess";
import { ATTR_P, cpl, iopl, isProtected, isVirtual8086, segmentAttributes, segmentBase, segmentLimit } from "./state";

/** #GP(0) unless `size` ports from `port` on may be used. */
export function checkPortAccess(port: u32, size: u32): void {
  checkIoBreakpoint(port, size);
  if (!isProtected() || (!isVirtual8086() && cpl() <= iopl())) return;
  if (!(segmentAttributes(TR) & ATTR_P) || !isTss32() || segmentLimit(TR) < 0x67) generalProtection();
  const base = segmentBase(TR);
  const at = readLinear16(base + 0x66, false) + (port >> 3);
  if (at + 1 > segmentLimit(TR)) generalProtection();
  const bits = readLinear16(base + (at as u64), false) >> (port & 7);
  if (bits & ((1 << size) - 1)) generalProtection();
}

export function in8(port: u32): u32 {
  checkPortAccess(port & 0xffff, 1);
  return portRead(port & 0xffff, 1) & 0xff;
}
export function in16(port: u32): u32 {
  checkPortAccess(port & 0xffff, 2);
  return portRead(port & 0xffff, 2) & 0xffff;
}
export function in32(port: u32): u32 {
  checkPortAccess(port & 0xffff, 4);
  return portRead(port & 0xffff, 4);
}
export function out8(port: u32, value: u32): void {
  checkPortAccess(port & 0xffff, 1);
  portWrite(port & 0xffff, 1, value & 0xff);
}
export function out16(port: u32, value: u32): void {
  checkPortAccess(port & 0xffff, 2);
  portWrite(port & 0xffff, 2, value & 0xffff);
}
export function out32(port: u32, value: u32): void {
  checkPortAccess(port & 0xffff, 4);
  portWrite(port & 0xffff, 4, value);
}
