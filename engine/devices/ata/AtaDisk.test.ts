import { beforeEach, describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { AtaChannel } from "./AtaChannel.ts";
import { AtaDisk } from "./AtaDisk.ts";
import { IdeBusMaster } from "./IdeBusMaster.ts";

const BSY = 0x80;
const IDLE = 0x50;
const DATA_READY = 0x58;
const FAILED = 0x51;

class Bench {
  readonly blocks: FaultyBlocks;
  readonly memory = new FlatMemory(0x80000);
  readonly busMaster = new IdeBusMaster({ memory: this.memory, enabled: () => true });
  irq = false;
  edges = 0;
  moved = { read: 0, write: 0 };
  readonly channel: AtaChannel;

  constructor(sectors = 2048, second = false) {
    this.blocks = new FaultyBlocks(sectors * 512);
    for (let sector = 0; sector < sectors; sector++)
      this.blocks.bytes.fill(sector & 0xff, sector * 512, sector * 512 + 512);
    const disk = (blocks: FaultyBlocks) =>
      new AtaDisk({
        blocks,
        activity: {
          read: (bytes) => {
            this.moved.read += bytes;
          },
          write: (bytes) => {
            this.moved.write += bytes;
          },
        },
        identity: { model: "GUESTHOUSE DISK", serialNumber: "GH0001", firmwareRevision: "1.0" },
      });
    this.channel = new AtaChannel({
      id: "ata",
      busMaster: this.busMaster,
      irq: {
        set: (level) => {
          if (level && !this.irq) this.edges++;
          this.irq = level;
        },
      },
      drives: [disk(this.blocks), second ? disk(new FaultyBlocks(512)) : undefined],
    });
  }

  get alternateStatus(): number {
    return this.channel.controlBlock.read(0, 1);
  }
  in(offset: number): number {
    return this.channel.commandBlock.read(offset, 1);
  }
  out(offset: number, value: number): void {
    this.channel.commandBlock.write(offset, value, 1);
  }
  control(value: number): void {
    this.channel.controlBlock.write(0, value, 1);
  }

  lba28(command: number, lba: number, count: number): void {
    this.out(6, 0xe0 | (lba >>> 24));
    this.out(2, count);
    this.out(3, lba & 0xff);
    this.out(4, (lba >> 8) & 0xff);
    this.out(5, (lba >> 16) & 0xff);
    this.out(7, command);
  }

  lba48(command: number, lba: number, count: number): void {
    this.out(6, 0x40);
    for (const part of [8, 0]) this.out(2, (count >> part) & 0xff);
    for (const [register, high, low] of [
      [3, 24, 0],
      [4, 32, 8],
      [5, 40, 16],
    ] as const) {
      this.out(register, Math.floor(lba / 2 ** high) & 0xff);
      this.out(register, Math.floor(lba / 2 ** low) & 0xff);
    }
    this.out(7, command);
  }

  words(count: number): number[] {
    return Array.from({ length: count }, () => this.channel.commandBlock.read(0, 2));
  }
  writeSector(value: number): void {
    for (let index = 0; index < 256; index++) this.channel.commandBlock.write(0, value * 0x0101, 2);
  }

  prd(...entries: [address: number, bytes: number][]): void {
    entries.forEach(([address, bytes], index) => {
      this.memory.write32(0x1000 + index * 8, address);
      this.memory.write32(0x1004 + index * 8, bytes | (index === entries.length - 1 ? 0x8000_0000 : 0));
    });
    this.busMaster.write(4, 0x1000, 4);
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe("an ATA disk", () => {
  test("stands ready with the signature of a disk after reset", () => {
    expect([1, 2, 3, 4, 5].map((register) => bench.in(register))).toEqual([1, 1, 1, 0, 0]);
    expect(bench.in(7)).toBe(IDLE);
  });

  test("IDENTIFY DEVICE tells its size and name", () => {
    bench.out(7, 0xec);
    expect(bench.irq).toBe(true);
    expect(bench.in(7)).toBe(DATA_READY);
    expect(bench.irq).toBe(false);
    const words = bench.words(256);
    expect(words[60]! | (words[61]! << 16)).toBe(2048);
    expect(words[100]).toBe(2048);
    expect(words.slice(27, 30)).toEqual([0x4755, 0x4553, 0x5448]);
    const sum = words.reduce((total, word) => total + (word & 0xff) + (word >> 8), 0);
    expect(sum & 0xff).toBe(0);
    expect(bench.in(7)).toBe(IDLE);
  });

  test("READ SECTORS is busy until the medium answers, then interrupts for each sector", async () => {
    bench.lba28(0x20, 5, 3);
    expect(bench.in(7)).toBe(BSY);
    await settle();
    for (const sector of [5, 6, 7]) {
      expect(bench.irq).toBe(true);
      expect(bench.in(7)).toBe(DATA_READY);
      expect(new Set(bench.words(256))).toEqual(new Set([sector * 0x0101]));
    }
    expect(bench.irq).toBe(false);
    expect(bench.in(7)).toBe(IDLE);
    expect(bench.edges).toBe(3);
    expect(bench.in(3)).toBe(7);
    expect(bench.moved.read).toBe(1536);
  });

  test("READ MULTIPLE moves whole blocks and a short last one", async () => {
    bench.out(2, 4);
    bench.out(7, 0xc6);
    expect(bench.in(7)).toBe(IDLE);
    bench.edges = 0;
    bench.lba28(0xc4, 0, 6);
    await settle();
    bench.in(7);
    bench.words(4 * 256);
    bench.in(7);
    bench.words(2 * 256);
    expect(bench.edges).toBe(2);
    expect(bench.in(7)).toBe(IDLE);
  });

  test("READ MULTIPLE without SET MULTIPLE MODE is aborted", () => {
    bench.lba28(0xc4, 0, 6);
    expect([bench.in(7), bench.in(1)]).toEqual([FAILED, 0x04]);
  });

  test("reads by CHS with the translation it was given", async () => {
    bench.out(2, 17);
    bench.out(6, 0xa0 | 3);
    bench.out(7, 0x91);
    expect(bench.in(7)).toBe(IDLE);
    bench.out(6, 0xa0 | 2);
    bench.out(2, 1);
    bench.out(3, 5);
    bench.out(4, 1);
    bench.out(5, 0);
    bench.out(7, 0x20);
    await settle();
    expect(bench.channel.commandBlock.read(0, 1)).toBe((1 * 4 + 2) * 17 + 4);
  });

  test("writes what the host sends and interrupts when it is written", async () => {
    bench.lba28(0x30, 9, 2);
    expect(bench.irq).toBe(false);
    expect(bench.in(7)).toBe(DATA_READY);
    bench.writeSector(0xa1);
    expect(bench.irq).toBe(true);
    expect(bench.in(7)).toBe(DATA_READY);
    bench.writeSector(0xa2);
    expect(bench.in(7)).toBe(BSY);
    await settle();
    expect(bench.irq).toBe(true);
    expect(bench.in(7)).toBe(IDLE);
    expect([bench.blocks.bytes[9 * 512], bench.blocks.bytes[10 * 512 + 511]]).toEqual([0xa1, 0xa2]);
  });

  test("moves more than one chunk with 48-bit addresses", async () => {
    bench.lba48(0x24, 100, 600);
    for (let sector = 100; sector < 700; sector++) {
      await settle();
      expect(bench.in(7)).toBe(DATA_READY);
      expect(bench.words(256)[255]).toBe((sector & 0xff) * 0x0101);
    }
    expect(bench.in(7)).toBe(IDLE);
  });

  test("HOB shows what was written before", () => {
    bench.out(2, 0x12);
    bench.out(2, 0x34);
    bench.control(0x80);
    expect(bench.in(2)).toBe(0x12);
    bench.out(3, 0);
    expect(bench.in(2)).toBe(0x34);
  });

  test("reports a bad sector as UNC at its address after the good ones", async () => {
    bench.blocks.bad.add(12);
    bench.lba28(0x20, 10, 4);
    await settle();
    bench.words(512);
    await settle();
    expect([bench.in(7), bench.in(1), bench.in(3)]).toEqual([FAILED, 0x40, 12]);
    expect(bench.irq).toBe(false);
  });

  test("reports a failed write as UNC, and an address beyond the end as IDNF", async () => {
    bench.blocks.bad.add(1);
    bench.lba28(0x30, 0, 2);
    bench.writeSector(1);
    bench.writeSector(2);
    await settle();
    expect([bench.in(7), bench.in(1), bench.in(3)]).toEqual([FAILED, 0x40, 1]);
    bench.lba28(0x20, 2048, 1);
    expect([bench.in(7), bench.in(1)]).toEqual([FAILED, 0x10]);
  });

  test("aborts writes to a read-only disk", () => {
    bench.blocks.readOnly = true;
    bench.lba28(0x30, 0, 1);
    expect([bench.in(7), bench.in(1)]).toEqual([FAILED, 0x04]);
  });

  test("FLUSH CACHE ends when the block device has flushed", async () => {
    const release = bench.blocks.hold();
    bench.out(7, 0xe7);
    await settle();
    expect(bench.in(7)).toBe(BSY);
    release();
    await settle();
    expect([bench.in(7), bench.blocks.flushes]).toEqual([IDLE, 1]);
    bench.blocks.flushFails = true;
    bench.out(7, 0xea);
    await settle();
    expect(bench.in(7)).toBe(FAILED);
  });

  test("answers power and capacity commands and aborts those of packet devices", async () => {
    bench.out(7, 0xe0);
    await settle();
    bench.out(7, 0xe5);
    expect(bench.in(2)).toBe(0x00);
    bench.out(6, 0x40);
    bench.out(7, 0x27);
    expect([bench.in(3), bench.in(4)]).toEqual([0xff, 0x07]);
    for (const command of [0x00, 0x08, 0xa0, 0xa1, 0xb0]) {
      bench.out(7, command);
      expect([bench.in(7), bench.in(1)]).toEqual([FAILED, 0x04]);
    }
  });

  test("nIEN keeps the line low, and letting go of it raises what is pending", () => {
    bench.control(0x02);
    bench.out(7, 0xec);
    expect(bench.irq).toBe(false);
    bench.control(0x00);
    expect(bench.irq).toBe(true);
  });

  test("SRST ends a command; its late result changes nothing", async () => {
    const release = bench.blocks.hold();
    bench.lba28(0x20, 5, 1);
    bench.control(0x04);
    expect(bench.alternateStatus).toBe(BSY);
    bench.control(0x00);
    expect([bench.alternateStatus, bench.in(2)]).toEqual([IDLE, 1]);
    bench.lba28(0x30, 0, 1);
    bench.writeSector(0x77);
    release();
    await settle();
    expect(bench.in(7)).toBe(IDLE);
    expect(bench.blocks.bytes[0]).toBe(0x77);
  });

  test("32-bit and block reads give the same bytes as 16-bit ones", async () => {
    bench.lba28(0x20, 3, 1);
    await settle();
    expect(bench.channel.commandBlock.read(0, 4)).toBe(0x03030303);
    const rest = new Uint8Array(1000);
    expect(bench.channel.readBlock(0, rest)).toBe(508);
    expect(rest[507]).toBe(3);
    expect(bench.in(7)).toBe(IDLE);
  });
});

describe("positions on the channel", () => {
  test("an absent device 1 reads zeros and takes no command", () => {
    bench.out(6, 0xb0);
    bench.out(3, 0x55);
    expect([bench.in(7), bench.alternateStatus, bench.in(3)]).toEqual([0, 0, 0]);
    bench.out(7, 0xec);
    expect(bench.irq).toBe(false);
  });

  test("an empty channel floats", () => {
    const busMaster = new IdeBusMaster({ memory: bench.memory, enabled: () => true });
    const empty = new AtaChannel({ id: "x", irq: { set: () => undefined }, busMaster, drives: [undefined, undefined] });
    expect([empty.commandBlock.read(7, 1), empty.controlBlock.read(0, 1), empty.commandBlock.read(0, 2)]).toEqual([
      0xff, 0xff, 0xffff,
    ]);
  });

  test("only the selected drive drives the interrupt line", () => {
    const two = new Bench(2048, true);
    two.out(7, 0xec);
    expect(two.irq).toBe(true);
    two.out(6, 0xb0);
    expect(two.irq).toBe(false);
    expect(two.in(6)).toBe(0xb0);
    expect(two.in(7)).toBe(IDLE);
  });

  test("EXECUTE DEVICE DIAGNOSTIC reaches both and interrupts once", () => {
    const two = new Bench(2048, true);
    two.out(6, 0xb0);
    two.out(7, 0x90);
    expect(two.irq).toBe(true);
    expect([two.in(6) & 0x10, two.in(1), two.in(7)]).toEqual([0, 1, IDLE]);
  });
});

describe("the bus master", () => {
  test("reads through the descriptor table into memory", async () => {
    bench.prd([0x2000, 512], [0x4000, 1024]);
    bench.lba28(0xc8, 20, 3);
    bench.busMaster.write(0, 0x09, 1);
    expect(bench.busMaster.read(2, 1) & 7).toBe(1);
    await settle();
    expect(bench.irq).toBe(true);
    expect(bench.busMaster.read(2, 1) & 7).toBe(4);
    expect(bench.in(7)).toBe(IDLE);
    expect([bench.memory.bytes[0x2000], bench.memory.bytes[0x4000], bench.memory.bytes[0x43ff]]).toEqual([20, 21, 22]);
    bench.busMaster.write(2, 4, 1);
    expect(bench.busMaster.read(2, 1) & 7).toBe(0);
  });

  test("may be started after the drive has its data", async () => {
    bench.prd([0x2000, 512]);
    bench.lba28(0xc8, 33, 1);
    await settle();
    expect(bench.irq).toBe(false);
    bench.busMaster.write(0, 0x09, 1);
    expect(bench.irq).toBe(true);
    expect(bench.memory.bytes[0x2000]).toBe(33);
  });

  test("writes from memory to the disk", async () => {
    bench.memory.bytes.fill(0xc3, 0x2000, 0x2400);
    bench.prd([0x2000, 1024]);
    bench.lba48(0x35, 40, 2);
    bench.busMaster.write(0, 0x01, 1);
    await settle();
    expect(bench.in(7)).toBe(IDLE);
    expect([bench.blocks.bytes[40 * 512], bench.blocks.bytes[42 * 512 - 1]]).toEqual([0xc3, 0xc3]);
    expect(bench.moved.write).toBe(1024);
  });

  test("a table shorter than the transfer leaves the drive waiting and neither bit set", async () => {
    bench.prd([0x2000, 512]);
    bench.lba28(0xc8, 20, 2);
    bench.busMaster.write(0, 0x09, 1);
    await settle();
    expect([bench.busMaster.read(2, 1) & 7, bench.irq]).toEqual([0, false]);
    expect(bench.alternateStatus & 0x08).toBe(0x08);
  });

  test("a table longer than the transfer stays active with the interrupt", async () => {
    bench.prd([0x2000, 4096]);
    bench.lba28(0xc8, 20, 1);
    bench.busMaster.write(0, 0x09, 1);
    await settle();
    expect(bench.busMaster.read(2, 1) & 7).toBe(5);
    bench.busMaster.write(0, 0x00, 1);
    expect(bench.busMaster.read(2, 1) & 7).toBe(4);
  });
});

test("a command under way is taken up again by another machine", async () => {
  bench.blocks.hold();
  bench.lba28(0x20, 5, 2);
  const writer = new StateWriter();
  bench.channel.save(writer);
  const other = new Bench();
  other.channel.load(new StateReader(writer.finish()));
  expect(other.in(7)).toBe(BSY);
  await settle();
  expect(other.in(7)).toBe(DATA_READY);
  expect(other.words(256)[0]).toBe(0x0505);
  expect(other.words(256)[0]).toBe(0x0606);
  expect(other.in(7)).toBe(IDLE);
});

test("any register writes get an answer", async () => {
  const two = new Bench(300, true);
  let seed = 5;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  for (let round = 0; round < 4000; round++) {
    const offset = random() & 7;
    if (random() < 8) two.control(random());
    else if (random() < 20) two.busMaster.write(offset, random(), 1);
    else two.channel.commandBlock.write(offset, random() | (random() << 8), offset === 0 ? 2 : 1);
    two.channel.commandBlock.read(random() & 7, (random() & 1) + 1 === 1 ? 1 : 2);
    if (round % 8 === 0) await settle();
  }
  two.control(0x04);
  two.control(0x00);
  two.out(6, 0xa0);
  expect(two.in(7)).toBe(IDLE);
});

deviceConformance("an ATA channel with two disks", () => {
  const subject = new Bench(64, true);
  return {
    device: subject.channel,
    exercise: () => {
      subject.prd([0x2000, 512]);
      subject.lba28(0x30, 3, 2);
      subject.writeSector(0x11);
      subject.out(6, 0xb0);
      subject.out(7, 0xec);
      subject.words(3);
    },
  };
});
