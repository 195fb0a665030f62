import { describe, expect, test } from "vitest";
import { Decoder } from "../decode/Decoder.ts";
import { rows } from "../isa/rows.ts";
import type { Algebra, OperandRef, Value } from "./Algebra.ts";
import { executeReference } from "./ReferenceAlgebra.ts";
import { GuestFault, type ReferenceState } from "./ReferenceState.ts";

const decoder = new Decoder(rows);
const [eax, ecx, edx, ebx, esp, ebp, esi, edi] = [0, 1, 2, 3, 4, 5, 6, 7];

interface Machine {
  readonly state: ReferenceState;
  readonly memory: Uint8Array;
  run(bytes: string): void;
}

/** 32-bit code at 0 in a 4 KiB memory; anything outside faults. */
function machine(codeSize: 16 | 32 | 64 = 32): Machine {
  const memory = new Uint8Array(4096);
  const check = (linear: bigint): number => {
    if (linear >= 4096n) throw new GuestFault(14, 0);
    return Number(linear);
  };
  const state: ReferenceState = {
    gpr: new Array<bigint>(16).fill(0n),
    rip: 0n,
    flags: { CF: false, PF: false, AF: false, ZF: false, SF: false, OF: false, DF: false, IF: false },
    segments: Array.from({ length: 8 }, () => ({ selector: 0n, base: 0n })),
    stackSize: codeSize,
    readByte: (linear) => memory[check(linear)]!,
    writeByte: (linear, value) => {
      memory[check(linear)] = value;
    },
  };
  const run = (text: string): void => {
    const bytes = Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));
    const decoded = decoder.decode(bytes, 0, bytes.length, { codeSize });
    if ("failure" in decoded) throw new Error(`${text} is ${decoded.failure}`);
    executeReference(state, decoded);
  };
  return { state, memory, run };
}

const flagsOf = (state: ReferenceState): string =>
  (["OF", "SF", "ZF", "AF", "PF", "CF"] as const).filter((name) => state.flags[name]).join(" ");

function vectorOf(run: () => void): number | undefined {
  try {
    run();
    return undefined;
  } catch (fault) {
    if (fault instanceof GuestFault) return fault.vector;
    throw fault;
  }
}

describe("arithmetic", () => {
  test("ADD carries and overflows", () => {
    const { state, run } = machine();
    state.gpr[eax] = 0x8000_0000n;
    state.gpr[ebx] = 0x8000_0000n;
    run("01 d8");
    expect(state.gpr[eax]).toBe(0n);
    expect(flagsOf(state)).toBe("OF ZF PF CF");
  });
  test("SBB takes the borrow into account at the edge", () => {
    const { state, run } = machine();
    state.flags.CF = true;
    state.gpr[ebx] = 0xffff_ffffn;
    run("19 d8");
    expect(state.gpr[eax]).toBe(0n);
    expect(flagsOf(state)).toBe("ZF AF PF CF");
  });
  test("INC leaves CF alone", () => {
    const { state, run } = machine();
    state.flags.CF = true;
    state.gpr[eax] = 0x7fff_ffffn;
    run("40");
    expect(flagsOf(state)).toBe("OF SF AF PF CF");
  });
  test("XADD of a register with itself doubles it", () => {
    const { state, run } = machine();
    state.gpr[eax] = 21n;
    run("0f c1 c0");
    expect(state.gpr[eax]).toBe(42n);
  });
  test("XADD computes its address before it changes the register that is part of it", () => {
    const { state, memory, run } = machine();
    state.gpr[eax] = 0x100n;
    memory[0x100] = 7;
    run("0f c1 00");
    expect([state.gpr[eax], memory[0x100], memory[0x101]]).toEqual([7n, 7, 1]);
  });
  test("CMPXCHG that fails loads the accumulator", () => {
    const { state, memory, run } = machine();
    state.gpr[eax] = 1n;
    state.gpr[ebx] = 0x200n;
    memory[0x200] = 9;
    run("0f b1 0b");
    expect(state.gpr[eax]).toBe(9n);
    expect(state.flags.ZF).toBe(false);
  });
  test("CMPXCHG16B wants sixteen-byte alignment", () => {
    const { state, run } = machine(64);
    state.gpr[ebx] = 0x208n;
    expect(vectorOf(() => run("48 0f c7 0b"))).toBe(13);
    state.gpr[ebx] = 0x210n;
    expect(vectorOf(() => run("48 0f c7 0b"))).toBeUndefined();
  });
  test("32-bit results clear the upper half in 64-bit code, 16-bit ones keep it", () => {
    const { state, run } = machine(64);
    state.gpr[eax] = 0xffff_ffff_ffff_ffffn;
    run("66 05 01 00");
    expect(state.gpr[eax]).toBe(0xffff_ffff_ffff_0000n);
    run("83 c0 01");
    expect(state.gpr[eax]).toBe(0xffff_0001n);
  });
});

