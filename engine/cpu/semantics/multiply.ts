/**
 * Multiplication and division (Intel SDM vol. 2). Narrow operands are computed exactly in twice their width; 64-bit ones need helpers for the
 * high half and for 128-bit dividends. Division by zero and quotients that do not fit raise #DE with nothing changed.
 */
import type { Algebra, Condition, OperandRef, Semantics, Value, Width } from "./Algebra.ts";

const rax = 0;
const rdx = 2;
const divideError = 0;

/** Product of two 8-, 16- or 32-bit values in 64 bits. */
const wideProduct = <W extends Width>(x: Algebra, a: Value<W>, b: Value<W>, signed: boolean): Value<64> =>
  signed ? x.mul(x.signExtend(a, 64), x.signExtend(b, 64)) : x.mul(x.zeroExtend(a, 64), x.zeroExtend(b, 64));

/** CF = OF = the product does not fit. The undefined ones as recorded: SF and PF follow the low half, ZF and AF are clear. */
function productFlags<W extends Width>(x: Algebra, low: Value<W>, overflow: Condition): void {
  x.flagsResult(low, overflow, overflow);
  x.setFlag("ZF", x.constantCondition(false));
}

const fitsNot = <W extends Width>(x: Algebra, product: Value<64>, low: Value<W>, signed: boolean): Condition =>
  x.notEqual(product, signed ? x.signExtend(low, 64) : x.zeroExtend(low, 64));

const as64 = (value: Value<Width>): Value<64> => {
  if (value.width !== 64) throw new Error(`A value of ${value.width} bits where 64 are needed`);
  return value as Value<64>;
};

/** One operand: the accumulator times it, double width result. */
function multiplyAccumulator(x: Algebra, source: OperandRef<Width>, signed: boolean): void {
  const width = source.width;
  const a = x.readRegister(width, rax);
  const b = x.read(source);
  if (width === 64) {
    const high = x.helper(signed ? "mulHighS" : "mulHighU", a, b);
    const low = as64(x.mul(a, b));
    x.writeRegister(64, rax, low);
    x.writeRegister(64, rdx, high);
    const filler = signed ? x.shiftRightSigned(low, x.constant(8, 63)) : x.constant(64, 0);
    productFlags(x, low, x.notEqual(high, filler));
    return;
  }
  const product = wideProduct(x, a, b, signed);
  const low = x.truncate(product, width);
  if (width === 8) x.writeRegister(16, rax, x.truncate(product, 16));
  else {
    x.writeRegister(width, rax, x.truncate(product, width));
    x.writeRegister(width, rdx, x.truncate(x.shiftRight(product, x.constant(8, width)), width));
  }
  productFlags(x, low, fitsNot(x, product, low, signed));
}

/** Two or three operands: cut to the operand size. */
function multiplyInto(x: Algebra, destination: OperandRef<Width>, a: Value<Width>, b: Value<Width>): void {
  if (destination.width === 64) {
    const low = as64(x.mul(a, b));
    const high = x.helper("mulHighS", a, b);
    x.write(destination, low);
    productFlags(x, low, x.notEqual(high, x.shiftRightSigned(low, x.constant(8, 63))));
    return;
  }
  const product = wideProduct(x, a, b, true);
  const low = x.truncate(product, destination.width);
  x.write(destination, low);
  productFlags(x, low, fitsNot(x, product, low, true));
}

/** Dividend in AX, DX:AX or EDX:EAX, as 64 bits. */
function dividend(x: Algebra, width: 8 | 16 | 32, signed: boolean): Value<64> {
  if (width === 8) {
    const ax = x.readRegister(16, rax);
    return signed ? x.signExtend(ax, 64) : x.zeroExtend(ax, 64);
  }
  const high = x.readRegister(width, rdx);
  const upper = signed ? x.signExtend(high, 64) : x.zeroExtend(high, 64);
  return x.or(x.shiftLeft(upper, x.constant(8, width)), x.zeroExtend(x.readRegister(width, rax), 64));
}

const divide =
  (signed: boolean): Semantics =>
  (x, [source]) => {
    const operand = source!;
    const width = operand.width;
    const divisor = x.read(operand);
    if (width === 64) {
      x.helper(signed ? "idiv64" : "div64", divisor);
      return;
    }
    x.when(x.isZero(divisor), () => x.raise(divideError));
    const a = dividend(x, width, signed);
    const b = signed ? x.signExtend(divisor, 64) : x.zeroExtend(divisor, 64);
    if (signed) {
      // -2^63 / -1 is the one quotient that 64 bits do not hold; the quotient does not fit anyway.
      const minimum = x.equal(a, x.constant(64, -(1n << 63n)));
      x.when(x.and2(minimum, x.equal(b, x.constant(64, -1n))), () => x.raise(divideError));
    }
    const quotient = signed ? x.divS(a, b) : x.divU(a, b);
    const cut = x.truncate(quotient, width);
    x.when(fitsNot(x, quotient, cut, signed), () => x.raise(divideError));
    const remainder = x.truncate(signed ? x.remS(a, b) : x.remU(a, b), width);
    if (width === 8) {
      x.writeRegister(8, rax, x.truncate(cut, 8));
      x.writeRegister(8, 4, x.truncate(remainder, 8));
    } else {
      x.writeRegister(width, rax, x.truncate(cut, width));
      x.writeRegister(width, rdx, x.truncate(remainder, width));
    }
  };

export const multiply = {
  MUL: (x, [source]) => multiplyAccumulator(x, source!, false),
  IMUL: (x, [first, second, third]) => {
    if (!second) multiplyAccumulator(x, first!, true);
    else if (third) multiplyInto(x, first!, x.read(second), x.read(third));
    else multiplyInto(x, first!, x.read(first!), x.read(second));
  },
  DIV: divide(false),
  IDIV: divide(true),
} satisfies Record<string, Semantics>;
