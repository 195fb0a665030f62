/**
 * The interpreter against the reference executor: random instructions of every integer row on random registers, flags and memory, in
 * 16-, 32- and 64-bit code. Both run the same semantics, so what this finds is mistakes of emitted code: widths, flags, addresses,
 * record fields. Rows whose helpers the reference does not have are left out.
 */
import { describe, expect, test } from "vitest";
import { type BareMachine, createBareMachine } from "../../../tests/fixtures/bareMachine.ts";
import { Decoder } from "../decode/Decoder.ts";
import type { Instruction } from "../decode/Instruction.ts";
import { rows } from "../isa/rows.ts";
import { codeModeBits } from "../layout/cpuLayout.ts";
import type { FlagName } from "../semantics/Algebra.ts";
import { executeReference } from "../semantics/ReferenceAlgebra.ts";
import { GuestFault, type ReferenceState } from "../semantics/ReferenceState.ts";

const ramBytes = 0x4_0000;
const codeAt = 0x1_0100;
const flagBits: Readonly<Record<FlagName, number>> = { CF: 0, PF: 2, AF: 4, ZF: 6, SF: 7, IF: 9, DF: 10, OF: 11 };
const segmentBases = [0x1_2340, 0x1_0000, 0x2_0000, 0x2_8000, 0x3_0010, 0x3_1230];

