/**
 * Decimal adjustment (Intel SDM vol. 2; not in 64-bit mode). The manual's pseudocode decides AF, CF and the result; SF, ZF and PF follow
 * AL, also for AAA and AAS where they are undefined. OF, AF and CF where undefined are as recorded from an Intel core: cleared, but
 * those of the addition for AAD.
 */
import type { Algebra, Condition, Semantics, Value } from "./Algebra.ts";
import { nullary, unary } from "./shapes.ts";

const al = 0;
const ah = 4;
const ax = 0;

const never = (x: Algebra): Condition => x.constantCondition(false);
const lowDigit = (x: Algebra, value: Value<8>): Value<8> => x.and(value, x.constant(8, 15));
/** The low digit is over nine or borrowed from. */
const needsAdjustment = (x: Algebra, value: Value<8>): Condition =>
  x.or2(x.lessU(x.constant(8, 9), lowDigit(x, value)), x.getFlag("AF"));

/** DAA and DAS: six to the low digit, sixty hexadecimal to the whole. */
const adjustPacked = (apply: (x: Algebra, a: Value<8>, b: Value<8>) => Value<8>, borrows: boolean): Semantics =>
  nullary((x) => {
    const old = x.readRegister(8, al);
    const low = needsAdjustment(x, old);
    const high = x.or2(x.lessU(x.constant(8, 0x99), old), x.getFlag("CF"));
    const zero = x.constant(8, 0);
    const afterLow = apply(x, old, x.select(low, x.constant(8, 6), zero));
    const result = apply(x, afterLow, x.select(high, x.constant(8, 0x60), zero));
    // DAS also carries when the low adjustment alone borrows (AL below six).
    const carry = borrows ? x.or2(high, x.and2(low, x.lessU(old, x.constant(8, 6)))) : high;
    x.writeRegister(8, al, result);
    x.flagsResult(result, carry, never(x), low);
  });

/** AAA and AAS: AL and AH move together as AX (80286 and later), then AL keeps one digit. */
const adjustUnpacked = (apply: (x: Algebra, a: Value<16>, b: Value<16>) => Value<16>): Semantics =>
  nullary((x) => {
    const adjust = needsAdjustment(x, x.readRegister(8, al));
    const old = x.readRegister(16, ax);
    const moved = apply(x, old, x.select(adjust, x.constant(16, 0x106), x.constant(16, 0)));
    const result = x.and(moved, x.constant(16, 0xff0f));
    x.writeRegister(16, ax, result);
    x.flagsResult(x.truncate(result, 8), adjust, never(x), adjust);
  });

export const decimal = {
  DAA: adjustPacked((x, a, b) => x.add(a, b), false),
  DAS: adjustPacked((x, a, b) => x.sub(a, b), true),
  AAA: adjustUnpacked((x, a, b) => x.add(a, b)),
  AAS: adjustUnpacked((x, a, b) => x.sub(a, b)),
  AAM: unary((x, base) => {
    const divisor = x.zeroExtend(x.read(base), 32);
    x.when(x.isZero(divisor), () => x.raise(0));
    const value = x.zeroExtend(x.readRegister(8, al), 32);
    const result = x.truncate(x.remU(value, divisor), 8);
    x.writeRegister(8, ah, x.truncate(x.divU(value, divisor), 8));
    x.writeRegister(8, al, result);
    x.flagsResult(result, never(x), never(x));
  }),
  AAD: unary((x, base) => {
    const product = x.mul(x.zeroExtend(x.readRegister(8, ah), 32), x.zeroExtend(x.read(base), 32));
    const digit = x.readRegister(8, al);
    const tens = x.truncate(product, 8);
    const result = x.add(digit, tens);
    x.writeRegister(16, ax, x.zeroExtend(result, 16));
    x.flagsAdd(digit, tens, result);
  }),
} satisfies Record<string, Semantics>;
