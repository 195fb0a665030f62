/**
 * Instructions as a real processor (an Intel core of the Cascade Lake family) executed them, on the reference executor and on the
 * interpreter. Files and format: `hardware/`. Known difference: OF of ROL and ROR by a multiple of an 8- or 16-bit operand's width,
 * which the manual leaves undefined and the processor does not touch.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import type { CpuState } from "../../engine/contracts/CpuState.ts";
import { Decoder } from "../../engine/cpu/decode/Decoder.ts";
import { formatInstruction } from "../../engine/cpu/decode/formatInstruction.ts";
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import { rows } from "../../engine/cpu/isa/rows.ts";
import { codeModeBits } from "../../engine/cpu/layout/cpuLayout.ts";
import type { FlagName } from "../../engine/cpu/semantics/Algebra.ts";
import { executeReference } from "../../engine/cpu/semantics/ReferenceAlgebra.ts";
import { GuestFault, type ReferenceState } from "../../engine/cpu/semantics/ReferenceState.ts";
import { type BareMachine, createBareMachine } from "../fixtures/bareMachine.ts";
import {
  codeAddress,
  type HardwareCase,
  type MachineState,
  memoryAddress,
  memoryBytes,
  readCases,
  stateBefore,
} from "./hardware/HardwareCase.ts";

const load = (name: string) =>
  readCases(gunzipSync(readFileSync(new URL(`hardware/${name}.cases.gz`, import.meta.url))));

const decoder = new Decoder(rows);
const flagBits: Readonly<Record<FlagName, number>> = { CF: 0, PF: 2, AF: 4, ZF: 6, SF: 7, IF: 9, DF: 10, OF: 11 };
const divideError = 8;

function decode(test: HardwareCase, codeSize: 32 | 64): Instruction {
  const decoded = decoder.decode(test.code, 0, test.code.length, { codeSize });
  if ("failure" in decoded) throw new Error(`A recorded instruction is ${decoded.failure}`);
  return decoded;
}

/** What came out, or that it faulted. */
type Outcome = MachineState | "divide error" | "fault";

function onReference(test: HardwareCase, codeSize: 32 | 64, instruction: Instruction): Outcome {
  const machine = stateBefore(test, codeSize);
  const place = (linear: bigint): number => {
    const offset = Number(linear) - memoryAddress;
    if (offset < 0 || offset >= memoryBytes) throw new GuestFault(14, 0);
    return offset;
  };
  const state: ReferenceState = {
    gpr: machine.gpr,
    rip: BigInt(codeAddress),
    flags: Object.fromEntries(
      Object.entries(flagBits).map(([name, bit]) => [name, ((machine.flags >> bit) & 1) === 1]),
    ) as Record<FlagName, boolean>,
    segments: Array.from({ length: 8 }, () => ({ selector: 0n, base: 0n })),
    stackSize: codeSize,
    readByte: (linear) => machine.memory[place(linear)]!,
    writeByte: (linear, value) => {
      machine.memory[place(linear)] = value;
    },
  };
  try {
    executeReference(state, instruction);
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    return fault.vector === 0 ? "divide error" : "fault";
  }
  machine.flags = 2;
  for (const [name, bit] of Object.entries(flagBits)) {
    if (state.flags[name as FlagName]) machine.flags |= 1 << bit;
  }
  return machine;
}

function fxsaveOf(state: MachineState, mxcsr: number): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint8(4, 0xff);
  view.setUint32(24, mxcsr, true);
  for (let i = 0; i < 8; i++) {
    image.set(state.mmx.subarray(i * 8, i * 8 + 8), 32 + i * 16);
    view.setUint16(40 + i * 16, 0xffff, true);
  }
  image.set(state.xmm, 160);
  return image;
}

class Interpreted {
  readonly #machine: BareMachine;
  readonly #base: CpuState;

  constructor(machine: BareMachine) {
    this.#machine = machine;
    this.#base = machine.vcpu.getState();
  }

