import { describe, expect, test } from "vitest";
import { FirmwareBench, memoryBlocks } from "../../../tests/fixtures/FirmwareBench.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { FirmwareDrive } from "../disk/FirmwareDrive.ts";
import { SERVICE_POST } from "../rom/stubCode.ts";
import { checkKernel, linuxVideoMode, loadDirectBoot } from "./DirectBoot.ts";
import { isLinuxKernel, loadLinux } from "./LinuxBoot.ts";
import { isMultibootKernel, loadMultiboot } from "./MultibootBoot.ts";

const sizes = { below4GiB: 16 << 20, above4GiB: 0 };

function bootable(fill: number): Uint8Array {
  const bytes = new Uint8Array(1440 * 1024);
  bytes.fill(fill, 0, 16);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

function floppy(bytes?: Uint8Array): FirmwareDrive {
  const medium = bytes && { name: "boot.img", blocks: memoryBlocks(bytes) };
  return { kind: "floppy", name: "A", drive: { medium } };
}
const disk = (bytes: Uint8Array): FirmwareDrive => ({ kind: "disk", name: "system", blocks: memoryBlocks(bytes) });

describe("POST", () => {
  test("sets up the machine, shows it, and starts the first bootable drive", async () => {
    const bench = new FirmwareBench({ drives: [floppy(), disk(bootable(0x90))] });
    const entered = await bench.call(SERVICE_POST);
    expect([entered.cs, entered.ip, entered.dx & 0xff]).toEqual([0, 0x7c00, 0x80]);
    expect(bench.memory.read8(0x7c00)).toBe(0x90);
    const screen = bench.screen().join("\n");
    expect(screen).toContain("Guesthouse");
    expect(screen).toMatch(/Memory\s+16 MiB/);
    expect(screen).toMatch(/Floppy drive A\s*empty/);
    expect(screen).toContain("Starting from Hard disk 1");
    // Vectors, equipment, CMOS.
    expect([bench.memory.read16(0x13 * 4), bench.memory.read16(0x13 * 4 + 2)]).toEqual([0xe3fe, 0xf000]);
    expect(bench.memory.read16(0x10 * 4 + 2)).toBe(0xc000);
    expect(bench.memory.read16(0x410) & 0x01).toBe(1);
    expect(bench.memory.read8(0x475)).toBe(1);
    expect(bench.ports.cmos[0x10]).toBe(0x40);
  });

  test("says why nothing boots and tries again on a key", async () => {
    const slot: { medium: { name: string; blocks: ReturnType<typeof memoryBlocks> } | undefined } = {
      medium: undefined,
    };
    const drives: FirmwareDrive[] = [
      { kind: "floppy", name: "A", drive: slot },
      {
        kind: "cdrom",
        name: "CD",
        drive: { medium: { name: "x", blocks: memoryBlocks(new Uint8Array(100 * 2048), { blockSize: 2048 }) } },
      },
      disk(new Uint8Array(512 * 1000)),
    ];
    const bench = new FirmwareBench({ drives });
    let shown = "";
    bench.onIdle = () => {
      bench.clock.advance(55_000_000);
      const screen = bench.screen().join("\n");
      if (!screen.includes("No bootable medium")) return;
      shown = screen;
      slot.medium = { name: "found", blocks: memoryBlocks(bootable(0x90)) };
      bench.memory.write16(0x41e, 0x1c0d);
      bench.memory.write16(0x41a, 0x1e);
      bench.memory.write16(0x41c, 0x20);
    };
    const entered = await bench.call(SERVICE_POST);
    expect(shown).toContain("Floppy drive A: There is nothing in the drive.");
    expect(shown).toContain("Optical drive 1: The disc has no boot record.");
    expect(shown).toContain("Hard disk 1: It is blank.");
    expect(shown).toContain("press any key to try again");
    expect(entered.dx & 0xff).toBe(0);
  });

  test("F12 opens the menu, a digit chooses", async () => {
    const bench = new FirmwareBench({ drives: [floppy(bootable(0x11)), disk(bootable(0x22))] });
    let asked = false;
    bench.onIdle = () => {
      bench.clock.advance(55_000_000);
      const menu = bench.screen().some((line) => line.includes("Press a number"));
      const code = menu ? 0x0332 : asked ? undefined : 0x8600;
      if (code === undefined) return;
      asked = true;
      const tail = bench.memory.read16(0x41c);
      bench.memory.write16(0x400 + tail, code);
      bench.memory.write16(0x41c, tail + 2);
    };
    const entered = await bench.call(SERVICE_POST);
    expect([entered.dx & 0xff, bench.memory.read8(0x7c00)]).toEqual([0x80, 0x22]);
  });

  test("INT 18h goes on to the next drive", async () => {
    const bench = new FirmwareBench({ drives: [floppy(bootable(0x11)), disk(bootable(0x22))] });
    expect((await bench.call(SERVICE_POST)).dx & 0xff).toBe(0);
    expect((await bench.call(0x18)).dx & 0xff).toBe(0x80);
  });

  test("a drive that cannot be read is passed over", async () => {
    const blocks = memoryBlocks(new Uint8Array(512 * 100));
    blocks.read = () => Promise.reject(new GuesthouseError("io-error", "broken"));
    const drives: FirmwareDrive[] = [{ kind: "disk", name: "bad", blocks }, disk(bootable(0x22))];
    const bench = new FirmwareBench({ drives });
    expect((await bench.call(SERVICE_POST)).dx & 0xff).toBe(0x81);
    expect(bench.log.join()).toContain("cannot be read");
  });
});

/** A bzImage with only a header: two setup sectors, protocol 2.12. */
function bzImage(version = 0x20c, loadFlags = 1): Uint8Array {
  const kernel = new Uint8Array(512 * 3 + 4096);
  const view = new DataView(kernel.buffer);
  kernel[0x1f1] = 2;
  view.setUint16(0x1fe, 0xaa55, true);
  kernel.set([0xeb, 0x66], 0x200);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, version, true);
  kernel[0x211] = loadFlags;
  view.setUint32(0x214, 0x100000, true);
  view.setUint32(0x22c, 0x7fffffff, true);
  view.setUint32(0x238, 2047, true);
  view.setUint32(0x260, 0x200000, true);
  kernel.fill(0xcc, 512 * 3);
  return kernel;
}

