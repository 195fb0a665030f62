import { stateOffset } from "../emit/SegmentEmitter.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder, Label } from "../wasm/FunctionBuilder.ts";
import { ModuleBuilder } from "../wasm/ModuleBuilder.ts";
import { importHelpers } from "./CoreImports.ts";
import { codePageLayout } from "./codePageLayout.ts";
import { emitHandler, emitPair } from "./emitHandler.ts";
import { emitLinear, emitLookUp, load, longCode, pushPlace, store, storeRip } from "./emitLookUp.ts";
import type { HandlerSpec } from "./HandlerSpec.ts";
import type { InlineHandlers } from "./inlineHandlers.ts";
import type { CoreFunctions } from "./RecordAddressEmitter.ts";
import { recordLayout, specialHandler, specialHandlers } from "./recordLayout.ts";

/** Slot of the first core's table that holds the other core's `enter`: the place of a handler that no table needs. */
export const longCoreSlot = 0;

/** What `run` returns, and what the import `attend` answers (`goOn`, `step` or a reason to leave). */
export const runResult = { goOn: 0, step: 1, leave: 2 } as const;

/** Locals and labels of `execute`. */
interface DispatchLoop {
  readonly record: number;
  /** The record that the block began with, or where it would lie if the block were in one piece. */
  readonly blockStart: number;
  readonly next: number;
  readonly transfer: Label;
  readonly again: Label;
}

const record16 = recordLayout.sizeBytes;

/**
 * The generated core of the interpreter: `execute`, the loop that dispatches records; `lookUp`, from rip to a record by way of the TLB's
 * execute tag; `link`, which remembers where a branch within a page leads; and `run`, which catches guest faults, has them
 * delivered and asks `attend` (JavaScript) about interrupts. Handlers in `inlineSpecs` and pairs of them become part of the
 * loop, all others are called through the table.
 *
 * There are two cores, since their loops would be too large together: one for 64-bit code and one for all other code. Records never
 * lead from one to the other: where the code's mode has changed, `lookUp` gives no record, and `run`, which only the first core has,
 * enters the other through slot 0 of its table.
 */
