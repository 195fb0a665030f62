// FLD, FILD, FBLD, FST, FIST, FBSTP and moves within the register stack, one export for each kind. Source: Intel SDM vol. 1, 8.1 to 8.3, and
// the instruction pages of vol. 2.
import { IE } from "../floatExceptions";
import { FPU_STATUS } from "../layout.generated";
import * as f from "./float80";
import * as st from "./stack";

// --- loads ---
export function fpuLoadF32(bits: i32): void {
  st.start();
  f.fromF32(bits);
  st.push();
}

export function fpuLoadF64(bits: i64): void {
  st.start();
  f.fromF64(bits);
  st.push();
}

export function fpuLoadF80(significand: i64, signExponent: i32): void {
  st.start();
  f.setZ((<u32>signExponent >> 15) & 1, signExponent & 0x7fff, significand);
  st.push();
}

export function fpuLoadInt(value: i64): void {
  st.start();
  f.fromInt(value);
  st.push();
}

export function fpuLoadBcd(low: i64, high: i32): void {
  st.start();
  let value: u64 = 0;
  for (let i = 1; i >= 0; i--) value = value * 10 + ((<u64>high >> (4 * i)) & 15);
  for (let i = 15; i >= 0; i--) value = value * 10 + ((<u64>low >> (4 * i)) & 15);
  f.fromInt(<i64>value);
  f.setZ((<u32>high >> 15) & 1, f.zExp, f.zSig);
  st.push();
}

export function fpuLoadRegister(i: i32): void {
  st.start();
  if (st.isEmpty(i)) {
    // Counts before a full stack does.
    st.underflow();
    if (st.settle()) st.pushSettled();
    return;
  }
  st.fetch(i);
  f.setZ(st.sSign, st.sExp, st.sSig);
  st.push();
}

export function fpuLoadConstant(index: i32): void {
  st.start();
  st.constant(index, f.roundingControl());
  st.push();
}

// --- stores: the value comes back, `fpuStoreAllowed` tells whether it may be written ---
let allowed: bool = true;

export function fpuStoreAllowed(): i32 {
  return i32(allowed);
}

/** ST(0) into s*; an empty register is an underflow whose masked answer is the default NaN. */
function fetchTop(): void {
  st.start();
  if (st.isEmpty(0)) {
    st.underflow();
    st.setOperand(f.zSign, f.zExp, f.zSig);
  } else st.fetch(0);
}

export function fpuStoreF32(): i32 {
  fetchTop();
  const bits = f.toF32(st.sSign, st.sExp, st.sSig);
  allowed = st.settleStore();
  return bits;
}

export function fpuStoreF64(): i64 {
  fetchTop();
  const bits = f.toF64(st.sSign, st.sExp, st.sSig);
  allowed = st.settleStore();
  return bits;
}

/** FSTP m80 does not convert: first the significand, then `fpuStoreF80SignExponent` for the rest. */
export function fpuStoreF80Significand(): i64 {
  fetchTop();
  allowed = st.settle();
  return st.sSig;
}

export function fpuStoreF80SignExponent(): i32 {
  return (st.sSign << 15) | st.sExp;
}

export function fpuStoreInt(width: i32, truncate: i32): i64 {
  fetchTop();
  const value = f.toInt(st.sSign, st.sExp, st.sSig, width, truncate != 0);
  allowed = st.settle();
  return value;
}

let bcdHigh: u32 = 0;

export function fpuStoreBcdLow(): i64 {
  fetchTop();
  let value = f.toInt(st.sSign, st.sExp, st.sSig, 64, false);
  const negative = st.sSign;
  let magnitude: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  if ((f.raised & IE) != 0 || magnitude > 999_999_999_999_999_999) {
    f.dropInexact();
    f.flag(IE);
    allowed = st.settle();
    bcdHigh = 0xffff;
    return 0xc000_0000_0000_0000;
  }
  allowed = st.settle();
  let low: u64 = 0;
  for (let i = 0; i < 16; i++) {
    low |= magnitude % 10 << (4 * i);
    magnitude /= 10;
  }
  bcdHigh = <u32>(magnitude % 10 | (magnitude / 10) << 4) | (negative << 15);
  return low;
}

export function fpuStoreBcdHigh(): i32 {
  return bcdHigh;
}

export function fpuStoreRegister(i: i32): void {
  st.start();
  if (st.isEmpty(0)) st.underflow();
  else {
    st.fetch(0);
    f.setZ(st.sSign, st.sExp, st.sSig);
  }
  if (st.settle()) {
    st.put(i);
    allowed = true;
  } else allowed = false;
}

/** FCMOVcc: empty registers count whether its condition holds or not; C1 only tells of them. */
export function fpuMoveRegister(i: i32, holds: i32): void {
  if (st.isEmpty(i) || st.isEmpty(0)) {
    st.start();
    st.underflow();
    if (st.settle()) st.put(0);
    return;
  }
  if (!holds) return;
  st.fetch(i);
  f.setZ(st.sSign, st.sExp, st.sSig);
  st.put(0);
}

/** FSTPNCE, the form of FSTP ST(i) in D9: an empty register is not copied, and no exception. */
export function fpuCopyTop(i: i32): void {
  if (!st.isEmpty(0)) {
    st.fetch(0);
    f.setZ(st.sSign, st.sExp, st.sSig);
    st.put(i);
  }
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~st.C1);
  st.pop();
}

export function fpuPop(): void {
  st.pop();
}

export function fpuExchange(i: i32): void {
  st.start();
  if (st.isEmpty(0) || st.isEmpty(i)) {
    const firstEmpty = st.isEmpty(0);
    const otherEmpty = st.isEmpty(i);
    st.underflow();
    if (!st.settle()) return;
    if (firstEmpty) st.put(0);
    if (otherEmpty) st.put(i);
  }
  st.fetch(0);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  st.fetch(i);
  f.setZ(st.sSign, st.sExp, st.sSig);
  st.put(0);
  f.setZ(sign, exp, sig);
  st.put(i);
}

export function fpuFree(i: i32): void {
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~st.C1);
  st.markEmpty(i);
}

export function fpuMoveTop(by: i32): void {
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~st.C1);
  st.moveTop(by);
}
