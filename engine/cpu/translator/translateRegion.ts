import { stateOffset } from "../emit/SegmentEmitter.ts";
import type { CoreFunctions } from "../interpreter/RecordAddressEmitter.ts";
import type { Semantics } from "../semantics/Algebra.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import { operations } from "../semantics/operations.ts";
import { FunctionBuilder, type Label } from "../wasm/FunctionBuilder.ts";
import type { Region } from "./findRegion.ts";
import { branchTarget } from "./findRegion.ts";
import { flagLiveness } from "./flagLiveness.ts";
import type { RegisterUse } from "./LocalStateEmitter.ts";
import { type Scope, structureBlocks } from "./structureBlocks.ts";
import { TranslatorAlgebra } from "./TranslatorAlgebra.ts";

/**
 * Writes a region as a handler function (record -> next record): its blocks in address order within wasm loops and blocks, registers
 * and flags in locals from entry to exit. Backward branches look at budget and attention. The result goes into the same table as the
 * interpreter's handlers.
 */
class RegionWriter {
  readonly f = new FunctionBuilder(["i32"], ["i32"]);
  readonly #region: Region;
  readonly #core: CoreFunctions;
  readonly #algebra: TranslatorAlgebra;
  readonly #live: readonly boolean[];
  readonly #indexOf: ReadonlyMap<number, number>;
  readonly #budget: number;
  readonly #open: { scope: Scope; label: Label }[] = [];
  #block = 0;

  constructor(region: Region, core: CoreFunctions, long: boolean, use?: RegisterUse) {
    this.#region = region;
    this.#core = core;
    this.#live = flagLiveness(region);
    this.#indexOf = new Map(region.blocks.map((block, i) => [block.start, i]));
    this.#budget = this.f.local("i32");
    const exits = { helper: (name: HelperName) => core.helper(name), goTo: (offset: number) => this.#goTo(offset) };
    this.#algebra = new TranslatorAlgebra(this.f, exits, long, use);
  }

  get registerUse(): RegisterUse {
    return this.#algebra.registerUse;
  }

  write(scopes: readonly Scope[]): void {
    const { f } = this;
    this.#algebra.loadAll();
    this.#algebra.loadState("i32Load", stateOffset("budget"));
    f.set(this.#budget);
    this.#region.blocks.forEach((_, i) => {
      for (; this.#open.at(-1)?.scope.end === i; this.#open.pop()) f.end();
      for (const scope of scopes) {
        if (scope.start === i) this.#open.push({ scope, label: scope.kind === "loop" ? f.loop() : f.block() });
      }
      this.#writeBlock(i);
    });
    for (; this.#open.length > 0; this.#open.pop()) f.end();
    f.op("unreachable");
  }

  #writeBlock(index: number): void {
    const { f } = this;
    const algebra = this.#algebra;
    const { instructions, end } = this.#region.blocks[index]!;
    this.#block = index;
    algebra.dropFlags();
    f.get(this.#budget).i32(instructions.length).op("i32Sub").set(this.#budget);
    for (const { offset, instruction } of instructions) {
      const operands = algebra.begin(offset, instruction);
      (operations as Readonly<Record<string, Semantics>>)[instruction.row.operation]!(algebra, operands);
      algebra.finish();
      if (algebra.stored) {
        f.get(algebra.leave).if();
        this.#exit(offset + instruction.length);
        f.end();
      }
    }
    const last = instructions.at(-1)!;
    const jumps = branchTarget(last) !== undefined && last.instruction.row.operation === "JMP";
    if (!jumps) this.#fallThrough(end, index + 1);
    algebra.dropFlags();
    algebra.releaseLocals();
  }

  #fallThrough(offset: number, next: number): void {
    if (this.#indexOf.get(offset) !== next) this.#algebra.keepingFlags(() => this.#goTo(offset));
    else if (this.#live[next]) this.#algebra.settleFlags();
  }

  /** Code behind is dead. */
  #goTo(offset: number): void {
    const { f } = this;
    const target = this.#indexOf.get(offset);
    if (target === undefined) {
      this.#exit(offset);
      return;
    }
    if (this.#live[target]) this.#algebra.settleFlags();
    const backward = target <= this.#block;
    if (backward) {
      f.get(this.#budget).i32(0).op("i32LeS");
      this.#algebra.loadState("i32Load", stateOffset("attention"));
      f.op("i32Or").if();
      this.#exit(offset);
      f.end();
    }
    const place = this.#open.find(({ scope }) =>
      backward ? scope.kind === "loop" && scope.start === target : scope.kind === "block" && scope.end === target,
    );
    if (!place) throw new Error("an edge without a scope");
    f.br(place.label);
  }

  /** Everything goes back into the state, and the interpreter goes on at the offset. */
  #exit(offset: number): void {
    const { f } = this;
    this.#algebra.storeAll();
    this.#algebra.storeRip(offset);
    this.#algebra.storeState("i32Store", stateOffset("budget"), () => f.get(this.#budget));
    f.call(this.#core.lookUp).op("return");
  }
}

/**
 * Undefined when the region's flow cannot be structured or there is nothing to gain. It is written twice: only then is known which
 * registers need a local, and which of them have to be stored where something can fault.
 */
export function translateRegion(region: Region, core: CoreFunctions, long: boolean): FunctionBuilder | undefined {
  const scopes = structureBlocks(region.edges);
  if (!scopes || region.blocks.length === 0) return undefined;
  const draft = new RegionWriter(region, core, long);
  draft.write(scopes);
  const writer = new RegionWriter(region, core, long, draft.registerUse);
  writer.write(scopes);
  return writer.f;
}
