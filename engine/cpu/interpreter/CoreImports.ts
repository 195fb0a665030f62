import { type HelperName, helperSignatures, type WasmValueType } from "../semantics/helperSignatures.ts";
import type { ModuleBuilder } from "../wasm/ModuleBuilder.ts";

/** Pages of the largest shared memory that generated modules accept. */
export const maximumMemoryPages = 65536;

const functionsOfCore = { lookUp: [[], ["i32"]], link: [["i32"], ["i32"]] } as const;
type CoreFunctionName = keyof typeof functionsOfCore;

/** Imports memory and table, and every helper in the order of `helperSignatures`, so that indices are the same everywhere. */
export function importHelpers(module: ModuleBuilder): ReadonlyMap<HelperName, number> {
  module.importMemory("env", "memory", 1, maximumMemoryPages);
  module.importTable("env", "handlers", 1);
  const indices = new Map<HelperName, number>();
  for (const name of Object.keys(helperSignatures) as HelperName[]) {
    const { unit, params, result } = helperSignatures[name] as {
      unit: string;
      params: readonly WasmValueType[];
      result?: WasmValueType;
    };
    indices.set(name, module.importFunction(unit, name, params, result ? [result] : []));
  }
  return indices;
}

/** Imports a function of the core into a module of handlers. */
export function importCoreFunction(module: ModuleBuilder, name: CoreFunctionName): number {
  const [params, results] = functionsOfCore[name];
  return module.importFunction("core", name, params, results);
}
