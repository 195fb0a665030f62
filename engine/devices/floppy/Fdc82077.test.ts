import { beforeEach, describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import type { DmaChannel, DmaResult } from "../../contracts/DmaChannel.ts";
import { Fdc82077 } from "./Fdc82077.ts";
import { FloppyDrive } from "./FloppyDrive.ts";

const DISK_BYTES = 1_474_560;
const index = (c: number, h: number, r: number) => (c * 2 + h) * 18 + r - 1;

/** A DMA channel over a piece of memory. */
class MemoryDma implements DmaChannel {
  memory: Uint8Array = new Uint8Array(0);
  at = 0;
  masked = false;

  program(memory: Uint8Array): Uint8Array {
    this.memory = memory;
    this.at = 0;
    return memory;
  }
  writeToMemory(bytes: Uint8Array): DmaResult {
    return this.#move(bytes.length, (count) => this.memory.set(bytes.subarray(0, count), this.at));
  }
  readFromMemory(bytes: Uint8Array): DmaResult {
    return this.#move(bytes.length, (count) => bytes.set(this.memory.subarray(this.at, this.at + count)));
  }
  #move(wanted: number, copy: (count: number) => void): DmaResult {
    if (this.masked) return { transferred: 0, terminalCount: false };
    const transferred = Math.min(wanted, this.memory.length - this.at);
    copy(transferred);
    this.at += transferred;
    return { transferred, terminalCount: this.at === this.memory.length };
  }
}

class Bench {
  readonly clock = new ManualClock();
  readonly dma = new MemoryDma();
  readonly blocks: FaultyBlocks;
  readonly drives: FloppyDrive[];
  irq = false;
  edges = 0;
  readonly fdc: Fdc82077;

  constructor(sizeBytes = DISK_BYTES) {
    this.blocks = new FaultyBlocks(sizeBytes);
    for (let at = 0; at < sizeBytes / 512; at++) this.blocks.bytes.fill(at & 0xff, at * 512, at * 512 + 512);
    this.drives = [new FloppyDrive({ name: "disk", blocks: this.blocks }), new FloppyDrive(undefined)];
    this.fdc = new Fdc82077({
      clock: this.clock,
      dma: this.dma,
      drives: this.drives,
      activity: { read: () => undefined, write: () => undefined },
      irq: {
        set: (level) => {
          if (level && !this.irq) this.edges++;
          this.irq = level;
        },
      },
    });
  }

  get msr(): number {
    return this.fdc.ports.read(4, 1);
  }
  get diskChange(): number {
    return this.fdc.changePort.read(0, 1);
  }
  dor(value: number): void {
    this.fdc.ports.write(2, value, 1);
  }
  send(...bytes: number[]): void {
    for (const byte of bytes) {
      expect(this.msr & 0xc0).toBe(0x80);
      this.fdc.ports.write(5, byte, 1);
    }
  }
  result(): number[] {
    const bytes: number[] = [];
    while ((this.msr & 0xc0) === 0xc0) bytes.push(this.fdc.ports.read(5, 1));
    return bytes;
  }
  /** Lets promises and the clock run until the interrupt comes. */
  async untilInterrupt(): Promise<void> {
    for (let step = 0; step < 100 && !this.irq; step++) {
      await settle();
      this.clock.advance(step > 20 ? 10_000_000 : 50_000);
    }
    expect(this.irq).toBe(true);
  }
  async command(...bytes: number[]): Promise<number[]> {
    this.send(...bytes);
    expect(this.irq).toBe(false);
    await this.untilInterrupt();
    return this.result();
  }
  async seek(cylinder: number, unit = 0): Promise<number[]> {
    this.send(0x0f, unit, cylinder);
    await this.untilInterrupt();
    this.send(0x08);
    return this.result();
  }
  /** Out of reset, with DMA and 500 kbit/s. */
  async ready(): Promise<this> {
    this.dor(0x1c);
    await this.untilInterrupt();
    for (let unit = 0; unit < 4; unit++) {
      this.send(0x08);
      expect(this.result()).toEqual([0xc0 | unit, 0]);
    }
    this.fdc.changePort.write(0, 0, 1);
    this.send(0x03, 0xdf, 0x02);
    return this;
  }
}

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().ready();
});

