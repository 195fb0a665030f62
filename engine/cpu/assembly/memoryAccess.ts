/**
 * Loads and stores by linear address for everything that is not the emitted fast path: the slow halves of guest accesses, and the
 * accesses the system unit makes itself (descriptor tables, stacks, task state). An access that crosses a page is checked as a
 * whole before any byte of it is written. `user` says whose rights count, since accesses to system tables are the supervisor's at any CPL.
 */
import { checkDataBreakpoint } from "./debug";
import { ACCESS_FETCH, ACCESS_QUIET, ACCESS_READ, ACCESS_USER, ACCESS_WRITE, NO_PHYSICAL, translate } from "./mmu";
import {
  physRead16,
  physRead32,
  physRead64,
  physRead8,
  physWrite16,
  physWrite32,
  physWrite64,
  physWrite8,
} from "./physical";
import { cpl, wrapLinear } from "./state";
import { fastRead, fastWrite } from "./tlb";
import { meetWatchpoint } from "./watchpoints";

function crosses(linear: u64, size: u32): bool {
  return ((linear as u32) & 0xfff) + size > 0x1000;
}
function readAccess(user: bool): u32 {
  return user ? ACCESS_READ | ACCESS_USER : ACCESS_READ;
}
function writeAccess(user: bool): u32 {
  return user ? ACCESS_WRITE | ACCESS_USER : ACCESS_WRITE;
}

export function readLinear8(address: u64, user: bool): u32 {
  const linear = wrapLinear(address);
  const fast = fastRead(user, linear, 1);
  if (fast) return load<u8>(fast);
  return physRead8(translate(linear, readAccess(user)));
}

/** Byte by byte: for accesses over a page boundary. */
function readCrossing(linear: u64, size: u32, user: bool): u64 {
  let value: u64 = 0;
  for (let i: u32 = 0; i < size; i++) value |= (readLinear8(linear + (i as u64), user) as u64) << ((i << 3) as u64);
  return value;
}

export function readLinear16(address: u64, user: bool): u32 {
  const linear = wrapLinear(address);
  const fast = fastRead(user, linear, 2);
  if (fast) return load<u16>(fast);
  if (crosses(linear, 2)) return readCrossing(linear, 2, user) as u32;
  return physRead16(translate(linear, readAccess(user)));
}
export function readLinear32(address: u64, user: bool): u32 {
  const linear = wrapLinear(address);
  const fast = fastRead(user, linear, 4);
  if (fast) return load<u32>(fast);
  if (crosses(linear, 4)) return readCrossing(linear, 4, user) as u32;
  return physRead32(translate(linear, readAccess(user)));
}
export function readLinear64(address: u64, user: bool): u64 {
  const linear = wrapLinear(address);
  const fast = fastRead(user, linear, 8);
  if (fast) return load<u64>(fast);
  if (crosses(linear, 8)) return readCrossing(linear, 8, user);
  return physRead64(translate(linear, readAccess(user)));
}

/** Raises what a write of `size` bytes (at most a page) would raise. */
export function probeLinearWrite(address: u64, size: u32, user: bool): void {
  const linear = wrapLinear(address);
  if (!fastWrite(user, linear, 1)) translate(linear, writeAccess(user));
  if (crosses(linear, size)) {
    const second = wrapLinear((linear | 0xfff) + 1);
    if (!fastWrite(user, second, 1)) translate(second, writeAccess(user));
  }
}
export function probeLinearRead(address: u64, size: u32, user: bool): void {
  const linear = wrapLinear(address);
  if (!fastRead(user, linear, 1)) translate(linear, readAccess(user));
  if (crosses(linear, size)) {
    const second = wrapLinear((linear | 0xfff) + 1);
    if (!fastRead(user, second, 1)) translate(second, readAccess(user));
  }
}

