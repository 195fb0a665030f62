import { describe, expect, test } from "vitest";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { buildSystemRom } from "../rom/systemRom.ts";
import { device, dwordField, eisaId, integer, name, notify, packageOf, path, scope } from "./AmlWriter.ts";
import { differentiatedSystem } from "./differentiatedSystem.ts";
import { systemTables } from "./systemTables.ts";

const sizes = { below4GiB: 64 << 20, above4GiB: 0 };
const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
const ascii = (bytes: Uint8Array, at: number, length: number) =>
  new TextDecoder().decode(bytes.subarray(at, at + length));

function placed() {
  const rom = buildSystemRom().bytes;
  const memory = new FlatMemory(64 << 20);
  const tables = systemTables({ sizes, version: "1.0", uuid: Uint8Array.from({ length: 16 }, (_, index) => index) });
  tables.placeInRom(rom);
  tables.placeInMemory(memory);
  return { rom, memory, tables };
}

/** As operating systems search: on 16-byte boundaries. */
function find(rom: Uint8Array, signature: string): number {
  for (let at = 0; at < rom.length; at += 16) if (ascii(rom, at, signature.length) === signature) return at;
  return -1;
}

describe("AML", () => {
  test("terms as the specification's examples encode them", () => {
    expect(eisaId("PNP0A03")).toEqual([0x0c, 0x41, 0xd0, 0x0a, 0x03]);
    expect(path("\\_SB.PCI0")).toEqual([0x5c, 0x2e, ...new TextEncoder().encode("_SB_PCI0")]);
    expect(integer(0x1234)).toEqual([0x0b, 0x34, 0x12]);
    expect(name("X", packageOf([integer(0), integer(5)]))).toEqual([
      0x08, 0x58, 0x5f, 0x5f, 0x5f, 0x12, 0x05, 2, 0x00, 0x0a, 5,
    ]);
    const long = device(
      "D",
      name("Y", integer(0)),
      ...Array.from({ length: 20 }, () => name("Z", integer(0x12345678))),
    );
    // 4 bytes of name, 6 of the first term, 20 times 10: with its two length bytes 212.
    expect([long[2], long[3]]).toEqual([0x44, 212 >> 4]);
    expect(scope("\\", [])[0]).toBe(0x10);
    expect(notify(path("DEV"), 3)).toEqual([0x86, 0x44, 0x45, 0x56, 0x5f, 0x0a, 3]);
    expect(dwordField("R", ["A"])).toEqual([0x5b, 0x81, 11, 0x52, 0x5f, 0x5f, 0x5f, 0x43, 0x41, 0x5f, 0x5f, 0x5f, 32]);
  });
});

describe("PCI slots in the DSDT", () => {
  const text = String.fromCharCode(...differentiatedSystem(1));
  const count = (aml: readonly number[]) => text.split(String.fromCharCode(...aml)).length - 1;

  test("each has its address, number and eject method, and hears of both kinds of event", () => {
    for (let slot = 8; slot < 32; slot++) {
      const segment = `S${slot.toString(16).toUpperCase().padStart(2, "0")}`;
      const mask = integer((1 << slot) >>> 0);
      expect(count([...name("_ADR", integer(slot << 16)), ...name("_SUN", integer(slot))]), segment).toBe(1);
      expect(count([0x70, ...mask, ...path("\\_SB.PCI0.EJCT")]), segment).toBe(1);
      for (const [local, code] of [
        [0x60, 1],
        [0x61, 3],
      ] as const) {
        const told = notify(path(`\\_SB.PCI0.${segment}`), code);
        const asked = [0x7b, local, ...mask, 0x00, ...told];
        expect(count(asked), segment).toBe(1);
      }
    }
    expect([count(path("_E01")), count(path("_EJ0")), count(path("S07")), count(path("S20"))]).toEqual([1, 24, 0, 0]);
  });
});

describe("tables in ROM and RAM", () => {
  test("ACPI: the chain from the RSDP to the DSDT, every checksum", () => {
    const { rom, memory, tables } = placed();
    const rsdp = find(rom, "RSD PTR ");
    expect(0xf0000 + rsdp).toBe(tables.rsdpAddress);
    expect([sum(rom.subarray(rsdp, rsdp + 20)), sum(rom.subarray(rsdp, rsdp + 36))]).toEqual([0, 0]);
    const view = new DataView(rom.buffer);
    const table = (address: number) => memory.bytes.subarray(address, address + memory.read32(address + 4));
    const rsdt = table(view.getUint32(rsdp + 16, true));
    const xsdt = table(view.getUint32(rsdp + 24, true));
    expect([ascii(rsdt, 0, 4), ascii(xsdt, 0, 4), sum(rsdt), sum(xsdt)]).toEqual(["RSDT", "XSDT", 0, 0]);
    const entries = [36, 40, 44].map((at) => new DataView(rsdt.buffer, rsdt.byteOffset).getUint32(at, true));
    expect(entries.map((address) => ascii(table(address), 0, 4))).toEqual(["FACP", "APIC", "HPET"]);
    for (const address of entries) expect(sum(table(address))).toBe(0);
    const dsdt = table(memory.read32(entries[0]! + 40));
    expect([ascii(dsdt, 0, 4), sum(dsdt)]).toEqual(["DSDT", 0]);
    expect(memory.read32(entries[0]! + 36) % 64).toBe(0);
    expect(ascii(memory.bytes, memory.read32(entries[0]! + 36), 4)).toBe("FACS");
  });

  test("SMBIOS: anchors, counts and the walk to the end", () => {
    const { rom } = placed();
    const at = find(rom, "_SM_");
    expect([sum(rom.subarray(at, at + 31)), sum(rom.subarray(at + 16, at + 31)), ascii(rom, at + 16, 5)]).toEqual([
      0,
      0,
      "_DMI_",
    ]);
    const view = new DataView(rom.buffer);
    const start = view.getUint32(at + 24, true) - 0xf0000;
    const types: number[] = [];
    let walk = start;
    while (walk < start + view.getUint16(at + 22, true)) {
      types.push(rom[walk]!);
      walk += rom[walk + 1]!;
      while (rom[walk] !== 0 || rom[walk + 1] !== 0) walk++;
      walk += 2;
    }
    expect(types).toEqual([0, 1, 2, 3, 4, 16, 17, 19, 32, 127]);
    expect(view.getUint16(at + 28, true)).toBe(types.length);
  });

  test("MP table and PCI routing table", () => {
    const { rom } = placed();
    const mp = find(rom, "_MP_");
    expect(sum(rom.subarray(mp, mp + 16))).toBe(0);
    const view = new DataView(rom.buffer);
    const table = view.getUint32(mp + 4, true) - 0xf0000;
    expect(ascii(rom, table, 4)).toBe("PCMP");
    expect(sum(rom.subarray(table, table + view.getUint16(table + 4, true)))).toBe(0);
    const pir = find(rom, "$PIR");
    expect(sum(rom.subarray(pir, pir + view.getUint16(pir + 6, true)))).toBe(0);
    // Device 1 INTA# reaches PIRQA, device 2 PIRQB.
    expect([rom[pir + 32 + 16 + 2], rom[pir + 32 + 32 + 2]]).toEqual([0x60, 0x61]);
  });
});
