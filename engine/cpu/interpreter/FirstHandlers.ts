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

/** A handler that is to become a function in the table. */
export interface NewHandler {
  readonly index: number;
  readonly f: FunctionBuilder;
}

/**
 * What the tables of all cores of one kind begin with: the handlers that the core has inline, pairs of them, and those that were made
 * beforehand.
 */
export class FirstHandlers {
  readonly indices = new Map<string, number>();
  readonly byCode = new Map<string, number>();
  /** Imports come first and in a fixed order, so these indices hold in every module of handlers. */
  readonly core: CoreFunctions;
  readonly #imports = new ModuleBuilder();
  readonly #pairs = new Map<number, number>();
  readonly #firstPair: number;
  #next: number;
  #common: WebAssembly.Module | undefined;

  constructor({ specs, pairs }: InlineHandlers) {
    this.core = importAll(this.#imports);
    specs.forEach((spec, i) => {
      const index = specialHandlers + i;
      this.indices.set(handlerKey(spec), index);
      this.byCode.set(codeOf(emitHandlerFunction(spec, this.core)), index);
    });
    this.#firstPair = specialHandlers + specs.length;
    pairs.forEach(([first, jump], i) => {
      this.#pairs.set(this.#indexOf(first) * handlerCapacity + this.#indexOf(jump), this.#firstPair + i);
    });
    this.#next = this.#firstPair + pairs.length;
  }

  #indexOf(spec: HandlerSpec): number {
    const index = this.indices.get(handlerKey(spec)) ?? this.byCode.get(codeOf(emitHandlerFunction(spec, this.core)));
    if (index === undefined) throw new Error(`a pair of handlers of which one is not inline: ${handlerKey(spec)}`);
    return index;
  }

  /** Of the first handler that a table makes itself. */
  get next(): number {
    return this.#next;
  }

  /** The functions made beforehand, for a table of at least `next` places. */
  get common(): WebAssembly.Module | undefined {
    return this.#common;
  }

  /** The handler for two instructions that follow each other, if there is one. */
  pairOf(first: number, second: number): number | undefined {
    return this.#pairs.get(first * handlerCapacity + second);
  }

  /** Whether a handler stands for the instruction in the next record, too. */
  isPair(index: number): boolean {
    return index >= this.#firstPair && index < this.#firstPair + this.#pairs.size;
  }

  /** Makes handlers that most guests need, for tables that come after this. */
  prepare(specs: readonly HandlerSpec[]): void {
    if (this.#common !== undefined) return;
    const made: NewHandler[] = [];
    for (const spec of specs) {
      const f = emitHandlerFunction(spec, this.core);
      const code = codeOf(f);
      let index = this.byCode.get(code);
      if (index === undefined) {
        index = this.#next++;
        this.byCode.set(code, index);
        made.push({ index, f });
      }
      this.indices.set(handlerKey(spec), index);
    }
    this.#common = this.compile(made);
  }

  /** A module that puts handlers into their places in the table when it is instantiated. */
  compile(handlers: readonly NewHandler[]): WebAssembly.Module {
    const module = ModuleBuilder.importing(this.#imports);
    for (const { index, f } of handlers) {
      const functionIndex = module.declare(f.params, f.results);
      module.define(functionIndex, f);
      module.elements(index, [functionIndex]);
    }
    return new WebAssembly.Module(module.finish());
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
export function codeOf(f: FunctionBuilder): string {
  return String.fromCharCode(...f.finish());
}
