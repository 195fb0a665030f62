import { describe, expect, test } from "vitest";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { PciConfigSpace } from "./PciConfigSpace.ts";

function make() {
  const moves: [string, number | undefined][] = [];
  const config = new PciConfigSpace({
    id: "test",
    vendorId: 0x1234,
    deviceId: 0x5678,
    revision: 3,
    classCode: 0x030000,
    interruptPin: 1,
    statusReset: 0x0280,
    bars: [
      { index: 0, kind: "memory", sizeBytes: 0x100000, prefetchable: true, onChange: (a) => moves.push(["memory", a]) },
      { index: 4, kind: "io", sizeBytes: 16, onChange: (a) => moves.push(["io", a]) },
      { index: "rom", kind: "memory", sizeBytes: 0x10000, onChange: (a) => moves.push(["rom", a]) },
    ],
  });
  moves.length = 0;
  return { config, moves };
}

describe("PCI configuration space", () => {
  test("the header identifies the function and cannot be written", () => {
    const { config } = make();
    config.writeConfig(0, 0xffffffff, 4);
    config.writeConfig(8, 0xffffffff, 4);
    expect(config.readConfig(0, 4)).toBe(0x56781234);
    expect(config.readConfig(8, 4)).toBe(0x03000003);
    expect(config.readConfig(0x3d, 1)).toBe(1);
  });

  test("writing all ones to a BAR tells its size and type", () => {
    const { config } = make();
    for (const offset of [0x10, 0x20, 0x14, 0x30]) config.writeConfig(offset, 0xffffffff, 4);
    expect(config.readConfig(0x10, 4)).toBe(0xfff00008);
    expect(config.readConfig(0x20, 4)).toBe(0xfffffff1);
    expect(config.readConfig(0x14, 4)).toBe(0);
    expect(config.readConfig(0x30, 4)).toBe(0xffff0001);
  });

  test("a window appears with its address and the decode bit, and goes with either", () => {
    const { config, moves } = make();
    config.writeConfig(0x10, 0xe0000000, 4);
    expect(moves).toEqual([]);
    config.writeConfig(4, 2, 2);
    config.writeConfig(0x20, 0xc001, 2);
    config.writeConfig(4, 3, 2);
    config.writeConfig(4, 0, 2);
    expect(moves).toEqual([
      ["memory", 0xe0000000],
      ["io", 0xc000],
      ["memory", undefined],
      ["io", undefined],
    ]);
  });

  test("sizing with decoding on hides the window instead of placing it over the chipset", () => {
    const { config, moves } = make();
    config.writeConfig(4, 3, 2);
    config.writeConfig(0x10, 0xe0000000, 4);
    config.writeConfig(0x10, 0xffffffff, 4);
    config.writeConfig(0x10, 0xe0000000, 4);
    expect(moves).toEqual([
      ["memory", 0xe0000000],
      ["memory", undefined],
      ["memory", 0xe0000000],
    ]);
  });

  test("the expansion ROM needs its own enable bit", () => {
    const { config, moves } = make();
    config.writeConfig(4, 2, 2);
    config.writeConfig(0x30, 0xd0000000, 4);
    expect(moves).toEqual([]);
    config.writeConfig(0x30, 0xd0000001, 4);
    expect(moves).toEqual([["rom", 0xd0000000]]);
  });

  test("status error bits are cleared by writing ones", () => {
    const { config } = make();
    config.set16(6, 0x2a80);
    config.writeConfig(4, 0x20000004, 4);
    expect(config.readConfig(6, 2)).toBe(0x0a80);
    expect(config.busMasterEnabled).toBe(true);
  });

  test("own registers obey their write masks, survive reset with their preset and report writes", () => {
    const { config } = make();
    const written: number[] = [];
    config.onWrite = (offset) => written.push(offset);
    config.preset(0x40, 2, 0x8000);
    config.allowWrites(0x40, 2, 0x00ff);
    config.writeConfig(0x40, 0x1234, 2);
    expect(config.readConfig(0x40, 2)).toBe(0x8034);
    expect(written).toEqual([0x40]);
    config.reset();
    expect(config.readConfig(0x40, 2)).toBe(0x8000);
  });

  test("load places the windows again", () => {
    const first = make();
    first.config.writeConfig(0x10, 0xe0000000, 4);
    first.config.writeConfig(4, 2, 2);
    const writer = new StateWriter();
    first.config.save(writer);
    const second = make();
    second.config.load(new StateReader(writer.finish()));
    expect(second.moves[0]).toEqual(["memory", 0xe0000000]);
  });
});
