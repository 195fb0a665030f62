import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { MessageRecorder } from "../../../tests/fixtures/MessageRecorder.ts";
import { VirtioDriver } from "../../../tests/fixtures/VirtioDriver.ts";
import { AtapiDrive } from "../ata/AtapiDrive.ts";
import { ScsiDisk } from "../scsi/ScsiDisk.ts";
import { ScsiOptical } from "../scsi/ScsiOptical.ts";
import { VirtioPci } from "./VirtioPci.ts";
import { VirtioScsi } from "./VirtioScsi.ts";

const HEADER = 0x1000;
const RESPONSE = 0x2000;
const DATA = 0x4000;
const EVENT = 0x3000;
const EVENTS = 1;
const REQUESTS = 2;
const HOTPLUG = 2;
const activity = { read: () => undefined, write: () => undefined };

const plainDisk = () =>
  new ScsiDisk({
    blocks: new FaultyBlocks(64 * 512),
    activity,
    serialNumber: "P",
    solidState: false,
    removable: false,
  });

function make() {
  const memory = new FlatMemory(0x40000);
  const blocks = new FaultyBlocks(256 * 512);
  const disc = new FaultyBlocks(64 * 2048, 2048);
  const identity = { model: "GUESTHOUSE CD-ROM", serialNumber: "C", firmwareRevision: "1.0" };
  const optical = new AtapiDrive({
    medium: { name: "disc", blocks: disc },
    activity,
    identity,
    onEject: () => undefined,
  });
  const host = new VirtioScsi([
    new ScsiDisk({ blocks, activity, serialNumber: "SER-9", solidState: true, removable: true }),
    new ScsiOptical(optical),
  ]);
  const device = new VirtioPci({
    id: "virtio-scsi",
    function: host,
    memory,
    irq: new RecordedLine(),
    messages: new MessageRecorder(),
    onLegacyMoved: () => undefined,
    onMsixMoved: () => undefined,
    onModernMoved: () => undefined,
  });
  const driver = new VirtioDriver(device, memory, 0x20000);
  /** Sends a command and gives the response once it is there. */
  const submit = (target: number, command: number[], data: { in?: number; out?: number; unit?: number } = {}) => {
    memory.bytes.fill(0, HEADER, HEADER + 51);
    memory.bytes.fill(0xee, RESPONSE, RESPONSE + 108);
    memory.write(HEADER, Uint8Array.of(1, target, 0x40, data.unit ?? 0));
    memory.write(HEADER + 19, Uint8Array.from(command));
    driver.submit(REQUESTS, [
      { address: HEADER, length: 51 },
      ...(data.out ? [{ address: DATA, length: data.out }] : []),
      { address: RESPONSE, length: 108, write: true },
      ...(data.in ? [{ address: DATA, length: data.in, write: true }] : []),
    ]);
  };
  const answer = async (target: number, command: number[], data: { in?: number; out?: number; unit?: number } = {}) => {
    submit(target, command, data);
    await settle();
    return {
      response: memory.read8(RESPONSE + 11),
      status: memory.read8(RESPONSE + 10),
      residual: memory.read32(RESPONSE + 4),
      key: memory.read8(RESPONSE + 12 + 2),
      code: memory.read8(RESPONSE + 12 + 12),
    };
  };
  return { memory, blocks, disc, host, device, driver, submit, answer };
}

const good = { response: 0, status: 0, residual: 0 };

