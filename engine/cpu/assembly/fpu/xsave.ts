// XSAVE and its relatives (Intel SDM vol. 1, chapter 13): x87, SSE and AVX state in the standard and the compacted form, XCR0. State is "in use"
// when it differs from its initial configuration, which the instructions with the init optimization leave out; there is no modified optimization.
// Supervisor components are absent, so that XSAVES saves what XSAVEC does.
import {
  CPL,
  CR0,
  CR4,
  FPU_CONTROL,
  FPU_REGISTER,
  FPU_STATUS,
  FPU_TAG,
  FPU_TOP,
  GPR,
  MXCSR,
  XCR0,
  XMM,
  XSAVE_FEATURES,
} from "../layout.generated";
import * as st from "./stack";

// @ts-ignore: TypeScript has no decorators of functions
@external("system", "raise")
declare function raise(vector: i32, errorCode: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "loadSlow16")
declare function loadSlow16(address: i64): i32;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "loadSlow32")
declare function loadSlow32(address: i64): i32;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "loadSlow64")
declare function loadSlow64(address: i64): i64;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "storeSlow16")
declare function storeSlow16(address: i64, value: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "storeSlow32")
declare function storeSlow32(address: i64, value: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "storeSlow64")
declare function storeSlow64(address: i64, value: i64): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "probeWrite")
declare function probeWrite(address: i64, size: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "definedXcr0")
declare function definedXcr0(): u32;

const UD: i32 = 6;
const NM: i32 = 7;
const GP: i32 = 13;
const CR0_TS: u32 = 1 << 3;
const CR4_OSXSAVE: u32 = 1 << 18;
const XSAVEC: u32 = 1 << 1;
const XGETBV_IN_USE: u32 = 1 << 2;

const X87: u64 = 1;
const SSE: u64 = 2;
const AVX: u64 = 4;
const COMPACTED: u64 = 1 << 63;

/** Kinds of saving, as the caller numbers them. */
const FIRST_COMPACTING: i32 = 2;

const MXCSR_DEFAULT: u32 = 0x1f80;
const MXCSR_MASK: u32 = 0xffff;
const CONTROL_DEFAULT: u32 = 0x37f;
const MXCSR_AT: i64 = 24;
const REGISTERS_AT: i64 = 32;
const XMM_AT: i64 = 160;
const HEADER: i64 = 512;
const AVX_AT: i64 = 576;
const STRIDE: i32 = 32;

/** #UD unless the system has enabled XSAVE, #NM while the unit is another task's; for XSAVES and XRSTORS #GP(0) above level 0. */
export function xsaveEnter(supervisor: i32): void {
  if (!(load<u32>(CR4) & CR4_OSXSAVE)) raise(UD, -1);
  if (supervisor && load<u32>(CPL) != 0) raise(GP, 0);
  if (load<u32>(CR0) & CR0_TS) raise(NM, -1);
}

function requested(): u64 {
  const mask = ((load<u32>(GPR, 16) as u64) << 32) | (load<u32>(GPR) as u64);
  return mask & load<u64>(XCR0);
}

function isX87InUse(): bool {
  if (load<u32>(FPU_CONTROL) != CONTROL_DEFAULT || load<u32>(FPU_STATUS) | load<u32>(FPU_TOP) || load<u32>(FPU_TAG) != 0xffff) return true;
  for (let i = 0; i < 8; i++) if (load<u64>(FPU_REGISTER + i * 16) | load<u16>(FPU_REGISTER + i * 16, 8)) return true;
  return false;
}

/** Any bit set in a column of the vector registers: 0 for XMM, 16 for the upper halves of YMM. */
function isColumnInUse(column: usize): bool {
  let bits: u64 = 0;
  for (let i = 0; i < 16; i++) bits |= load<u64>(XMM + column + i * STRIDE) | load<u64>(XMM + column + i * STRIDE, 8);
  return bits != 0;
}

function inUse(): u64 {
  return (isX87InUse() ? X87 : 0) | (isColumnInUse(0) ? SSE : 0) | (isColumnInUse(16) ? AVX : 0);
}

function saveX87(address: i64): void {
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((load<u32>(FPU_TAG) >> (i * 2)) & 3) != 3) tags |= 1 << i;
  storeSlow16(address, load<u32>(FPU_CONTROL));
  storeSlow16(address + 2, load<u32>(FPU_STATUS) | (load<u32>(FPU_TOP) << 11));
  storeSlow32(address + 4, tags);
  storeSlow64(address + 8, 0);
  storeSlow64(address + 16, 0);
  const top = load<u32>(FPU_TOP);
  for (let i: u32 = 0; i < 8; i++) {
    const at = FPU_REGISTER + ((top + i) & 7) * 16;
    storeSlow64(address + REGISTERS_AT + i * 16, load<u64>(at));
    storeSlow64(address + REGISTERS_AT + 8 + i * 16, load<u16>(at, 8));
  }
}

function restoreX87(address: i64): void {
  const status: u32 = loadSlow16(address + 2);
  const tags = loadSlow16(address + 4);
  store<u32>(FPU_CONTROL, (loadSlow16(address) & 0x1f3f) | 0x40);
  store<u32>(FPU_STATUS, status & ~(<u32>0x3800) & 0xffff);
  store<u32>(FPU_TOP, (status >> 11) & 7);
  let full: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((tags >> i) & 1) == 0) full |= (<u32>3) << (i * 2);
  store<u32>(FPU_TAG, full);
  st.updateSummary();
  const top = load<u32>(FPU_TOP);
  for (let i: u32 = 0; i < 8; i++) {
    const at = FPU_REGISTER + ((top + i) & 7) * 16;
    store<u64>(at, loadSlow64(address + REGISTERS_AT + i * 16));
    store<u16>(at, <u16>loadSlow16(address + REGISTERS_AT + 8 + i * 16), 8);
  }
}

