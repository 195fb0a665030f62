// Operations on ST(0) and ST(1) alone: signs, square root, rounding, remainders, scaling and the transcendental functions. Source: Intel
// SDM vol. 1, 8.3.5 to 8.3.9, and the instruction pages of vol. 2.
import { IE, ZE } from "../floatExceptions";
import { FPU_CONTROL, FPU_STATUS } from "../layout.generated";
import * as f from "./float80";
import * as logarithms from "./logarithms";
import * as st from "./stack";
import * as trigonometry from "./trigonometry";

export function fpuChangeSign(): void {
  signOperation(0);
}

export function fpuAbsolute(): void {
  signOperation(1);
}

function signOperation(absolute: i32): void {
  st.start();
  if (st.isEmpty(0)) {
    st.underflow();
    if (st.settle()) st.put(0);
    return;
  }
  st.fetch(0);
  f.setZ(absolute ? 0 : st.sSign ^ 1, st.sExp, st.sSig);
  st.put(0);
}

export function fpuSquareRoot(): void {
  unary(0);
}

export function fpuRound(): void {
  unary(1);
}

export function fpuExp2Minus1(): void {
  unary(2);
}

/** The transcendental functions do not know of precision control. Gives the control word to put back. */
function precise(): u32 {
  const control = load<u32>(FPU_CONTROL);
  store<u32>(FPU_CONTROL, control | 0x300);
  return control;
}

function unary(operation: i32): void {
  st.start();
  if (st.isEmpty(0)) st.underflow();
  else {
    st.fetch(0);
    if (operation == 0) f.sqrt(st.sSign, st.sExp, st.sSig);
    else if (operation == 1) f.roundToInteger(st.sSign, st.sExp, st.sSig);
    else {
      const control = precise();
      logarithms.exp2Minus1(st.sSign, st.sExp, st.sSig);
      store<u32>(FPU_CONTROL, control);
    }
  }
  if (st.settle()) st.put(0);
}

/** FYL2X, FYL2XP1, FPATAN: ST(1) = f(ST(0), ST(1)), then pop. */
function binaryPop(operation: i32): void {
  st.start();
  if (st.isEmpty(0) || st.isEmpty(1)) st.underflow();
  else {
    st.fetch(1);
    const sign = st.sSign, exp = st.sExp, sig = st.sSig;
    st.fetch(0);
    const control = precise();
    if (operation == 0) logarithms.yLog2x(st.sSign, st.sExp, st.sSig, sign, exp, sig);
    else if (operation == 1) logarithms.yLog2xPlus1(st.sSign, st.sExp, st.sSig, sign, exp, sig);
    else trigonometry.arctan(sign, exp, sig, st.sSign, st.sExp, st.sSig);
    store<u32>(FPU_CONTROL, control);
  }
  if (!st.settle()) return;
  st.put(1);
  st.pop();
}

export function fpuYLog2X(): void {
  binaryPop(0);
}

export function fpuYLog2XPlus1(): void {
  binaryPop(1);
}

export function fpuArctan(): void {
  binaryPop(2);
}

/** 0 FSIN, 1 FCOS, 2 FSINCOS, 3 FPTAN. Out of range: C2 and nothing else. */
export function fpuTrigonometric(operation: i32): void {
  st.start();
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~st.C2);
  const pushes = operation >= 2;
  if (st.isEmpty(0) || (pushes && !st.isEmpty(7))) {
    const full = !st.isEmpty(0);
    st.underflow();
    if (full) store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) | st.C1);
    if (!st.settle()) return;
    st.put(0);
    if (pushes) st.pushSettled();
    return;
  }
  st.fetch(0);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  if (!trigonometry.sinCos(sign, exp, sig)) {
    store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) | st.C2);
    return;
  }
  if (trigonometry.settledEarly) {
    if (!st.settle()) return;
    st.put(0);
    if (pushes) st.pushSettled();
    return;
  }
  if (operation == 1) trigonometry.takeCos(exp, sig);
  else if (operation == 3) trigonometry.takeTan(sign, exp, sig);
  else trigonometry.takeSin(sign, exp, sig);
  normalizePseudoDenormal();
  if (!st.settle()) return;
  st.put(0);
  if (operation == 2) {
    trigonometry.takeCos(exp, sig);
    st.settle();
    st.pushSettled();
  } else if (operation == 3) {
    f.setZ(0, f.BIAS, f.INTEGER_BIT);
    st.pushSettled();
  }
}

