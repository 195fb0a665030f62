import { CoreModule, longCoreSlot } from "./CoreModule.ts";
import { commonHandlerKeys } from "./commonHandlers.ts";
import { FirstHandlers } from "./FirstHandlers.ts";
import { parseHandlerKey } from "./HandlerSpec.ts";
import { HandlerTable } from "./HandlerTable.ts";
import { inlineHandlersOf } from "./inlineHandlers.ts";
import { rehearseDecoding } from "./rehearseDecoding.ts";

interface CoreExports {
  readonly enter: (single: number) => number;
  /** The first core's only. */
  readonly run?: () => number;
  readonly openLong?: (single: number) => number;
}

interface CompiledCore {
  readonly module: WebAssembly.Module;
  readonly handlers: FirstHandlers;
}

const compiledCores = new Map<boolean, CompiledCore>();

/** The core of 64-bit code, or that of all other code. Made once in a process, since it takes about a tenth of a second. */
function compileCore(long: boolean): CompiledCore {
  let core = compiledCores.get(long);
  if (core === undefined) {
    const inline = inlineHandlersOf(long);
    core = {
      module: new WebAssembly.Module(new CoreModule(long, inline).bytes),
      handlers: new FirstHandlers(inline),
    };
    compiledCores.set(long, core);
  }
  return core;
}

/**
 * Makes beforehand what the cores of this process have in common, and what most guests would have them make, part by part: what is made is of use even
 * when the caller ends it. A part takes up to a tenth of a second.
 */
export function* prepareCores(): Generator<undefined> {
  for (const long of [false, true]) {
    const { handlers } = compileCore(long);
    yield;
    handlers.prepare(commonHandlerKeys(long).map(parseHandlerKey));
    yield;
  }
  yield* rehearseDecoding(compileCore(true).handlers);
}

/** An instance of a generated core (`CoreModule`) with the table of its handlers. */
export class Core {
  readonly handlers: HandlerTable;
  readonly #table: WebAssembly.Table;
  readonly #exports: CoreExports;

  /** `imports` are those of the units, `env` without the table, and `host`. */
  constructor(long: boolean, imports: WebAssembly.Imports) {
    const { module, handlers } = compileCore(long);
    this.#table = new WebAssembly.Table({ element: "anyfunc", initial: 1024 });
    const own = { ...imports, env: { ...imports.env, handlers: this.#table } };
    const { exports } = new WebAssembly.Instance(module, own);
    this.#exports = exports as unknown as CoreExports;
    if (this.#exports.openLong) this.#table.set(longCoreSlot, this.#exports.openLong);
    this.handlers = new HandlerTable(handlers, this.#table, {
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
