/**
 * Extended state, random numbers, bases of FS and GS, and SMAP (Intel SDM vol. 2): which operands the helpers get. RDRAND and RDSEED have one
 * source; without one they report that no number is ready.
 */
import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import { mixed, nullary, resize, unary } from "./shapes.ts";

const plain = 0;
const supervisor = 1;
const areaBytes = 576;

/** YMM0..15 in 64-bit code, YMM0..7 elsewhere. */
const registers = (x: Algebra): number => (x.stackSize === 64 ? 16 : 8);

const save = (kind: number, level: number): Semantics =>
  unary((x, memory) => {
    x.helper("xsaveEnter", level);
    x.helper("xsave", x.linearAddress(memory, areaBytes), kind, registers(x));
  });

const restore = (level: number): Semantics =>
  unary((x, memory) => {
    x.helper("xsaveEnter", level);
    x.helper("xrstor", x.linearAddress(memory, areaBytes), level, registers(x));
  });

/** EDX and EAX from the halves of a value. */
function writePair(x: Algebra, value: Value<64>): void {
  x.writeRegister(32, 0, x.truncate(value, 32));
  x.writeRegister(32, 2, x.truncate(x.shiftRight(value, x.constant(8, 32)), 32));
}

const readBase = (segment: number): Semantics =>
  unary((x, destination) => {
    x.write(destination, resize(x, x.helper("readSegmentBase", segment), destination.width));
  });

const writeBase = (segment: number): Semantics =>
  unary((x, source) => {
    x.helper("writeSegmentBase", segment, x.zeroExtend(x.read(source), 64));
  });

/** CF tells whether there is a number; the other arithmetic flags are cleared. */
function random<W extends Width>(x: Algebra, destination: OperandRef<W>): void {
  const value = x.helper("random");
  x.write(destination, resize(x, value, destination.width));
  const never = x.constantCondition(false);
  const failed = x.isZero(value);
  for (const flag of ["OF", "SF", "ZF", "AF", "PF"] as const) x.setFlag(flag, never);
  x.setFlag("CF", x.not2(failed));
}

export const systemExtensions = {
  XSAVE: save(0, plain),
  XSAVEOPT: save(1, plain),
  XSAVEC: save(2, plain),
  XSAVES: save(3, supervisor),
  XRSTOR: restore(plain),
  XRSTORS: restore(supervisor),
  XGETBV: nullary((x) => {
    writePair(x, x.helper("xgetbv") as unknown as Value<64>);
  }),
  XSETBV: nullary((x) => {
    x.helper("xsetbv");
  }),
  CLAC: nullary((x) => {
    x.helper("setAlignmentCheck", 0);
  }),
  STAC: nullary((x) => {
    x.helper("setAlignmentCheck", 1);
  }),
  INVPCID: mixed((x, type, memory) => {
    x.helper("requireSupervisor");
    x.helper("invpcid", x.zeroExtend(x.read(type), 64), x.linearAddress(memory, 16));
  }),
  VMCALL: nullary((x) => {
    x.helper("hypercall");
  }),
  RDRAND: unary(random),
  RDPID: unary((x, destination) => {
    x.write(destination, resize(x, x.helper("rdpid"), destination.width));
  }),
  RDFSBASE: readBase(segmentIndex.fs),
  RDGSBASE: readBase(segmentIndex.gs),
  WRFSBASE: writeBase(segmentIndex.fs),
  WRGSBASE: writeBase(segmentIndex.gs),
} satisfies Record<string, Semantics>;
