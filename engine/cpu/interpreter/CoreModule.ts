import { stateOffset } from "../emit/MemoryEmitter.ts";
import { cpuLayout, segmentFields, segmentIndex, segmentStrideBytes } from "../layout/cpuLayout.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder, Label } from "../wasm/FunctionBuilder.ts";
import { ModuleBuilder } from "../wasm/ModuleBuilder.ts";
import type { MemoryOpcodeName } from "../wasm/opcodes.ts";
import { importHelpers } from "./CoreImports.ts";
import { codePageLayout } from "./codePageLayout.ts";
import { emitHandler, emitPair } from "./emitHandler.ts";
import type { HandlerSpec } from "./HandlerSpec.ts";
import type { CoreFunctions } from "./RecordAddressEmitter.ts";
import { recordLayout, specialHandler, specialHandlers } from "./recordLayout.ts";

/** What `run` returns, and what the import `attend` answers (`goOn`, `step` or a reason to leave). */
export const runResult = { goOn: 0, step: 1, leave: 2 } as const;

const rowOfCs = stateOffset("segments") + segmentIndex.cs * segmentStrideBytes;
const record16 = recordLayout.sizeBytes;

const load = (f: FunctionBuilder, opcode: MemoryOpcodeName, offset: number): FunctionBuilder =>
  f.i32(0).memory(opcode, offset);
function store(f: FunctionBuilder, opcode: MemoryOpcodeName, offset: number, push: () => void): void {
  f.i32(0);
  push();
  f.memory(opcode, offset);
}

/** rip = pageRip + an i32 offset, cut to 32 bits outside of 64-bit code. */
function storeRip(f: FunctionBuilder, pushOffset: () => void): void {
  store(f, "i64Store", stateOffset("rip"), () => {
    const sum = f.local("i64");
    load(f, "i64Load", stateOffset("pageRip"));
    pushOffset();
    f.op("i64ExtendI32U").op("i64Add").tee(sum);
    f.get(sum).i64(0xffff_ffff).op("i64And");
    load(f, "i32Load", stateOffset("codeMode")).i32(2).op("i32And");
    f.op("select");
    f.release("i64", sum);
  });
}

/** Offset in its page of the record in `record`. */
const pushPlace = (f: FunctionBuilder, record: number): FunctionBuilder =>
  f.get(record).memory("i32Load16U", recordLayout.place).i32(0xfff).op("i32And");

/**
 * The generated core of the interpreter: `execute`, the loop that dispatches records; `lookUp`, from rip to a record by way of the TLB's
 * execute tag; `link`, which remembers where a branch within a page leads; and `run`, which catches guest faults, has them
 * delivered and asks `attend` (JavaScript) about interrupts. Handlers in `inlineSpecs` and pairs of them become part of the
 * loop, all others are called through the table.
 */