describe("reset", () => {
  test("is silent until DOR lets go, and then polls four drives", async () => {
    bench = new Bench();
    expect(bench.msr).toBe(0);
    bench.dor(0x0c);
    expect([bench.msr, bench.irq]).toEqual([0, false]);
    await bench.untilInterrupt();
    expect(bench.msr).toBe(0x80);
    bench.send(0x08);
    expect([bench.result(), bench.irq]).toEqual([[0xc0, 0], false]);
  });

  test("DSR resets by itself, and DMAGATE holds the interrupt back", async () => {
    bench.dor(0x04);
    bench.fdc.ports.write(4, 0x80, 1);
    bench.clock.advance(1_000_000);
    expect([bench.irq, bench.msr]).toEqual([false, 0x80]);
    bench.dor(0x0c);
    expect(bench.irq).toBe(true);
  });

  test("loses the configuration unless it is locked", () => {
    const reset = () => {
      bench.dor(0x18);
      bench.dor(0x1c);
      bench.clock.advance(1_000_000);
      bench.send(0x0e);
      return bench.result().slice(8);
    };
    bench.send(0x13, 0, 0x1a, 7);
    expect(reset()).toEqual([0x20, 0]);
    bench.send(0x13, 0, 0x1a, 7);
    bench.send(0x94);
    expect(bench.result()).toEqual([0x10]);
    expect(reset()).toEqual([0x1a, 7]);
    bench.send(0x14);
    expect(bench.result()).toEqual([0x00]);
  });
});

describe("control commands", () => {
  test("VERSION is 90h; PART ID and nonsense are invalid", () => {
    bench.send(0x10);
    expect(bench.result()).toEqual([0x90]);
    for (const command of [0x18, 0x1f, 0x00]) {
      bench.send(command);
      expect(bench.result()).toEqual([0x80]);
    }
  });

  test("SENSE INTERRUPT STATUS without an interrupt is invalid", () => {
    bench.send(0x08);
    expect(bench.result()).toEqual([0x80]);
  });

  test("SENSE DRIVE STATUS tells track 0 and write protection", async () => {
    bench.send(0x04, 0x04);
    expect(bench.result()).toEqual([0x3c]);
    bench.blocks.readOnly = true;
    await bench.seek(3);
    bench.send(0x04, 0x00);
    expect(bench.result()).toEqual([0x68]);
  });

  test("the drive is busy while it seeks", async () => {
    bench.send(0x0f, 0x00, 40);
    expect(bench.msr).toBe(0x81);
    await bench.untilInterrupt();
    expect(bench.msr).toBe(0x80);
    bench.send(0x08);
    expect(bench.result()).toEqual([0x20, 40]);
    bench.send(0x07, 0x00);
    await bench.untilInterrupt();
    bench.send(0x08);
    expect(bench.result()).toEqual([0x20, 0]);
  });

  test("relative seeks count from where the heads are", async () => {
    await bench.seek(10);
    bench.send(0xcf, 0x00, 5);
    await bench.untilInterrupt();
    bench.send(0x08);
    expect(bench.result()).toEqual([0x20, 15]);
  });

  test("recalibrating a drive that is not there fails its equipment check", async () => {
    bench.send(0x07, 0x02);
    await bench.untilInterrupt();
    bench.send(0x08);
    expect(bench.result()).toEqual([0x72, 0]);
  });

  test("READ ID finds addresses at the right rate only", async () => {
    expect(await bench.command(0x4a, 0x04)).toEqual([0x04, 0, 0, 0, 1, 1, 2]);
    expect((await bench.command(0x4a, 0x00))[5]).toBe(2);
    bench.fdc.changePort.write(0, 2, 1);
    expect((await bench.command(0x4a, 0x00)).slice(0, 2)).toEqual([0x40, 0x01]);
  });
});

describe("the disk change line", () => {
  test("is set until the heads step over a medium", async () => {
    expect(bench.diskChange).toBe(0x80);
    bench.send(0x07, 0x00);
    await bench.untilInterrupt();
    expect(bench.diskChange).toBe(0x80);
    bench.send(0x08);
    bench.result();
    await bench.seek(1);
    expect(bench.diskChange).toBe(0x00);
    bench.drives[0]!.insert({ name: "other", blocks: new FaultyBlocks(737_280) });
    expect(bench.diskChange).toBe(0x80);
    bench.drives[0]!.insert(undefined);
    await bench.seek(2);
    expect(bench.diskChange).toBe(0x80);
  });
});

