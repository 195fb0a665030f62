// The x87 as the executors call it: one export for each kind of work, named in `semantics/helperSignatures.ts`. Source: Intel SDM
// vol. 1, chapter 8, and the instruction pages of vol. 2. Absent: the last instruction and operand pointers (they read as
// zero) and the opcode register, as on processors that report FCS/FDS deprecated.
import {
  CR0,
  FLAG_AUX,
  FLAG_CARRIES,
  FLAG_RESULT,
  FPU_CONTROL,
  FPU_REGISTER,
  FPU_STATUS,
  FPU_TAG,
  FPU_TOP,
  MXCSR,
  XMM,
} from "../layout.generated";
import * as f from "./float80";
import * as st from "./stack";
import * as t from "./transcendental";

// @ts-ignore: decorator
@external("system", "raise")
declare function raise(vector: i32, errorCode: i32): void;
// @ts-ignore: decorator
@external("system", "loadSlow16")
declare function loadSlow16(address: i64): i32;
// @ts-ignore: decorator
@external("system", "loadSlow32")
declare function loadSlow32(address: i64): i32;
// @ts-ignore: decorator
@external("system", "loadSlow64")
declare function loadSlow64(address: i64): i64;
// @ts-ignore: decorator
@external("system", "storeSlow16")
declare function storeSlow16(address: i64, value: i32): void;
// @ts-ignore: decorator
@external("system", "storeSlow32")
declare function storeSlow32(address: i64, value: i32): void;
// @ts-ignore: decorator
@external("system", "storeSlow64")
declare function storeSlow64(address: i64, value: i64): void;
// @ts-ignore: decorator
@external("system", "probeWrite")
declare function probeWrite(address: i64, size: i32): void;
/** FERR#: an unmasked exception with CR0.NE clear, answered by IRQ 13. */
// @ts-ignore: decorator
@external("env", "fpuError")
declare function fpuError(): void;

const CR0_MP: u32 = 2;
const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;
const CR0_NE: u32 = 32;
const NM: i32 = 7;
const MF: i32 = 16;
const GP: i32 = 13;

// --- entry checks ---

export function fpuEnterNoWait(): void {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) != 0) raise(NM, -1);
}

export function fpuEnter(): void {
  fpuEnterNoWait();
  checkPending();
}

export function fpuWait(): void {
  const cr0 = load<u32>(CR0);
  if ((cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) raise(NM, -1);
  checkPending();
}

/** MMX instructions: as fpuEnter. What they do to TOP and tags waits until nothing can fault any more. */
export function mmxEnter(): void {
  const cr0 = load<u32>(CR0);
  if ((cr0 & CR0_EM) != 0) raise(6, -1);
  if ((cr0 & CR0_TS) != 0) raise(NM, -1);
  checkPending();
}

/** An MMX register goes to memory: TOP = 0 whether that faults or not. */
export function mmxStore(): void {
  store<u32>(FPU_TOP, 0);
}

/** An MMX instruction is through: TOP = 0, all registers are valid. */
export function mmxUsed(): void {
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0);
}

/** ... and wrote a register: the exponent part becomes all ones. */
export function mmxWritten(register: i32): void {
  mmxUsed();
  store<u16>(FPU_REGISTER + register * 16, 0xffff, 8);
}

export function fpuEmms(): void {
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0xffff);
}

function checkPending(): void {
  if ((load<u32>(FPU_STATUS) & st.ES) == 0) return;
  if ((load<u32>(CR0) & CR0_NE) != 0) raise(MF, -1);
  fpuError();
}

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
    if (st.settle()) pushCopy();
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
  if ((f.raised & f.IE) != 0 || magnitude > 999_999_999_999_999_999) {
    f.dropInexact();
    f.flag(f.IE);
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
  const sign = f.zSign, exp = f.zExp, sig = f.zSig;
  const signaling = (f.raised & f.IE) != 0;
  if (st.isEmpty(0)) st.underflow();
  else {
    st.fetch(0);
    calculate(op, st.sSign, st.sExp, st.sSig, sign, exp, sig);
    // Of a signaling NaN and a quiet one the quiet one is the answer (SDM vol. 1, table 4-7); memory's is quiet by now.
    if (signaling && f.isNan(st.sExp, st.sSig) && (st.sSig & f.QUIET_BIT) != 0) f.setZ(st.sSign, st.sExp, st.sSig);
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

// --- operations on ST(0) and ST(1) ---

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
      t.exp2Minus1(st.sSign, st.sExp, st.sSig);
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
    if (operation == 0) t.yLog2x(st.sSign, st.sExp, st.sSig, sign, exp, sig);
    else if (operation == 1) t.yLog2xPlus1(st.sSign, st.sExp, st.sSig, sign, exp, sig);
    else t.arctan(sign, exp, sig, st.sSign, st.sExp, st.sSig);
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
    if (pushes) pushCopy();
    return;
  }
  st.fetch(0);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  if (!t.sinCos(sign, exp, sig)) {
    store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) | st.C2);
    return;
  }
  if (t.settledEarly) {
    if (!st.settle()) return;
    st.put(0);
    if (pushes) pushCopy();
    return;
  }
  if (operation == 1) t.takeCos(sig);
  else if (operation == 3) t.takeTan(sign, exp, sig);
  else t.takeSin(sign, exp, sig);
  normalizePseudoDenormal();
  if (!st.settle()) return;
  st.put(0);
  if (operation == 2) {
    t.takeCos(sig);
    st.settle();
    pushCopy();
  } else if (operation == 3) {
    f.setZ(0, f.BIAS, f.INTEGER_BIT);
    pushCopy();
  }
}

