/**
 * Masked moves and gathers (Intel SDM vol. 2, AVX and AVX2). Lanes whose mask bit is clear are not accessed and cannot fault. A gather takes its
 * elements from the lowest on, and each that arrives clears its mask: after a fault the instruction goes on where it was. Before the first, the
 * mask's lanes become all ones or all zeros; the first element clears what lies above the destination: both as on Intel cores.
 */
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { Vector } from "./VectorAlgebra.ts";
import { isPair, zeroVector } from "./vectorShapes.ts";

/** The 128-bit parts of a register. */
function parts(x: Algebra, operand: OperandRef<Width>): Vector[] {
  return isPair(operand) ? [...x.vector.readPair(operand)] : [x.vector.read(operand, 16)];
}

function writeParts(x: Algebra, operand: OperandRef<Width>, value: readonly Vector[]): void {
  const [low, high] = value;
  if (high) x.vector.writePair(operand, [low!, high]);
  else x.vector.write(operand, low!, 16);
}

const maskedLoad =
  (width: 32 | 64): Semantics =>
  (x, [destination, mask, memory]) => {
    const v = x.vector;
    const lanes = 128 / width;
    x.effectiveAddress(memory!); // computed where it is always reached
    const loaded = parts(x, mask!).map((part, half) => {
      const signs = v.signBits(width, part);
      let result = zeroVector(v);
      for (let lane = 0; lane < lanes; lane++) {
        const at = (half * lanes + lane) * (width / 8);
        result = v.replaceWhen(result, lane, x.bit(signs, lane), () => x.readAt(memory!, at, width));
      }
      return result;
    });
    writeParts(x, destination!, loaded);
  };

/** All lanes are tried before the first is written. */
const maskedStore =
  (width: 32 | 64): Semantics =>
  (x, [memory, mask, source]) => {
    const v = x.vector;
    const lanes = 128 / width;
    x.effectiveAddress(memory!);
    const data = parts(x, source!);
    const signs = parts(x, mask!).map((part) => v.signBits(width, part));
    const eachLane = (work: (at: number, half: number, lane: number) => void): void => {
      signs.forEach((bits, half) => {
        for (let lane = 0; lane < lanes; lane++) {
          x.when(x.bit(bits, lane), () => work((half * lanes + lane) * (width / 8), half, lane));
        }
      });
    };
    eachLane((at) => void x.readForWriteAt(memory!, at, width));
    eachLane((at, half, lane) => x.writeAt(memory!, at, v.extract(width, data[half]!, lane)));
  };

/** Elements that a gather moves: as many as the shorter of both vectors has lanes for. */
function gatherCount(
  destinationBits: number,
  elementBits: number,
  indexOperandBits: number,
  indexBits: number,
): number {
  return Math.min(destinationBits / elementBits, indexOperandBits / indexBits);
}

/** Index times scale, as a signed distance from the operand's address. */
function distance(
  x: Algebra,
  indices: readonly Vector[],
  lane: number,
  indexBits: 32 | 64,
  scale: Value<8>,
): Value<64> {
  const perPart = 128 / indexBits;
  const index = x.vector.extract(indexBits, indices[Math.floor(lane / perPart)]!, lane % perPart);
  return x.shiftLeft(x.signExtend(index, 64), scale);
}

/** Ones or zeros by the sign of each lane. */
function fullLanes(x: Algebra, a: Vector, bits: 32 | 64): Vector {
  return x.vector.shift(bits === 32 ? "i32x4ShrS" : "i64x2ShrS", a, x.constant(32, bits - 1));
}

const gather =
  (indexBits: 32 | 64, elementBits: 32 | 64): Semantics =>
  (x, [destination, memory, mask, index, scaleShift]) => {
    const v = x.vector;
    x.effectiveAddress(memory!);
    const scale = x.truncate(x.recordConstant(scaleShift!), 8);
    const indices = parts(x, index!);
    const perPart = 128 / elementBits;
    const count = gatherCount(destination!.width, elementBits, index!.width, indexBits);
    const masks = parts(x, mask!).map((part) => fullLanes(x, part, elementBits));
    writeParts(x, mask!, masks);
    const signs = masks.map((part) => v.signBits(elementBits, part));
    for (let lane = 0; lane < count; lane++) {
      const far = distance(x, indices, lane, indexBits, scale);
      x.when(x.bit(signs[Math.floor(lane / perPart)]!, lane % perPart), () => {
        v.writeLane(destination!, lane, x.readAt(memory!, far, elementBits));
        v.clearAbove(destination!, Math.max(destination!.width, index!.width) / 8);
        v.writeLane(mask!, lane, x.constant(elementBits, 0));
      });
    }
    v.clearAbove(destination!, (count * elementBits) / 8);
    v.clearAbove(mask!, 0);
  };

export const avxMemory = {
  VMASKLOADD: maskedLoad(32),
  VMASKLOADQ: maskedLoad(64),
  VMASKSTORED: maskedStore(32),
  VMASKSTOREQ: maskedStore(64),
  VGATHERDD: gather(32, 32),
  VGATHERDQ: gather(32, 64),
  VGATHERQD: gather(64, 32),
  VGATHERQQ: gather(64, 64),
} satisfies Record<string, Semantics>;
