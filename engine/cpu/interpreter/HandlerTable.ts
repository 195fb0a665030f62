import { ModuleBuilder } from "../wasm/ModuleBuilder.ts";
import { importCoreFunction, importHelpers } from "./CoreImports.ts";
import { emitHandlerFunction } from "./emitHandler.ts";
import { type HandlerSpec, handlerKey } from "./HandlerSpec.ts";
import { specialHandlers } from "./recordLayout.ts";

/** Slots of the table that records can name. */
export const handlerCapacity = 0x1_0000;

/**
 * Gives each handler spec its index. The first indices belong to the handlers that the core has inline; any other spec gets a function
 * in the table, made the first time an instruction needs it: `flush` compiles all that were asked for since the last one.
 */
export class HandlerTable {
  readonly #indices = new Map<string, number>();
  #next: number;
  #pending: { index: number; spec: HandlerSpec }[] = [];
  readonly #table: WebAssembly.Table;
  readonly #imports: WebAssembly.Imports;

  /** `imports` are those of the units, `env` and `core`. */
  constructor(inlineSpecs: readonly HandlerSpec[], table: WebAssembly.Table, imports: WebAssembly.Imports) {
    this.#table = table;
    this.#imports = imports;
    inlineSpecs.forEach((spec, i) => {
      this.#indices.set(handlerKey(spec), specialHandlers + i);
    });
    this.#next = specialHandlers + inlineSpecs.length;
  }

  indexOf(spec: HandlerSpec): number {
    const key = handlerKey(spec);
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    if (this.#next >= handlerCapacity) throw new Error("more handlers than records can name");
    const index = this.#next++;
    this.#indices.set(key, index);
    this.#pending.push({ index, spec });
    return index;
  }

  /** Compiles what is new. To be called before a record with a new index is executed. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    const module = new ModuleBuilder();
    const helpers = importHelpers(module);
    const core = {
      helper: (name: Parameters<typeof helpers.get>[0]) => helpers.get(name)!,
      lookUp: importCoreFunction(module, "lookUp"),
      link: importCoreFunction(module, "link"),
    };
    for (const { index, spec } of pending) {
      const f = emitHandlerFunction(spec, core);
      const functionIndex = module.declare(f.params, f.results);
      module.define(functionIndex, f);
      module.elements(index, [functionIndex]);
      while (this.#table.length <= index) this.#table.grow(256);
    }
    new WebAssembly.Instance(new WebAssembly.Module(module.finish()), this.#imports);
  }

  /** All specs seen so far, by key, in the order of their indices. */
  keys(): string[] {
    return [...this.#indices.keys()];
  }
}
