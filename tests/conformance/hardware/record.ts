/**
 * Executes random instructions on this machine's own processor and writes what it did to the `*.cases.gz` files beside this one. Needs an
 * x86-64 Linux with nasm and ld: `node tests/conformance/hardware/record.ts [file...]`. Rounds are fixed by their seeds; a new recording is only needed
 * for new rows.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { InstructionRow } from "../../../engine/cpu/isa/InstructionRow.ts";
import { type HardwareCase, stateBefore, writeCases } from "./HardwareCase.ts";
import { makeCases } from "./makeCases.ts";

/** The runners' exchange record; offsets as in the assembly sources. */
const exchange = {
  bytes: 768,
  length: 16,
  gpr: 32,
  flags: 160,
  mxcsr: 168,
  signal: 176,
  xmm: 192,
  mmx: 448,
  memory: 512,
};
const keptFlags = 0xcd5;
const interruptFlag = 0x200;

const here = fileURLToPath(new URL(".", import.meta.url));

function assemble(folder: string, codeSize: 32 | 64): string {
  const object = join(folder, `run${codeSize}.o`);
  const program = join(folder, `run${codeSize}`);
  execFileSync("nasm", ["-f", `elf${codeSize}`, join(here, `run${codeSize}.asm`), "-o", object]);
  execFileSync("ld", ["-m", codeSize === 64 ? "elf_x86_64" : "elf_i386", "-o", program, object]);
  return program;
}

function pack(cases: readonly HardwareCase[], codeSize: 32 | 64): Uint8Array {
  const bytes = new Uint8Array(cases.length * exchange.bytes);
  const view = new DataView(bytes.buffer);
  cases.forEach((test, i) => {
    const at = i * exchange.bytes;
    const state = stateBefore(test, codeSize);
    bytes.set(test.code, at);
    view.setUint32(at + exchange.length, test.code.length, true);
    state.gpr.forEach((value, register) => {
      view.setBigUint64(at + exchange.gpr + register * 8, value, true);
    });
    view.setUint32(at + exchange.flags, state.flags | interruptFlag, true);
    view.setUint32(at + exchange.mxcsr, test.mxcsr, true);
    bytes.set(state.xmm, at + exchange.xmm);
    bytes.set(state.mmx, at + exchange.mmx);
    bytes.set(state.memory, at + exchange.memory);
  });
  return bytes;
}

function execute(program: string, cases: readonly HardwareCase[], codeSize: 32 | 64): void {
  const { stdout } = spawnSync(program, { input: pack(cases, codeSize), maxBuffer: 1 << 30 });
  if (stdout.length !== cases.length * exchange.bytes)
    throw new Error(`The runner stopped after ${stdout.length} bytes`);
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  cases.forEach((test, i) => {
    const at = i * exchange.bytes;
    const before = stateBefore(test, codeSize);
    const bytes = (offset: number, count: number) => Uint8Array.from(stdout.subarray(at + offset, at + offset + count));
    test.signal = view.getUint32(at + exchange.signal, true);
    // The 32-bit runner leaves vectors alone.
    test.after =
      test.signal !== 0
        ? before
        : {
            gpr: before.gpr.map((_, register) => view.getBigUint64(at + exchange.gpr + register * 8, true)),
            flags: (view.getUint32(at + exchange.flags, true) & keptFlags) | 2,
            xmm: bytes(exchange.xmm, 256),
            mmx: bytes(exchange.mmx, 64),
            memory: bytes(exchange.memory, 256),
          };
  });
}

function record(name: string, codeSize: 32 | 64, perRow: number, pick: (row: InstructionRow) => boolean): void {
  const folder = mkdtempSync(join(tmpdir(), "hardware-"));
  try {
    const cases = makeCases(pick, codeSize, perRow, codeSize + name.length);
    execute(assemble(folder, codeSize), cases, codeSize);
    const bytes = gzipSync(writeCases(codeSize, cases), { level: 9 });
    writeFileSync(join(here, `${name}.cases.gz`), bytes);
    process.stdout.write(`${name}: ${cases.length} cases, ${bytes.length} bytes\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a file was recorded for stays in it: rows that came later are in files of their own. */
const firstFeatures = new Set([
  undefined,
  "mmx",
  "sse",
  "sse2",
  "cmov",
  "cx8",
  "cx16",
  "popcnt",
  "bmi1",
  "lzcnt",
  "clfsh",
  "tsc",
]);
const isFirst = ({ feature }: InstructionRow): boolean => firstFeatures.has(feature);
const laterFeatures = new Set([
  "sse3",
  "ssse3",
  "sse4_1",
  "sse4_2",
  "aes",
  "pclmulqdq",
  "movbe",
  "adx",
  "bmi1",
  "bmi2",
  "avx",
  "avx2",
]);
/** The runner knows 128 bits; random indices of gathers lead nowhere. Floating point is in `floats.cases.txt`. */
const isExtension = ({ feature, unit, encoding, operation }: InstructionRow): boolean =>
  laterFeatures.has(feature ?? "") &&
  (feature !== "bmi1" || unit === "vex") &&
  !encoding.startsWith("VEX.256") &&
  !/^VGATHER|^VZERO|^V?(ADD|SUB|MUL|DIV|MIN|MAX|SQRT|CMP|COM|UCOM|CVT|ROUND|DP|HADD|HSUB|RCP|RSQRT)\w*[PS][SD]/.test(
    operation,
  ) &&
  !/^CVT/.test(operation);

const recordings = {
  integer32: () => record("integer32", 32, 12, (row) => !row.unit && isFirst(row)),
  integer64: () => record("integer64", 64, 12, (row) => !row.unit && isFirst(row)),
  vectors: () => record("vectors", 64, 20, (row) => (row.unit === "mmx" || row.unit === "sse") && isFirst(row)),
  extensions: () => record("extensions", 64, 10, isExtension),
};

for (const [name, make] of Object.entries(recordings)) {
  if (process.argv.length < 3 || process.argv.includes(name)) make();
}
