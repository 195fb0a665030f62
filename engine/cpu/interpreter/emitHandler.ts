import type { HandlerExit } from "../emit/HandlerExit.ts";
import { stateOffset } from "../emit/SegmentEmitter.ts";
import type { Semantics } from "../semantics/Algebra.ts";
import { operations } from "../semantics/operations.ts";
import { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { HandlerSpec } from "./HandlerSpec.ts";
import { InterpreterAlgebra } from "./InterpreterAlgebra.ts";
import { jumpCodes, PairAlgebra } from "./PairAlgebra.ts";
import type { CoreFunctions } from "./RecordAddressEmitter.ts";
import { recordLayout } from "./recordLayout.ts";

const cr0Emulation = 4;
const cr0TaskSwitched = 8;
const cr0Protection = 1;
const cr4Osfxsr = 1 << 9;
const cr4Osxsave = 1 << 18;
const xcr0SseAndAvx = 6;
const flagsVm = 1 << 17;
const invalidOpcode = 6;
const deviceNotAvailable = 7;

/** Raises when what `push` leaves is not zero. */
function raiseWhen(algebra: InterpreterAlgebra, vector: number, push: () => void): void {
  push();
  algebra.f.if();
  algebra.raise(vector);
  algebra.f.end();
}

/** CR0.EM, CR0.TS and CR4.OSFXSR as SSE instructions see them (SDM vol. 3, 13.1). */
function emitSseCheck(algebra: InterpreterAlgebra): void {
  const { f } = algebra;
  raiseWhen(algebra, invalidOpcode, () => {
    algebra.loadState("i32Load", stateOffset("cr4"));
    f.i32(cr4Osfxsr).op("i32And").op("i32Eqz");
    algebra.loadState("i32Load", stateOffset("cr0"));
    f.i32(cr0Emulation).op("i32And").op("i32Or");
  });
}

/** VEX is no prefix in real and virtual-8086 mode. */
function emitVexCheck(algebra: InterpreterAlgebra): void {
  if (algebra.long) return;
  const { f } = algebra;
  raiseWhen(algebra, invalidOpcode, () => {
    algebra.loadState("i32Load", stateOffset("cr0"));
    f.i32(cr0Protection).op("i32And").op("i32Eqz");
    algebra.loadState("i32Load", stateOffset("flagsSystem"));
    f.i32(flagsVm).op("i32And").op("i32Or");
  });
}

/** AVX asks what XSETBV has enabled (SDM vol. 1, 14.3), not CR0.EM and CR4.OSFXSR. */
function emitAvxCheck(algebra: InterpreterAlgebra): void {
  emitVexCheck(algebra);
  const { f } = algebra;
  raiseWhen(algebra, invalidOpcode, () => {
    algebra.loadState("i32Load", stateOffset("cr4"));
    f.i32(cr4Osxsave).op("i32And").op("i32Eqz");
    algebra.loadState("i32Load", stateOffset("xcr0"));
    f.i32(xcr0SseAndAvx).op("i32And").i32(xcr0SseAndAvx).op("i32Ne").op("i32Or");
  });
}

/** What an instruction's unit asks first. x87 and MMX ask their unit's entry checks. */
function emitUnitCheck(algebra: InterpreterAlgebra): void {
  const { unit } = algebra.spec;
  if (unit === "vex") emitVexCheck(algebra);
  if (unit !== "sse" && unit !== "avx") return;
  if (unit === "sse") emitSseCheck(algebra);
  else emitAvxCheck(algebra);
  raiseWhen(algebra, deviceNotAvailable, () => {
    algebra.loadState("i32Load", stateOffset("cr0"));
    algebra.f.i32(cr0TaskSwitched).op("i32And");
  });
}

/**
 * Writes what one handler does. Returns whether the instruction behind it follows ("advance"): the caller then goes on at the
 * next record.
 */
export function emitHandler(
  f: FunctionBuilder,
  spec: HandlerSpec,
  record: number,
  core: CoreFunctions,
  exit: HandlerExit,
): "advance" | "transferred" {
  const algebra = new InterpreterAlgebra(f, spec, record, core, exit);
  emitUnitCheck(algebra);
  const semantics = (operations as Readonly<Record<string, Semantics>>)[spec.operation]!;
  semantics(algebra, algebra.operands());
  const end = algebra.finish();
  algebra.releaseLocals();
  return end;
}

/** One instruction that sets flags and, in the next record, the conditional jump behind it. */
export function emitPair(
  f: FunctionBuilder,
  first: HandlerSpec,
  jump: HandlerSpec,
  record: number,
  core: CoreFunctions,
  exit: HandlerExit,
): "advance" | "transferred" {
  const all = operations as Readonly<Record<string, Semantics>>;
  const setting = new PairAlgebra(f, first, record, core, exit);
  all[first.operation]!(setting, setting.operands());
  const condition = setting.conditionNow(jumpCodes.get(jump.operation)!);
  setting.finish();
  f.get(record).i32(recordLayout.sizeBytes).op("i32Add").set(record);
  const jumping = new PairAlgebra(f, jump, record, core, exit);
  jumping.given = condition;
  all[jump.operation]!(jumping, jumping.operands());
  const end = jumping.finish();
  setting.releaseLocals();
  jumping.releaseLocals();
  return end;
}

/** A handler as a function of its own: takes the record, gives the next one (0: leave). */
export function emitHandlerFunction(spec: HandlerSpec, core: CoreFunctions): FunctionBuilder {
  const f = new FunctionBuilder(["i32"], ["i32"]);
  const end = emitHandler(f, spec, 0, core, { transfer: () => void f.op("return") });
  if (end === "advance") f.get(0).i32(recordLayout.sizeBytes).op("i32Add");
  else f.op("unreachable");
  return f;
}
