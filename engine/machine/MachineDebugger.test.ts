import { beforeEach, expect, test } from "vitest";
import { type BareMachine, createBareMachine, placeFlat64, upperHalf } from "../../tests/fixtures/bareMachine.ts";
import type { DebugStop } from "../contracts/DebugTarget.ts";
import type { PhysicalMemory } from "../contracts/PhysicalMemory.ts";
import { memoryPlan, physMapBits } from "../cpu/layout/memoryPlan.ts";
import { MachineDebugger } from "./MachineDebugger.ts";

const RAM_BYTES = 0x20_0000;

let bare: BareMachine;
let life: "off" | "running" | "paused";
let touched: number;
let machine: MachineDebugger;

beforeEach(async () => {
  bare = await createBareMachine(RAM_BYTES);
  // inc eax, a loop.
  placeFlat64(bare, [0xff, 0xc0, 0xeb, 0xfc], 0x1_0000, upperHalf);
  life = "paused";
  touched = 0;
  const map = {
    read: (address: number, target: Uint8Array) => {
      touched++;
      target.set(bare.ram.subarray(address, address + target.length));
    },
    write: (address: number, source: Uint8Array) => {
      touched++;
      bare.ram.set(source, address);
    },
  };
  machine = new MachineDebugger({
    vcpu: bare.vcpu,
    memory: bare.memory,
    map: map as unknown as PhysicalMemory,
    life: () => life,
    pause: () => {
      life = "paused";
    },
    resume: () => {
      life = "running";
      machine.noteResumed();
    },
  });
});

/** Makes a page something else. */
function setPage(page: number, bits: number): void {
  new Uint32Array(bare.memory.buffer, memoryPlan.physMap)[page] =
    bits === 0 ? 0 : (memoryPlan.ram + page * 4096) | bits;
}

test("memory is reached by the page tables, over the ends of pages, and as it lies", () => {
  bare.ram.set([1, 2, 3, 4], 0x1_0ffe);
  expect([...machine.readMemory(upperHalf + 0x1_0ffen, 4, "linear")]).toEqual([1, 2, 3, 4]);
  expect([...machine.readMemory(0x1_0ffen, 4, "physical")]).toEqual([1, 2, 3, 4]);
  expect(machine.writeMemory(upperHalf + 0x1_0fffn, new Uint8Array([9, 8]), "linear")).toBe(2);
  expect([...bare.ram.subarray(0x1_0ffe, 0x1_1002)]).toEqual([1, 9, 8, 4]);
});

test("what is not mapped, no memory or not to be written ends an access, and is not touched", () => {
  setPage(0x11, 0);
  setPage(0x12, physMapBits.readable);
  expect(machine.readMemory(0x1_0ff0n, 64, "linear")).toHaveLength(16);
  expect(machine.writeMemory(0x1_0ff0n, new Uint8Array(64), "physical")).toBe(16);
  touched = 0;
  expect(machine.readMemory(0x1_1000n, 4, "linear")).toHaveLength(0);
  expect(machine.readMemory(0x4000_0000_0000n, 4, "linear")).toHaveLength(0);
  expect(machine.readMemory(0xffff_ffff_ffff_fffcn, 4, "physical")).toHaveLength(0);
  expect(machine.writeMemory(0x1_2000n, new Uint8Array(4), "physical")).toBe(0);
  expect(touched).toBe(0);
  expect(machine.readMemory(0x1_2000n, 4, "physical")).toHaveLength(4);
});

test("a page that the supervisor may not touch can be looked at", () => {
  // SMAP and SMEP; the test's pages are the user's.
  machine.setRegisters({ ...machine.registers(), cr4: machine.registers().cr4 | 0x30_0000n });
  expect(machine.readMemory(upperHalf + 0x1_0000n, 2, "linear")).toEqual(new Uint8Array([0xff, 0xc0]));
});

test("a stop point is there until all who wanted it have removed it", () => {
  const point = { kind: "execute", address: upperHalf + 0x1_0002n } as const;
  machine.insert(point);
  machine.insert({ ...point });
  machine.remove(point);
  expect(bare.vcpu.run(1000)).toEqual({ kind: "breakpoint", address: point.address });
  machine.remove(point);
  machine.remove(point);
  expect(bare.vcpu.run(1000)).toEqual({ kind: "budget" });
});

test("too many watchpoints are refused, and those that were there stay", () => {
  for (let i = 0; i < 16; i++) machine.insert({ kind: "write", address: BigInt(i * 8), length: 8 });
  expect(() => machine.insert({ kind: "write", address: 0x1000n, length: 8 })).toThrow("watched");
  machine.remove({ kind: "write", address: 0n, length: 8 });
  machine.insert({ kind: "write", address: 0x1000n, length: 8 });
});

test("a step from a breakpoint goes over it, and the next run stops there again", () => {
  const stops: DebugStop[] = [];
  machine.stopped.subscribe((stop) => stops.push(stop));
  machine.insert({ kind: "execute", address: upperHalf + 0x1_0000n });
  machine.step();
  const step = bare.vcpu.run(1000);
  expect(step).toEqual({ kind: "step" });
  machine.noteStopped({ kind: "step" });
  life = "paused";
  expect(machine.registers().rip).toBe(upperHalf + 0x1_0002n);
  machine.resume();
  expect(bare.vcpu.run(1000)).toEqual({ kind: "breakpoint", address: upperHalf + 0x1_0000n });
  expect(stops).toEqual([{ kind: "step" }]);
});

test("nothing can be done with a machine that is off or, for steps, runs", () => {
  life = "running";
  expect(() => machine.step()).toThrow("paused");
  life = "off";
  expect(() => machine.registers()).toThrow("off");
  expect(() => machine.readMemory(0n, 1, "linear")).toThrow("off");
  expect(() => machine.resume()).toThrow("off");
});