describe("Linux", () => {
  test("zero page, command line, RAM disk and the 32-bit entry", () => {
    const memory = new FlatMemory(16 << 20);
    const initrd = new Uint8Array(5000).fill(0x77);
    const program = loadLinux(
      { kernel: bzImage(), initrd, commandLine: "console=ttyS0" },
      memory,
      sizes,
      undefined,
      0xf1000,
    );
    expect(program).toEqual({ kind: "protected", entry: 0x100000, eax: 0, ebx: 0, esi: 0x10000 });
    expect([memory.read8(0x100000), memory.read8(0x100000 + 4095)]).toEqual([0xcc, 0xcc]);
    const page = 0x10000;
    const ramDisk = memory.read32(page + 0x218);
    expect([ramDisk % 4096, memory.read32(page + 0x21c), memory.read8(ramDisk + 4999)]).toEqual([0, 5000, 0x77]);
    expect(ramDisk).toBeGreaterThan(0x100000 + 0x200000);
    const line = memory.read32(page + 0x228);
    expect(new TextDecoder().decode(memory.bytes.subarray(line, line + 14))).toBe("console=ttyS0\0");
    expect([memory.read8(page + 0x210), memory.read8(page + 0x1e8)]).toEqual([0xff, 9]);
    expect(memory.read32(page + 0x202)).toBe(0x53726448);
    expect(memory.read32(page + 0x70)).toBe(0xf1000);
  });

  test("too little memory is said, not tried", () => {
    const memory = new FlatMemory(16 << 20);
    const initrd = new Uint8Array(14 << 20);
    expect(() => loadLinux({ kernel: bzImage(), initrd, commandLine: "" }, memory, sizes, undefined, 0)).toThrow(
      "too little memory",
    );
  });

  test("a zImage runs its set-up in real mode", () => {
    const memory = new FlatMemory(16 << 20);
    const program = loadLinux({ kernel: bzImage(0x200, 0), commandLine: "root=/dev/fd0" }, memory, sizes, undefined, 0);
    expect(program).toEqual({ kind: "real", segment: 0x9000, stackPointer: 0x8ff0 });
    expect([memory.read8(0x10000), memory.read16(0x90020)]).toEqual([0xcc, 0xa33f]);
    const line = 0x90000 + memory.read16(0x90022);
    expect(new TextDecoder().decode(memory.bytes.subarray(line, line + 5))).toBe("root=");
  });

  test("a kernel that names no 32-bit entry point starts through its set-up code, loaded high", () => {
    const memory = new FlatMemory(16 << 20);
    const kernel = bzImage();
    new DataView(kernel.buffer).setUint32(0x214, 0, true);
    const program = loadLinux({ kernel, commandLine: "shell" }, memory, sizes, undefined, 0);
    expect(program).toMatchObject({ kind: "real", segment: 0x9000 });
    expect([memory.read8(0x100000), memory.read16(0x90200)]).toEqual([0xcc, 0x66eb]);
    const line = memory.read32(0x90228);
    expect(new TextDecoder().decode(memory.bytes.subarray(line, line + 6))).toBe("shell\0");
  });

  test("vga= names a VESA mode", () => {
    expect([
      linuxVideoMode("quiet vga=0x318"),
      linuxVideoMode("vga=791"),
      linuxVideoMode("vga=normal"),
      linuxVideoMode("xvga=791"),
    ]).toEqual([0x118, 0x117, undefined, undefined]);
  });
});

