import { CoreModule, longCoreSlot } from "./CoreModule.ts";
import { HandlerTable } from "./HandlerTable.ts";
import { inlineHandlersOf } from "./inlineHandlers.ts";

interface CoreExports {
  readonly enter: (single: number) => number;
  /** The first core's only. */
  readonly run?: () => number;
  readonly openLong?: (single: number) => number;
}

/** An instance of a generated core (`CoreModule`) with the table of its handlers. */
export class Core {
  readonly handlers: HandlerTable;
  readonly #table: WebAssembly.Table;
  readonly #exports: CoreExports;

  /** `imports` are those of the units, `env` without the table, and `host`. */
  constructor(long: boolean, imports: WebAssembly.Imports) {
    const inline = inlineHandlersOf(long);
    this.#table = new WebAssembly.Table({ element: "anyfunc", initial: 1024 });
    const own = { ...imports, env: { ...imports.env, handlers: this.#table } };
    const module = new WebAssembly.Module(new CoreModule(long, inline).bytes);
    const { exports } = new WebAssembly.Instance(module, own);
    this.#exports = exports as unknown as CoreExports;
    if (this.#exports.openLong) this.#table.set(longCoreSlot, this.#exports.openLong);
    this.handlers = new HandlerTable(inline, this.#table, {
      ...own,
      core: exports as WebAssembly.Imports[string] & object,
    });
  }

  /** From now on 64-bit code is the other core's. */
  open(long: Core): void {
    this.#table.set(longCoreSlot, long.#exports.enter);
  }

  run(): void {
    this.#exports.run?.();
  }
}
