import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { FlatMemory } from "../../../tests/fixtures/FlatMemory.ts";
import { createFwCfg } from "./describeMachine.ts";
import type { FwCfg } from "./FwCfg.ts";

const sizes = { below4GiB: 64 << 20, above4GiB: 2 ** 30 };

function fwCfg(): { device: FwCfg; memory: FlatMemory } {
  const memory = new FlatMemory(1 << 20);
  const drive = { kind: "floppy", name: "A", drive: { medium: undefined } } as const;
  const device = createFwCfg(memory, { sizes, bootOrder: ["floppy", "disk"], drives: [drive], version: "1" });
  return { device, memory };
}

function readItem(device: FwCfg, key: number, length: number): Uint8Array {
  device.write(0, key, 2);
  return Uint8Array.from({ length }, () => device.read(1, 1));
}

function files(device: FwCfg): Map<string, Uint8Array> {
  const count = new DataView(readItem(device, 0x19, 4).buffer).getUint32(0);
  const directory = readItem(device, 0x19, 4 + count * 64);
  const view = new DataView(directory.buffer);
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const at = 4 + index * 64;
      const name = new TextDecoder().decode(directory.subarray(at + 8, at + 64)).replace(/\0+$/, "");
      return [name, readItem(device, view.getUint16(at + 4), view.getUint32(at))];
    }),
  );
}

deviceConformance("FwCfg", () => {
  const { device } = fwCfg();
  return { device, exercise: () => void readItem(device, 0x19, 7) };
});

describe("FwCfg", () => {
  test("signature, identity and memory size through the data port", () => {
    const { device } = fwCfg();
    expect(new TextDecoder().decode(readItem(device, 0, 4))).toBe("QEMU");
    expect([...readItem(device, 1, 5)]).toEqual([3, 0, 0, 0, 0]);
    expect(new DataView(readItem(device, 3, 8).buffer).getBigUint64(0, true)).toBe(0x44000000n);
  });

  test("the files firmware looks for are listed", () => {
    const names = [...files(fwCfg().device).keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        "etc/e820",
        "bootorder",
        "etc/acpi/tables",
        "etc/acpi/rsdp",
        "etc/table-loader",
        "etc/smbios/smbios-tables",
      ]),
    );
    expect(new TextDecoder().decode(files(fwCfg().device).get("bootorder"))).toBe(
      "/pci@i0cf8/isa@1/fdc@03f0/floppy@0\0",
    );
  });

  test("DMA selects and copies, with zeros past the end", () => {
    const { device, memory } = fwCfg();
    const view = new DataView(memory.bytes.buffer);
    view.setUint32(0x1000, (0 << 16) | 0x08 | 0x02);
    view.setUint32(0x1004, 6);
    view.setUint32(0x100c, 0x2000);
    memory.bytes.fill(0xee, 0x2000, 0x2010);
    device.write(4, 0, 4);
    device.write(8, 0x00100000, 4);
    expect(view.getUint32(0x1000)).toBe(0);
    expect([...memory.bytes.subarray(0x2000, 0x2007)]).toEqual([0x51, 0x45, 0x4d, 0x55, 0, 0, 0xee]);
    expect([device.read(4, 4), device.read(8, 4)]).toEqual([0x554d4551, 0x47464320]);
  });

  test("the loader script places tables whose checksums hold", () => {
    const list = files(fwCfg().device);
    const script = list.get("etc/table-loader")!;
    const view = new DataView(script.buffer);
    const name = (at: number) => new TextDecoder().decode(script.subarray(at, at + 56)).replace(/\0+$/, "");
    const bases = new Map<string, number>();
    let next = 0x100000;
    for (let at = 0; at < script.length; at += 128) {
      const file = list.get(name(at + 4))!;
      const fileView = new DataView(file.buffer);
      switch (view.getUint32(at, true)) {
        case 1:
          bases.set(name(at + 4), next);
          next += 0x10000;
          break;
        case 2: {
          const offset = view.getUint32(at + 116, true);
          fileView.setUint32(offset, fileView.getUint32(offset, true) + bases.get(name(at + 60))!, true);
          break;
        }
        default: {
          const [offset, start, length] = [60, 64, 68].map((field) => view.getUint32(at + field, true));
          file[offset!] = 0;
          file[offset!] = -file.subarray(start!, start! + length!).reduce((sum, byte) => sum + byte, 0) & 0xff;
        }
      }
    }
    const rsdp = list.get("etc/acpi/rsdp")!;
    expect(rsdp.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
    const tables = list.get("etc/acpi/tables")!;
    const tablesView = new DataView(tables.buffer);
    const base = bases.get("etc/acpi/tables")!;
    const rsdt = new DataView(rsdp.buffer).getUint32(16, true) - base;
    const signature = (at: number) => new TextDecoder().decode(tables.subarray(at, at + 4));
    expect(signature(rsdt)).toBe("RSDT");
    const found = [0, 1, 2].map((index) => tablesView.getUint32(rsdt + 36 + index * 4, true) - base);
    expect(found.map(signature)).toEqual(["FACP", "APIC", "HPET"]);
    for (const at of [rsdt, ...found]) {
      const length = tablesView.getUint32(at + 4, true);
      expect(tables.subarray(at, at + length).reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
    }
    expect(signature(tablesView.getUint32(found[0]! + 40, true) - base)).toBe("DSDT");
  });
});