function multibootElf(): Uint8Array {
  const kernel = new Uint8Array(0x2000);
  const view = new DataView(kernel.buffer);
  view.setUint32(0, 0x464c457f, true);
  kernel[4] = 1;
  view.setUint32(0x18, 0xc0100010, true);
  view.setUint32(0x1c, 0x34, true);
  view.setUint16(0x2a, 32, true);
  view.setUint16(0x2c, 1, true);
  [1, 0x1000, 0xc0100000, 0x100000, 0x800, 0x3000, 7, 0x1000].forEach((value, index) => {
    view.setUint32(0x34 + index * 4, value, true);
  });
  kernel.fill(0xab, 0x1000, 0x1800);
  [0x1badb002, 3, -(0x1badb002 + 3) >>> 0].forEach((value, index) => {
    view.setUint32(0x1000 + index * 4, value, true);
  });
  return kernel;
}

test("a kernel of no known kind is refused before anything is started", () => {
  expect(() => checkKernel(new Uint8Array(4096))).toThrow("neither a Linux kernel image nor a multiboot kernel");
  for (const kernel of [multibootElf(), bzImage()]) expect(() => checkKernel(kernel)).not.toThrow();
});

describe("multiboot", () => {
  test("an ELF kernel with command line, map and module", () => {
    const memory = new FlatMemory(16 << 20);
    memory.bytes.fill(0xff, 0x100800, 0x103000);
    const kernel = multibootElf();
    expect([isMultibootKernel(kernel), isLinuxKernel(kernel)]).toEqual([true, false]);
    const initrd = Uint8Array.of(1, 2, 3);
    const program = loadMultiboot(
      { kernel, kernelName: "my kernel", initrd, commandLine: "hello" },
      memory,
      sizes,
      undefined,
    );
    expect(program).toMatchObject({ kind: "protected", entry: 0x100010, eax: 0x2badb002 });
    expect([memory.read8(0x100100), memory.read8(0x100800), memory.read8(0x102fff)]).toEqual([0xab, 0, 0]);
    const info = program.kind === "protected" ? program.ebx : 0;
    expect(memory.read32(info) & 0x4d).toBe(0x4d);
    expect([memory.read32(info + 4), memory.read32(info + 8)]).toEqual([639, 15 * 1024 - 64]);
    const module = memory.read32(info + 24);
    expect([memory.read32(module), memory.read32(module + 4) - memory.read32(module)]).toEqual([0x103000, 3]);
    const line = memory.read32(info + 16);
    expect(new TextDecoder().decode(memory.bytes.subarray(line, line + 16))).toBe("my_kernel hello\0");
    expect(memory.read32(memory.read32(info + 48))).toBe(20);
  });

  test("the graphics mode of the header is set only when the command line asks for it", () => {
    const kernel = multibootElf();
    const view = new DataView(kernel.buffer);
    const flags = 7;
    view.setUint32(0x1004, flags, true);
    view.setUint32(0x1008, -(0x1badb002 + flags) >>> 0, true);
    [0, 800, 600, 32].forEach((value, index) => {
      view.setUint32(0x1020 + index * 4, value, true);
    });
    const wishes: unknown[] = [];
    const parts = {
      memory: new FlatMemory(16 << 20),
      sizes,
      rsdpAddress: 0,
      setGraphicsMode: (wish: unknown) => void wishes.push(wish),
    };
    for (const commandLine of ["", "vga=header", "vga=0x318"]) loadDirectBoot({ kernel, commandLine }, parts);
    expect(wishes).toEqual([{ width: 800, height: 600, bitsPerPixel: 32 }, { number: 0x118 }]);
  });

  test("address fields in the header take the place of ELF", () => {
    const memory = new FlatMemory(16 << 20);
    const kernel = new Uint8Array(0x400).fill(0x99);
    const flags = 0x10000;
    [0x1badb002, flags, -(0x1badb002 + flags) >>> 0, 0x200010, 0x200000, 0, 0x201000, 0x200100].forEach(
      (value, index) => {
        new DataView(kernel.buffer).setUint32(0x10 + index * 4, value, true);
      },
    );
    expect(loadMultiboot({ kernel, commandLine: "" }, memory, sizes, undefined)).toMatchObject({ entry: 0x200100 });
    expect([memory.read8(0x2003ff), memory.read8(0x200400)]).toEqual([0x99, 0]);
  });

  test("damaged kernels are refused with a reason, whatever the damage", () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    const memory = new FlatMemory(16 << 20);
    const parts = { memory, sizes, rsdpAddress: 0, setGraphicsMode: () => undefined };
    for (let round = 0; round < 600; round++) {
      const whole = round % 2 === 0 ? multibootElf() : bzImage();
      const kernel = whole.slice(0, Math.floor(whole.length * (random() < 0.5 ? 1 : random())));
      for (let hit = 0; hit < 4; hit++)
        kernel[Math.floor(random() * Math.min(kernel.length, 0x300))] = Math.floor(random() * 256);
      try {
        loadDirectBoot({ kernel, commandLine: "x" }, parts);
      } catch (error) {
        expect(error).toBeInstanceOf(GuesthouseError);
      }
    }
  });
});
