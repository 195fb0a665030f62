import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { TABLES_END, TABLES_OFFSET } from "../rom/romLayout.ts";
import type { MemorySizes } from "../system/memoryMap.ts";
import { buildAcpiTables } from "./acpiTables.ts";
import { multiprocessorTable } from "./multiprocessorTable.ts";
import { pciRoutingTable } from "./pciRoutingTable.ts";
import { buildSmbios } from "./smbios.ts";

/**
 * The tables through which operating systems learn about the board: small ones and anchors in the ROM, where they are searched
 * for on 16-byte boundaries, ACPI at the top of low RAM.
 */
export interface SystemTables {
  readonly rsdpAddress: number;
  /** Where a system that suspends leaves the address to wake it at (FACS). */
  readonly wakingVectorAddress: number;
  placeInRom(rom: Uint8Array): void;
  placeInMemory(memory: PhysicalMemory): void;
}

const ROM_BASE = 0xf0000;

export function systemTables(options: { sizes: MemorySizes; version: string; uuid?: Uint8Array }): SystemTables {
  let offset = TABLES_OFFSET;
  const placed: { offset: number; bytes: Uint8Array }[] = [];
  const place = (length: number, build: (address: number) => Uint8Array) => {
    const at = Math.ceil(offset / 16) * 16;
    if (at + length > TABLES_END) throw new Error("the system tables do not fit into the ROM");
    placed.push({ offset: at, bytes: build(ROM_BASE + at) });
    offset = at + length;
    return ROM_BASE + at;
  };
  const acpi = buildAcpiTables(options.sizes);
  const rsdpAddress = place(acpi.rsdp.length, () => acpi.rsdp);
  const routing = pciRoutingTable();
  place(routing.length, () => routing);
  const mpLength = multiprocessorTable(0).length;
  place(mpLength, (address) => multiprocessorTable(address));
  const smbiosLength = buildSmbios(options, 0).length;
  place(smbiosLength, (address) => buildSmbios(options, address));
  return {
    rsdpAddress,
    wakingVectorAddress: acpi.wakingVectorAddress,
    placeInRom(rom) {
      for (const { offset: at, bytes } of placed) rom.set(bytes, at);
    },
    placeInMemory(memory) {
      for (const { address, bytes } of acpi.tables) memory.write(address, bytes);
    },
  };
}
