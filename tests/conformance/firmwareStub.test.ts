import { describe, expect, test } from "vitest";
import { Bios } from "../../engine/firmware/Bios.ts";
import { assemble } from "../../resources/assembler/assemble.ts";
import { type BareMachine, createBareMachine, placeRealMode } from "../fixtures/bareMachine.ts";
import { FirmwareBench, memoryBlocks } from "../fixtures/FirmwareBench.ts";

/** The ROM's machine code on the real interpreter: frames, waiting, nested calls and entering programs. */
const MACHINE_BYTES = 0x20_0000;

async function machineWithBios(options: ConstructorParameters<typeof FirmwareBench>[0] = {}) {
  const machine = await createBareMachine(MACHINE_BYTES);
  const bench = new FirmwareBench(options);
  // The bench's ports, this machine's memory.
  const bios = new Bios({
    memory: memoryOf(machine),
    cpu: { translate: (linear) => linear, yieldToHost: () => machine.vcpu.kick() },
    ports: bench.ports,
    clock: bench.clock,
    sizes: { below4GiB: MACHINE_BYTES, above4GiB: 0 },
    drives: [],
    bootOrder: ["floppy"],
    version: "test",
    videoMemoryBytes: 16 << 20,
    log: () => {},
    ...options,
  });
  const { f000, c000 } = bios.romImage();
  machine.ram.set(f000, 0xf0000);
  machine.ram.set(c000, 0xc0000);
  machine.onPortWrite = (port, value, width) => {
    if (port === bios.trapPort) bios.handler.write(0, value, width as 1 | 2 | 4);
  };
  return { machine, bench };
}

function memoryOf(machine: BareMachine) {
  const { ram, vcpu } = machine;
  const view = new DataView(ram.buffer, ram.byteOffset, ram.length);
  const wrote = (address: number, length: number) => vcpu.invalidateCode(address, length);
  return {
    read8: (address: number) => ram[address] ?? 0xff,
    read16: (address: number) => view.getUint16(address, true),
    read32: (address: number) => view.getUint32(address, true),
    write8: (address: number, value: number) => {
      if (address < ram.length) ram[address] = value;
      wrote(address, 1);
    },
    write16: (address: number, value: number) => view.setUint16(address, value, true),
    write32: (address: number, value: number) => {
      if (address < ram.length) view.setUint32(address, value, true);
    },
    read: (address: number, target: Uint8Array) => target.set(ram.subarray(address, address + target.length)),
    write: (address: number, source: Uint8Array) => {
      if (address < ram.length) ram.set(source, address);
      wrote(address, source.length);
    },
  };
}

function setVector(machine: BareMachine, vector: number, offset: number): void {
  machine.ram.set([offset & 0xff, offset >> 8, 0x00, 0xf0], vector * 4);
}

