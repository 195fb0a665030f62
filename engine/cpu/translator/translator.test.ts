import { describe, expect, test } from "vitest";
import { assemble } from "../../../resources/assembler/assemble.ts";
import { cpuPrograms } from "../../../tests/bench/cpuPrograms.ts";
import {
  type BareMachine,
  createBareMachine,
  placeFlat32,
  placeFlat64,
  upperHalf,
} from "../../../tests/fixtures/bareMachine.ts";
import { Decoder } from "../decode/Decoder.ts";
import { rows } from "../isa/rows.ts";
import { isTranslatable } from "./findRegion.ts";
import { structureBlocks } from "./structureBlocks.ts";
import { Translator } from "./Translator.ts";

const decoder = new Decoder(rows);
const place = { 32: placeFlat32, 64: placeFlat64 } as const;
const gpr = (machine: BareMachine, number: number): number => Number(machine.state.get64("gpr", number) & 0xffff_ffffn);

function runToHalt(machine: BareMachine): void {
  for (let slices = 0; slices < 100_000; slices++) if (machine.vcpu.run(50_000).kind !== "budget") return;
  throw new Error("it does not end");
}

async function flat(source: string, ramBytes?: number) {
  const machine = await createBareMachine(ramBytes);
  const { bytes, labels } = assemble(`bits 32\norg 0x10000\n${source}`);
  placeFlat32(machine, [...bytes]);
  const translator = new Translator(machine.vcpu.interpreter, decoder);
  const translate = (label: string) => translator.translate(Number(labels.get(label)));
  return { machine, translate };
}

describe("structureBlocks", () => {
  test("a loop with a way out of its middle", () => {
    const edges = [
      { from: 0, to: 2, falls: false },
      { from: 0, to: 1, falls: true },
      { from: 1, to: 0, falls: false },
    ];
    expect(structureBlocks(edges)).toEqual([
      { kind: "block", start: 0, end: 2 },
      { kind: "loop", start: 0, end: 2 },
    ]);
  });

  test("loops that overlap nest", () => {
    const edges = [
      { from: 2, to: 0, falls: false },
      { from: 3, to: 1, falls: false },
    ];
    expect(structureBlocks(edges)).toEqual([
      { kind: "loop", start: 0, end: 4 },
      { kind: "loop", start: 1, end: 4 },
    ]);
  });

  test("a way into the middle of a loop is refused", () => {
    const edges = [
      { from: 0, to: 2, falls: false },
      { from: 3, to: 1, falls: false },
    ];
    expect(structureBlocks(edges)).toBeUndefined();
  });
});