/** A result that is an argument unchanged has the exponent that its integer bit asks for. */
function normalizePseudoDenormal(): void {
  if (f.zExp == 0 && f.zSig >> 63 != 0) f.setZ(f.zSign, 1, f.zSig);
}

/** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
export function fpuExtract(): void {
  st.start();
  if (st.isEmpty(0) || !st.isEmpty(7)) {
    const full = !st.isEmpty(0);
    st.underflow();
    if (full) store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) | st.C1);
    if (!st.settle()) return;
    st.put(0);
    st.pushSettled();
    return;
  }
  st.fetch(0);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  if (f.settleOperand(sign, exp, sig)) {
    if (!st.settle()) return;
    st.put(0);
    st.pushSettled();
    return;
  }
  if (exp == f.EXP_MAX) {
    f.setZ(0, f.EXP_MAX, f.INTEGER_BIT);
    st.put(0);
    f.setZ(sign, f.EXP_MAX, f.INTEGER_BIT);
    st.pushSettled();
    return;
  }
  if (sig == 0) {
    f.flag(ZE);
    if (!st.settle()) return;
    f.setZ(1, f.EXP_MAX, f.INTEGER_BIT);
    st.put(0);
    f.setZ(sign, 0, 0);
    st.pushSettled();
    return;
  }
  if (!st.settle()) return;
  f.normalize(exp, sig);
  const significand = f.nSig;
  f.fromInt(f.nExp - f.BIAS);
  st.put(0);
  f.setZ(sign, f.BIAS, significand);
  st.pushSettled();
}

export function fpuRemainder(nearest: i32): void {
  st.start();
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~st.C2);
  if (st.isEmpty(0) || st.isEmpty(1)) {
    st.underflow();
    if (st.settle()) st.put(0);
    return;
  }
  st.fetch(1);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  st.fetch(0);
  f.remainder(st.sSign, st.sExp, st.sSig, sign, exp, sig, nearest != 0);
  normalizePseudoDenormal();
  if (!st.settle()) return;
  st.put(0);
  const q = f.quotient;
  if ((f.raised & IE) != 0 || f.zExp == f.EXP_MAX) {
    // Nothing was divided: what the quotient told last stays.
    return;
  }
  st.setConditions(
    f.partial ? st.C2 : (q & 4 ? st.C0 : 0) | (q & 2 ? st.C3 : 0) | (q & 1 ? st.C1 : 0),
  );
}

/** FSCALE: ST(0) times two to the truncated ST(1). */
export function fpuScale(): void {
  st.start();
  if (st.isEmpty(0) || st.isEmpty(1)) st.underflow();
  else {
    st.fetch(1);
    const sign = st.sSign, exp = st.sExp, sig = st.sSig;
    st.fetch(0);
    scaleTop(sign, exp, sig);
  }
  if (st.settle()) st.put(0);
}

function scaleTop(sign: u32, exp: i32, sig: u64): void {
  if (f.settleOperands(st.sSign, st.sExp, st.sSig, sign, exp, sig)) return;
  if (exp == f.EXP_MAX) {
    const zero = f.isZero(st.sExp, st.sSig);
    const infinite = st.sExp == f.EXP_MAX;
    if ((sign == 0 && zero) || (sign != 0 && infinite)) {
      f.flag(IE);
      f.setDefaultNan();
    } else if (sign == 0) f.setZ(st.sSign, f.EXP_MAX, f.INTEGER_BIT);
    else f.setZ(st.sSign, 0, 0);
    return;
  }
  let n: i32 = 0;
  if (exp >= f.BIAS + 16) n = 0x10000;
  else if (exp >= f.BIAS) n = <i32>(sig >> (63 - (exp - f.BIAS)));
  f.scale(st.sSign, st.sExp, st.sSig, sign ? -n : n);
}