async function runUntil(machine: BareMachine, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !done(); turn++) {
    machine.vcpu.run(10_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(done()).toBe(true);
}

describe("the BIOS stub on the interpreter", () => {
  test("registers and flags reach the service and come back", async () => {
    const { machine } = await machineWithBios();
    setVector(machine, 0x15, 0xf859);
    machine.ram.set([0x1e, 0, 0x1e, 0], 0x480);
    const program = assemble(`
      org 0x7C00
      mov eax, 0x11112222
      mov esi, 0xAABBCCDD
      mov ah, 0x88
      stc
      int 0x15
      setc byte [0x500]
      mov [0x504], eax
      mov [0x508], esi
      mov [0x50C], sp
      mov byte [0x510], 1
      hlt`);
    placeRealMode(machine, [...program.bytes]);
    await runUntil(machine, () => machine.ram[0x510] === 1);
    const view = new DataView(machine.ram.buffer, machine.ram.byteOffset);
    expect(machine.ram[0x500]).toBe(0);
    expect(view.getUint32(0x504, true)).toBe(0x11110000 | (1024 - 64));
    expect(view.getUint32(0x508, true)).toBe(0xaabbccdd);
    expect(view.getUint16(0x50c, true)).toBe(0x7000);
  });

  test("a disk read waits without holding up the host", async () => {
    const bytes = new Uint8Array(1440 * 1024).fill(0x5a);
    const medium = { name: "a", blocks: memoryBlocks(bytes) };
    const { machine } = await machineWithBios({ drives: [{ kind: "floppy", name: "A", drive: { medium } }] });
    setVector(machine, 0x13, 0xe3fe);
    const program = assemble(`
      org 0x7C00
      mov ax, 0x0202
      mov bx, 0x8000
      mov cx, 1
      xor dx, dx
      int 0x13
      setc byte [0x500]
      mov byte [0x510], 1
      hlt`);
    placeRealMode(machine, [...program.bytes]);
    await runUntil(machine, () => machine.ram[0x510] === 1);
    expect([machine.ram[0x500], machine.ram[0x8000], machine.ram[0x83ff], machine.ram[0x8400]]).toEqual([
      0, 0x5a, 0x5a, 0,
    ]);
  });

  test("the video ROM sets itself up and serves INT 10h without the system ROM", async () => {
    const { machine } = await machineWithBios();
    machine.ram.fill(0, 0xf0000, 0x100000);
    const program = assemble(`
      org 0x7C00
      call 0xC000:3
      mov ax, 0x0E41
      int 0x10
      mov byte [0x510], 1
      hlt`);
    placeRealMode(machine, [...program.bytes]);
    await runUntil(machine, () => machine.ram[0x510] === 1);
    expect([machine.ram[0x449], machine.ram[0xb8000]]).toEqual([3, 0x41]);
  });

  test("a service calls an interrupt of the program", async () => {
    const { machine } = await machineWithBios();
    setVector(machine, 0x08, 0xfea5);
    const program = assemble(`
      org 0x7C00
      mov word [0x1C*4], tick
      mov word [0x1C*4+2], 0
      int 8
      mov byte [0x510], 1
      hlt
      tick: inc byte [cs:0x501]
      iret`);
    placeRealMode(machine, [...program.bytes]);
    await runUntil(machine, () => machine.ram[0x510] === 1);
    expect(machine.ram[0x501]).toBe(1);
    expect(machine.ram[0x46c]).toBe(1);
  });

  test("POST starts a multiboot kernel in protected mode and a Linux set-up in real mode", async () => {
    const kernel = assemble(`
      bits 32
      org 0x100000
      dd 0x1BADB002, 0x10000, -(0x1BADB002+0x10000)
      dd 0x100000, 0x100000, 0, 0, start
      start: mov [0x500], eax
      mov edx, cs
      mov [0x504], edx
      mov ecx, [ebx+16]
      mov ecx, [ecx]
      mov [0x508], ecx
      mov byte [0x510], 1
      hlt`).bytes;
    const { machine } = await machineWithBios({ directBoot: { kernel, commandLine: "abcd" } });
    placeRealMode(machine, [0xea, 0x5b, 0xe0, 0x00, 0xf0]);
    await runUntil(machine, () => machine.ram[0x510] === 1);
    const view = new DataView(machine.ram.buffer, machine.ram.byteOffset);
    expect(view.getUint32(0x500, true)).toBe(0x2badb002);
    expect(view.getUint16(0x504, true)).toBe(0x10);
    expect(view.getUint32(0x508, true)).toBe(0x64636261);

    const setup = new Uint8Array(512 * 6);
    setup.set([4], 0x1f1);
    setup.set([0x55, 0xaa], 0x1fe);
    setup.set(new TextEncoder().encode("HdrS\x00\x02"), 0x202);
    const code = assemble("mov [0x20F0], ss\nmov [0x20F2], sp\nmov byte [0x20F4], 1\nhlt").bytes;
    setup.set([0xeb, 0x1e], 0x200);
    setup.set(code, 0x220);
    const old = await machineWithBios({ directBoot: { kernel: setup, commandLine: "" } });
    placeRealMode(old.machine, [0xea, 0x5b, 0xe0, 0x00, 0xf0]);
    await runUntil(old.machine, () => old.machine.ram[0x920f4] === 1);
    const oldView = new DataView(old.machine.ram.buffer, old.machine.ram.byteOffset);
    expect([oldView.getUint16(0x920f0, true), oldView.getUint16(0x920f2, true)]).toEqual([0x9000, 0x8ff0]);
  });
});