describe("READ DATA", () => {
  test("ends at terminal count with the next address", async () => {
    await bench.seek(5);
    const memory = bench.dma.program(new Uint8Array(1024));
    expect(await bench.command(0xe6, 0x00, 5, 0, 3, 2, 18, 0x1b, 0xff)).toEqual([0, 0, 0, 5, 0, 5, 2]);
    expect([memory[0], memory[512]]).toEqual([index(5, 0, 3) & 0xff, index(5, 0, 4) & 0xff]);
    expect(bench.irq).toBe(false);
  });

  test("goes on to the other side with MT, and counts the cylinder at the end", async () => {
    const memory = bench.dma.program(new Uint8Array(36 * 512));
    expect(await bench.command(0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff)).toEqual([0x04, 0, 0, 1, 0, 1, 2]);
    expect([memory[17 * 512], memory[18 * 512], memory[35 * 512]]).toEqual([17, 18, 35]);
  });

  test("past EOT without terminal count is the end of the cylinder", async () => {
    bench.dma.program(new Uint8Array(4096));
    expect(await bench.command(0x66, 0x00, 0, 0, 17, 2, 18, 0x1b, 0xff)).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
  });

  test("does not find sectors of another cylinder, side, number or size", async () => {
    bench.dma.program(new Uint8Array(512));
    const status = async (c: number, h: number, r: number, n: number) =>
      (await bench.command(0x46, 0x00, c, h, r, n, 18, 0x1b, 0xff)).slice(0, 3);
    expect(await status(1, 0, 1, 2)).toEqual([0x40, 0x04, 0x10]);
    expect(await status(0, 1, 1, 2)).toEqual([0x40, 0x04, 0x00]);
    expect(await status(0, 0, 19, 2)).toEqual([0x40, 0x04, 0x00]);
    expect(await status(0, 0, 1, 3)).toEqual([0x40, 0x04, 0x00]);
  });

  test("reports what the host cannot read as a CRC error in the data", async () => {
    bench.blocks.bad.add(2);
    bench.dma.program(new Uint8Array(2048));
    expect(await bench.command(0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff)).toEqual([0x40, 0x20, 0x20, 0, 0, 3, 2]);
  });

  test("overruns when its DMA channel is masked", async () => {
    bench.dma.masked = true;
    expect((await bench.command(0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff)).slice(0, 3)).toEqual([0x40, 0x10, 0]);
  });

  test("of an empty drive ends without an address mark, after two turns", async () => {
    bench.send(0x46, 0x01, 0, 0, 1, 2, 18, 0x1b, 0xff);
    bench.clock.advance(300_000_000);
    expect([bench.irq, bench.msr]).toEqual([false, 0x10]);
    await bench.untilInterrupt();
    expect(bench.result().slice(0, 3)).toEqual([0x41, 0x01, 0]);
  });

  test("seeks by itself when CONFIGURE says so", async () => {
    bench.send(0x13, 0, 0x57, 0);
    const memory = bench.dma.program(new Uint8Array(512));
    expect((await bench.command(0x46, 0x00, 7, 0, 1, 2, 18, 0x1b, 0xff))[0]).toBe(0);
    expect(memory[0]).toBe(index(7, 0, 1) & 0xff);
  });

  test("moves bytes through the FIFO without DMA", async () => {
    bench.send(0x03, 0xdf, 0x03);
    bench.send(0x46, 0x00, 0, 0, 17, 2, 18, 0x1b, 0xff);
    for (const sector of [16, 17]) {
      for (let step = 0; step < 5; step++) {
        await settle();
        bench.clock.advance(100_000);
      }
      expect([bench.irq, bench.msr]).toEqual([true, 0xf0]);
      const bytes = Array.from({ length: 512 }, () => bench.fdc.ports.read(5, 1));
      expect(new Set(bytes)).toEqual(new Set([sector]));
    }
    await bench.untilInterrupt();
    bench.clock.advance(1_000_000);
    expect(bench.result().slice(0, 3)).toEqual([0x40, 0x80, 0]);
  });
});