describe("regions", () => {
  test.for(cpuPrograms(0.02).filter((program) => program.loops.length > 0))(
    "$name of $bits bits gives its answer",
    async ({ bits, bytes, result, loops }) => {
      const machine = await createBareMachine();
      place[bits](machine, [...bytes]);
      const translator = new Translator(machine.vcpu.interpreter, decoder);
      expect(translator.translate(loops[0]!, bits)).toBeGreaterThan(100);
      runToHalt(machine);
      expect(gpr(machine, 0)).toBe(result);
      // Most of it ran in few dispatches.
      expect(machine.vcpu.instructionCount()).toBeGreaterThan(10_000);
    },
  );

  test.for(cpuPrograms(0.05))(
    "$name of $bits bits gives its answer when loops are found by themselves",
    async ({ bits, bytes, result }) => {
      const machine = await createBareMachine(0x20_0000, true);
      place[bits](machine, [...bytes]);
      for (let slices = 0; machine.vcpu.run(5000).kind === "budget"; slices++) expect(slices).toBeLessThan(20_000);
      expect(gpr(machine, 0)).toBe(result);
    },
  );

  test("a fault in the middle leaves exact registers, flags and address", async () => {
    const { machine, translate } = await flat(`
      mov ecx, 10
      mov esi, 0x1ff000
      again:
      mov eax, 7
      add eax, 0xfffffff9
      mov ebx, [fs:esi]
      add esi, 0x1000
      dec ecx
      jnz again
      hlt`);
    const state = machine.vcpu.getState();
    state.segments[4] = { ...state.segments[4]!, limit: 0x1f_ffff, attributes: 0x4093 };
    state.idtr = { base: 0n, limit: 0 };
    machine.vcpu.setState(state);
    translate("again");
    expect(machine.vcpu.run(1000).kind).toBe("shutdown");
    expect(gpr(machine, 0)).toBe(0);
    expect(gpr(machine, 1)).toBe(9);
    expect(gpr(machine, 6)).toBe(0x20_0000);
    expect(machine.vcpu.interpreter.system.readFlags() & 0x8d5).toBe(0x55); // ZF PF CF AF of the ADD
  });

  test("a fault of 64-bit code in the upper half, with byte registers and addresses relative to RIP", async () => {
    const machine = await createBareMachine();
    const { bytes, labels } = assemble(`
      bits 64
      org 0x10000
      mov ecx, 10
      mov r13, 0x7fe000
      mov r9, -1
      again:
      inc dword [rel counter]
      mov sil, [rel counter]
      add bl, sil
      mov ah, bl
      lea r9, [r9+r13*2]
      xor r10d, r10d
      add r10, -1
      mov r11, [r13]
      add r13, 0x1000
      dec ecx
      jnz again
      hlt
      counter: dd 0x41`);
    placeFlat64(machine, [...bytes], 0x1_0000, upperHalf);
    const state = machine.vcpu.getState();
    machine.vcpu.setState({
      ...state,
      gpr: state.gpr.map((value, i) => (i === 4 ? value : 0n)),
      idtr: { base: 0n, limit: 0 },
    });
    const translator = new Translator(machine.vcpu.interpreter, decoder);
    expect(translator.translate(upperHalf + labels.get("again")!, 64)).toBeGreaterThan(100);
    expect(machine.vcpu.run(1000).kind).toBe("shutdown");
    const registers = [1, 3, 6, 9, 10, 13].map((number) => machine.state.get64("gpr", number));
    const added = BigInt.asUintN(64, -1n + 2n * (0x7f_e000n + 0x7f_f000n + 0x80_0000n));
    expect(registers).toEqual([8n, 0x42n + 0x43n + 0x44n, 0x44n, added, 0xffff_ffff_ffff_ffffn, 0x80_0000n]);
    expect(machine.state.get64("gpr", 0)).toBe(0xc900n);
    expect(machine.state.get64("rip")).toBeGreaterThan(upperHalf);
  });

  test("a branch into the middle of an instruction is left to the interpreter", async () => {
    const machine = await createBareMachine();
    // JNZ into the last byte of MOV EAX, imm32, which is NOP there; INC EAX, JMP to the start.
    placeFlat32(machine, [0x75, 0x04, 0xb8, 0, 0, 0, 0x90, 0x40, 0xeb, 0xf6, 0xf4]);
    const translator = new Translator(machine.vcpu.interpreter, decoder);
    expect(translator.translate(0x1_0000)).toBeUndefined();
  });

  test("a store into the region itself takes effect at once", async () => {
    const { machine, translate } = await flat(`
      mov ecx, 5
      xor eax, eax
      again:
      inc dword [patched+1]
      patched: mov ebx, 0x100
      add eax, ebx
      dec ecx
      jnz again
      hlt`);
    translate("again");
    runToHalt(machine);
    expect(gpr(machine, 0)).toBe(5 * 0x100 + 15);
  });

  test("a store into a part of the region that was never interpreted", async () => {
    const { machine, translate } = await flat(`
      mov ecx, 3
      again:
      mov byte [patched+1], 9
      cmp ecx, 1
      jne over
      times 100 nop
      patched: mov al, 1
      over:
      dec ecx
      jnz again
      hlt`);
    translate("again");
    runToHalt(machine);
    expect(gpr(machine, 0) & 0xff).toBe(9);
  });

  test("an interrupt gets in at a backward branch", async () => {
    const { machine, translate } = await flat("again: inc ecx\nmov [0x500], ecx\nmov [0xe0000000], ecx\njmp again");
    translate("again");
    machine.onMmioWrite = (_address, value) => {
      if (value === 100) machine.vcpu.kick();
    };
    expect(machine.vcpu.run(1_000_000)).toEqual({ kind: "budget" });
    expect(gpr(machine, 1)).toBe(100);
  });

  test("samples between slices find the loop that runs", async () => {
    const { machine } = await flat(`
      mov edx, 100
      outer:
      mov ecx, 1000
      again: add eax, ecx
      dec ecx
      jnz again
      dec edx
      jnz outer
      hlt`);
    const translator = new Translator(machine.vcpu.interpreter, decoder);
    const state = machine.vcpu.getState();
    machine.vcpu.setState({ ...state, gpr: state.gpr.map((value, i) => (i === 4 ? value : 0n)) });
    while (machine.vcpu.run(777).kind === "budget") {
      translator.sample(machine.state.get64("rip"), machine.state.get32("codeMode"));
    }
    expect([1, 2]).toContain(translator.regions); // the inner loop, perhaps the outer one too
    expect(gpr(machine, 0)).toBe((100 * 1000 * 1001) / 2);
  });

  test("the budget counts instructions in regions too", async () => {
    const { machine, translate } = await flat("again: inc ecx\nadd eax, ecx\nadd edx, eax\njmp again");
    translate("again");
    machine.vcpu.run(10_000);
    expect(machine.vcpu.instructionCount()).toBeGreaterThanOrEqual(10_000);
    expect(machine.vcpu.instructionCount()).toBeLessThan(10_100);
    expect(gpr(machine, 1) * 4).toBeGreaterThan(9_900);
  });
});

