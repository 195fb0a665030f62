/**
 * Builds what the processor needs before it can run: the AssemblyScript units of `engine/cpu/assembly` (page walk, segments, gates,
 * interrupts, x87) into `dist/cpu/<unit>.wasm`, with the state layout generated as constants from the same tables that the rest of the engine uses.
 * A unit is compiled only when its sources, the layout or the compiler changed. The memory is imported and shared.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  attentionBits,
  codeModeBits,
  cpuLayout,
  segmentFields,
  segmentIndex,
  segmentStrideBytes,
} from "../../engine/cpu/layout/cpuLayout.ts";
import { memoryPlan, physMapBits, physPages, tlbEntries, tlbEntryBytes } from "../../engine/cpu/layout/memoryPlan.ts";
import { floatCode, floatOperation, fusedControl } from "../../engine/cpu/semantics/floatOperations.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const sources = join(root, "engine/cpu/assembly");
const output = join(root, "dist/cpu");

/** Units by name: entry file and where their static data goes. */
const units = {
  system: { entry: "system.ts", memoryBase: memoryPlan.systemUnitData },
  fpu: { entry: "fpu.ts", memoryBase: memoryPlan.fpuUnitData },
} as const;
export type CpuUnitName = keyof typeof units;

const upperSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const constantName = (name: string): string => upperSnake(name).slice(1);

/** The layout tables as AssemblyScript constants; state fields are absolute addresses. */
function layoutSource(): string {
  const lines = ["// Generated from engine/cpu/layout by resources/build/buildCpu.ts."];
  const constant = (name: string, value: number, type: "usize" | "u32" | "i32"): void => {
    lines.push(`export const ${name}: ${type} = ${value};`);
  };
  for (const [name, field] of Object.entries(cpuLayout)) {
    if (typeof field !== "number") constant(upperSnake(name), memoryPlan.cpuState + field.offset, "usize");
  }
  constant("STATE", memoryPlan.cpuState, "usize");
  constant("STATE_BYTES", cpuLayout.sizeBytes, "usize");
  constant("SEGMENT_STRIDE", segmentStrideBytes, "i32");
  for (const [name, offset] of Object.entries(segmentFields)) constant(`SEGMENT_${upperSnake(name)}`, offset, "usize");
  for (const [name, index] of Object.entries(segmentIndex)) constant(upperSnake(name), index, "i32");
  for (const [name, bit] of Object.entries(codeModeBits)) constant(`CODE_MODE_${upperSnake(name)}`, bit, "u32");
  for (const [name, bit] of Object.entries(attentionBits)) constant(`ATTENTION_${upperSnake(name)}`, bit, "u32");
  for (const [name, place] of Object.entries(memoryPlan)) {
    if (name !== "cpuState") constant(`PLAN_${upperSnake(name)}`, place, "usize");
  }
  for (const [name, bit] of Object.entries(physMapBits)) constant(`PAGE_${upperSnake(name)}`, bit, "u32");
  for (const [name, number] of Object.entries(floatOperation)) constant(`FLOAT_${constantName(name)}`, number, "i32");
  for (const [name, bits] of Object.entries(floatCode)) constant(`FLOAT_CODE_${upperSnake(name)}`, bits, "i32");
  for (const [name, bit] of Object.entries(fusedControl)) constant(`FUSED_${upperSnake(name)}`, bit, "u32");
  constant("PHYS_PAGES", physPages, "u32");
  constant("TLB_ENTRIES", tlbEntries, "u32");
  constant("TLB_ENTRY_BYTES", tlbEntryBytes, "u32");
  return `${lines.join("\n")}\n`;
}

/** Writes only when something differs, and never leaves half a file to a reader. */
function writeWhenChanged(path: string, content: string | Uint8Array): void {
  const same = existsSync(path) && readFileSync(path).equals(Buffer.from(content as Uint8Array));
  if (same) return;
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

function compilerArguments(entry: string, memoryBase: number, target: string): string[] {
  return [
    entry,
    "--outFile",
    target,
    "--runtime",
    "stub",
    "--importMemory",
    "--sharedMemory",
    "--initialMemory",
    "16",
    "--maximumMemory",
    "65536",
    "--noExportMemory",
    "--enable",
    "threads,simd,bulk-memory,sign-extension,nontrapping-f2i",
    "--memoryBase",
    String(memoryBase),
    "--optimizeLevel",
    "3",
    "--shrinkLevel",
    "0",
    "--noAssert",
    "--baseDir",
    sources,
  ];
}

async function compileUnit(name: CpuUnitName, digest: string): Promise<void> {
  const { default: asc } = await import("assemblyscript/asc");
  const files = new Map<string, Uint8Array>();
  const { error, stderr } = await asc.main(
    compilerArguments(units[name].entry, units[name].memoryBase, `${name}.wasm`),
    {
      writeFile: (fileName, contents) => {
        files.set(fileName, typeof contents === "string" ? Buffer.from(contents) : contents);
      },
    },
  );
  const binary = files.get(`${name}.wasm`);
  if (error || !binary) throw new Error(`The CPU unit "${name}" does not compile.\n${stderr.toString()}`);
  writeWhenChanged(join(output, `${name}.wasm`), binary);
  writeWhenChanged(join(output, `${name}.digest`), digest);
}

/** A source file and everything it imports. */
function sourceClosure(path: string, found = new Map<string, Buffer>()): Map<string, Buffer> {
  const file = path.endsWith(".ts") ? path : `${path}.ts`;
  if (found.has(file) || !existsSync(file)) return found;
  const content = readFileSync(file);
  found.set(file, content);
  for (const [, target] of content.toString().matchAll(/from "(\.[^"]+)"/g))
    sourceClosure(join(dirname(file), target!), found);
  return found;
}

/** What a unit is made from, as one digest. */
function inputDigest(entry: string): string {
  const hash = createHash("sha256");
  for (const [file, content] of [...sourceClosure(join(sources, entry))].sort())
    hash.update(relative(root, file)).update(content);
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(readFileSync(join(root, "node_modules/assemblyscript/package.json")));
  return hash.digest("hex");
}

/** Brings `dist/cpu` up to date. Returns the path of each unit; a unit without an entry file yet is left out. */
export async function buildCpu(): Promise<Partial<Record<CpuUnitName, string>>> {
  mkdirSync(output, { recursive: true });
  const layout = layoutSource();
  writeWhenChanged(join(sources, "layout.generated.ts"), layout);
  const paths: Partial<Record<CpuUnitName, string>> = {};
  for (const name of Object.keys(units) as CpuUnitName[]) {
    if (!existsSync(join(sources, units[name].entry))) continue;
    paths[name] = join(output, `${name}.wasm`);
    const digest = inputDigest(units[name].entry);
    const digestPath = join(output, `${name}.digest`);
    const current = existsSync(paths[name]) && existsSync(digestPath) && readFileSync(digestPath, "utf8") === digest;
    if (!current) await compileUnit(name, digest);
  }
  return paths;
}

if (import.meta.main) {
  const paths = await buildCpu();
  for (const [name, path] of Object.entries(paths)) console.log(`${name}: ${path}`);
}