/** A result that is an argument unchanged has the exponent that its integer bit asks for. */
function normalizePseudoDenormal(): void {
  if (f.zExp == 0 && f.zSig >> 63 != 0) f.setZ(f.zSign, 1, f.zSig);
}

function pushCopy(): void {
  st.moveTop(-1);
  st.put(0);
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
    pushCopy();
    return;
  }
  st.fetch(0);
  const sign = st.sSign, exp = st.sExp, sig = st.sSig;
  if (f.settleOperand(sign, exp, sig)) {
    if (!st.settle()) return;
    st.put(0);
    pushCopy();
    return;
  }
  if (exp == f.EXP_MAX) {
    f.setZ(0, f.EXP_MAX, f.INTEGER_BIT);
    st.put(0);
    f.setZ(sign, f.EXP_MAX, f.INTEGER_BIT);
    pushCopy();
    return;
  }
  if (sig == 0) {
    f.flag(f.ZE);
    if (!st.settle()) return;
    f.setZ(1, f.EXP_MAX, f.INTEGER_BIT);
    st.put(0);
    f.setZ(sign, 0, 0);
    pushCopy();
    return;
  }
  if (!st.settle()) return;
  f.normalize(exp, sig);
  const significand = f.nSig;
  f.fromInt(f.nExp - f.BIAS);
  st.put(0);
  f.setZ(sign, f.BIAS, significand);
  pushCopy();
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
  if ((f.raised & f.IE) != 0 || f.zExp == f.EXP_MAX) {
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
      f.flag(f.IE);
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

// --- control, environment, state ---

export function fpuInit(): void {
  store<u32>(FPU_CONTROL, 0x37f);
  store<u32>(FPU_STATUS, 0);
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0xffff);
}

export function fpuClearExceptions(): void {
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & 0x7f00);
}

export function fpuLoadControl(value: i32): void {
  store<u32>(FPU_CONTROL, (value & 0x1f3f) | 0x40);
  st.updateSummary();
}

export function fpuReadControl(): i32 {
  return load<u32>(FPU_CONTROL);
}

export function fpuReadStatus(): i32 {
  return load<u32>(FPU_STATUS) | (load<u32>(FPU_TOP) << 11);
}

function writeStatus(value: u32): void {
  store<u32>(FPU_STATUS, value & ~(<u32>0x3800) & 0xffff);
  store<u32>(FPU_TOP, (value >> 11) & 7);
  st.updateSummary();
}

/** Tag word as FSTENV shows it: recomputed from the contents. */
function tagWord(): u32 {
  let word: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const shift = i * 2;
    if (((load<u32>(FPU_TAG) >> shift) & 3) == 3) word |= (<u32>3) << shift;
    else {
      const at = FPU_REGISTER + i * 16;
      word |= st.tagOf(load<u16>(at, 8) & 0x7fff, load<u64>(at)) << shift;
    }
  }
  return word;
}

/** FNSTENV: 14 or 28 bytes by operand size. All exceptions are masked afterwards. */
export function fpuStoreEnvironment(address: i64, size: i32): void {
  writeEnvironment(address, size);
  store<u32>(FPU_CONTROL, load<u32>(FPU_CONTROL) | 0x3f);
  st.updateSummary();
}

function writeEnvironment(address: i64, size: i32): void {
  probeWrite(address, size * 7);
  if (size == 2) {
    storeSlow16(address, load<u32>(FPU_CONTROL));
    storeSlow16(address + 2, fpuReadStatus());
    storeSlow16(address + 4, tagWord());
    for (let i = 6; i < 14; i += 2) storeSlow16(address + i, 0);
  } else {
    storeSlow32(address, load<u32>(FPU_CONTROL) | 0xffff_0000);
    storeSlow32(address + 4, fpuReadStatus() | 0xffff_0000);
    storeSlow32(address + 8, tagWord() | 0xffff_0000);
    for (let i = 12; i < 24; i += 4) storeSlow32(address + i, 0);
    storeSlow32(address + 24, 0xffff_0000);
  }
}

