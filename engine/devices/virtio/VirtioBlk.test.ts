import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { MessageRecorder } from "../../../tests/fixtures/MessageRecorder.ts";
import { VirtioDriver } from "../../../tests/fixtures/VirtioDriver.ts";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { VirtioBlk } from "./VirtioBlk.ts";
import { VirtioPci } from "./VirtioPci.ts";
import { common, DEVICE_NEEDS_RESET, legacy } from "./virtioRegisters.ts";

const HEADER = 0x1000;
const DATA = 0x2000;
const STATUS = 0x3000;

function make(blocks = new FaultyBlocks(64 * 512)) {
  const memory = new FlatMemory(0x20000);
  const irq = new RecordedLine();
  const messages = new MessageRecorder();
  const activity = { read: () => undefined, write: () => undefined };
  const device = new VirtioPci({
    id: "virtio-blk",
    function: new VirtioBlk({ blocks, activity, serialNumber: "SERIAL-7" }),
    memory,
    irq,
    messages,
    onLegacyMoved: () => undefined,
    onMsixMoved: () => undefined,
    onModernMoved: () => undefined,
  });
  const driver = new VirtioDriver(device, memory);
  const request = (type: number, sector: number, data: number, isRead: boolean) => {
    memory.write32(HEADER, type);
    memory.write32(HEADER + 8, sector);
    memory.write32(HEADER + 12, 0);
    memory.write8(STATUS, 0xee);
    return driver.submit(0, [
      { address: HEADER, length: 16 },
      ...(data > 0 ? [{ address: DATA, length: data, write: isRead }] : []),
      { address: STATUS, length: 1, write: true },
    ]);
  };
  return { blocks, memory, irq, messages, device, driver, request };
}

describe("the virtio block device", () => {
  test("reads sectors and says how many bytes came", async () => {
    const { blocks, memory, driver, request, irq } = make();
    blocks.bytes.fill(0xa5, 3 * 512, 5 * 512);
    driver.start();
    const head = request(0, 3, 1024, true);
    await settle();
    expect(driver.used(0)).toEqual([{ head, length: 1025 }]);
    expect(memory.bytes.subarray(DATA, DATA + 1024).every((byte) => byte === 0xa5)).toBe(true);
    expect([memory.read8(STATUS), irq.level]).toEqual([0, true]);
    expect([driver.read(0x1000, 1), irq.level]).toEqual([1, false]);
  });

  test("writes, flushes, discards, writes zeros and tells its serial number", async () => {
    const { blocks, memory, driver, request } = make();
    driver.start();
    memory.bytes.fill(0x77, DATA, DATA + 512);
    request(1, 9, 512, false);
    await settle();
    expect(blocks.bytes[9 * 512]).toBe(0x77);
    request(4, 0, 0, false);
    await settle();
    expect(blocks.flushes).toBe(1);
    memory.bytes.fill(0, DATA, DATA + 16);
    memory.write32(DATA, 9);
    memory.write32(DATA + 8, 1);
    request(13, 0, 16, false);
    await settle();
    expect([blocks.bytes[9 * 512], memory.read8(STATUS)]).toEqual([0, 0]);
    request(8, 0, 20, true);
    expect(String.fromCharCode(...memory.bytes.subarray(DATA, DATA + 8))).toBe("SERIAL-7");
    request(99, 0, 0, false);
    expect(memory.read8(STATUS)).toBe(2);
  });

  test("reports what the medium cannot, and what lies outside", async () => {
    const { blocks, memory, driver, request } = make();
    blocks.bad.add(4);
    driver.start();
    request(0, 4, 512, true);
    await settle();
    expect(memory.read8(STATUS)).toBe(1);
    request(0, 63, 1024, true);
    expect(memory.read8(STATUS)).toBe(1);
  });

  test("has several requests under way at a time", async () => {
    const { blocks, driver, request } = make();
    const release = blocks.hold();
    driver.start();
    for (let index = 0; index < 5; index++) request(4, 0, 0, false);
    await settle();
    expect(driver.used(0)).toEqual([]);
    release();
    await settle();
    expect(driver.used(0).length).toBe(5);
  });

  test("begins requests of a saved state anew", async () => {
    const { blocks, memory, device, driver, request } = make();
    const release = blocks.hold();
    driver.start();
    const head = request(0, 0, 512, true);
    const writer = new StateWriter();
    device.save(writer);
    const other = make();
    other.memory.bytes.set(memory.bytes);
    other.device.load(new StateReader(writer.finish()));
    await settle();
    expect(new VirtioDriver(other.device, other.memory).used(0)).toEqual([{ head, length: 513 }]);
    release();
  });

  test("takes the legacy way in", async () => {
    const { memory, device, blocks } = make();
    blocks.bytes.fill(0x3c, 0, 512);
    device.legacyPorts.write(legacy.queueSelect, 0, 2);
    expect(device.legacyPorts.read(legacy.queueSize, 2)).toBe(256);
    device.legacyPorts.write(legacy.queueAddress, 0x10000 / 4096, 4);
    const chain = [
      [HEADER, 16, 1, 1],
      [DATA, 512, 3, 2],
      [STATUS, 1, 2, 0],
    ];
    chain.forEach(([address, length, flags, next], index) => {
      memory.write32(0x10000 + 16 * index, address!);
      memory.write32(0x10008 + 16 * index, length!);
      memory.write16(0x1000c + 16 * index, flags!);
      memory.write16(0x1000e + 16 * index, next!);
    });
    memory.write16(0x11002, 1);
    device.legacyPorts.write(legacy.queueNotify, 0, 2);
    await settle();
    expect([memory.read8(DATA), memory.read16(0x12002)]).toEqual([0x3c, 1]);
    expect(device.legacyPorts.read(legacy.isr, 1)).toBe(1);
    expect(device.legacyPorts.read(0x14, 4)).toBe(64);
  });
});

