import { stateOffset } from "../emit/SegmentEmitter.ts";
import { codeModeBits, segmentFields, segmentIndex, segmentStrideBytes } from "../layout/cpuLayout.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";
import type { FunctionBuilder, Label } from "../wasm/FunctionBuilder.ts";
import type { MemoryOpcodeName } from "../wasm/opcodes.ts";
import { codePageLayout } from "./codePageLayout.ts";
import { recordLayout } from "./recordLayout.ts";

/**
 * What both cores write to get from rip to a record and back: linear address, the TLB's execute tag, the code page of the mode in
 * force, and the line's table. `long` says which core it is written for: the one of 64-bit code, whose addresses are not cut and
 * have no limit, or that of all other code.
 */
const rowOfCs = stateOffset("segments") + segmentIndex.cs * segmentStrideBytes;

/** Of `codeMode`: set in 64-bit code only. */
export const longCode = 2;

export const load = (f: FunctionBuilder, opcode: MemoryOpcodeName, offset: number): FunctionBuilder =>
  f.i32(0).memory(opcode, offset);
export function store(f: FunctionBuilder, opcode: MemoryOpcodeName, offset: number, push: () => void): void {
  f.i32(0);
  push();
  f.memory(opcode, offset);
}

/** rip = pageRip + an i32 offset, cut to 32 bits outside of 64-bit code; `long` undefined: the mode in force decides. */
export function storeRip(f: FunctionBuilder, long: boolean | undefined, pushOffset: () => void): void {
  store(f, "i64Store", stateOffset("rip"), () => {
    load(f, "i64Load", stateOffset("pageRip"));
    pushOffset();
    f.op("i64ExtendI32U").op("i64Add");
    if (long) return;
    if (long === undefined) {
      f.i64(-1).i64(0xffff_ffff);
      load(f, "i32Load", stateOffset("codeMode")).i32(longCode).op("i32And").op("select");
    } else f.i64(0xffff_ffff);
    f.op("i64And");
  });
}

/** Offset in its page of the record in `record`. */
export const pushPlace = (f: FunctionBuilder, record: number): FunctionBuilder =>
  f.get(record).memory("i32Load16U", recordLayout.place).i32(0xfff).op("i32And");

/** Linear address in place of the offset in CS on the stack. */
export function emitLinear(f: FunctionBuilder, long: boolean): FunctionBuilder {
  if (long) return f;
  load(f, "i64Load", rowOfCs + segmentFields.base).op("i64Add");
  return f.i64(0xffff_ffff).op("i64And");
}

/** What a look-up calls when it has to: () -> record, and linear address -> physical address, which fills the TLB or faults. */
export interface LookUpCalls {
  readonly decodeAt: number;
  readonly translateFetch: number;
}

/** () -> record at rip, or 0 when that belongs to the other core. The state's pageRip then belongs to it. */
export function emitLookUp(f: FunctionBuilder, long: boolean, calls: LookUpCalls): void {
  const rip = f.local("i64");
  const linear = f.local("i64");
  const entry = f.local("i32");
  const page = f.local("i32");
  const record = f.local("i32");
  load(f, "i32Load", stateOffset("codeMode")).i32(longCode).op("i32And");
  if (long) f.op("i32Eqz");
  f.if();
  f.i32(0).op("return").end();
  load(f, "i64Load", stateOffset("rip")).tee(rip);
  emitLinear(f, long).set(linear);
  const slow = f.block();
  f.get(linear).op("i32WrapI64").i32(7).op("i32ShrU").i32(0x7fe0).op("i32And");
  load(f, "i32Load", stateOffset("tlbBase")).op("i32Add");
  const pushMiss = (): void => {
    f.get(entry).memory("i64Load", 16).get(linear).i64(-4096).op("i64And").op("i64Ne");
  };
  f.set(entry);
  pushMiss();
  f.if();
  if (!long) {
    // A limit comes before the page walk; JavaScript looks at it.
    load(f, "i32Load", stateOffset("codeMode")).i32(codeModeBits.flat).op("i32And").op("i32Eqz").brIf(slow);
  }
  f.get(linear).call(calls.translateFetch).op("drop");
  pushMiss();
  f.brIf(slow).end();
  f.get(linear).op("i32WrapI64").get(entry).memory("i32Load", 24).op("i32Add");
  f.i32(12).op("i32ShrU").i32(2).op("i32Shl").memory("i32Load", memoryPlan.codeMap).tee(page).op("i32Eqz").brIf(slow);
  findMode(f, page, slow);
  if (!long) checkCodeSegment(f, rip, linear, slow);
  f.get(page).get(linear).op("i32WrapI64").i32(0xfc0).op("i32And").i32(4).op("i32ShrU").op("i32Add");
  f.memory("i32Load", codePageLayout.lines);
  f.get(linear).op("i32WrapI64").i32(63).op("i32And").i32(2).op("i32Shl").op("i32Add");
  f.memory("i32Load").tee(record).op("i32Eqz").brIf(slow);
  store(f, "i64Store", stateOffset("pageRip"), () => {
    f.get(rip).get(linear).i64(0xfff).op("i64And").op("i64Sub");
  });
  f.get(record).op("return");
  f.end();
  f.call(calls.decodeAt);
}

/** Along the chain of code pages of one memory page to the one for the mode in force. */
function findMode(f: FunctionBuilder, page: number, slow: Label): void {
  const found = f.block();
  const next = f.loop();
  f.get(page).memory("i32Load", codePageLayout.mode);
  load(f, "i32Load", stateOffset("codeMode")).op("i32Eq").brIf(found);
  f.get(page).memory("i32Load", codePageLayout.next).tee(page).op("i32Eqz").brIf(slow).br(next);
  f.end();
  f.end();
}

/** Records may only be used when the whole page lies within the limit of CS; JavaScript looks closer otherwise. */
function checkCodeSegment(f: FunctionBuilder, rip: number, linear: number, slow: Label): void {
  load(f, "i32Load", stateOffset("codeMode")).i32(codeModeBits.flat).op("i32And").op("i32Eqz").if();
  f.get(rip).get(linear).i64(0xfff).op("i64Or").op("i64Add").get(linear).op("i64Sub");
  load(f, "i64Load32U", rowOfCs + segmentFields.executeHi)
    .op("i64GtU")
    .brIf(slow);
  f.end();
}