export function fpuLoadEnvironment(address: i64, size: i32): void {
  const control = loadSlow16(address);
  const status = loadSlow16(address + size);
  const tags = loadSlow16(address + size * 2);
  loadSlow16(address + size * 7 - 2);
  store<u32>(FPU_CONTROL, (control & 0x1f3f) | 0x40);
  store<u32>(FPU_TAG, tags);
  writeStatus(status);
}

/** FNSAVE: environment and registers in stack order, then FNINIT. */
export function fpuSave(address: i64, size: i32): void {
  const registers = address + size * 7;
  probeWrite(address, size * 7 + 80);
  writeEnvironment(address, size);
  for (let i = 0; i < 8; i++) {
    st.fetch(i);
    storeSlow64(registers + i * 10, st.sSig);
    storeSlow16(registers + i * 10 + 8, (st.sSign << 15) | st.sExp);
  }
  fpuInit();
}

export function fpuRestore(address: i64, size: i32): void {
  const registers = address + size * 7;
  // The ends first: of two faults the one of the first byte is reported, then the one of the last.
  loadSlow16(address);
  for (let i = 7; i >= 0; i--) loadSlow16(registers + i * 10 + 8);
  fpuLoadEnvironment(address, size);
  const top = load<u32>(FPU_TOP);
  for (let i: u32 = 0; i < 8; i++) {
    const at = FPU_REGISTER + ((top + i) & 7) * 16;
    store<u64>(at, loadSlow64(registers + i * 10));
    store<u16>(at, <u16>loadSlow16(registers + i * 10 + 8), 8);
  }
}

/** Abridged tag byte: one bit a register, set when it is not empty. */
function abridgedTags(): u32 {
  let byte: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((load<u32>(FPU_TAG) >> (i * 2)) & 3) != 3) byte |= 1 << i;
  return byte;
}

/** FXSAVE, 512 bytes (SDM vol. 1, 10.5.1); `xmmCount` is 8, or 16 in 64-bit mode. The XMM part is there whatever CR4.OSFXSR says. */
export function fpuFxsave(address: i64, xmmCount: i32): void {
  if ((address & 15) != 0) raise(GP, 0);
  probeWrite(address, 512);
  storeSlow16(address, load<u32>(FPU_CONTROL));
  storeSlow16(address + 2, fpuReadStatus());
  storeSlow16(address + 4, abridgedTags());
  storeSlow16(address + 6, 0);
  storeSlow64(address + 8, 0);
  storeSlow64(address + 16, 0);
  storeSlow32(address + 24, load<u32>(MXCSR));
  storeSlow32(address + 28, 0xffff);
  for (let i = 0; i < 8; i++) {
    st.fetch(i);
    storeSlow64(address + 32 + i * 16, st.sSig);
    storeSlow64(address + 40 + i * 16, (st.sSign << 15) | st.sExp);
  }
  for (let i = 0; i < xmmCount; i++) {
    storeSlow64(address + 160 + i * 16, load<u64>(XMM + i * 32));
    storeSlow64(address + 168 + i * 16, load<u64>(XMM + i * 32, 8));
  }
}

export function fpuFxrstor(address: i64, xmmCount: i32): void {
  if ((address & 15) != 0) raise(GP, 0);
  loadSlow64(address + 504);
  const mxcsr = loadSlow32(address + 24);
  if ((mxcsr & 0xffff_0000) != 0) raise(GP, 0);
  const control = loadSlow16(address);
  const status = loadSlow16(address + 2);
  const tags = loadSlow16(address + 4);
  store<u32>(FPU_CONTROL, (control & 0x1f3f) | 0x40);
  let full: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((tags >> i) & 1) == 0) full |= (<u32>3) << (i * 2);
  store<u32>(FPU_TAG, full);
  writeStatus(status);
  const top = load<u32>(FPU_TOP);
  for (let i: u32 = 0; i < 8; i++) {
    const at = FPU_REGISTER + ((top + i) & 7) * 16;
    store<u64>(at, loadSlow64(address + 32 + i * 16));
    store<u16>(at, <u16>loadSlow16(address + 40 + i * 16), 8);
  }
  store<u32>(MXCSR, mxcsr);
  for (let i = 0; i < xmmCount; i++) {
    store<u64>(XMM + i * 32, loadSlow64(address + 160 + i * 16));
    store<u64>(XMM + i * 32, loadSlow64(address + 168 + i * 16), 8);
  }
}
