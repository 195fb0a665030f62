/** IN and OUT (Intel SDM vol. 2): the helpers hold IOPL and the I/O permission bitmap. The port is an immediate byte or DX. */
import type { Semantics } from "./Algebra.ts";
import { mixed, resize } from "./shapes.ts";

export const io = {
  IN: mixed((x, accumulator, port) => {
    const name = accumulator.width === 8 ? "in8" : accumulator.width === 16 ? "in16" : "in32";
    x.write(accumulator, resize(x, x.helper(name, x.zeroExtend(x.read(port), 32)), accumulator.width));
  }),
  OUT: mixed((x, port, accumulator) => {
    const name = accumulator.width === 8 ? "out8" : accumulator.width === 16 ? "out16" : "out32";
    x.helper(name, x.zeroExtend(x.read(port), 32), x.read(accumulator));
  }),
} satisfies Record<string, Semantics>;