describe("division", () => {
  test.each([
    ["DIV by zero", "f7 f3", 0n, 1n, 0n],
    ["DIV that does not fit", "f7 f3", 1n, 0n, 1n],
    ["IDIV of the minimum by -1", "f7 fb", 0xffff_ffffn, 0x8000_0000n, 0xffff_ffffn],
    ["IDIV of -2^63 by -1", "f7 fb", 0x8000_0000n, 0n, 0xffff_ffffn],
    ["AAM 0", "d4 00", 0n, 5n, 0n],
  ])("%s raises #DE", (_name, bytes, high, low, divisor) => {
    const { state, run } = machine();
    state.gpr[edx] = high;
    state.gpr[eax] = low;
    state.gpr[ebx] = divisor;
    expect(vectorOf(() => run(bytes))).toBe(0);
    expect([state.gpr[eax], state.gpr[edx]]).toEqual([low, high]);
  });
  test("64-bit IDIV", () => {
    const { state, run } = machine(64);
    state.gpr[eax] = BigInt.asUintN(64, -100n);
    state.gpr[edx] = 0xffff_ffff_ffff_ffffn;
    state.gpr[ebx] = 7n;
    run("48 f7 fb");
    expect([BigInt.asIntN(64, state.gpr[eax]!), BigInt.asIntN(64, state.gpr[edx]!)]).toEqual([-14n, -2n]);
  });
});

describe("stack", () => {
  test("PUSH ESP stores the old value", () => {
    const { state, memory, run } = machine();
    state.gpr[esp] = 0x800n;
    run("54");
    expect([state.gpr[esp], memory[0x7fc], memory[0x7fd]]).toEqual([0x7fcn, 0, 8]);
  });
  test("POP ESP leaves the popped value", () => {
    const { state, memory, run } = machine();
    state.gpr[esp] = 0x800n;
    memory[0x801] = 3;
    run("5c");
    expect(state.gpr[esp]).toBe(0x300n);
  });
  test("POP [ESP] addresses with the pointer already moved", () => {
    const { state, memory, run } = machine();
    state.gpr[esp] = 0x800n;
    memory[0x800] = 0x5a;
    run("8f 04 24");
    expect([state.gpr[esp], memory[0x804]]).toEqual([0x804n, 0x5a]);
  });
  test("POP to memory that faults leaves ESP", () => {
    const { state, run } = machine();
    state.gpr[esp] = 0x800n;
    state.gpr[eax] = 0x5000n;
    expect(vectorOf(() => run("8f 00"))).toBe(14);
    expect(state.gpr[esp]).toBe(0x800n);
  });
  test("PUSHA and POPA give everything back but ESP's image", () => {
    const { state, run } = machine();
    for (let register = 0; register < 8; register++) state.gpr[register] = BigInt(register + 0x40);
    state.gpr[esp] = 0x800n;
    run("60");
    expect(state.gpr[esp]).toBe(0x7e0n);
    const before = [...state.gpr];
    for (const register of [eax, ecx, edx, ebx, ebp, esi, edi]) state.gpr[register!] = 0n;
    run("61");
    before[esp] = 0x800n;
    expect(state.gpr).toEqual(before);
  });
  test("LEAVE with a bad frame changes nothing", () => {
    const { state, run } = machine();
    state.gpr[ebp] = 0x9000n;
    state.gpr[esp] = 0x800n;
    expect(vectorOf(() => run("c9"))).toBe(14);
    expect([state.gpr[esp], state.gpr[ebp]]).toEqual([0x800n, 0x9000n]);
  });
});

describe("branches", () => {
  test("CALL and RET n", () => {
    const { state, run } = machine();
    state.gpr[esp] = 0x800n;
    state.rip = 0x10n;
    run("e8 00 01 00 00");
    expect([state.rip, state.gpr[esp]]).toEqual([0x115n, 0x7fcn]);
    run("c2 08 00");
    expect([state.rip, state.gpr[esp]]).toEqual([0x15n, 0x808n]);
  });
  test("a 16-bit branch wraps the instruction pointer", () => {
    const { state, run } = machine(16);
    state.rip = 0xfff0n;
    run("eb 20");
    expect(state.rip).toBe(0x12n);
  });
  test("LOOP counts the register of the address size", () => {
    const { state, run } = machine();
    state.gpr[ecx] = 0x1_0000n;
    run("67 e2 10");
    expect([state.gpr[ecx], state.rip]).toEqual([0x1_ffffn, 0x13n]);
  });
});

describe("strings and bits", () => {
  test("MOVS backwards", () => {
    const { state, memory, run } = machine();
    state.flags.DF = true;
    state.gpr[esi] = 0x100n;
    state.gpr[edi] = 0x200n;
    memory[0x103] = 0xaa;
    run("a5");
    expect([memory[0x203], state.gpr[esi], state.gpr[edi]]).toEqual([0xaa, 0xfcn, 0x1fcn]);
  });
  test("BTS reaches below its operand", () => {
    const { state, memory, run } = machine();
    state.gpr[ebx] = 0x200n;
    state.gpr[ecx] = BigInt.asUintN(32, -1n);
    run("0f ab 0b");
    expect(memory[0x1ff]).toBe(0x80);
  });
  test("BSF of zero keeps its destination", () => {
    const { state, run } = machine();
    state.gpr[ecx] = 0x55n;
    run("0f bc c8");
    expect([state.gpr[ecx], state.flags.ZF]).toEqual([0x55n, true]);
  });
});

test("mixed widths do not compile", () => {
  const check = (x: Algebra, byte: Value<8>, word: Value<16>, target: OperandRef<32>): void => {
    // @ts-expect-error widths differ
    x.add(byte, word);
    // @ts-expect-error a word into a double word
    x.write(target, word);
    // @ts-expect-error flags of a sum whose result is wider
    x.flagsAdd(byte, byte, word);
    x.add(byte, byte);
  };
  expect(check).toBeTypeOf("function");
});