  run(test: HardwareCase, codeSize: 32 | 64): Outcome {
    const { vcpu, state, ram } = this.#machine;
    const before = stateBefore(test, codeSize);
    ram.fill(0xf4, codeAddress, codeAddress + 32);
    ram.set(test.code, codeAddress);
    ram.set(before.memory, memoryAddress);
    vcpu.invalidateCode(codeAddress, 32);
    const segments = Array.from({ length: 6 }, (_, i) => ({
      selector: 8 * i,
      base: 0n,
      limit: 0xffff_ffff,
      attributes: i === 1 ? (codeSize === 64 ? 0xa09b : 0xc09b) : 0xc093,
      present: true,
    }));
    vcpu.setState({
      ...this.#base,
      a20: true,
      gpr: before.gpr,
      rip: BigInt(codeAddress),
      rflags: BigInt(before.flags),
      segments,
      cr0: 0x31n,
      cr4: 0x4_0600n,
      fxsave: fxsaveOf(before, test.mxcsr),
      halted: false,
      idtr: { base: 0n, limit: 0 },
    });
    state.set64("xcr0", 7n);
    // Emitted 64-bit code needs no page tables to be compared.
    if (codeSize === 64) state.set32("codeMode", 2 | codeModeBits.bigStack | codeModeBits.flat);
    const exit = vcpu.run(8);
    if (exit.kind === "failure") throw exit.error;
    if (exit.kind !== "halted") return "fault";
    const after = vcpu.getState();
    const mmx = new Uint8Array(64);
    for (let i = 0; i < 8; i++) mmx.set(after.fxsave.subarray(32 + i * 16, 40 + i * 16), i * 8);
    return {
      gpr: after.gpr.slice(0, 16),
      flags: (Number(after.rflags) & 0xcd5) | 2,
      xmm: after.fxsave.slice(160, 416),
      mmx,
      memory: ram.slice(memoryAddress, memoryAddress + memoryBytes),
    };
  }
}

const overflowFlag = 0x800;

function compare(test: HardwareCase, instruction: Instruction, outcome: Outcome, knowsVectors: boolean): string[] {
  if (typeof outcome === "string" || test.signal !== 0) {
    const wanted = test.signal === 0 ? "no fault" : test.signal === divideError ? "divide error" : "fault";
    const got = typeof outcome === "string" ? outcome : "no fault";
    return got === wanted || (got === "fault" && wanted === "divide error") ? [] : [`${got} instead of ${wanted}`];
  }
  const after = test.after!;
  const differences: string[] = [];
  const differ = (what: string, got: bigint | number | undefined, wanted: bigint | number | undefined): void => {
    if (got !== wanted) differences.push(`${what} is ${got?.toString(16)} instead of ${wanted?.toString(16)}`);
  };
  after.gpr.forEach((value, i) => {
    differ(`register ${i}`, outcome.gpr[i], value);
  });
  const seen = /^RO[LR]$/.test(instruction.row.operation) ? ~overflowFlag : ~0;
  differ("flags", outcome.flags & seen, after.flags & seen);
  after.memory.forEach((value, i) => {
    differ(`memory ${i}`, outcome.memory[i], value);
  });
  if (knowsVectors) {
    after.xmm.forEach((value, i) => {
      differ(`XMM byte ${i}`, outcome.xmm[i], value);
    });
    after.mmx.forEach((value, i) => {
      differ(`MMX byte ${i}`, outcome.mmx[i], value);
    });
  }
  return differences;
}

function failures(
  name: string,
  run: (test: HardwareCase, codeSize: 32 | 64, instruction: Instruction) => Outcome,
  knowsVectors: boolean,
): string[] {
  const { codeSize, cases } = load(name);
  expect(cases.length).toBeGreaterThan(1000);
  const found: string[] = [];
  for (const one of cases) {
    const instruction = decode(one, codeSize);
    const differences = compare(one, instruction, run(one, codeSize, instruction), knowsVectors);
    if (differences.length > 0) found.push(`${formatInstruction(instruction)}: ${differences.slice(0, 3).join("; ")}`);
  }
  return found;
}

describe("reference executor", () => {
  test.each(["integer32", "integer64"])("agrees with the processor on %s", (name) => {
    expect(failures(name, onReference, false)).toEqual([]);
  });
});

describe("interpreter", () => {
  let machine: BareMachine;
  beforeAll(async () => {
    machine = await createBareMachine(0x8_0000);
  });
  test.each(["integer32", "integer64", "vectors", "extensions"])("agrees with the processor on %s", (name) => {
    const interpreted = new Interpreted(machine);
    expect(failures(name, (one, codeSize) => interpreted.run(one, codeSize), true)).toEqual([]);
  });
});
