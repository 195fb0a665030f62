import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { FaultyBlocks, settle } from "../../../tests/fixtures/FaultyBlocks.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { AtaDisk } from "./AtaDisk.ts";
import { Piix3Ide } from "./Piix3Ide.ts";

function make() {
  const memory = new FlatMemory(0x10000);
  const moves: (number | undefined)[] = [];
  const enabled = [false, false];
  const lines = [false, false];
  const line = (index: number) => ({
    set: (level: boolean) => {
      lines[index] = level;
    },
  });
  const disk = new AtaDisk({
    blocks: new FaultyBlocks(64 * 512),
    activity: { read: () => undefined, write: () => undefined },
    identity: { model: "GUESTHOUSE DISK", serialNumber: "GH0001", firmwareRevision: "1.0" },
  });
  const ide = new Piix3Ide({
    memory,
    irqs: [line(0), line(1)],
    drives: [
      [undefined, undefined],
      [disk, undefined],
    ],
    onBusMasterMoved: (port) => moves.push(port),
    onChannelEnabled: (channel, on) => {
      enabled[channel] = on;
    },
  });
  return { ide, memory, moves, enabled, lines };
}

describe("the PIIX3 IDE function", () => {
  test("is 8086:7010, an IDE controller in compatibility mode with bus mastering", () => {
    const { ide } = make();
    expect(ide.readConfig(0, 4)).toBe(0x70108086);
    expect(ide.readConfig(8, 4) >>> 8).toBe(0x010180);
  });

  test("places its bus master block where BAR 4 says", () => {
    const { ide, moves } = make();
    ide.writeConfig(0x20, 0xffffffff, 4);
    expect(ide.readConfig(0x20, 4)).toBe(0xfffffff1);
    ide.writeConfig(0x20, 0xc000, 4);
    ide.writeConfig(0x04, 0x0001, 2);
    expect(moves.at(-1)).toBe(0xc000);
    ide.writeConfig(0x04, 0x0000, 2);
    expect(moves.at(-1)).toBeUndefined();
  });

  test("opens and closes channels by their decode enable bits", () => {
    const { ide, enabled } = make();
    expect(enabled).toEqual([true, true]);
    ide.writeConfig(0x42, 0x0000, 2);
    expect(enabled).toEqual([true, false]);
  });

  test("waits for bus mastering to be allowed", async () => {
    const { ide, memory, lines } = make();
    memory.write32(0x1000, 0x2000);
    memory.write32(0x1004, 0x80000200);
    ide.busMasterBlock.write(0x0c, 0x1000, 4);
    ide.channels[1].commandBlock.write(2, 1, 1);
    ide.channels[1].commandBlock.write(6, 0x40, 1);
    ide.channels[1].commandBlock.write(7, 0xc8, 1);
    ide.busMasterBlock.write(0x08, 0x09, 1);
    await settle();
    expect([lines[1], ide.busMasterBlock.read(0x0a, 1)]).toEqual([false, 1]);
    ide.writeConfig(0x04, 0x0005, 2);
    expect([lines[1], ide.busMasterBlock.read(0x0a, 1)]).toEqual([true, 4]);
  });
});

deviceConformance("the PIIX3 IDE function", () => {
  const { ide } = make();
  return {
    device: ide,
    exercise: () => {
      ide.writeConfig(0x20, 0xc000, 4);
      ide.writeConfig(0x04, 0x0005, 2);
      ide.busMasterBlock.write(0x04, 0x12340, 4);
      ide.channels[1].commandBlock.write(7, 0xec, 1);
    },
  };
});
