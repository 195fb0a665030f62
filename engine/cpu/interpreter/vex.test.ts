/** When VEX instructions are there (Intel SDM vol. 1, 14.3; vol. 2, 2.3 and 2.8), and what they do to the upper halves of registers. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type BareMachine,
  createBareMachine,
  placeFlat32,
  placeRealMode,
} from "../../../tests/fixtures/bareMachine.ts";

const addBytes = [0xc5, 0xf1, 0xfc, 0xc2]; // VPADDB xmm0, xmm1, xmm2
const addBytesLong = [0xc5, 0xf5, 0xfc, 0xc2]; // VPADDB ymm0, ymm1, ymm2
const addBytesSse = [0x66, 0x0f, 0xfc, 0xc2]; // PADDB xmm0, xmm2
const isolateBit = [0xc4, 0xe2, 0x78, 0xf3, 0xd9]; // BLSI eax, ecx
const halt = 0xf4;
const handlersAt = 0x2000;
const osFxsr = 0x200n;
const osXsave = 0x4_0000n;
const taskSwitched = 8n;

let machine: BareMachine;
beforeAll(async () => {
  machine = await createBareMachine();
});
beforeEach(() => machine.vcpu.reset());

/** An IDT whose every gate leads to a HLT of its own: where the processor halts tells the vector. */
function placeHandlers(): void {
  const { ram } = machine;
  const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  const gdt = 0x1000;
  view.setBigUint64(gdt + 8, 0x00cf_9b00_0000_ffffn, true);
  view.setBigUint64(gdt + 16, 0x00cf_9300_0000_ffffn, true);
  for (let vector = 0; vector < 32; vector++) {
    view.setUint32(vector * 8, 0x0008_0000 | (handlersAt + vector * 16), true);
    view.setUint32(vector * 8 + 4, 0x8e00, true);
    ram[handlersAt + vector * 16] = halt;
  }
  machine.vcpu.invalidateCode(handlersAt, 512);
}

/** Runs code up to a HLT in 32-bit protected mode: the vector of its exception, or undefined. */
function exceptionOf(code: readonly number[], cr4: bigint, xcr0: bigint, cr0 = 1n): number | undefined {
  placeHandlers();
  placeFlat32(machine, [...code, halt]);
  const state = machine.vcpu.getState();
  const tables = { gdtr: { base: 0x1000n, limit: 0x17 }, idtr: { base: 0n, limit: 0xff } };
  machine.vcpu.setState({ ...state, ...tables, cr4, cr0: state.cr0 | cr0 });
  machine.state.set64("xcr0", xcr0);
  expect(machine.vcpu.run(16).kind).toBe("halted");
  const rip = Number(machine.state.get64("rip"));
  return rip < 0x1_0000 ? (rip - 1 - handlersAt) >> 4 : undefined;
}

describe("in protected mode", () => {
  test("AVX wants CR4.OSXSAVE", () => expect(exceptionOf(addBytes, osFxsr, 7n)).toBe(6));
  test("and the AVX bit of XCR0", () => expect(exceptionOf(addBytes, osXsave, 3n)).toBe(6));
  test("and nothing else", () => expect(exceptionOf(addBytes, osXsave, 7n)).toBeUndefined());
  test("CR0.TS is #NM", () => expect(exceptionOf(addBytes, osXsave, 7n, taskSwitched)).toBe(7));
  test("BMI asks neither", () => expect(exceptionOf(isolateBit, 0n, 1n, taskSwitched)).toBeUndefined());
});

test("real mode has no VEX", () => {
  for (const code of [addBytes, isolateBit]) {
    placeRealMode(machine, [...code, halt]);
    machine.vcpu.setState({ ...machine.vcpu.getState(), cr4: osXsave });
    machine.state.set64("xcr0", 7n);
    new DataView(machine.ram.buffer, machine.ram.byteOffset).setUint32(6 * 4, 0x600, true);
    machine.ram[0x600] = halt;
    machine.vcpu.invalidateCode(0x600, 1);
    expect(machine.vcpu.run(16).kind).toBe("halted");
    expect(Number(machine.state.get64("rip"))).toBe(0x601);
  }
});

describe("upper halves", () => {
  const run = (code: readonly number[]): bigint[] => {
    for (let register = 0; register < 3; register++) {
      machine.state.set64("xmm", 0x0101n, register);
      machine.state.set64("ymmHigh", 0x0202n, register);
    }
    placeFlat32(machine, [...code, halt]);
    const state = machine.vcpu.getState();
    machine.vcpu.setState({ ...state, cr4: osFxsr | osXsave });
    machine.state.set64("xcr0", 7n);
    expect(machine.vcpu.run(16).kind).toBe("halted");
    return [machine.state.get64("xmm", 0), machine.state.get64("ymmHigh", 0), machine.state.get64("ymmHigh", 1)];
  };
  test("VEX.128 clears the destination's", () => expect(run(addBytes)).toEqual([0x0202n, 0n, 0x0202n]));
  test("VEX.256 computes it", () => expect(run(addBytesLong)).toEqual([0x0202n, 0x0404n, 0x0202n]));
  test("SSE leaves it alone", () => expect(run(addBytesSse)).toEqual([0x0202n, 0x0202n, 0x0202n]));
  test("VZEROUPPER clears all", () => expect(run([0xc5, 0xf8, 0x77])).toEqual([0x0101n, 0n, 0n]));
  test("VZEROALL clears the registers", () => expect(run([0xc5, 0xfc, 0x77])).toEqual([0n, 0n, 0n]));
});
