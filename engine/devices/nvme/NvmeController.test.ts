import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { MessageRecorder } from "../../../tests/fixtures/MessageRecorder.ts";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { NvmeController } from "./NvmeController.ts";
import { adminCommand, CSTS_RDY, DO_NOT_RETRY, ioCommand, register, status } from "./nvmeRegisters.ts";

const ADMIN_SQ = 0x1000;
const ADMIN_CQ = 0x2000;
const IO_SQ = 0x3000;
const IO_CQ = 0x4000;
const DATA = 0x8000;
const LIST = 0x5000;
const ENTRIES = 16;

class Driver {
  readonly memory = new FlatMemory(0x40000);
  readonly blocks = new FaultyBlocks(256 * 512);
  readonly irq = new RecordedLine();
  readonly controller: NvmeController;
  #tails = [0, 0];
  #identifier = 1;

  constructor() {
    this.controller = new NvmeController({
      id: "nvme",
      target: { blocks: this.blocks, activity: { read: () => undefined, write: () => undefined } },
      identity: { model: "MODEL", serialNumber: "S-1", firmwareRevision: "1.0" },
      memory: this.memory,
      irq: this.irq,
      messages: new MessageRecorder(),
      onRegistersMoved: () => undefined,
      onMsixMoved: () => undefined,
    });
  }

  write(offset: number, value: number): void {
    this.controller.registers.write(offset, value, 4);
  }
  read(offset: number): number {
    return this.controller.registers.read(offset, 4);
  }

  enable(): void {
    this.write(register.AQA, ((ENTRIES - 1) << 16) | (ENTRIES - 1));
    this.write(register.ASQ, ADMIN_SQ);
    this.write(register.ACQ, ADMIN_CQ);
    this.write(register.CC, 0x0046_0001);
  }

  start(): void {
    this.enable();
    this.submit(0, {
      opcode: adminCommand.createCompletionQueue,
      prp1: IO_CQ,
      dwords: [
        [10, 0x000f_0001],
        [11, 3],
      ],
    });
    this.submit(0, {
      opcode: adminCommand.createSubmissionQueue,
      prp1: IO_SQ,
      dwords: [
        [10, 0x000f_0001],
        [11, 0x1_0001],
      ],
    });
  }

