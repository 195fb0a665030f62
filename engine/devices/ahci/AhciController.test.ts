import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { AtaDisk } from "../ata/AtaDisk.ts";
import { AtapiDrive } from "../ata/AtapiDrive.ts";
import { AhciController } from "./AhciController.ts";
import * as ahci from "./ahciRegisters.ts";

const LIST = 0x1000;
const RECEIVED = 0x2000;
const TABLES = 0x4000;
const DATA = 0x10000;
const activity = { read: () => undefined, write: () => undefined };
const identity = { model: "GUESTHOUSE DISK", serialNumber: "S-2", firmwareRevision: "1.0" };

class Driver {
  readonly memory = new FlatMemory(0x40000);
  readonly blocks = new FaultyBlocks(256 * 512);
  readonly disc = new FaultyBlocks(64 * 2048, 2048);
  readonly irq = new RecordedLine();
  readonly hba: AhciController;

  constructor() {
    const disk = new AtaDisk({ blocks: this.blocks, activity, identity, serial: true, solidState: true });
    const medium = { name: "disc", blocks: this.disc };
    const optical = new AtapiDrive({ medium, activity, identity, onEject: () => undefined });
    this.hba = new AhciController({
      memory: this.memory,
      irq: this.irq,
      drives: [disk, optical],
      onRegistersMoved: () => undefined,
    });
  }

  port(port: number, register: number): number {
    return this.hba.registers.read(0x100 + 0x80 * port + register, 4);
  }
  setPort(port: number, register: number, value: number): void {
    this.hba.registers.write(0x100 + 0x80 * port + register, value, 4);
  }

  start(port = 0): void {
    this.hba.registers.write(ahci.hba.GHC, ahci.GHC_IE, 4);
    this.setPort(port, ahci.port.CLB, LIST);
    this.setPort(port, ahci.port.FB, RECEIVED);
    this.setPort(port, ahci.port.IE, 0xffff_ffff);
    this.setPort(port, ahci.port.CMD, ahci.CMD_FRE | ahci.CMD_ST);
  }

  /** Fills a slot; `fis` gives bytes by place. */
  fill(slot: number, fis: Record<number, number>, bytes: number, packet: number[] = []): void {
    const { memory } = this;
    const table = TABLES + 0x400 * slot;
    memory.bytes.fill(0, table, table + 0x400);
    memory.write32(LIST + 32 * slot, (bytes > 0 ? 1 << 16 : 0) | 5);
    memory.write32(LIST + 32 * slot + 8, table);
    const full: Record<number, number> = { 0: ahci.FIS_TO_DEVICE, 1: ahci.FIS_COMMAND, 7: 0x40, ...fis };
    for (const [place, value] of Object.entries(full)) memory.write8(table + Number(place), value);
    memory.write(table + ahci.TABLE_PACKET, Uint8Array.from(packet));
    memory.write32(table + ahci.TABLE_REGIONS, DATA);
    memory.write32(table + ahci.TABLE_REGIONS + 12, bytes - 1);
  }
}

