/**
 * FMA3 (Intel SDM vol. 2, VFMADD132PD and its neighbours): a product and a sum with one rounding. The digits of a name say which
 * operands are multiplied and which is added: 132 multiplies the first by the third and adds the second.
 */
import type { Semantics } from "./Algebra.ts";
import { fusedControl } from "./floatOperations.ts";
import { double, laneBytes, laneCount, single } from "./floatShapes.ts";
import type { FloatLanes, Vector } from "./VectorAlgebra.ts";
import { isPair, mergeLow } from "./vectorShapes.ts";

const { negateProduct, negateAddend, flipEvenAddends } = fusedControl;

/** Multiplicand, multiplier, addend as operand numbers; NaNs count in this order. */
const orders = { 132: [0, 2, 1], 213: [1, 0, 2], 231: [1, 2, 0] } as const;
type Order = "132" | "213" | "231";
const kinds = { MADD: 0, MSUB: negateAddend, NMADD: negateProduct, NMSUB: negateProduct | negateAddend } as const;
/** Even lanes are subtracted in MADDSUB and added in MSUBADD. */
const alternatingKinds = { MADDSUB: flipEvenAddends, MSUBADD: flipEvenAddends | negateAddend } as const;
const formats = { PS: single, PD: double } as const;
const scalarFormats = { SS: single, SD: double } as const;

export type PackedFusedName = `VF${keyof typeof kinds | keyof typeof alternatingKinds}${Order}${keyof typeof formats}`;
export type ScalarFusedName = `VF${keyof typeof kinds}${Order}${keyof typeof scalarFormats}`;

const packedFused =
  (lanes: FloatLanes, order: readonly number[], control: number): Semantics =>
  (x, operands) => {
    const v = x.vector;
    const inOrder = <T>(values: readonly T[]): T[] => order.map((place) => values[place]!);
    const count = laneCount(lanes);
    // Memory first: it may fault.
    if (isPair(operands[0]!)) {
      const pairs = [...operands]
        .reverse()
        .map((operand) => v.readPair(operand))
        .reverse();
      const half = (which: 0 | 1): Vector[] => inOrder(pairs.map((pair) => pair[which]));
      v.writePair(operands[0]!, v.floatPair("MulAdd", lanes, count, half(0), half(1), control));
      return;
    }
    const vectors = [...operands]
      .reverse()
      .map((operand) => v.read(operand, 16))
      .reverse();
    v.write(operands[0]!, v.float("MulAdd", lanes, count, inOrder(vectors), control), 16);
  };

const scalarFused =
  (lanes: FloatLanes, order: readonly number[], control: number): Semantics =>
  (x, operands) => {
    const v = x.vector;
    const bytes = laneBytes(lanes);
    const third = v.read(operands[2]!, bytes);
    const vectors = [v.read(operands[0]!, 16), v.read(operands[1]!, 16), third];
    const result = v.float(
      "MulAdd",
      lanes,
      1,
      order.map((place) => vectors[place]!),
      control,
    );
    v.write(operands[0]!, mergeLow(v, vectors[0]!, result, bytes), 16);
  };

function build<Name extends string>(
  of: Readonly<Record<string, number>>,
  lanes: Readonly<Record<string, FloatLanes>>,
  shape: (lanes: FloatLanes, order: readonly number[], control: number) => Semantics,
): Record<Name, Semantics> {
  const named = Object.entries(of).flatMap(([kind, control]) =>
    Object.entries(orders).flatMap(([digits, order]) =>
      Object.entries(lanes).map(([suffix, format]) => [`VF${kind}${digits}${suffix}`, shape(format, order, control)]),
    ),
  );
  return Object.fromEntries(named) as Record<Name, Semantics>;
}

export const simdFused: Record<PackedFusedName | ScalarFusedName, Semantics> = {
  ...build<PackedFusedName>({ ...kinds, ...alternatingKinds }, formats, packedFused),
  ...build<ScalarFusedName>(kinds, scalarFormats, scalarFused),
};
