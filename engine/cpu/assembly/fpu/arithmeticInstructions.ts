// FADD to FDIVR and FCOM to FTST, FXAM: operands of every kind against the register stack. Source: Intel SDM vol. 1, 8.3.3 to 8.3.6, and the
// instruction pages of vol. 2.
import { IE } from "../floatExceptions";
import { FLAG_AUX, FLAG_CARRIES, FLAG_RESULT, FPU_STATUS } from "../layout.generated";
import * as f from "./float80";
import * as st from "./stack";

// --- arithmetic: 0 add, 1 multiply, 4 subtract, 5 reversed, 6 divide, 7 reversed, as in the reg field ---
function calculate(op: i32, aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64): void {
  switch (op) {
    case 0:
      return f.add(aSign, aExp, aSig, bSign, bExp, bSig);
    case 1:
      return f.mul(aSign, aExp, aSig, bSign, bExp, bSig);
    case 4:
      return subtract(aSign, aExp, aSig, bSign, bExp, bSig);
    case 5:
      return subtract(bSign, bExp, bSig, aSign, aExp, aSig);
    case 6:
      return f.div(aSign, aExp, aSig, bSign, bExp, bSig);
    default:
      return f.div(bSign, bExp, bSig, aSign, aExp, aSig);
  }
}

/** A NaN keeps its sign: only a number is negated. */
function subtract(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64): void {
  if (f.isNan(bExp, bSig) || f.isNan(aExp, aSig)) f.add(aSign, aExp, aSig, bSign, bExp, bSig);
  else f.add(aSign, aExp, aSig, bSign ^ 1, bExp, bSig);
}

/** A NaN or an unsupported format, beside which a denormal operand does not count. */
function isNoNumber(exp: i32, sig: u64): bool {
  return f.isNan(exp, sig) || f.isUnsupported(exp, sig);
}

/** ST(0) = ST(0) op z* */
function calculateWithTop(op: i32): void {
  const sign = f.zSign, exp = f.zExp;
  // A signaling NaN of memory is quiet by now; which of two NaNs is the answer goes by what they were (SDM vol. 1, table 4-7).
  const sig = f.raised & IE ? f.zSig & ~f.QUIET_BIT : f.zSig;
  if (st.isEmpty(0)) st.underflow();
  else {
    st.fetch(0);
    calculate(op, st.sSign, st.sExp, st.sSig, sign, exp, sig);
    if (isNoNumber(st.sExp, st.sSig)) f.dropDenormal();
  }
  if (st.settle()) st.put(0);
}

export function fpuArithmeticF32(op: i32, bits: i32): void {
  st.start();
  f.fromF32(bits);
  calculateWithTop(op);
}

export function fpuArithmeticF64(op: i32, bits: i64): void {
  st.start();
  f.fromF64(bits);
  calculateWithTop(op);
}

export function fpuArithmeticInt(op: i32, value: i64): void {
  st.start();
  f.fromInt(value);
  calculateWithTop(op);
}

/** ST(target) = ST(target) op ST(source); pops afterwards unless an unmasked exception holds the result back. */
export function fpuArithmeticRegister(op: i32, target: i32, source: i32, pops: i32): void {
  st.start();
  if (st.isEmpty(target) || st.isEmpty(source)) st.underflow();
  else {
    st.fetch(source);
    const sign = st.sSign, exp = st.sExp, sig = st.sSig;
    st.fetch(target);
    calculate(op, st.sSign, st.sExp, st.sSig, sign, exp, sig);
  }
  if (!st.settle()) return;
  st.put(target);
  if (pops) st.pop();
}

// --- comparisons ---
function conditionsOf(order: i32): u32 {
  return order < 0 ? st.C0 : order == 0 ? st.C3 : order == 1 ? 0 : st.C0 | st.C2 | st.C3;
}

function compareTopWithZ(pops: i32): void {
  const sign = f.zSign, exp = f.zExp, sig = f.zSig;
  let order = 2;
  if (st.isEmpty(0)) st.underflow();
  else {
    st.fetch(0);
    order = f.compare(st.sSign, st.sExp, st.sSig, sign, exp, sig, false);
    if (isNoNumber(st.sExp, st.sSig)) f.dropDenormal();
  }
  finishCompare(order, pops);
}

function finishCompare(order: i32, pops: i32): void {
  const proceed = st.settle();
  st.setConditions(conditionsOf(order));
  if (!proceed) return;
  for (let i = 0; i < pops; i++) st.pop();
}

export function fpuCompareF32(bits: i32, pops: i32): void {
  st.start();
  f.fromF32(bits);
  compareTopWithZ(pops);
}

export function fpuCompareF64(bits: i64, pops: i32): void {
  st.start();
  f.fromF64(bits);
  compareTopWithZ(pops);
}

export function fpuCompareInt(value: i64, pops: i32): void {
  st.start();
  f.fromInt(value);
  compareTopWithZ(pops);
}

function compareRegisters(i: i32, quiet: i32): i32 {
  st.start();
  if (st.isEmpty(0) || st.isEmpty(i)) {
    st.underflow();
    return 2;
  }
  st.fetch(i);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  st.fetch(0);
  return f.compare(st.sSign, st.sExp, st.sSig, sign, exp, sig, quiet != 0);
}

export function fpuCompareRegister(i: i32, quiet: i32, pops: i32): void {
  finishCompare(compareRegisters(i, quiet), pops);
}

/** FCOMI, FUCOMI: the order goes to ZF, PF and CF. C1 changes only when a register is empty. */
export function fpuCompareFlags(i: i32, quiet: i32, pops: i32): void {
  const c1 = st.isEmpty(0) || st.isEmpty(i) ? 0 : load<u32>(FPU_STATUS) & st.C1;
  const order = compareRegisters(i, quiet);
  const proceed = st.settle();
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) | c1);
  const zero = order == 0 || order == 2;
  store<u64>(FLAG_RESULT, zero ? 0 : 1);
  // Parity of 0 is even and of 1 odd; bit 8 turns it where PF must differ.
  store<u32>(FLAG_AUX, order == 0 ? 0x100 : 0);
  store<u32>(FLAG_CARRIES, order == -1 || order == 2 ? 0xc000_0000 : 0);
  if (proceed && pops) st.pop();
}

export function fpuTest(): void {
  st.start();
  f.setZ(0, 0, 0);
  compareTopWithZ(0);
}

/** FXAM: C3 C2 C0 by class, C1 the sign. */
export function fpuExamine(): void {
  st.fetch(0);
  let conditions: u32 = st.sSign ? st.C1 : 0;
  if (st.isEmpty(0)) conditions |= st.C3 | st.C0;
  else if (f.isUnsupported(st.sExp, st.sSig)) conditions |= 0;
  else if (f.isNan(st.sExp, st.sSig)) conditions |= st.C0;
  else if (st.sExp == f.EXP_MAX) conditions |= st.C2 | st.C0;
  else if (f.isZero(st.sExp, st.sSig)) conditions |= st.C3;
  else if (st.sExp == 0) conditions |= st.C3 | st.C2;
  else conditions |= st.C2;
  st.setConditions(conditions);
}