function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x9e37_79b9) | 0;
    let z = Math.imul(seed ^ (seed >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

/** Straight-line code of instructions that a region can hold, and HLT. */
function randomCode(random: () => number, codeSize: 32 | 64): number[] {
  const code: number[] = [];
  for (let wanted = 3 + (random() % 12); wanted > 0; ) {
    const bytes = Uint8Array.from({ length: 15 }, () => random() & 0xff);
    if (random() % 4 === 0) bytes[0] = 0x0f;
    if (codeSize === 64 && random() % 2) {
      bytes.copyWithin(1, 0);
      bytes[0] = 0x40 | (random() & 15);
    }
    const decoded = decoder.decode(bytes, 0, 15, { codeSize });
    if ("failure" in decoded || decoded.row.unit || decoded.row.feature) continue;
    const { operation } = decoded.row;
    if (decoded.operands.some((operand) => operand.kind === "relative" || operand.kind === "far")) continue;
    if (
      /^(IN|OUT|INS|OUTS|CPUID|RDTSC|RDTSCP|RDPMC|BOUND|UD|DIV|IDIV|AAM|ENTER|ARPL|LAR|LSL|VER.|S[GIL]DT|STR|SMSW)$/.test(
        operation,
      )
    )
      continue;
    if (!isTranslatable({ offset: 0, instruction: decoded })) continue;
    code.push(...bytes.subarray(0, decoded.length));
    wanted--;
  }
  return [...code, 0xf4];
}

describe("translator and interpreter agree", () => {
  test.each([32, 64] as const)("on random straight-line code of %i bits", { timeout: 120_000 }, async (bits) => {
    const random = generator(bits);
    const one = await createBareMachine(0x4_0000);
    const other = await createBareMachine(0x4_0000);
    const translator = new Translator(other.vcpu.interpreter, decoder);
    let translated = 0;
    let finished = 0;
    for (let round = 0; round < 300; round++) {
      const code = randomCode(random, bits);
      const base = one.vcpu.getState();
      const fill = Uint8Array.from({ length: 256 }, () => random());
      const gprs = base.gpr.map((_, i) => (i < (bits === 64 ? 16 : 8) ? BigInt(0x2_0000 + (random() & 0x1_7fff)) : 0n));
      gprs[4] = BigInt(0x3_8000 + (random() & 0xff0));
      const flags = BigInt(2 | (random() & 0x8d5));
      for (const machine of [one, other]) {
        for (let at = 0; at < 0x4_0000; at += 256) machine.ram.set(fill, at);
        machine.ram.fill(0xf4, 0x1_0000, 0x1_1000);
        machine.vcpu.invalidateCode(0, 0x4_0000);
        place[bits](machine, code);
        machine.vcpu.setState({ ...machine.vcpu.getState(), gpr: gprs, rflags: flags, idtr: { base: 0n, limit: 0 } });
      }
      if (translator.translate(0x1_0000, bits) !== undefined) translated++;
      const exits = [one, other].map((machine) => machine.vcpu.run(1000).kind);
      if (exits[0] === "halted") finished++;
      const text = code.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      const seen = [one, other].map((machine, i) => ({
        text,
        exit: exits[i],
        gpr: machine.vcpu.getState().gpr.map((value) => value.toString(16)),
        rip: machine.state.getNumber("rip").toString(16),
        flags: machine.vcpu.interpreter.system.readFlags().toString(16),
      }));
      expect(seen[1]).toEqual(seen[0]);
      expect(Buffer.compare(one.ram, other.ram), text).toBe(0);
    }
    expect(translated).toBeGreaterThan(290);
    // More addresses of 64-bit code lead nowhere.
    expect(finished).toBeGreaterThan(bits === 64 ? 50 : 200);
  });
});