  submit(
    queue: 0 | 1,
    command: { opcode: number; namespace?: number; prp1?: number; prp2?: number; dwords?: [number, number][] },
  ): number {
    const tail = this.#tails[queue]!;
    const at = (queue === 0 ? ADMIN_SQ : IO_SQ) + 64 * tail;
    this.memory.bytes.fill(0, at, at + 64);
    this.memory.write32(at, command.opcode | (this.#identifier << 16));
    this.memory.write32(at + 4, command.namespace ?? (queue === 0 ? 0 : 1));
    this.memory.write32(at + 24, command.prp1 ?? 0);
    this.memory.write32(at + 32, command.prp2 ?? 0);
    for (const [index, value] of command.dwords ?? []) this.memory.write32(at + 4 * index, value);
    this.#tails[queue] = (tail + 1) % ENTRIES;
    this.write(0x1000 + 8 * queue, this.#tails[queue]!);
    return this.#identifier++;
  }

  /** Status codes of the completions in a queue, as far as the phase tag says. */
  statuses(queue: 0 | 1): number[] {
    const base = queue === 0 ? ADMIN_CQ : IO_CQ;
    const found: number[] = [];
    for (let index = 0; index < ENTRIES && (this.memory.read16(base + 16 * index + 14) & 1) === 1; index++) {
      found.push(this.memory.read16(base + 16 * index + 14) >> 1);
    }
    return found;
  }
}

const transfer = (opcode: number, sector: number, sectors: number, prp1 = DATA, prp2 = 0) => ({
  opcode,
  prp1,
  prp2,
  dwords: [
    [10, sector],
    [12, sectors - 1],
  ] as [number, number][],
});

describe("the NVMe controller", () => {
  test("comes up, tells what it is and takes queues", () => {
    const driver = new Driver();
    driver.start();
    expect(driver.read(register.CSTS)).toBe(CSTS_RDY);
    driver.submit(0, { opcode: adminCommand.identify, prp1: DATA, dwords: [[10, 1]] });
    expect(driver.statuses(0)).toEqual([0, 0, 0]);
    expect(String.fromCharCode(...driver.memory.bytes.subarray(DATA + 4, DATA + 7))).toBe("S-1");
    driver.submit(0, { opcode: adminCommand.identify, namespace: 1, prp1: DATA });
    expect(driver.memory.read32(DATA)).toBe(256);
  });

  test("writes and reads through two pages and through a list", async () => {
    const driver = new Driver();
    driver.start();
    for (let at = 0; at < 0x4000; at++) driver.memory.bytes[DATA + at] = (at * 7) & 0xff;
    driver.submit(1, transfer(ioCommand.write, 10, 16, DATA, DATA + 0x1000));
    await settle();
    expect(driver.blocks.bytes.subarray(5120, 5120 + 8192)).toEqual(driver.memory.bytes.subarray(DATA, DATA + 0x2000));
    // A list of pages in descending order, beginning in the middle of the first page.
    [0x1e000, 0x1c000, 0x1a000].forEach((page, index) => {
      driver.memory.write32(LIST + 8 * index, page);
    });
    driver.submit(1, transfer(ioCommand.read, 10, 16, 0x18800, LIST));
    await settle();
    expect(driver.statuses(1)).toEqual([0, 0]);
    expect(driver.memory.bytes.subarray(0x18800, 0x19000)).toEqual(driver.memory.bytes.subarray(DATA, DATA + 0x800));
    expect(driver.memory.bytes.subarray(0x1e000, 0x1f000)).toEqual(
      driver.memory.bytes.subarray(DATA + 0x800, DATA + 0x1800),
    );
    expect(driver.irq.level).toBe(true);
    driver.write(0x100c, 2);
    driver.write(0x1004, 2);
    expect(driver.irq.level).toBe(false);
  });

  test("flushes, writes zeros, deallocates; says what it cannot", async () => {
    const driver = new Driver();
    driver.start();
    driver.blocks.bytes.fill(0x11);
    driver.blocks.bad.add(40);
    driver.submit(1, { opcode: ioCommand.flush });
    driver.submit(1, transfer(ioCommand.writeZeroes, 2, 2));
    driver.submit(1, { opcode: ioCommand.datasetManagement, prp1: DATA, dwords: [[11, 4]] });
    driver.submit(1, transfer(ioCommand.read, 40, 1));
    driver.submit(1, transfer(ioCommand.read, 256, 1));
    driver.submit(1, { opcode: 0x7f });
    driver.submit(1, transfer(ioCommand.read, 0, 16, DATA, DATA + 0x1004));
    await settle();
    expect(driver.blocks.flushes).toBe(1);
    expect(driver.blocks.bytes.subarray(1024, 2048).every((byte) => byte === 0)).toBe(true);
    const failures = [
      status.unrecoveredReadError,
      status.addressOutOfRange,
      status.invalidOpcode,
      status.prpOffsetInvalid,
    ];
    expect(driver.statuses(1).sort()).toEqual([0, 0, 0, ...failures.map((code) => code | DO_NOT_RETRY)].sort());
  });

  test("begins commands of a saved state anew", async () => {
    const driver = new Driver();
    driver.start();
    driver.blocks.bytes.fill(0x5a, 0, 512);
    const release = driver.blocks.hold();
    driver.submit(1, transfer(ioCommand.read, 0, 1));
    const writer = new StateWriter();
    driver.controller.save(writer);
    const other = new Driver();
    other.blocks.bytes.fill(0x5a, 0, 512);
    other.memory.bytes.set(driver.memory.bytes);
    other.controller.load(new StateReader(writer.finish()));
    await settle();
    expect([other.memory.read8(DATA), other.statuses(1)]).toEqual([0x5a, [0]]);
    release();
  });

  test("does not lose completions when their queue is full", async () => {
    const driver = new Driver();
    driver.start();
    for (let index = 0; index < 15; index++) driver.submit(1, { opcode: ioCommand.flush });
    await settle();
    driver.submit(1, { opcode: ioCommand.flush });
    await settle();
    expect(driver.statuses(1).length).toBe(15);
    driver.write(0x100c, 8);
    await settle();
    expect(driver.statuses(1).length).toBe(16);
  });

  test("commands at random neither stop nor slow the machine", { timeout: 20_000 }, async () => {
    let seed = 0x1234567;
    const random = () => {
      seed ^= seed << 13;
      seed ^= seed >>> 17;
      seed ^= seed << 5;
      return seed >>> 0;
    };
    for (let round = 0; round < 60; round++) {
      const driver = new Driver();
      driver.start();
      for (let index = 0; index < 40; index++) {
        const dwords = Array.from({ length: 6 }, (_, at): [number, number] => [
          10 + at,
          random() % 3 === 0 ? random() : random() % 300,
        ]);
        driver.submit(random() % 4 === 0 ? 0 : 1, {
          opcode: random() % 16,
          namespace: random() % 3,
          prp1: random() % 4 === 0 ? random() : random() % 0x40000,
          prp2: random() % 4 === 0 ? random() : (random() % 64) * 0x1000,
          dwords,
        });
        driver.write(0x1000 + 4 * (random() % 12), random() % 20);
      }
      await settle();
      expect(driver.read(register.VS)).toBe(0x10400);
    }
  });
});

deviceConformance("the NVMe controller", () => {
  const driver = new Driver();
  return {
    device: driver.controller,
    exercise: () => {
      driver.enable();
      driver.start();
      driver.submit(0, { opcode: adminCommand.asynchronousEventRequest });
      driver.submit(1, transfer(ioCommand.read, 0, 1));
    },
  };
});
