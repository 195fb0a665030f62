/**
 * Executes floating-point instructions on this machine's own processor with every rounding mode, with denormals flattened and flushed and with
 * exceptions unmasked, and writes what it did, MXCSR included, to `floats.cases.txt`: `node tests/conformance/hardware/recordFloats.ts`. Needs
 * an x86-64 Linux with AVX, F16C and FMA, nasm and ld.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawCase, type FloatCase, type FloatOutcome, formatFloatCase } from "./floatCases.ts";
import { floatInstructions } from "./floatInstructions.ts";
import { generator } from "./HardwareCase.ts";

/** The runner's exchange record; offsets as in `run64.asm`. */
const exchange = { bytes: 768, length: 16, gpr: 32, stackPointer: 64, flags: 160, mxcsr: 168, signal: 176, xmm: 192 };
const stack = 0x3_0080n;
const floatingPointError = 8;
const comparisonFlags = 0x45;

const here = fileURLToPath(new URL(".", import.meta.url));

function pack(cases: readonly FloatCase[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * exchange.bytes);
  const view = new DataView(bytes.buffer);
  cases.forEach(({ instruction, mxcsr, registers }, i) => {
    const at = i * exchange.bytes;
    bytes.set(instruction.code, at);
    view.setUint32(at + exchange.length, instruction.code.length, true);
    view.setBigUint64(at + exchange.stackPointer, stack, true);
    view.setUint32(at + exchange.flags, 0x202, true);
    view.setUint32(at + exchange.mxcsr, mxcsr, true);
    registers.forEach((value, register) => {
      view.setBigUint64(at + exchange.xmm + register * 16, BigInt.asUintN(64, value), true);
      view.setBigUint64(at + exchange.xmm + register * 16 + 8, value >> 64n, true);
    });
  });
  return bytes;
}

function outcomeOf({ instruction }: FloatCase, view: DataView, at: number): FloatOutcome {
  const mxcsr = view.getUint32(at + exchange.mxcsr, true);
  const signal = view.getUint32(at + exchange.signal, true);
  if (signal !== 0 && signal !== floatingPointError) throw new Error(`${instruction.name} gave signal ${signal}`);
  if (signal !== 0) return { result: undefined, mxcsr };
  if (instruction.result === "flags") {
    return { result: BigInt(view.getUint32(at + exchange.flags, true) & comparisonFlags), mxcsr };
  }
  const place = at + (instruction.result === "xmm" ? exchange.xmm : exchange.gpr);
  const high = instruction.result === "xmm" ? view.getBigUint64(place + 8, true) : 0n;
  const all = view.getBigUint64(place, true) | (high << 64n);
  return { result: BigInt.asUintN(instruction.resultBytes * 8, all), mxcsr };
}

function execute(cases: readonly FloatCase[]): FloatOutcome[] {
  const folder = mkdtempSync(join(tmpdir(), "floats-"));
  try {
    const [object, program] = [join(folder, "run.o"), join(folder, "run")];
    execFileSync("nasm", ["-f", "elf64", join(here, "run64.asm"), "-o", object]);
    execFileSync("ld", ["-m", "elf_x86_64", "-o", program, object]);
    const { stdout } = spawnSync(program, { input: pack(cases), maxBuffer: 1 << 30 });
    if (stdout.length !== cases.length * exchange.bytes)
      throw new Error(`The runner stopped after ${stdout.length} bytes`);
    const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
    return cases.map((one, i) => outcomeOf(one, view, i * exchange.bytes));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const perInstruction = Number(process.argv[2] ?? 2);
const target = process.argv[3] ?? join(here, "floats.cases.txt");
const random = generator(0x5eed);
const cases = floatInstructions.flatMap((instruction) =>
  Array.from({ length: perInstruction }, () => drawCase(instruction, random)),
);
const lines = execute(cases).map((outcome, i) => formatFloatCase(cases[i]!, outcome));
writeFileSync(target, `${lines.join("\n")}\n`);
process.stdout.write(`${lines.length} cases\n`);
