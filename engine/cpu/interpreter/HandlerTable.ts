import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import { emitHandlerFunction } from "./emitHandler.ts";
import { codeOf, type FirstHandlers, handlerCapacity, type NewHandler } from "./FirstHandlers.ts";
import { type HandlerSpec, handlerKey } from "./HandlerSpec.ts";
import type { CoreFunctions } from "./RecordAddressEmitter.ts";

const GROWTH = 256;

/**
 * Gives each handler spec its index. The first indices belong to the handlers that the core has inline; any other spec gets a function
 * in the table, made the first time an instruction needs it: `flush` compiles all that were asked for since the last one. Specs that
 * differ only in what their operation does not ask about come out as the same code and share an index.
 */
export class HandlerTable {
  readonly #first: FirstHandlers;
  readonly #indices: Map<string, number>;
  readonly #byCode: Map<string, number>;
  #next: number;
  #pending: NewHandler[] = [];
  readonly #table: WebAssembly.Table;
  readonly #imports: WebAssembly.Imports;

  /** `imports` are those of the units, `env` and `core`. */
  constructor(first: FirstHandlers, table: WebAssembly.Table, imports: WebAssembly.Imports) {
    this.#first = first;
    this.#indices = new Map(first.indices);
    this.#byCode = new Map(first.byCode);
    this.#next = first.next;
    this.#table = table;
    this.#imports = imports;
    if (first.common !== undefined) this.#instantiate(first.common);
  }

  /** The handler for two instructions that follow each other, if there is one. */
  pairOf(first: number, second: number): number | undefined {
    return this.#first.pairOf(first, second);
  }

  /** Whether a handler stands for the instruction in the next record, too. */
  isPair(index: number): boolean {
    return this.#first.isPair(index);
  }

  indexOf(spec: HandlerSpec): number {
    const key = handlerKey(spec);
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const f = emitHandlerFunction(spec, this.core);
    const code = codeOf(f);
    let index = this.#byCode.get(code);
    if (index === undefined) {
      index = this.#reserve();
      this.#byCode.set(code, index);
      this.#pending.push({ index, f });
    }
    this.#indices.set(key, index);
    return index;
  }

  /** Compiles what is new. To be called before a record with a new index is executed. */
  flush(): void {
    if (this.#pending.length === 0) return;
    this.#instantiate(this.#first.compile(this.#pending.splice(0)));
  }

  /** A function that stands for more than one instruction (a translated region), written with the indices of `core`. */
  add(f: FunctionBuilder): number {
    const index = this.#reserve();
    this.#pending.push({ index, f });
    this.flush();
    return index;
  }

  #reserve(): number {
    if (this.#next >= handlerCapacity) throw new Error("more handlers than records can name");
    return this.#next++;
  }

  #instantiate(module: WebAssembly.Module): void {
    while (this.#table.length < this.#next) this.#table.grow(GROWTH);
    new WebAssembly.Instance(module, this.#imports);
  }

  /** What handlers call, by index in every module of handlers. */
  get core(): CoreFunctions {
    return this.#first.core;
  }

  /** All specs seen so far, by key, and the index of the handler that serves each. */
  known(): ReadonlyMap<string, number> {
    return this.#indices;
  }
}