function initX87(): void {
  store<u32>(FPU_CONTROL, CONTROL_DEFAULT);
  store<u32>(FPU_STATUS, 0);
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0xffff);
  memory.fill(FPU_REGISTER, 0, 128);
}

function saveColumn(address: i64, column: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    storeSlow64(address + i * 16, load<u64>(XMM + column + i * STRIDE));
    storeSlow64(address + 8 + i * 16, load<u64>(XMM + column + i * STRIDE, 8));
  }
}

/** From memory, or zeros. */
function restoreColumn(address: i64, column: usize, count: i32, present: bool): void {
  for (let i = 0; i < count; i++) {
    const at = XMM + column + i * STRIDE;
    store<u64>(at, present ? loadSlow64(address + i * 16) : 0);
    store<u64>(at, present ? loadSlow64(address + 8 + i * 16) : 0, 8);
  }
}

function saveMxcsr(address: i64): void {
  storeSlow32(address + MXCSR_AT, load<u32>(MXCSR));
  storeSlow32(address + MXCSR_AT + 4, MXCSR_MASK);
}

/** XSAVE 0, XSAVEOPT 1, XSAVEC 2, XSAVES 3. `count` is 16 registers in 64-bit code, else 8. */
export function xsave(address: i64, kind: i32, count: i32): void {
  if ((address & 63) != 0) raise(GP, 0);
  const wanted = requested();
  probeWrite(address, wanted & AVX ? 832 : 576);
  const used = inUse();
  const compacting = kind >= FIRST_COMPACTING;
  let saved = kind == 0 ? wanted : wanted & used;
  if (compacting && wanted & SSE && load<u32>(MXCSR) != MXCSR_DEFAULT) saved |= SSE;
  // Where AVX lies does not depend on the form: nothing comes before it.
  if (saved & X87) saveX87(address);
  if (compacting ? saved & SSE : wanted & (SSE | AVX)) saveMxcsr(address);
  if (saved & SSE) saveColumn(address + XMM_AT, 0, count);
  if (saved & AVX) saveColumn(address + AVX_AT, 16, count);
  if (compacting) {
    storeSlow64(address + HEADER, saved);
    storeSlow64(address + HEADER + 8, wanted | COMPACTED);
  } else {
    storeSlow64(address + HEADER, (loadSlow64(address + HEADER) & ~wanted) | (wanted & used));
  }
}

/** #GP(0) for a header that this kind of restoring does not take. */
function checkHeader(address: i64, present: u64, form: u64, supervisor: bool): void {
  const known = load<u64>(XCR0);
  const third = loadSlow64(address + HEADER + 16);
  if (form & COMPACTED) {
    if (!(load<u32>(XSAVE_FEATURES) & XSAVEC)) raise(GP, 0);
    let reserved = third;
    for (let at: i64 = 24; at < 64; at += 8) reserved |= loadSlow64(address + HEADER + at);
    if (form & ~(known | COMPACTED) || present & ~form || reserved) raise(GP, 0);
  } else if (supervisor || form || third || present & ~known) {
    raise(GP, 0);
  }
}

/** XRSTOR, or XRSTORS, which takes the compacted form only. */
export function xrstor(address: i64, supervisor: i32, count: i32): void {
  if ((address & 63) != 0) raise(GP, 0);
  const wanted = requested();
  const present: u64 = loadSlow64(address + HEADER);
  const form: u64 = loadSlow64(address + HEADER + 8);
  checkHeader(address, present, form, supervisor != 0);
  const compacted = (form & COMPACTED) != 0;
  // Everything is touched before anything changes.
  loadSlow64(address);
  if (wanted & present & AVX) loadSlow64(address + AVX_AT + count * 16 - 8);
  const takesMxcsr = compacted ? (wanted & present & SSE) != 0 : (wanted & (SSE | AVX)) != 0;
  const mxcsr: u32 = takesMxcsr ? loadSlow32(address + MXCSR_AT) : MXCSR_DEFAULT;
  if (mxcsr & ~MXCSR_MASK) raise(GP, 0);
  if (takesMxcsr || (compacted && wanted & SSE)) store<u32>(MXCSR, mxcsr);
  if (wanted & X87) {
    if (present & X87) restoreX87(address);
    else initX87();
  }
  if (wanted & SSE) restoreColumn(address + XMM_AT, 0, count, (present & SSE) != 0);
  if (wanted & AVX) restoreColumn(address + AVX_AT, 16, count, (present & AVX) != 0);
}

/** ECX -> XCR0, or which of its state is in use. */
export function xgetbv(): i64 {
  if (!(load<u32>(CR4) & CR4_OSXSAVE)) raise(UD, -1);
  const index = load<u32>(GPR, 8);
  if (index == 0) return load<u64>(XCR0);
  if (index != 1 || !(load<u32>(XSAVE_FEATURES) & XGETBV_IN_USE)) raise(GP, 0);
  return load<u64>(XCR0) & inUse();
}

/** EDX:EAX -> XCR0. */
export function xsetbv(): void {
  if (!(load<u32>(CR4) & CR4_OSXSAVE)) raise(UD, -1);
  const value = ((load<u32>(GPR, 16) as u64) << 32) | (load<u32>(GPR) as u64);
  if (load<u32>(CPL) != 0 || load<u32>(GPR, 8) != 0) raise(GP, 0);
  if (!(value & X87) || value & ~(definedXcr0() as u64) || (value & (SSE | AVX)) == AVX) raise(GP, 0);
  store<u64>(XCR0, value);
}