function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x9e37_79b9) | 0;
    let z = Math.imul(seed ^ (seed >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

type CodeSize = 16 | 32 | 64;

class Comparison {
  readonly machine: BareMachine;
  readonly codeSize: CodeSize;
  readonly #decoder = new Decoder(rows);
  readonly #random: () => number;
  readonly #image = new Uint8Array(ramBytes);
  /** The reference went beyond 4 GiB, which the processor without paging cannot. */
  #beyond = false;
  readonly compared = new Set<string>();
  cases = 0;

  constructor(machine: BareMachine, codeSize: CodeSize, seed: number) {
    this.machine = machine;
    this.codeSize = codeSize;
    this.#random = generator(seed);
    for (let i = 0; i < ramBytes; i++) this.#image[i] = this.#random();
    this.#image.fill(0xf4, 0x1_0000, 0x1_1000);
    machine.ram.set(this.#image);
  }

  #bigint(): bigint {
    const kind = this.#random() % 6;
    const wide = (BigInt(this.#random()) << 32n) | BigInt(this.#random());
    if (kind === 0)
      return [0n, 1n, 0x7fn, 0x80n, 0xffffn, 0x7fff_ffffn, 0x8000_0000n, (1n << 63n) - 1n, 1n << 63n][
        this.#random() % 9
      ]!;
    if (kind < 4) return 0x2_0000n + (wide & 0x1_7fffn);
    return wide;
  }

  /** Random bytes that start with the given opcode bytes; random prefixes in front. */
  instruction(opcode: readonly number[]): { bytes: Uint8Array; decoded: Instruction } | undefined {
    const prefixes: number[] = [];
    const random = this.#random;
    if (random() % 3 === 0) prefixes.push(0x66);
    if (random() % 6 === 0) prefixes.push(0x67);
    if (random() % 6 === 0) prefixes.push([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf3, 0xf2][random() % 9]!);
    if (this.codeSize === 64 && random() % 2) prefixes.push(0x40 | (random() & 15));
    const tail = Array.from({ length: 12 }, () => random() & 0xff);
    const bytes = Uint8Array.from([...prefixes, ...opcode, ...tail]).subarray(0, 15);
    const decoded = this.#decoder.decode(bytes, 0, bytes.length, { codeSize: this.codeSize });
    if ("failure" in decoded) return undefined;
    // Protected mode writes nothing by way of CS, of which the reference knows nothing.
    const byWayOfCs = decoded.operands.some((operand) => operand.kind === "memory" && operand.segment === 1);
    if (this.codeSize === 32 && byWayOfCs) return undefined;
    return { bytes: bytes.subarray(0, decoded.length), decoded };
  }

  #reference(log: Map<number, number>): ReferenceState {
    const { state } = this.machine;
    const image = state.get32("flagsSystem");
    const flags = this.machine.vcpu.interpreter.system.readFlags() | image;
    return {
      gpr: Array.from({ length: 16 }, (_, i) => state.get64("gpr", i)),
      rip: state.get64("rip"),
      flags: Object.fromEntries(
        Object.entries(flagBits).map(([name, bit]) => [name, ((flags >>> bit) & 1) === 1]),
      ) as Record<FlagName, boolean>,
      segments: Array.from({ length: 8 }, (_, i) => ({
        selector: BigInt(i < 6 ? state.segmentWord(i, "selector") : 0),
        base: BigInt(i < 6 ? this.#segmentBase(i) : 0),
      })),
      stackSize: this.codeSize,
      readByte: (linear) => {
        if (linear >= 0x1_0000_0000n) this.#beyond = true;
        if (linear >= BigInt(ramBytes)) return 0xff;
        const address = Number(linear);
        return log.get(address) ?? this.#codeOrImage(address);
      },
      writeByte: (linear, value) => {
        if (linear >= 0x1_0000_0000n) this.#beyond = true;
        if (linear < BigInt(ramBytes)) log.set(Number(linear), value);
      },
    };
  }

  /** The code page holds the instruction at hand. */
  #codeOrImage(address: number): number {
    return (address & ~0xfff) === 0x1_0000 ? this.machine.ram[address]! : this.#image[address]!;
  }

  #segmentBase(segment: number): number {
    if (this.codeSize === 16) return segmentBases[segment]!;
    return segment >= 4 ? segmentBases[segment]! : 0;
  }

  /** Random registers and flags; CS:rip at the code. */
  prepare(bytes: Uint8Array): void {
    const { machine } = this;
    const { state, vcpu } = machine;
    machine.ram.set(bytes, codeAt);
    vcpu.invalidateCode(codeAt, 16);
    for (let i = 0; i < 16; i++) {
      let value = this.#bigint();
      if (this.codeSize !== 64) value &= 0xffff_ffffn;
      state.set64("gpr", i < 8 || this.codeSize === 64 ? value : 0n, i);
    }
    // The stack stays within RAM and away from the code.
    const top = this.codeSize === 16 ? 0x4000 : 0x3_8000;
    state.set64("gpr", BigInt(top + (this.#random() & 0x3ff)), 4);
    const flags = [..."012345678"].reduce(
      (all, _, i) => all | ((this.#random() & 1) << [0, 2, 4, 6, 7, 10, 11, 11, 11][i]!),
      2,
    );
    const segments = Array.from({ length: 6 }, (_, i) => ({
      selector: 0x100 + i * 8,
      base: BigInt(this.#segmentBase(i)),
      limit: 0xffff_ffff,
      attributes: (this.codeSize === 16 ? 0 : 0xc000) | (i === 1 ? 0x9b : 0x93),
      present: true,
    }));
    this.#base ??= { ...vcpu.getState(), a20: true, idtr: { base: 0n, limit: 0 } };
    const gpr = Array.from({ length: 16 }, (_, i) => state.get64("gpr", i));
    const rip = BigInt(codeAt - this.#segmentBase(1));
    const cr0 = this.codeSize === 16 ? 0x10n : 0x11n;
    vcpu.setState({ ...this.#base, gpr, rip, segments, cr0, rflags: BigInt(flags), halted: false });
    // Emitted 64-bit code needs no page tables to be compared.
    if (this.codeSize === 64) state.set32("codeMode", 2 | codeModeBits.bigStack | codeModeBits.flat);
  }
  #base: ReturnType<BareMachine["vcpu"]["getState"]> | undefined;

  /** Bytes around the end of a segment of 4 GiB fault, of which the reference knows nothing. */
  #leavesSegment(decoded: Instruction): boolean {
    const register = (number: number): bigint => (number < 0 ? 0n : this.machine.state.get64("gpr", number));
    return decoded.operands.some((operand) => {
      if (operand.kind !== "memory" || operand.addressSize !== 32 || this.codeSize === 64) return false;
      const index = register(operand.index) << BigInt(operand.scaleShift);
      const offset = BigInt.asUintN(32, register(operand.base) + index + operand.displacement);
      return offset + BigInt(operand.width / 8) > 0x1_0000_0000n;
    });
  }

  /** Runs one instruction on both; what differs, in words. */
  run(bytes: Uint8Array, decoded: Instruction): string[] {
    const log = new Map<number, number>();
    const differences = this.#runBoth(bytes, decoded, log);
    for (const address of log.keys()) this.machine.ram[address] = this.#image[address]!;
    this.machine.ram.fill(0xf4, codeAt, codeAt + 16);
    return differences;
  }

  #runBoth(bytes: Uint8Array, decoded: Instruction, log: Map<number, number>): string[] {
    this.prepare(bytes);
    if (this.#leavesSegment(decoded)) return [];
    this.#beyond = false;
    const reference = this.#reference(log);
    const start = reference.rip;
    let fault: number | undefined;
    try {
      executeReference(reference, decoded);
    } catch (error) {
      if (!(error instanceof GuestFault)) {
        if (error instanceof Error && /helper/i.test(error.message)) return [];
        throw error;
      }
      fault = error.vector;
    }
    if (this.#beyond) return [];
    for (const address of log.keys()) if (address >= 0x1_0000 && address < 0x1_1000) return [];
    const target = Number(reference.rip) + this.#segmentBase(1);
    if (fault === undefined && (target < 0x1_0000 || target >= 0x1_0ff0)) return [];
    if (target >= codeAt && target < codeAt + bytes.length) return []; // into itself
    this.cases++;
    this.compared.add(decoded.row.operation);
    const exit = this.machine.vcpu.run(64);
    return this.#compare(reference, log, fault, start, exit.kind);
  }

  #compare(
    reference: ReferenceState,
    log: Map<number, number>,
    fault: number | undefined,
    start: bigint,
    exit: string,
  ): string[] {
    const { state, vcpu, ram } = this.machine;
    const differences: string[] = [];
    const differ = (what: string, wanted: bigint | number, got: bigint | number): void => {
      if (BigInt(wanted) !== BigInt(got)) differences.push(`${what} ${wanted.toString(16)} is ${got.toString(16)}`);
    };
    if (fault !== undefined) {
      if (exit !== "shutdown") differences.push(`exception ${fault} but ${exit}`);
      differ("rip", start, state.get64("rip"));
      return differences;
    }
    if (exit !== "halted") differences.push(`not halted but ${exit}`);
    const mask = this.codeSize === 64 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
    for (let i = 0; i < 16; i++) differ(`gpr${i}`, reference.gpr[i]! & mask, state.get64("gpr", i) & mask);
    differ("rip", reference.rip + 1n, state.get64("rip"));
    const flags = vcpu.interpreter.system.readFlags();
    for (const [name, bit] of Object.entries(flagBits)) {
      if (name !== "IF") differ(name, reference.flags[name as FlagName] ? 1 : 0, (flags >>> bit) & 1);
    }
    for (const [address, value] of log) differ(`[${address.toString(16)}]`, value, ram[address]!);
    return differences;
  }

  /** Every 4096th case: nothing else was written. */
  strayWrites(): number {
    let count = 0;
    for (let i = 0; i < ramBytes; i++)
      if (this.machine.ram[i] !== this.#image[i] && (i < 0x1_0000 || i >= 0x1_1000)) count++;
    return count;
  }
}

/** Opcodes that end in halts, resets or device traffic tell nothing here. */
const left = new Set(["HLT", "IN", "OUT", "INS", "OUTS", "INT", "INT1", "INT3", "IRET", "CALLF", "JMPF", "RETF"]);

/** The reference has no vectors; VEX with general registers it has. */
const isVector = ({ row }: Instruction): boolean => row.unit !== undefined && row.unit !== "vex";

/** BMI1 and BMI2: three-byte VEX with any registers, L = 0. Real mode has no VEX. */
function vexOpcodes(): number[][] {
  const prefixes = [0, 1, 2, 3];
  const inMap = (map: number, opcodes: readonly number[]): number[][] =>
    opcodes.flatMap((opcode) =>
      prefixes.flatMap((pp) =>
        [0x00, 0x28, 0x50, 0x78, 0xd8, 0xf8].map((middle) => [0xc4, 0xe0 | map, middle | pp, opcode]),
      ),
    );
  return [...inMap(2, [0xf2, 0xf3, 0xf5, 0xf6, 0xf7]), ...inMap(3, [0xf0])];
}

describe("interpreter and reference agree", () => {
  test.for([
    [16, 20],
    [32, 20],
    [64, 14],
  ] as [CodeSize, number][])("%i-bit code", { timeout: 120_000 }, async ([codeSize, rounds]) => {
    const machine = await createBareMachine(ramBytes);
    const comparison = new Comparison(machine, codeSize, codeSize);
    const failures: string[] = [];
    const opcodes = [
      ...Array.from({ length: 256 }, (_, i) => [i]),
      ...Array.from({ length: 256 }, (_, i) => [0x0f, i]),
      ...[0xf0, 0xf1, 0xf6].map((opcode) => [0x0f, 0x38, opcode]),
      ...[0xf2, 0xf3].flatMap((prefix) => [0xf0, 0xf1, 0xf6].map((opcode) => [prefix, 0x0f, 0x38, opcode])),
      ...(codeSize === 16 ? [] : vexOpcodes()),
    ];
    for (const opcode of opcodes) {
      for (let round = 0; round < rounds; round++) {
        const made = comparison.instruction(opcode);
        if (!made || left.has(made.decoded.row.operation) || isVector(made.decoded)) continue;
        const differences = comparison.run(made.bytes, made.decoded);
        if (differences.length > 0) {
          const bytes = [...made.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
          failures.push(`${made.decoded.row.operation} ${bytes}: ${differences.join(", ")}`);
        }
      }
    }
    expect(failures.slice(0, 40)).toEqual([]);
    expect(comparison.strayWrites()).toBe(0);
    expect(comparison.compared.size).toBeGreaterThan(100);
    expect(comparison.cases).toBeGreaterThan(2000);
  });
});
