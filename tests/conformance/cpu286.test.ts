/**
 * Runs instruction tests that were recorded from a real 80286 in real mode on the interpreter. Where later processors differ from the
 * 286 by design, `knownDifferences` says how and why, and those tests are left out; everything else must agree bit for bit.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type BareMachine, createBareMachine } from "../fixtures/bareMachine.ts";
import { type MooTest, type RegisterName, readMoo, registerNames } from "./mooFile.ts";
import { parseRealMode, type RealModeInstruction } from "./realModeOperand.ts";

const directory = join(import.meta.dirname, "../../../shared/cpu286");
const ramBytes = 0x100_0000;
/** Carry, parity, adjust, zero, sign, trap, interrupt, direction, overflow. */
const flagsThatCount = 0x0fd5;

interface KnownDifference {
  readonly name: string;
  readonly why: string;
  readonly applies: (recorded: MooTest, instruction: RealModeInstruction) => boolean;
}

const overrunOf286 = 13;
/** Of the recorded opcodes: ADD Eb,Gb and SBB Eb,Ib. */
const lockable = [0x00, 0x80];

/** The recorded tests that a later processor answers differently, and why. */
const knownDifferences: readonly KnownDifference[] = [
  {
    name: "LOCK where it is not allowed",
    why: "The 286 ignores it in real mode; from the 386 on it is #UD unless the instruction writes memory and is lockable.",
    applies: (_, { prefixes, opcode, memory }) =>
      prefixes.includes(0xf0) && !(memory !== undefined && lockable.includes(opcode)),
  },
  {
    name: "more than ten bytes",
    why: "The 286 raises #UD beyond 10 bytes; later processors allow 15.",
    applies: (_, { length }) => length > 10,
  },
  {
    name: "overrun of the stack segment",
    why: "A word at offset FFFF is exception 13 in any segment of the 286; later processors raise 12 for SS.",
    applies: ({ exception, initial }, { opcode, memory }) =>
      exception?.vector === overrunOf286 &&
      (memory?.segment === "ss" || ([0xca, 0xcf, 0x8f].includes(opcode) && (initial.registers.sp ?? 0) >= 0xfffb)),
  },
  {
    name: "registers that moved before a fault",
    why: "The 286 leaves SP (POP to memory) and SI, DI (string instructions) advanced when the access faults; later processors restart.",
    applies: ({ exception }, { opcode }) => exception?.vector === overrunOf286 && [0x8f, 0xa5, 0xaf].includes(opcode),
  },
  {
    name: "BOUND at the end of a segment",
    why: "The 286 takes the upper bound from offset 0 when the lower lies at FFFE; later processors raise an exception.",
    applies: (_, { opcode, memory }) => opcode === 0x62 && memory !== undefined && memory.offset === 0xfffe,
  },
  {
    name: "flags of AAM 0",
    why: "The 286 sets SF, ZF and PF from the division that it then gives up; later processors leave flags alone on #DE.",
    applies: ({ exception }, { opcode }) => opcode === 0xd4 && exception?.vector === 0,
  },
  {
    name: "far CALL through a register",
    why: "No such instruction exists; the 286 pushes a wrong CS on its way to #UD.",
    applies: ({ exception }, { opcode, memory }) => opcode === 0xff && memory === undefined && exception?.vector === 6,
  },
];

interface OpcodeFacts {
  readonly "flags-mask"?: number;
  readonly reg?: Readonly<Record<string, OpcodeFacts>>;
}

const metadata = (): Record<string, OpcodeFacts> =>
  (JSON.parse(readFileSync(join(directory, "metadata.json"), "utf8")) as { opcodes: Record<string, OpcodeFacts> })
    .opcodes;

function flagsMask(facts: Record<string, OpcodeFacts>, file: string): number {
  const [opcode, reg] = file.split(".");
  const found = facts[opcode!];
  return (reg === undefined ? found : (found?.reg?.[reg] ?? found))?.["flags-mask"] ?? 0xffff;
}

/** Where `state.gpr` and `state.segments` hold a 286 register. */
const generalIndex: Partial<Record<RegisterName, number>> = { ax: 0, cx: 1, dx: 2, bx: 3, sp: 4, bp: 5, si: 6, di: 7 };
const segmentIndex: Partial<Record<RegisterName, number>> = { es: 0, cs: 1, ss: 2, ds: 3 };

type Registers = Record<RegisterName, number>;