export function writeLinear8(address: u64, value: u32, user: bool): void {
  const linear = wrapLinear(address);
  const fast = fastWrite(user, linear, 1);
  if (fast) store<u8>(fast, value as u8);
  else physWrite8(translate(linear, writeAccess(user)), value);
}
function writeCrossing(linear: u64, value: u64, size: u32, user: bool): void {
  probeLinearWrite(linear, size, user);
  for (let i: u32 = 0; i < size; i++) writeLinear8(linear + (i as u64), (value >> ((i << 3) as u64)) as u32, user);
}

export function writeLinear16(address: u64, value: u32, user: bool): void {
  const linear = wrapLinear(address);
  const fast = fastWrite(user, linear, 2);
  if (fast) store<u16>(fast, value as u16);
  else if (crosses(linear, 2)) writeCrossing(linear, value as u64, 2, user);
  else physWrite16(translate(linear, writeAccess(user)), value);
}
export function writeLinear32(address: u64, value: u32, user: bool): void {
  const linear = wrapLinear(address);
  const fast = fastWrite(user, linear, 4);
  if (fast) store<u32>(fast, value);
  else if (crosses(linear, 4)) writeCrossing(linear, value as u64, 4, user);
  else physWrite32(translate(linear, writeAccess(user)), value);
}
export function writeLinear64(address: u64, value: u64, user: bool): void {
  const linear = wrapLinear(address);
  const fast = fastWrite(user, linear, 8);
  if (fast) store<u64>(fast, value);
  else if (crosses(linear, 8)) writeCrossing(linear, value, 8, user);
  else physWrite64(translate(linear, writeAccess(user)), value);
}

/** The guest's own accesses have the rights of its privilege level. */
export function isUser(): bool {
  return cpl() == 3;
}

export function loadSlow8(linear: u64): u32 {
  meetWatchpoint(linear, 1, false);
  const value = readLinear8(linear, isUser());
  checkDataBreakpoint(linear, 1, false);
  return value;
}
export function loadSlow16(linear: u64): u32 {
  meetWatchpoint(linear, 2, false);
  const value = readLinear16(linear, isUser());
  checkDataBreakpoint(linear, 2, false);
  return value;
}
export function loadSlow32(linear: u64): u32 {
  meetWatchpoint(linear, 4, false);
  const value = readLinear32(linear, isUser());
  checkDataBreakpoint(linear, 4, false);
  return value;
}
export function loadSlow64(linear: u64): u64 {
  meetWatchpoint(linear, 8, false);
  const value = readLinear64(linear, isUser());
  checkDataBreakpoint(linear, 8, false);
  return value;
}
export function storeSlow8(linear: u64, value: u32): void {
  meetWatchpoint(linear, 1, true);
  writeLinear8(linear, value, isUser());
  checkDataBreakpoint(linear, 1, true);
}
export function storeSlow16(linear: u64, value: u32): void {
  meetWatchpoint(linear, 2, true);
  writeLinear16(linear, value, isUser());
  checkDataBreakpoint(linear, 2, true);
}
export function storeSlow32(linear: u64, value: u32): void {
  meetWatchpoint(linear, 4, true);
  writeLinear32(linear, value, isUser());
  checkDataBreakpoint(linear, 4, true);
}
export function storeSlow64(linear: u64, value: u64): void {
  meetWatchpoint(linear, 8, true);
  writeLinear64(linear, value, isUser());
  checkDataBreakpoint(linear, 8, true);
}
export function probeWrite(linear: u64, size: u32): void {
  probeLinearWrite(linear, size, isUser());
  meetWatchpoint(linear, size, true);
}

/** Linear to physical for instruction fetch; #PF as a fetch. */
export function translateFetch(address: u64): u64 {
  return translate(wrapLinear(address), isUser() ? ACCESS_FETCH | ACCESS_USER : ACCESS_FETCH);
}

/** The byte at a linear address as the debugger shows it, or -1. */
export function peekLinear8(linear: u64): i32 {
  const phys = translate(linear, ACCESS_QUIET);
  return phys == NO_PHYSICAL ? -1 : (physRead8(phys) as i32);
}