describe("WRITE DATA", () => {
  test("writes what DMA delivers and fills a cut sector with zeros", async () => {
    bench.dma.program(new Uint8Array(700).fill(0xa5));
    expect(await bench.command(0xc5, 0x04, 0, 1, 2, 2, 18, 0x1b, 0xff)).toEqual([0x04, 0, 0, 0, 1, 4, 2]);
    const at = index(0, 1, 2) * 512;
    expect([bench.blocks.bytes[at], bench.blocks.bytes[at + 699], bench.blocks.bytes[at + 700]]).toEqual([
      0xa5, 0xa5, 0,
    ]);
    expect(bench.blocks.bytes[at + 1024]).toBe(index(0, 1, 4));
  });

  test("is refused by a protected medium", async () => {
    bench.blocks.readOnly = true;
    expect((await bench.command(0x45, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff)).slice(0, 3)).toEqual([0x40, 0x02, 0]);
  });
});

describe("other transfers", () => {
  test("FORMAT TRACK fills the sectors that it is given", async () => {
    await bench.seek(4);
    bench.dma.program(Uint8Array.from({ length: 18 * 4 }, (_, at) => [4, 0, (at >> 2) + 1, 2][at & 3]!));
    expect((await bench.command(0x4d, 0x00, 2, 18, 0x54, 0xf6)).slice(0, 3)).toEqual([0, 0, 0]);
    const from = index(4, 0, 1) * 512;
    expect(bench.blocks.bytes.subarray(from, from + 18 * 512).every((byte) => byte === 0xf6)).toBe(true);
    expect(bench.blocks.bytes[from + 18 * 512]).toBe(index(4, 1, 1) & 0xff);
  });

  test("READ TRACK starts with the first sector", async () => {
    const memory = bench.dma.program(new Uint8Array(18 * 512));
    expect((await bench.command(0x42, 0x00, 0, 0, 7, 2, 18, 0x1b, 0xff)).slice(0, 3)).toEqual([0, 0, 0]);
    expect([memory[0], memory[17 * 512]]).toEqual([0, 17]);
  });

  test("VERIFY moves nothing and finds bad sectors", async () => {
    bench.dma.masked = true;
    expect((await bench.command(0xd6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff)).slice(0, 3)).toEqual([0x04, 0, 0]);
    expect((await bench.command(0x56, 0x80, 0, 0, 1, 2, 18, 0x1b, 3)).slice(0, 6)).toEqual([0, 0, 0, 0, 0, 4]);
    bench.blocks.bad.add(9);
    expect((await bench.command(0x56, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff)).slice(0, 3)).toEqual([0x40, 0x20, 0x20]);
  });

  test("double density diskettes have nine sectors at 250 kbit/s", async () => {
    bench = await new Bench(737_280).ready();
    bench.fdc.changePort.write(0, 2, 1);
    bench.dma.program(new Uint8Array(9 * 512));
    expect(await bench.command(0x46, 0x00, 0, 0, 1, 2, 9, 0x2a, 0xff)).toEqual([0, 0, 0, 1, 0, 1, 2]);
  });
});

test("a transfer under way is taken up again by another machine", async () => {
  bench.blocks.hold();
  bench.send(0x46, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
  bench.clock.advance(200_000);
  const writer = new StateWriter();
  bench.fdc.save(writer);
  const other = new Bench();
  const memory = other.dma.program(new Uint8Array(512));
  other.fdc.load(new StateReader(writer.finish()));
  await other.untilInterrupt();
  expect(other.result()).toEqual([0, 0, 0, 0, 0, 4, 2]);
  expect(memory[0]).toBe(2);
});

test("any bytes get an answer", async () => {
  let seed = 99;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  for (let round = 0; round < 3000; round++) {
    bench.dma.program(new Uint8Array(random() * 16));
    if (random() < 230) bench.fdc.ports.write(5, random(), 1);
    else bench.fdc.ports.write(random() % 6, random(), 1);
    for (let reads = random() & 7; reads > 0; reads--) bench.fdc.ports.read(random() % 6, 1);
    bench.clock.advance(random() * 2_000_000);
    if (round % 16 === 0) await settle();
  }
  bench.dor(0x00);
  bench.dor(0x0c);
  await bench.untilInterrupt();
  expect(bench.msr & 0xc0).toBe(0x80);
});

deviceConformance("the floppy controller", () => {
  const subject = new Bench();
  return {
    device: subject.fdc,
    exercise: () => {
      subject.dor(0x1c);
      subject.clock.advance(1_000_000);
      for (const byte of [0x03, 0xdf, 0x02, 0x0f, 0x00, 0x05]) subject.fdc.ports.write(5, byte, 1);
      for (const byte of [0x46, 0x00, 0, 0, 1, 2]) subject.fdc.ports.write(5, byte, 1);
    },
  };
});