describe("a hostile driver", () => {
  const broken = (arrange: (driver: VirtioDriver) => void) => {
    const { driver, device } = make();
    driver.start(2 ** 28);
    arrange(driver);
    expect(driver.read(common.deviceStatus, 1) & DEVICE_NEEDS_RESET).toBe(DEVICE_NEEDS_RESET);
    driver.start();
    expect(driver.read(common.deviceStatus, 1)).toBe(15);
    expect(device.queues[0]!.broken).toBe(false);
  };
  const descriptor = (driver: VirtioDriver, index: number, fields: [number, number, number, number]) => {
    const at = driver.queueAt(0) + 16 * index;
    driver.memory.write32(at, fields[0]);
    driver.memory.write32(at + 8, fields[1]);
    driver.memory.write16(at + 12, fields[2]);
    driver.memory.write16(at + 14, fields[3]);
  };

  test("with a loop breaks the device until a reset", () => {
    broken((driver) => {
      descriptor(driver, 0, [HEADER, 16, 1, 1]);
      descriptor(driver, 1, [HEADER, 16, 1, 0]);
      driver.offer(0, 0);
    });
  });

  test("with a descriptor out of range", () => {
    broken((driver) => {
      descriptor(driver, 0, [HEADER, 16, 1, 64]);
      driver.offer(0, 0);
    });
    broken((driver) => driver.offer(0, 0xffff));
  });

  test("with an indirect table in an indirect table", () => {
    broken((driver) => {
      descriptor(driver, 0, [driver.queueAt(0) + 32, 16, 4, 0]);
      descriptor(driver, 2, [driver.queueAt(0) + 32, 16, 4, 0]);
      driver.offer(0, 0);
    });
  });

  test("with more in the ring than it holds", () => {
    broken((driver) => {
      driver.memory.write16(driver.queueAt(0) + 0x1002, 65);
      driver.notify(0);
    });
  });

  test("with bytes at random neither stops nor slows the machine", { timeout: 20_000 }, async () => {
    let seed = 0x2545f491;
    const random = () => {
      seed ^= seed << 13;
      seed ^= seed >>> 17;
      seed ^= seed << 5;
      return seed >>> 0;
    };
    for (let round = 0; round < 150; round++) {
      const { driver, memory, blocks } = make(new FaultyBlocks(64 * 512));
      driver.start((random() & 1) * 2 ** 28 + (random() & 1) * 2 ** 29);
      for (let entry = 0; entry < 64; entry++) {
        const address = random() % 4 === 0 ? random() : random() % 0x20000;
        const length = random() % 3 === 0 ? random() : random() % 2048;
        descriptor(driver, entry, [address, length, random() % 8, random() % 70]);
      }
      for (let at = 0; at < 64; at += 4) memory.write32(HEADER + at, random() % 16);
      for (let turn = 0; turn < 20; turn++) driver.offer(0, random() % 66);
      await settle();
      expect(blocks.bytes.length).toBe(64 * 512);
    }
  });
});

deviceConformance("the virtio block device", () => {
  const { device, driver, request } = make();
  return {
    device,
    exercise: () => {
      device.writeConfig(0x04, 0x0006, 2);
      driver.start();
      request(0, 1, 512, true);
    },
  };
});