describe("the AHCI controller", () => {
  test("shows its drives by signature, and free ports as free", () => {
    const driver = new Driver();
    expect([0, 1, 2].map((port) => driver.port(port, ahci.port.SIG))).toEqual([0x101, 0xeb14_0101, 0xffff_ffff]);
    expect([0, 2].map((port) => driver.port(port, ahci.port.SSTS))).toEqual([ahci.SSTS_CONNECTED, 0]);
    expect(driver.hba.readConfig(0, 4)).toBe(0x2922_8086);
  });

  test("identifies a disk by PIO", async () => {
    const driver = new Driver();
    driver.start();
    driver.fill(0, { 2: 0xec }, 512);
    driver.setPort(0, ahci.port.CI, 1);
    await settle();
    expect(driver.port(0, ahci.port.CI)).toBe(0);
    expect(driver.memory.read16(DATA + 2 * 76)).toBe(0x0106);
    expect(driver.memory.read8(RECEIVED + ahci.receivedFis.pioSetup)).toBe(ahci.FIS_PIO_SETUP);
    expect([driver.irq.level, driver.port(0, ahci.port.IS) & ahci.IS_PSS]).toEqual([true, ahci.IS_PSS]);
    driver.setPort(0, ahci.port.IS, 0xffff_ffff);
    driver.hba.registers.write(ahci.hba.IS, 1, 4);
    expect(driver.irq.level).toBe(false);
  });

  test("writes and reads by DMA", async () => {
    const driver = new Driver();
    driver.start();
    driver.memory.bytes.fill(0x6b, DATA, DATA + 2048);
    driver.fill(3, { 2: 0x35, 4: 7, 12: 4 }, 2048);
    driver.setPort(0, ahci.port.CI, 8);
    await settle();
    expect(driver.blocks.bytes.subarray(7 * 512, 11 * 512).every((byte) => byte === 0x6b)).toBe(true);
    driver.memory.bytes.fill(0, DATA, DATA + 2048);
    driver.fill(0, { 2: 0x25, 4: 7, 12: 4 }, 2048);
    driver.setPort(0, ahci.port.CI, 1);
    await settle();
    expect([driver.memory.read8(DATA + 2047), driver.memory.read32(LIST + 4)]).toEqual([0x6b, 2048]);
    expect(driver.port(0, ahci.port.TFD) & 0xff).toBe(0x50);
  });

  test("has queued commands under way side by side", async () => {
    const driver = new Driver();
    driver.start();
    driver.blocks.bytes.fill(0x21, 0, 512);
    const release = driver.blocks.hold();
    driver.fill(1, { 2: 0x60, 3: 1, 12: 1 << 3 }, 512);
    driver.fill(2, { 2: 0x60, 3: 1, 4: 1, 12: 2 << 3 }, 512);
    driver.setPort(0, ahci.port.SACT, 6);
    driver.setPort(0, ahci.port.CI, 6);
    await settle();
    expect([driver.port(0, ahci.port.CI), driver.port(0, ahci.port.SACT)]).toEqual([0, 6]);
    release();
    await settle();
    expect(driver.port(0, ahci.port.SACT)).toBe(0);
    expect(driver.port(0, ahci.port.IS) & ahci.IS_SDBS).toBe(ahci.IS_SDBS);
  });

  test("stops at an error and says in its log which queued command failed", async () => {
    const driver = new Driver();
    driver.start();
    driver.blocks.bad.add(5);
    driver.fill(4, { 2: 0x60, 3: 1, 4: 5, 12: 4 << 3 }, 512);
    driver.setPort(0, ahci.port.SACT, 16);
    driver.setPort(0, ahci.port.CI, 16);
    await settle();
    expect(driver.port(0, ahci.port.IS) & ahci.IS_TFES).toBe(ahci.IS_TFES);
    driver.setPort(0, ahci.port.CMD, ahci.CMD_FRE);
    expect(driver.port(0, ahci.port.SACT)).toBe(0);
    driver.setPort(0, ahci.port.CMD, ahci.CMD_FRE | ahci.CMD_ST);
    driver.fill(0, { 2: 0x2f, 4: 0x10, 12: 1 }, 512);
    driver.setPort(0, ahci.port.CI, 1);
    await settle();
    expect([driver.memory.read8(DATA), driver.memory.read8(DATA + 3), driver.memory.read8(DATA + 4)]).toEqual([
      4, 0x40, 5,
    ]);
  });

  test("trims", async () => {
    const driver = new Driver();
    const ranges: [number, number][] = [];
    driver.blocks.discard = async (offset = 0, length = 0) => void ranges.push([offset, length]);
    driver.start();
    driver.memory.write32(DATA, 16);
    driver.memory.write16(DATA + 6, 8);
    driver.fill(0, { 2: 0x06, 3: 1, 12: 1 }, 512);
    driver.setPort(0, ahci.port.CI, 1);
    await settle();
    expect([ranges, driver.port(0, ahci.port.CI)]).toEqual([[[8192, 4096]], 0]);
  });

  test("resets a drive by software and by the link", () => {
    const driver = new Driver();
    driver.start();
    driver.fill(0, { 1: 0, 15: 4 }, 0);
    driver.setPort(0, ahci.port.CI, 1);
    expect(driver.port(0, ahci.port.TFD) & 0x80).toBe(0x80);
    driver.fill(0, { 1: 0, 15: 0 }, 0);
    driver.setPort(0, ahci.port.CI, 1);
    expect(driver.port(0, ahci.port.TFD)).toBe(0x150);
    driver.setPort(0, ahci.port.SCTL, 0x301);
    expect(driver.port(0, ahci.port.SSTS)).toBe(0);
    driver.setPort(0, ahci.port.SCTL, 0x300);
    expect(driver.port(0, ahci.port.SSTS)).toBe(ahci.SSTS_CONNECTED);
  });

  test("sends packets to an optical drive", async () => {
    const driver = new Driver();
    driver.disc.bytes.fill(0x44, 2 * 2048, 3 * 2048);
    driver.start(1);
    const send = async (packet: number[]) => {
      driver.fill(0, { 2: 0xa0, 3: 1 }, 2048, packet);
      driver.setPort(1, ahci.port.CI, 1);
      await settle();
    };
    await send([0x00]); // Unit attention after power-on.
    expect(driver.port(1, ahci.port.TFD) & 1).toBe(1);
    driver.setPort(1, ahci.port.CMD, ahci.CMD_FRE);
    driver.setPort(1, ahci.port.CMD, ahci.CMD_FRE | ahci.CMD_ST);
    await send([0x28, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0]);
    expect([driver.memory.read8(DATA), driver.memory.read8(DATA + 2047), driver.port(1, ahci.port.CI)]).toEqual([
      0x44, 0x44, 0,
    ]);
  });

  test("tells the guest of drives that come and go", () => {
    const driver = new Driver();
    driver.start(2);
    const blocks = new FaultyBlocks(64 * 512);
    driver.hba.ports[2]!.plug(new AtaDisk({ blocks, activity, identity, serial: true }));
    expect([driver.port(2, ahci.port.SSTS), driver.irq.level]).toEqual([ahci.SSTS_CONNECTED, true]);
    driver.hba.ports[2]!.plug(undefined);
    expect(driver.port(2, ahci.port.SSTS)).toBe(0);
  });

  test("goes on with a saved state in another machine", async () => {
    const driver = new Driver();
    driver.start();
    const release = driver.blocks.hold();
    driver.fill(1, { 2: 0x60, 3: 1, 12: 1 << 3 }, 512);
    driver.setPort(0, ahci.port.SACT, 2);
    driver.setPort(0, ahci.port.CI, 2);
    const writer = new StateWriter();
    driver.hba.save(writer);
    const other = new Driver();
    other.memory.bytes.set(driver.memory.bytes);
    other.blocks.bytes.fill(0x99);
    other.hba.load(new StateReader(writer.finish()));
    await settle();
    expect([other.memory.read8(DATA), other.port(0, ahci.port.SACT)]).toEqual([0x99, 0]);
    release();
  });
});

deviceConformance("the AHCI controller", () => {
  const driver = new Driver();
  return {
    device: driver.hba,
    exercise: () => {
      driver.start();
      driver.fill(0, { 2: 0x25, 4: 7, 12: 4 }, 2048);
      driver.setPort(0, ahci.port.CI, 1);
    },
  };
});