function load(
  machine: BareMachine,
  { initial }: MooTest,
  base: ReturnType<BareMachine["vcpu"]["getState"]>,
): Registers {
  const registers = { ...initial.registers } as Registers;
  registers.flags &= 0x0fff;
  for (const [address, value] of initial.ram) {
    machine.ram[address] = value;
    machine.vcpu.invalidateCode(address, 1);
  }
  for (const name of registerNames) {
    const general = generalIndex[name];
    if (general !== undefined) base.gpr[general] = BigInt(registers[name]);
    const segment = segmentIndex[name];
    if (segment !== undefined) {
      const selector = registers[name];
      base.segments[segment] = { ...base.segments[segment]!, selector, base: BigInt(selector * 16) };
    }
  }
  base.rip = BigInt(registers.ip);
  base.rflags = BigInt(registers.flags | 2);
  base.a20 = true;
  machine.vcpu.setState(base);
  return registers;
}

/** What differs between the machine and the recording, in words; nothing when all agrees. */
function compare(machine: BareMachine, recorded: MooTest, before: Registers, mask: number): string[] {
  const expected = { ...before, ...recorded.final.registers };
  const { state, vcpu } = machine;
  const differences: string[] = [];
  const differ = (what: string, wanted: number, got: number): void => {
    if (wanted !== got) differences.push(`${what} ${wanted.toString(16)} is ${got.toString(16)}`);
  };
  for (const name of registerNames) {
    const general = generalIndex[name];
    const segment = segmentIndex[name];
    if (general !== undefined) differ(name, expected[name], Number(state.get64("gpr", general) & 0xffffn));
    else if (segment !== undefined) differ(name, expected[name], state.segmentWord(segment, "selector"));
  }
  differ("ip", expected.ip, state.getNumber("rip") & 0xffff);
  const bits = flagsThatCount & mask;
  differ("flags", expected.flags & bits, vcpu.interpreter.system.readFlags() & bits);
  // The recording's own note of where the flags were pushed is the even address of the bus cycle.
  const flagsAt = recorded.exception ? expected.ss * 16 + ((expected.sp + 4) & 0xffff) : -2;
  for (const [address, value] of recorded.final.ram) {
    let counts = 0xff;
    if (address === flagsAt) counts = bits & 0xff;
    else if (address === flagsAt + 1) counts = bits >> 8;
    differ(`[${address.toString(16)}]`, value & counts, machine.ram[address]! & counts);
  }
  return differences;
}

function run(
  machine: BareMachine,
  recorded: MooTest,
  base: ReturnType<BareMachine["vcpu"]["getState"]>,
  mask: number,
): string[] {
  const before = load(machine, recorded, base);
  const exit = machine.vcpu.run(100_000);
  const differences =
    exit.kind === "halted" ? compare(machine, recorded, before, mask) : [`it did not halt: ${exit.kind}`];
  for (const [address] of [...recorded.initial.ram, ...recorded.final.ram]) machine.ram[address] = 0;
  return differences;
}

function isKnownDifference(recorded: MooTest): boolean {
  const instruction = parseRealMode(recorded);
  return knownDifferences.some((known) => known.applies(recorded, instruction));
}

const present = existsSync(directory);
const files = present ? readdirSync(directory).filter((name) => name.endsWith(".MOO.gz")) : [];

describe.skipIf(!present)("recorded from a real 80286 (skipped where ../shared/cpu286 is absent)", () => {
  const facts = present ? metadata() : {};
  const revoked = new Set(present ? readFileSync(join(directory, "revocation_list.txt"), "utf8").split("\n") : []);
  test.for(files)("%s", async (file) => {
    const machine = await createBareMachine(ramBytes);
    const base = machine.vcpu.getState();
    const mask = flagsMask(facts, file.replace(".MOO.gz", ""));
    const failures: string[] = [];
    let ran = 0;
    for (const recorded of readMoo(readFileSync(join(directory, file)))) {
      if (revoked.has(recorded.hash) || isKnownDifference(recorded)) continue;
      ran++;
      const differences = run(machine, recorded, base, mask);
      if (differences.length > 0) {
        const bytes = [...recorded.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
        failures.push(`#${recorded.index} ${recorded.name} (${bytes}): ${differences.join(", ")}`);
      }
    }
    expect(ran).toBeGreaterThan(500);
    expect(`${failures.length} of ${ran}\n${failures.slice(0, 5).join("\n")}`).toBe(`0 of ${ran}\n`);
  });
});
