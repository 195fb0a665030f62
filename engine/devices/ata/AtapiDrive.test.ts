import { beforeEach, describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import type { Medium } from "../../contracts/Medium.ts";
import { AtaChannel } from "./AtaChannel.ts";
import { AtapiDrive } from "./AtapiDrive.ts";
import { IdeBusMaster } from "./IdeBusMaster.ts";

const IDLE = 0x50;
const DATA_READY = 0x58;
const CHECK = 0x51;
const NOT_READY_NO_MEDIUM = [0x02, 0x3a];

function disc(sectors: number): { medium: Medium; blocks: FaultyBlocks } {
  const blocks = new FaultyBlocks(sectors * 2048, 2048);
  for (let sector = 0; sector < sectors; sector++)
    blocks.bytes.fill(sector & 0xff, sector * 2048, sector * 2048 + 2048);
  return { medium: { name: "disc", blocks }, blocks };
}

class Bench {
  readonly memory = new FlatMemory(0x40000);
  readonly busMaster = new IdeBusMaster({ memory: this.memory, enabled: () => true });
  readonly disc = disc(100);
  readonly ejected: Medium[] = [];
  irq = false;
  readonly drive = new AtapiDrive({
    medium: this.disc.medium,
    activity: { read: () => undefined, write: () => undefined },
    identity: { model: "GUESTHOUSE DVD-ROM", serialNumber: "GH0002", firmwareRevision: "1.0" },
    onEject: (medium) => this.ejected.push(medium),
  });
  readonly channel = new AtaChannel({
    id: "ata",
    busMaster: this.busMaster,
    irq: {
      set: (level) => {
        this.irq = level;
      },
    },
    drives: [this.drive, undefined],
  });

  in(offset: number): number {
    return this.channel.commandBlock.read(offset, 1);
  }
  out(offset: number, value: number): void {
    this.channel.commandBlock.write(offset, value, 1);
  }

  send(packet: readonly number[], byteLimit = 0xfffe, dma = false): void {
    this.out(1, dma ? 1 : 0);
    this.out(4, byteLimit & 0xff);
    this.out(5, byteLimit >> 8);
    this.out(7, 0xa0);
    const bytes = [...packet, ...new Array(12 - packet.length).fill(0)];
    for (let index = 0; index < 12; index += 2) {
      this.channel.commandBlock.write(0, bytes[index]! | (bytes[index + 1]! << 8), 2);
    }
  }

  /** Collects every DRQ block of a reply. */
  async collect(): Promise<{ data: number[]; blocks: number[] }> {
    const data: number[] = [];
    const blocks: number[] = [];
    await settle();
    while (this.in(7) === DATA_READY) {
      expect(this.in(2)).toBe(2);
      const bytes = this.in(4) | (this.in(5) << 8);
      blocks.push(bytes);
      for (let left = bytes; left > 0; left -= 2) {
        const word = this.channel.commandBlock.read(0, 2);
        data.push(word & 0xff);
        if (left > 1) data.push(word >> 8);
      }
      await settle();
    }
    return { data, blocks };
  }

  async reply(packet: readonly number[], byteLimit?: number): Promise<number[]> {
    this.send(packet, byteLimit);
    return (await this.collect()).data;
  }

  async sense(): Promise<number[]> {
    const data = await this.reply([0x03, 0, 0, 0, 18]);
    return [data[2]!, data[12]!];
  }

  /** Takes the unit attention after power-on. */
  ready(): this {
    this.send([0x00]);
    return this;
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench().ready();
});

describe("an ATAPI drive", () => {
  test("shows the packet signature and aborts IDENTIFY DEVICE", () => {
    bench = new Bench();
    expect([bench.in(7), bench.in(2), bench.in(3), bench.in(4), bench.in(5)]).toEqual([0, 1, 1, 0x14, 0xeb]);
    bench.out(7, 0xec);
    expect([bench.in(7), bench.in(1), bench.in(4), bench.in(5)]).toEqual([CHECK, 0x04, 0x14, 0xeb]);
    bench.out(7, 0xa1);
    expect(bench.in(7)).toBe(DATA_READY);
    expect(bench.channel.commandBlock.read(0, 2)).toBe(0x85c0);
  });

  test("reports unit attention once after power-on", async () => {
    bench = new Bench();
    bench.send([0x00]);
    expect([bench.in(7), bench.in(1)]).toEqual([CHECK, 0x60]);
    expect(await bench.sense()).toEqual([0x06, 0x29]);
    bench.send([0x00]);
    expect([bench.in(7), bench.in(2)]).toEqual([IDLE, 3]);
  });

  test("INQUIRY works before unit attention was taken", async () => {
    bench = new Bench();
    const data = await bench.reply([0x12, 0, 0, 0, 36]);
    expect(data.slice(0, 2)).toEqual([5, 0x80]);
    expect(String.fromCharCode(...data.slice(8, 24))).toBe("GUESTHOUDVD-ROM ");
  });

  test("reads sectors in blocks of at most the byte count, whole sectors where they fit", async () => {
    bench.send([0x28, 0, 0, 0, 0, 40, 0, 0, 3], 4100);
    const { data, blocks } = await bench.collect();
    expect(blocks).toEqual([4096, 2048]);
    expect([data[0], data[2048], data[6143]]).toEqual([40, 41, 42]);
    expect([bench.in(7), bench.in(2)]).toEqual([IDLE, 3]);
  });

  test("cuts a sector into the small blocks the host asks for", async () => {
    bench.send([0xa8, 0, 0, 0, 0, 7, 0, 0, 0, 1], 513);
    const { data, blocks } = await bench.collect();
    expect(blocks).toEqual([512, 512, 512, 512]);
    expect(new Set(data)).toEqual(new Set([7]));
  });

  test("reads more than its buffer holds by DMA", async () => {
    bench.memory.write32(0x1000, 0x10000);
    bench.memory.write32(0x1004, 0);
    bench.memory.write32(0x1008, 0x20000);
    bench.memory.write32(0x100c, 0x80000000 | (16 * 2048));
    bench.busMaster.write(4, 0x1000, 4);
    bench.send([0x28, 0, 0, 0, 0, 10, 0, 0, 48], 0, true);
    bench.busMaster.write(0, 0x09, 1);
    await settle();
    await settle();
    expect([bench.irq, bench.busMaster.read(2, 1) & 7, bench.in(7)]).toEqual([true, 4, IDLE]);
    expect([bench.memory.bytes[0x10000], bench.memory.bytes[0x20000], bench.memory.bytes[0x27fff]]).toEqual([
      10, 42, 57,
    ]);
  });

  test("reports what the medium cannot deliver as a medium error", async () => {
    bench.disc.blocks.bad.add(41);
    bench.send([0x28, 0, 0, 0, 0, 40, 0, 0, 3]);
    const { data } = await bench.collect();
    expect(data.length).toBe(2048);
    expect([bench.in(7), bench.in(1)]).toEqual([CHECK, 0x30]);
    expect(await bench.sense()).toEqual([0x03, 0x11]);
  });

  test("refuses addresses beyond the end, unknown commands and unknown pages", async () => {
    bench.send([0x28, 0, 0, 0, 0, 99, 0, 0, 2]);
    expect(bench.in(7)).toBe(CHECK);
    expect(await bench.sense()).toEqual([0x05, 0x21]);
    bench.send([0xf7]);
    expect(await bench.sense()).toEqual([0x05, 0x20]);
    bench.send([0x5a, 0, 0x05, 0, 0, 0, 0, 0, 100]);
    expect(await bench.sense()).toEqual([0x05, 0x24]);
  });

  test("tells capacity and table of contents", async () => {
    expect(await bench.reply([0x25])).toEqual([0, 0, 0, 99, 0, 0, 8, 0]);
    const toc = await bench.reply([0x43, 0, 0, 0, 0, 0, 0, 0, 255]);
    expect(toc).toEqual([0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0, 100]);
    const msf = await bench.reply([0x43, 2, 0, 0, 0, 0, 0xaa, 0, 12]);
    expect(msf.slice(8)).toEqual([0, 0, 3, 25]);
    expect((await bench.reply([0x43, 0, 2, 0, 0, 0, 0, 1, 0])).length).toBe(48);
    expect((await bench.reply([0x43, 0, 0, 0, 0, 0, 0, 0, 255, 0x40])).slice(0, 4)).toEqual([0, 10, 1, 1]);
  });

  test("has its mode pages, with and without the long header", async () => {
    for (const page of [0x01, 0x0d, 0x0e, 0x2a]) {
      const data = await bench.reply([0x5a, 0, page, 0, 0, 0, 0, 0, 100]);
      expect([data[1]! + 2, data[8]]).toEqual([data.length, page]);
      const short = await bench.reply([0x1a, 0, page, 0, 100]);
      expect([short[0]! + 1, short[4]]).toEqual([short.length, page]);
    }
  });

  test("tells its configuration", async () => {
    const data = await bench.reply([0x46, 0, 0, 0, 0, 0, 0, 0, 200]);
    expect([data[6], data[7]]).toEqual([0, 8]);
    expect(data[2]! * 256 + data[3]! + 4).toBe(data.length);
    const one = await bench.reply([0x46, 2, 0, 3, 0, 0, 0, 0, 200]);
    expect(one.slice(8, 12)).toEqual([0, 3, 3, 4]);
  });
});

describe("the tray", () => {
  test("an empty drive is not ready", async () => {
    bench.drive.insert(undefined);
    bench.send([0x28, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(bench.in(7)).toBe(CHECK);
    expect(await bench.sense()).toEqual(NOT_READY_NO_MEDIUM);
  });

  test("a new medium is announced by unit attention and by an event", async () => {
    bench.drive.insert(disc(50).medium);
    expect(await bench.reply([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8])).toEqual([0, 6, 4, 0x10, 2, 2, 0, 0]);
    expect(await bench.reply([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8])).toEqual([0, 6, 4, 0x10, 0, 2, 0, 0]);
    bench.send([0x00]);
    expect(bench.in(7)).toBe(CHECK);
    expect(await bench.sense()).toEqual([0x06, 0x28]);
    expect((await bench.reply([0x25]))[3]).toBe(49);
  });

  test("the guest ejects, and its owner hears of it", async () => {
    bench.send([0x1b, 0, 0, 0, 2]);
    expect(bench.in(7)).toBe(IDLE);
    expect(bench.ejected).toEqual([bench.disc.medium]);
    expect(bench.drive.medium).toBeUndefined();
    bench.send([0x00]);
    expect(await bench.sense()).toEqual(NOT_READY_NO_MEDIUM);
  });

  test("a locked tray refuses both sides unless forced", async () => {
    bench.send([0x1e, 0, 0, 0, 1]);
    bench.send([0x1b, 0, 0, 0, 2]);
    expect(await bench.sense()).toEqual([0x05, 0x53]);
    expect(bench.drive.insert(undefined)).toBe(false);
    expect((await bench.reply([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]))[4]).toBe(1);
    expect(bench.drive.insert(undefined, true)).toBe(true);
    expect(bench.drive.medium).toBeUndefined();
  });
});

test("DEVICE RESET ends a command that is busy", async () => {
  bench.disc.blocks.hold();
  bench.send([0x28, 0, 0, 0, 0, 40, 0, 0, 3]);
  expect(bench.in(7)).toBe(0x80);
  bench.out(7, 0x08);
  expect([bench.in(7), bench.in(5)]).toEqual([0, 0xeb]);
});

test("any packet gets an answer", async () => {
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 16) & 0xff;
  };
  for (let round = 0; round < 600; round++) {
    if (bench.drive.medium === undefined) bench.drive.insert(bench.disc.medium, true);
    const packet = Array.from({ length: 12 }, random);
    if (round % 2 === 0) packet[0] = [0x28, 0x43, 0x46, 0x4a, 0x5a, 0xbe, 0x03, 0x12][random() & 7]!;
    bench.send(packet, random() << 4);
    await bench.collect();
    expect([IDLE, CHECK]).toContain(bench.in(7));
  }
});

deviceConformance("an ATA channel with an optical drive", () => {
  const subject = new Bench();
  return {
    device: subject.channel,
    exercise: () => {
      subject.ready();
      subject.send([0x1e, 0, 0, 0, 1]);
      subject.send([0x43, 0, 0, 0, 0, 0, 0, 0, 255]);
      subject.channel.commandBlock.read(0, 2);
    },
  };
});
