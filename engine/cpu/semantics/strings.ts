/**
 * String instructions (Intel SDM vol. 2, "REP/REPE/REPNE"). Repeated ones go to helpers, which work in bulk and come back when enough is
 * done that somebody should look for interrupts; single MOVS, STOS, LODS, CMPS and SCAS are plain loads and stores through the
 * instruction's implied memory operands. Index registers move only after everything that can fault.
 */

import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { HelperName } from "./helperSignatures.ts";
import { binary, bytesOf } from "./shapes.ts";

const rsi = 6;
const rdi = 7;
const repeatCode = { none: 0, rep: 1, repne: 2 } as const;

/** Moves index registers one element on, in the direction of DF. */
function advance(x: Algebra, elementBits: Width, ...registers: readonly number[]): void {
  const size = x.addressSize;
  const bytes = elementBits / 8;
  const step = x.select(x.getFlag("DF"), x.constant(size, -bytes), x.constant(size, bytes));
  for (const register of registers) {
    x.writeRegister(size, register, x.add(x.readRegister(size, register), step));
  }
}

function inBulk(
  x: Algebra,
  helper: HelperName & ("movs" | "stos" | "lods" | "cmps" | "scas" | "ins" | "outs"),
  elementBits: Width,
  segment: Value<32> | number,
): void {
  const left = x.helper(helper, elementBits / 8, bytesOf(x.addressSize), segment, repeatCode[x.repeat]);
  x.repeatUnless(x.isZero(left));
}

/** REPNE acts as REP where nothing is compared. */
const movs = <W extends Width>(x: Algebra, destination: OperandRef<W>, source: OperandRef<W>): void => {
  if (x.repeat !== "none") return inBulk(x, "movs", destination.width, x.recordConstant(source));
  x.write(destination, x.read(source));
  advance(x, destination.width, rsi, rdi);
};

export const strings = {
  MOVS: binary(movs),
  STOS: binary((x, destination, accumulator) => {
    if (x.repeat !== "none") return inBulk(x, "stos", destination.width, segmentIndex.es);
    x.write(destination, x.read(accumulator));
    advance(x, destination.width, rdi);
  }),
  LODS: binary((x, accumulator, source) => {
    if (x.repeat !== "none") return inBulk(x, "lods", source.width, x.recordConstant(source));
    x.write(accumulator, x.read(source));
    advance(x, source.width, rsi);
  }),
  CMPS: binary((x, source, destination) => {
    if (x.repeat !== "none") return inBulk(x, "cmps", source.width, x.recordConstant(source));
    // Processors look at the destination first: of two faults it is its own that is reported.
    const b = x.read(destination);
    const a = x.read(source);
    x.flagsSub(a, b, x.sub(a, b));
    advance(x, source.width, rsi, rdi);
  }),
  SCAS: binary((x, accumulator, destination) => {
    if (x.repeat !== "none") return inBulk(x, "scas", destination.width, segmentIndex.es);
    const a = x.read(accumulator);
    const b = x.read(destination);
    x.flagsSub(a, b, x.sub(a, b));
    advance(x, destination.width, rdi);
  }),
  INS: (x, [destination]) => inBulk(x, "ins", destination!.width, segmentIndex.es),
  OUTS: (x, [, source]) => inBulk(x, "outs", source!.width, x.recordConstant(source!)),
} satisfies Record<string, Semantics>;