describe("the virtio SCSI host", () => {
  test("has a disk that tells what it is", async () => {
    const { memory, driver, answer } = make();
    driver.start();
    expect(await answer(0, [0x12, 0, 0, 0, 36, 0], { in: 36 })).toMatchObject(good);
    expect([memory.read8(DATA), memory.read8(DATA + 1)]).toEqual([0, 0x80]);
    expect(await answer(0, [0x12, 1, 0x80, 0, 255, 0], { in: 255 })).toMatchObject({ status: 0, residual: 255 - 24 });
    expect(String.fromCharCode(...memory.bytes.subarray(DATA + 4, DATA + 9))).toBe("SER-9");
    expect(await answer(0, [0x25], { in: 8 })).toMatchObject(good);
    expect([memory.read8(DATA + 3), memory.read8(DATA + 6)]).toEqual([255, 2]);
    await answer(0, [0x12, 1, 0xb1, 0, 64, 0], { in: 64 });
    expect([memory.read8(DATA + 4), memory.read8(DATA + 5)]).toEqual([0, 1]);
  });

  test("writes and reads by all lengths of command", async () => {
    const { memory, driver, answer } = make();
    driver.start();
    const address = (length: number, sector: number, sectors: number, operation: number) => {
      const command = new Array<number>(length).fill(0);
      command[0] = operation;
      command[{ 6: 3, 10: 5, 12: 5, 16: 9 }[length]!] = sector;
      command[{ 6: 4, 10: 8, 12: 9, 16: 13 }[length]!] = sectors;
      return command;
    };
    const forms: [number, number, number][] = [
      [6, 0x0a, 0x08],
      [10, 0x2a, 0x28],
      [12, 0xaa, 0xa8],
      [16, 0x8a, 0x88],
    ];
    for (const [length, write, read] of forms) {
      memory.bytes.fill(length, DATA, DATA + 1024);
      expect(await answer(0, address(length, 8 + length, 2, write), { out: 1024 })).toMatchObject(good);
      memory.bytes.fill(0, DATA, DATA + 1024);
      expect(await answer(0, address(length, 8 + length, 2, read), { in: 1024 })).toMatchObject(good);
      expect([memory.read8(DATA), memory.read8(DATA + 1023)]).toEqual([length, length]);
    }
  });

  test("flushes, unmaps, writes zeros and says what it cannot", async () => {
    const { memory, driver, blocks, answer } = make();
    driver.start();
    blocks.bytes.fill(0x31);
    blocks.bad.add(9);
    expect(await answer(0, [0x35])).toMatchObject(good);
    expect(blocks.flushes).toBe(1);
    memory.bytes.fill(0, DATA, DATA + 512);
    expect(await answer(0, [0x93, 8, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 3], { out: 512 })).toMatchObject({ status: 0 });
    expect(blocks.bytes.subarray(20 * 512, 23 * 512).every((byte) => byte === 0)).toBe(true);
    expect(await answer(0, [0x28, 0, 0, 0, 0, 9, 0, 0, 1], { in: 512 })).toMatchObject({
      status: 2,
      key: 3,
      code: 0x11,
    });
    expect(await answer(0, [0x28, 0, 0, 0, 1, 0, 0, 0, 1], { in: 512 })).toMatchObject({
      status: 2,
      key: 5,
      code: 0x21,
    });
    expect(await answer(0, [0xff])).toMatchObject({ status: 2, key: 5, code: 0x20 });
    expect(await answer(0, [0x00], { unit: 1 })).toMatchObject({ status: 2, key: 5, code: 0x25 });
    expect(await answer(7, [0x00])).toMatchObject({ response: 3 });
  });

  test("has an optical drive with its sense data", async () => {
    const { memory, driver, disc, answer } = make();
    driver.start();
    disc.bytes.fill(0x66, 3 * 2048, 4 * 2048);
    expect(await answer(1, [0x00])).toMatchObject({ status: 2, key: 6, code: 0x29 });
    expect(await answer(1, [0x00])).toMatchObject(good);
    expect(await answer(1, [0x28, 0, 0, 0, 0, 3, 0, 0, 1], { in: 2048 })).toMatchObject(good);
    expect([memory.read8(DATA), memory.read8(DATA + 2047)]).toEqual([0x66, 0x66]);
    expect(await answer(1, [0x1b, 0, 0, 0, 2])).toMatchObject(good);
    expect(await answer(1, [0x00])).toMatchObject({ status: 2, key: 2, code: 0x3a });
  });

  test("tells a driver that wants to hear of it which drives come and go, at once or when there is a buffer", () => {
    const { memory, driver, host } = make();
    driver.start(HOTPLUG);
    const offer = (address: number) => driver.submit(EVENTS, [{ address, length: 16, write: true }]);
    const event = (address: number) => [0, 4, 12].map((field) => memory.read32(address + field));
    offer(EVENT);
    host.plug(9, plainDisk());
    expect([driver.used(EVENTS).length, ...event(EVENT)]).toEqual([1, 1, 0x0901, 1]);
    host.plug(9, undefined);
    host.plug(8, plainDisk());
    expect(driver.used(EVENTS)).toHaveLength(1);
    offer(EVENT + 16);
    offer(EVENT + 32);
    expect([event(EVENT + 16), event(EVENT + 32)]).toEqual([
      [1, 0x0901, 2],
      [1, 0x0801, 1],
    ]);
    expect(driver.used(EVENTS).map(({ length }) => length)).toEqual([16, 16, 16]);
  });

  test("says nothing of drives to a driver that does not want to hear of it", () => {
    const { driver, host } = make();
    driver.start();
    driver.submit(EVENTS, [{ address: EVENT, length: 16, write: true }]);
    host.plug(9, plainDisk());
    expect(driver.used(EVENTS)).toEqual([]);
  });

  test("ends what a drive had under way when it goes, once", async () => {
    const { memory, driver, blocks, host, submit, answer } = make();
    driver.start(HOTPLUG);
    const release = blocks.hold();
    submit(0, [0x28, 0, 0, 0, 0, 1, 0, 0, 1], { in: 512 });
    await settle();
    expect(driver.used(REQUESTS)).toEqual([]);
    host.plug(0, undefined);
    expect([driver.used(REQUESTS).length, memory.read8(RESPONSE + 11)]).toEqual([1, 3]);
    release();
    await settle();
    expect(driver.used(REQUESTS)).toHaveLength(1);
    expect(await answer(0, [0x00])).toMatchObject({ response: 3 });
    expect(await answer(1, [0x12, 0, 0, 0, 36, 0], { in: 36 })).toMatchObject(good);
  });
});

deviceConformance("the virtio SCSI host", () => {
  const { device, driver, submit } = make();
  return {
    device,
    exercise: () => {
      driver.start();
      submit(0, [0x28, 0, 0, 0, 0, 1, 0, 0, 1], { in: 512 });
      submit(1, [0x28, 0, 0, 0, 0, 3, 0, 0, 1], { in: 2048 });
    },
  };
});