export class CoreModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #module = new ModuleBuilder();
  readonly #helpers: ReadonlyMap<HelperName, number>;
  readonly #decodeAt: number;
  readonly #attend: number;
  readonly #recross: number;
  readonly #decodeSingle: number;
  readonly #deliverFault: number;
  readonly #lookUp: number;
  readonly #link: number;
  readonly #execute: number;

  constructor(inlineSpecs: readonly HandlerSpec[], pairs: readonly (readonly [HandlerSpec, HandlerSpec])[] = []) {
    const module = this.#module;
    this.#helpers = importHelpers(module);
    this.#decodeAt = module.importFunction("host", "decodeAt", [], ["i32"]);
    this.#decodeSingle = module.importFunction("host", "decodeSingle", [], ["i32"]);
    this.#recross = module.importFunction("host", "recross", ["i32"], ["i32"]);
    this.#attend = module.importFunction("host", "attend", [], ["i32"]);
    this.#deliverFault = module.importFunction("system", "deliverFault", [], []);
    const tag = module.importTag("env", "guestFault");
    this.#lookUp = module.function([], ["i32"], (f) => this.#writeLookUp(f));
    this.#link = module.function(["i32"], ["i32"], (f) => this.#writeLink(f));
    this.#execute = module.function(["i32"], [], (f) => this.#writeExecute(f, inlineSpecs, pairs));
    const run = module.function([], ["i32"], (f) => this.#writeRun(f, tag));
    module.export("run", "function", run);
    module.export("lookUp", "function", this.#lookUp);
    module.export("link", "function", this.#link);
    this.bytes = module.finish();
  }

  /** () -> record at rip. The state's pageRip then belongs to it. */
  #writeLookUp(f: FunctionBuilder): void {
    const rip = f.local("i64");
    const linear = f.local("i64");
    const entry = f.local("i32");
    const page = f.local("i32");
    const record = f.local("i32");
    load(f, "i64Load", stateOffset("rip")).tee(rip);
    load(f, "i64Load", rowOfCs + segmentFields.base)
      .op("i64Add")
      .tee(linear);
    f.get(linear).i64(0xffff_ffff).op("i64And");
    load(f, "i32Load", stateOffset("codeMode")).i32(2).op("i32And").op("select").set(linear);
    const slow = f.block();
    f.get(linear).op("i32WrapI64").i32(7).op("i32ShrU").i32(0x7fe0).op("i32And");
    load(f, "i32Load", stateOffset("tlbBase")).op("i32Add").tee(entry);
    f.memory("i64Load", 16).get(linear).i64(-4096).op("i64And").op("i64Ne").brIf(slow);
    f.get(linear).op("i32WrapI64").get(entry).memory("i32Load", 24).op("i32Add");
    f.i32(12).op("i32ShrU").i32(2).op("i32Shl").memory("i32Load", memoryPlan.codeMap).tee(page).op("i32Eqz").brIf(slow);
    this.#findMode(f, page, slow);
    this.#checkCodeSegment(f, rip, linear, slow);
    f.get(page).get(linear).op("i32WrapI64").i32(0xfc0).op("i32And").i32(4).op("i32ShrU").op("i32Add");
    f.memory("i32Load", codePageLayout.lines);
    f.get(linear).op("i32WrapI64").i32(63).op("i32And").i32(2).op("i32Shl").op("i32Add");
    f.memory("i32Load").tee(record).op("i32Eqz").brIf(slow);
    store(f, "i64Store", stateOffset("pageRip"), () => {
      f.get(rip).get(linear).i64(0xfff).op("i64And").op("i64Sub");
    });
    f.get(record).op("return");
    f.end();
    f.call(this.#decodeAt);
  }

  /** Along the chain of code pages of one memory page to the one for the mode in force. */
  #findMode(f: FunctionBuilder, page: number, slow: Label): void {
    const found = f.block();
    const next = f.loop();
    f.get(page).memory("i32Load", codePageLayout.mode);
    load(f, "i32Load", stateOffset("codeMode")).op("i32Eq").brIf(found);
    f.get(page).memory("i32Load", codePageLayout.next).tee(page).op("i32Eqz").brIf(slow).br(next);
    f.end();
    f.end();
  }

  /** Records may only be used when the whole page lies within the limit of CS; JavaScript looks closer otherwise. */
  #checkCodeSegment(f: FunctionBuilder, rip: number, linear: number, slow: Label): void {
    load(f, "i32Load", stateOffset("codeMode"))
      .i32(2 | 8)
      .op("i32And")
      .op("i32Eqz")
      .if();
    f.get(rip).get(linear).i64(0xfff).op("i64Or").op("i64Add").get(linear).op("i64Sub");
    load(f, "i64Load32U", rowOfCs + segmentFields.executeHi)
      .op("i64GtU")
      .brIf(slow);
    f.end();
  }

  /** (branch record) -> record that it leads to. A decoder that had to drop everything has dropped the branch too. */
  #writeLink(f: FunctionBuilder): void {
    const generation = f.local("i32");
    const target = f.local("i32");
    storeRip(f, () => f.get(0).memory("i32Load", recordLayout.immediate));
    this.#resolve(f, generation, target);
    f.if();
    f.get(0).get(target).memory("i32Store", recordLayout.displacement).end();
    f.get(target);
  }

  /** Looks up rip; leaves 1 when records that existed before still do. */
  #resolve(f: FunctionBuilder, generation: number, target: number): void {
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    load(f, "i32Load", codePageLayout.generation).set(generation);
    f.call(this.#lookUp).set(target);
    load(f, "i32Load", codePageLayout.generation).get(generation).op("i32Eq");
    // Records in scratch memory are good for one execution only.
    f.get(target).i32(memoryPlan.records).op("i32GeU").op("i32And");
  }

  /** (first record): runs until a reason to leave turns up at a block boundary; rip is in the state then. */
  #writeExecute(
    f: FunctionBuilder,
    inlineSpecs: readonly HandlerSpec[],
    pairs: readonly (readonly [HandlerSpec, HandlerSpec])[],
  ): void {
    const record = 0;
    const blockStart = f.local("i32");
    const next = f.local("i32");
    f.get(record).set(blockStart);
    const again = f.loop();
    const transfer = f.block();
    const called = f.block();
    const labels: Label[] = [];
    for (let i = specialHandlers + inlineSpecs.length + pairs.length; i > 0; i--) labels.unshift(f.block());
    f.get(record).memory("i32Load16U", recordLayout.handler).brTable(labels, called);
    this.#writeSpecials(f, record, blockStart, next, transfer);
    this.#writeCrossing(f, record, blockStart, next, transfer, again);
    const core = this.coreFunctions();
    const exit = { transfer: () => void f.set(next).br(transfer) };
    for (const handler of [...inlineSpecs, ...pairs]) {
      f.end();
      const end =
        "operation" in handler
          ? emitHandler(f, handler, record, core, exit)
          : emitPair(f, handler[0], handler[1], record, core, exit);
      if (end === "advance") f.get(record).i32(record16).op("i32Add").set(record).br(again);
    }
    f.end(); // called
    f.get(record).get(record).memory("i32Load16U", recordLayout.handler);
    f.callIndirect(this.#module.type(["i32"], ["i32"])).tee(next);
    f.get(record).i32(record16).op("i32Add").op("i32Eq").if();
    f.get(next).set(record).br(again).end();
    f.end(); // transfer
    this.#writeTransfer(f, record, blockStart, next, again);
    f.end();
  }

  /** A block ends: account for its instructions, go on at `next` unless something wants attention. */
  #writeTransfer(f: FunctionBuilder, record: number, blockStart: number, next: number, again: Label): void {
    const budget = f.local("i32");
    store(f, "i32Store", stateOffset("budget"), () => {
      load(f, "i32Load", stateOffset("budget"));
      f.get(record).get(blockStart).op("i32Sub").i32(4).op("i32ShrS").i32(1).op("i32Add").op("i32Sub").tee(budget);
    });
    f.get(next).op("i32Eqz").if().depth;
    f.op("return").end();
    f.get(next).tee(record).set(blockStart);
    f.get(budget).i32(0).op("i32GtS");
    load(f, "i32Load", stateOffset("attention")).op("i32Eqz").op("i32And").brIf(again);
    storeRip(f, () => pushPlace(f, record));
  }

  #writeSpecials(f: FunctionBuilder, record: number, blockStart: number, next: number, transfer: Label): void {
    const generation = f.local("i32");
    /** The record itself is no instruction. */
    const uncounted = (): void => void f.get(blockStart).i32(record16).op("i32Add").set(blockStart);
    f.end(); // resolve
    uncounted();
    storeRip(f, () => pushPlace(f, record));
    this.#resolve(f, generation, next);
    f.if();
    f.get(record).get(next).memory("i32Store", recordLayout.displacement);
    f.get(record).i32(specialHandler.follow).memory("i32Store16", recordLayout.handler).end();
    f.br(transfer);
    f.end(); // follow
    uncounted();
    f.get(record).memory("i32Load", recordLayout.displacement).set(next).br(transfer);
    f.end(); // refetch
    uncounted();
    storeRip(f, () => f.get(record).memory("i32Load", recordLayout.immediate));
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.call(this.#lookUp).set(next).br(transfer);
    f.end(); // leave
    uncounted();
    storeRip(f, () => f.get(record).memory("i32Load", recordLayout.immediate));
    f.i32(0).set(next).br(transfer);
    f.end(); // raise
    store(f, "i32Store", stateOffset("currentRecord"), () => f.get(record));
    f.get(record).memory("i32Load", recordLayout.immediate);
    f.get(record).memory("i32Load", recordLayout.displacement).call(this.#helpers.get("raise")!).op("unreachable");
  }

  /** Is the page behind this one still the one where the instruction ends? The TLB's execute tag knows. */
  #writeCrossing(
    f: FunctionBuilder,
    record: number,
    blockStart: number,
    next: number,
    transfer: Label,
    again: Label,
  ): void {
    const linear = f.local("i64");
    const entry = f.local("i32");
    f.end(); // crossing
    f.get(blockStart).i32(record16).op("i32Add").set(blockStart);
    load(f, "i64Load", stateOffset("pageRip"));
    load(f, "i64Load", rowOfCs + segmentFields.base)
      .op("i64Add")
      .i64(0x1000)
      .op("i64Add")
      .tee(linear);
    f.get(linear).i64(0xffff_ffff).op("i64And");
    load(f, "i32Load", stateOffset("codeMode")).i32(2).op("i32And").op("select").set(linear);
    f.get(linear).op("i32WrapI64").i32(7).op("i32ShrU").i32(0x7fe0).op("i32And");
    load(f, "i32Load", stateOffset("tlbBase")).op("i32Add").tee(entry);
    f.memory("i64Load", 16).get(linear).op("i64Eq");
    f.get(linear).op("i32WrapI64").get(entry).memory("i32Load", 24).op("i32Add").i32(12).op("i32ShrU");
    f.get(record).memory("i32Load", recordLayout.displacement).op("i32Eq").op("i32And").if();
    f.get(record).i32(record16).op("i32Add").set(record).br(again).end();
    storeRip(f, () => pushPlace(f, record));
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.get(record).call(this.#recross).set(next).br(transfer);
  }

  #writeRun(f: FunctionBuilder, tag: number): void {
    const faulted = f.local("i32");
    const answer = f.local("i32");
    const stepped = f.local("i32");
    const again = f.loop();
    f.try();
    f.get(faulted).if();
    f.i32(0).set(faulted).call(this.#deliverFault).end();
    load(f, "i32Load", stateOffset("attention")).get(stepped).op("i32Or").if();
    f.i32(0).set(stepped);
    f.call(this.#attend).tee(answer).i32(runResult.leave).op("i32GeU").if();
    f.get(answer).op("return").end();
    f.get(answer).i32(runResult.step).op("i32Eq").if();
    f.i32(1).set(stepped); // what the step leaves behind is asked for even when nothing else wants attention
    f.call(this.#decodeSingle).call(this.#execute);
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.br(again).end();
    f.end();
    load(f, "i32Load", stateOffset("budget")).i32(0).op("i32LeS").if();
    f.i32(runResult.leave).op("return").end();
    f.call(this.#lookUp).call(this.#execute);
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.catch(tag);
    this.#putBackRip(f);
    f.i32(1).set(faulted);
    f.end();
    f.br(again);
    f.end();
    f.op("unreachable");
  }

  /** After a fault: rip of the instruction that caused it, unless the event keeps its own. */
  #putBackRip(f: FunctionBuilder): void {
    const record = f.local("i32");
    store(f, "i32Store", stateOffset("budget"), () => load(f, "i32Load", stateOffset("budget")).i32(1).op("i32Sub"));
    load(f, "i32Load", stateOffset("currentRecord")).tee(record).if();
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    load(f, "i32Load", stateOffset("faultKeepsRip")).op("i32Eqz").if();
    storeRip(f, () => pushPlace(f, record));
    f.end();
    f.end();
  }

  coreFunctions(): CoreFunctions {
    return { helper: (name) => this.#helpers.get(name)!, lookUp: this.#lookUp, link: this.#link };
  }
}

/** For readers of dumps: the state's fields by name are in cpuLayout. */
export const stateBytes = cpuLayout.sizeBytes;
