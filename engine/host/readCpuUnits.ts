/** The processor's compiled units from the installation. */
import { readFile } from "node:fs/promises";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { MachineOptions } from "../machine/MachineOptions.ts";
import { builtFile } from "./installation.ts";

/** Throws "not-built". */
export async function readCpuUnits(): Promise<MachineOptions["cpuUnits"]> {
  const unit = async (name: string): Promise<Uint8Array<ArrayBuffer>> => {
    const path = builtFile(`cpu/${name}.wasm`);
    try {
      return new Uint8Array(await readFile(path));
    } catch (cause) {
      throw new GuesthouseError("not-built", `The processor is not built: ${path} is missing.`, { path }, { cause });
    }
  };
  const [system, fpu] = await Promise.all([unit("system"), unit("fpu")]);
  return { system, fpu };
}
