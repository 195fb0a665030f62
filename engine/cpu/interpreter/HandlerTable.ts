import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import { ModuleBuilder } from "../wasm/ModuleBuilder.ts";
import { importCoreFunction, importHelpers } from "./CoreImports.ts";
import { emitHandlerFunction } from "./emitHandler.ts";
import { type HandlerSpec, handlerKey } from "./HandlerSpec.ts";
import type { InlineHandlers } from "./inlineHandlers.ts";
import type { CoreFunctions } from "./RecordAddressEmitter.ts";
import { specialHandlers } from "./recordLayout.ts";

/** Slots of the table that records can name. */
export const handlerCapacity = 0x1_0000;

/**
 * Gives each handler spec its index. The first indices belong to the handlers that the core has inline; any other spec gets a function
 * in the table, made the first time an instruction needs it: `flush` compiles all that were asked for since the last one. Specs that
 * differ only in what their operation does not ask about come out as the same code and share an index.
 */
export class HandlerTable {
  readonly #indices = new Map<string, number>();
  readonly #byCode = new Map<string, number>();
  readonly #pairs = new Map<number, number>();
  readonly #firstPair: number;
  #next: number;
  #pending: { index: number; f: FunctionBuilder }[] = [];
  readonly #table: WebAssembly.Table;
  readonly #imports: WebAssembly.Imports;
  /** Imports come first and in a fixed order, so these indices hold in every module of handlers. */
  readonly #core: CoreFunctions;

  /** `imports` are those of the units, `env` and `core`. */
  constructor({ specs, pairs }: InlineHandlers, table: WebAssembly.Table, imports: WebAssembly.Imports) {
    this.#table = table;
    this.#imports = imports;
    this.#core = importAll(new ModuleBuilder());
    specs.forEach((spec, i) => {
      const index = specialHandlers + i;
      this.#indices.set(handlerKey(spec), index);
      this.#byCode.set(codeOf(emitHandlerFunction(spec, this.#core)), index);
    });
    this.#firstPair = specialHandlers + specs.length;
    pairs.forEach(([first, jump], i) => {
      this.#pairs.set(this.indexOf(first) * handlerCapacity + this.indexOf(jump), this.#firstPair + i);
    });
    this.#next = this.#firstPair + pairs.length;
  }

  /** The handler for two instructions that follow each other, if there is one. */
  pairOf(first: number, second: number): number | undefined {
    return this.#pairs.get(first * handlerCapacity + second);
  }

  /** Whether a handler stands for the instruction in the next record, too. */
  isPair(index: number): boolean {
    return index >= this.#firstPair && index < this.#firstPair + this.#pairs.size;
  }

  indexOf(spec: HandlerSpec): number {
    const key = handlerKey(spec);
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const f = emitHandlerFunction(spec, this.#core);
    const code = codeOf(f);
    let index = this.#byCode.get(code);
    if (index === undefined) {
      if (this.#next >= handlerCapacity) throw new Error("more handlers than records can name");
      index = this.#next++;
      this.#byCode.set(code, index);
      this.#pending.push({ index, f });
    }
    this.#indices.set(key, index);
    return index;
  }

  /** Compiles what is new. To be called before a record with a new index is executed. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    const module = new ModuleBuilder();
    importAll(module);
    for (const { index, f } of pending) {
      const functionIndex = module.declare(f.params, f.results);
      module.define(functionIndex, f);
      module.elements(index, [functionIndex]);
      while (this.#table.length <= index) this.#table.grow(256);
    }
    new WebAssembly.Instance(new WebAssembly.Module(module.finish()), this.#imports);
  }

  /** A function that stands for more than one instruction (a translated region), written with the indices of `core`. */
  add(f: FunctionBuilder): number {
    if (this.#next >= handlerCapacity) throw new Error("more handlers than records can name");
    const index = this.#next++;
    this.#pending.push({ index, f });
    this.flush();
    return index;
  }

  /** What handlers call, by index in every module of handlers. */
  get core(): CoreFunctions {
    return this.#core;
  }

  /** All specs seen so far, by key, and the index of the handler that serves each. */
  known(): ReadonlyMap<string, number> {
    return this.#indices;
  }
}

function importAll(module: ModuleBuilder): CoreFunctions {
  const helpers = importHelpers(module);
  return {
    helper: (name) => helpers.get(name)!,
    lookUp: importCoreFunction(module, "lookUp"),
    link: importCoreFunction(module, "link"),
  };
}

/** A function's code as a string, for comparison. */
function codeOf(f: FunctionBuilder): string {
  return String.fromCharCode(...f.finish());
}