export class CoreModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #module = new ModuleBuilder();
  readonly #long: boolean;
  readonly #helpers: ReadonlyMap<HelperName, number>;
  readonly #attend: number;
  readonly #recross: number;
  readonly #decodeSingle: number;
  readonly #deliverFault: number;
  readonly #openLong: number;
  readonly #lookUp: number;
  readonly #link: number;
  readonly #execute: number;
  readonly #enter: number;

  /** `long`: the core for 64-bit code. */
  constructor(long: boolean, { specs, pairs }: InlineHandlers) {
    const module = this.#module;
    this.#long = long;
    this.#helpers = importHelpers(module);
    const decodeAt = module.importFunction("host", "decodeAt", [], ["i32"]);
    const translateFetch = module.importFunction("system", "translateFetch", ["i64"], ["i64"]);
    this.#decodeSingle = module.importFunction("host", "decodeSingle", [], ["i32"]);
    this.#recross = module.importFunction("host", "recross", ["i32"], ["i32"]);
    this.#attend = module.importFunction("host", "attend", [], ["i32"]);
    this.#openLong = module.importFunction("host", "openLong", [], []);
    this.#deliverFault = module.importFunction("system", "deliverFault", [], []);
    const tag = module.importTag("env", "guestFault");
    this.#lookUp = module.function([], ["i32"], (f) => emitLookUp(f, long, { decodeAt, translateFetch }));
    this.#link = module.function(["i32"], ["i32"], (f) => this.#writeLink(f));
    this.#execute = module.function(["i32"], [], (f) => this.#writeExecute(f, specs, pairs));
    this.#enter = module.function(["i32"], ["i32"], (f) => this.#writeEnter(f));
    module.export("enter", "function", this.#enter);
    if (!long) {
      const run = module.function([], ["i32"], (f) => this.#writeRun(f, tag));
      const openLong = module.function(["i32"], ["i32"], (f) => this.#writeOpenLong(f));
      module.export("run", "function", run);
      module.export("openLong", "function", openLong);
    }
    module.export("lookUp", "function", this.#lookUp);
    module.export("link", "function", this.#link);
    this.bytes = module.finish();
  }

  /** (branch record) -> record that it leads to. A decoder that had to drop everything has dropped the branch too. */
  #writeLink(f: FunctionBuilder): void {
    const generation = f.local("i32");
    const target = f.local("i32");
    storeRip(f, this.#long, () => f.get(0).memory("i32Load", recordLayout.immediate));
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
    const loop = { record, blockStart, next, transfer, again };
    this.#writeSpecials(f, loop);
    this.#writeCrossing(f, loop);
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
    storeRip(f, this.#long, () => pushPlace(f, record));
  }

  /**
   * The block goes on at `next`, which is elsewhere in the pool, and its start moves along, so that its length stays what was executed. Where blocks
   * end must not depend on what is decoded already: there the budget ends, interrupts come in, and with them the guest's time.
   */
  #writeGoOn(f: FunctionBuilder, { record, blockStart, next, transfer, again }: DispatchLoop): void {
    f.get(next).op("i32Eqz").if();
    this.#writeUncounted(f, blockStart);
    f.br(transfer).end();
    f.get(next).get(record).op("i32Sub").get(blockStart).op("i32Add").set(blockStart);
    f.get(next).set(record).br(again);
  }

  /** The present record is no instruction. */
  #writeUncounted(f: FunctionBuilder, blockStart: number): void {
    f.get(blockStart).i32(record16).op("i32Add").set(blockStart);
  }

  #writeSpecials(f: FunctionBuilder, loop: DispatchLoop): void {
    const { record, blockStart, next, transfer } = loop;
    const generation = f.local("i32");
    f.end(); // resolve
    storeRip(f, this.#long, () => pushPlace(f, record));
    this.#resolve(f, generation, next);
    f.if();
    f.get(record).get(next).memory("i32Store", recordLayout.displacement);
    f.get(record).i32(specialHandler.follow).memory("i32Store16", recordLayout.handler).end();
    this.#writeGoOn(f, loop);
    f.end(); // follow
    f.get(record).memory("i32Load", recordLayout.displacement).set(next);
    this.#writeGoOn(f, loop);
    f.end(); // refetch
    this.#writeUncounted(f, blockStart);
    storeRip(f, this.#long, () => f.get(record).memory("i32Load", recordLayout.immediate));
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.call(this.#lookUp).set(next).br(transfer);
    f.end(); // leave
    this.#writeUncounted(f, blockStart);
    storeRip(f, this.#long, () => f.get(record).memory("i32Load", recordLayout.immediate));
    f.i32(0).set(next).br(transfer);
    f.end(); // raise
    store(f, "i32Store", stateOffset("currentRecord"), () => f.get(record));
    f.get(record).memory("i32Load", recordLayout.immediate);
    f.get(record).memory("i32Load", recordLayout.displacement).call(this.#helpers.get("raise")!).op("unreachable");
  }

  /** Is the page behind this one still the one where the instruction ends? The TLB's execute tag knows. */
  #writeCrossing(f: FunctionBuilder, loop: DispatchLoop): void {
    const { record, blockStart, next, again } = loop;
    const linear = f.local("i64");
    const entry = f.local("i32");
    f.end(); // crossing
    load(f, "i64Load", stateOffset("pageRip")).i64(0x1000).op("i64Add");
    emitLinear(f, this.#long).set(linear);
    f.get(linear).op("i32WrapI64").i32(7).op("i32ShrU").i32(0x7fe0).op("i32And");
    load(f, "i32Load", stateOffset("tlbBase")).op("i32Add").tee(entry);
    f.memory("i64Load", 16).get(linear).op("i64Eq");
    f.get(linear).op("i32WrapI64").get(entry).memory("i32Load", 24).op("i32Add").i32(12).op("i32ShrU");
    f.get(record).memory("i32Load", recordLayout.displacement).op("i32Eq").op("i32And").if();
    this.#writeUncounted(f, blockStart);
    f.get(record).i32(record16).op("i32Add").set(record).br(again).end();
    storeRip(f, this.#long, () => pushPlace(f, record));
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.get(record).call(this.#recross).set(next);
    this.#writeGoOn(f, loop);
  }

  /** (1: one instruction only) -> nothing of interest: executes from rip on. As a handler's, its type has a result. */
  #writeEnter(f: FunctionBuilder): void {
    f.get(0).if("i32");
    f.call(this.#decodeSingle).else().call(this.#lookUp).end();
    f.call(this.#execute).i32(0);
  }

  /** Takes what `enter` takes, for the core of the mode in force. */
  #enterByMode(f: FunctionBuilder): void {
    const single = f.local("i32");
    f.set(single);
    load(f, "i32Load", stateOffset("codeMode")).i32(longCode).op("i32And").if();
    f.get(single)
      .i32(longCoreSlot)
      .callIndirect(this.#module.type(["i32"], ["i32"]))
      .op("drop");
    f.else().get(single).call(this.#enter).op("drop").end();
    f.release("i32", single);
  }

  /** What stands in slot 0 until there is 64-bit code: has the other core made, and put there. */
  #writeOpenLong(f: FunctionBuilder): void {
    f.call(this.#openLong)
      .get(0)
      .i32(longCoreSlot)
      .callIndirect(this.#module.type(["i32"], ["i32"]));
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
    f.i32(1);
    this.#enterByMode(f);
    store(f, "i32Store", stateOffset("currentRecord"), () => f.i32(0));
    f.br(again).end();
    f.end();
    load(f, "i32Load", stateOffset("budget")).i32(0).op("i32LeS").if();
    f.i32(runResult.leave).op("return").end();
    f.i32(0);
    this.#enterByMode(f);
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
    storeRip(f, undefined, () => pushPlace(f, record));
    f.end();
    f.end();
  }

  coreFunctions(): CoreFunctions {
    return { helper: (name) => this.#helpers.get(name)!, lookUp: this.#lookUp, link: this.#link };
  }
}
