import { ACPI_NVS_BYTES, acpiTablesAddress, type MemorySizes } from "../system/memoryMap.ts";
import { POWER_MANAGEMENT_BASE, SCI_INTERRUPT } from "../system/pciSetup.ts";
import { differentiatedSystem } from "./differentiatedSystem.ts";

/**
 * The ACPI tables of the board (ACPI specification 3.0, chapter 5): RSDP, RSDT and XSDT, FADT, FACS, MADT, HPET and DSDT.
 * `buildAcpiTables` gives them with absolute addresses; fw_cfg hands the same tables out unlinked.
 */
export interface PlacedTable {
  readonly signature: string;
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface AcpiTables {
  readonly rsdp: Uint8Array;
  readonly wakingVectorAddress: number;
  readonly tables: readonly PlacedTable[];
}

export const OEM_ID = "GUESTH";
const OEM_TABLE_ID = "GHBOARD ";
const CREATOR_ID = "GHSE";
const HEADER_BYTES = 36;

const LOCAL_APIC = 0xfee00000;
const HPET_BASE = 0xfed00000;
export const IO_APIC_ID = 1;

const SMI_COMMAND = 0xb2;
const ACPI_ENABLE = 0xf1;
const ACPI_DISABLE = 0xf0;
const GPE0_BLOCK = POWER_MANAGEMENT_BASE + 0x0c;
const RESET_PORT = 0xcf9;
const RESET_VALUE = 0x06;

/** WBINVD works, C1 on all processors, no sleep button, RTC wake not fixed, reset register. */
const FADT_FLAGS = 0x01 | 0x04 | 0x20 | 0x40 | 0x400;
/** ISA devices and a keyboard controller are there. */
const BOOT_ARCHITECTURE = 0x0003;

export function writeAscii(bytes: Uint8Array, offset: number, text: string): void {
  for (let index = 0; index < text.length; index++) bytes[offset + index] = text.charCodeAt(index);
}

/** The byte that makes a range add up to zero. */
export function checksumOf(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

export function seal(bytes: Uint8Array, checksumOffset = 9): Uint8Array {
  bytes[checksumOffset] = 0;
  bytes[checksumOffset] = checksumOf(bytes);
  return bytes;
}

function table(signature: string, revision: number, bodyBytes: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + bodyBytes);
  const view = new DataView(bytes.buffer);
  writeAscii(bytes, 0, signature);
  view.setUint32(4, bytes.length, true);
  bytes[8] = revision;
  writeAscii(bytes, 10, OEM_ID);
  writeAscii(bytes, 16, OEM_TABLE_ID);
  view.setUint32(24, 1, true);
  writeAscii(bytes, 28, CREATOR_ID);
  view.setUint32(32, 1, true);
  fill(view);
  return seal(bytes);
}

function genericAddress(view: DataView, offset: number, space: number, bits: number, address: number): void {
  view.setUint8(offset, space);
  view.setUint8(offset + 1, bits);
  view.setUint32(offset + 4, address, true);
}

export function buildFadt(facs: number, dsdt: number): Uint8Array {
  return table("FACP", 3, 244 - HEADER_BYTES, (view) => {
    const base = POWER_MANAGEMENT_BASE;
    view.setUint32(36, facs, true);
    view.setUint32(40, dsdt, true);
    view.setUint16(46, SCI_INTERRUPT, true);
    view.setUint32(48, SMI_COMMAND, true);
    view.setUint8(52, ACPI_ENABLE);
    view.setUint8(53, ACPI_DISABLE);
    view.setUint32(56, base, true);
    view.setUint32(64, base + 4, true);
    view.setUint32(76, base + 8, true);
    view.setUint32(80, GPE0_BLOCK, true);
    // Lengths of the PM1 event, PM1 control, timer and GPE0 blocks.
    view.setUint8(88, 4);
    view.setUint8(89, 2);
    view.setUint8(91, 4);
    view.setUint8(92, 4);
    view.setUint16(96, 0xfff, true);
    view.setUint16(98, 0xfff, true);
    view.setUint8(108, 0x32);
    view.setUint16(109, BOOT_ARCHITECTURE, true);
    view.setUint32(112, FADT_FLAGS, true);
    genericAddress(view, 116, 1, 8, RESET_PORT);
    view.setUint8(128, RESET_VALUE);
    view.setUint32(132, facs, true);
    view.setUint32(140, dsdt, true);
    genericAddress(view, 148, 1, 32, base);
    genericAddress(view, 172, 1, 16, base + 4);
    genericAddress(view, 208, 1, 32, base + 8);
    genericAddress(view, 220, 1, 32, GPE0_BLOCK);
  });
}

export function buildFacs(): Uint8Array {
  const bytes = new Uint8Array(64);
  writeAscii(bytes, 0, "FACS");
  new DataView(bytes.buffer).setUint32(4, 64, true);
  bytes[32] = 1;
  return bytes;
}

export function buildMadt(processors: number): Uint8Array {
  const LEVEL_ACTIVE_HIGH = 0x0d;
  const entries: number[] = [];
  for (let index = 0; index < processors; index++) entries.push(0, 8, index, index, 1, 0, 0, 0);
  entries.push(1, 12, IO_APIC_ID, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0);
  const override = (irq: number, pin: number, flags: number) => entries.push(2, 10, 0, irq, pin, 0, 0, 0, flags, 0);
  override(0, 2, 0);
  for (const irq of [5, SCI_INTERRUPT, 10, 11]) override(irq, irq, LEVEL_ACTIVE_HIGH);
  // NMI on LINT1 of every processor.
  entries.push(4, 6, 0xff, 0, 0, 1);
  return table("APIC", 1, 8 + entries.length, (view) => {
    view.setUint32(36, LOCAL_APIC, true);
    view.setUint32(40, 1, true);
    entries.forEach((byte, index) => {
      view.setUint8(44 + index, byte);
    });
  });
}

export function buildHpet(): Uint8Array {
  return table("HPET", 1, 20, (view) => {
    // Vendor 8086h, legacy replacement, 64-bit counter, three comparators.
    view.setUint32(36, 0x8086a201, true);
    genericAddress(view, 40, 0, 64, HPET_BASE);
    view.setUint16(53, 100, true);
  });
}

export function buildDsdt(processors: number): Uint8Array {
  const aml = differentiatedSystem(processors);
  return table("DSDT", 1, aml.length, (view) => {
    aml.forEach((byte, index) => {
      view.setUint8(HEADER_BYTES + index, byte);
    });
  });
}

export function buildRsdt(tables: readonly number[]): Uint8Array {
  return table("RSDT", 1, tables.length * 4, (view) => {
    tables.forEach((address, index) => {
      view.setUint32(HEADER_BYTES + index * 4, address, true);
    });
  });
}

function buildXsdt(tables: readonly number[]): Uint8Array {
  return table("XSDT", 1, tables.length * 8, (view) => {
    tables.forEach((address, index) => {
      view.setUint32(HEADER_BYTES + index * 8, address, true);
    });
  });
}

export function buildRsdp(rsdt: number, xsdt: number): Uint8Array {
  const bytes = new Uint8Array(36);
  const view = new DataView(bytes.buffer);
  writeAscii(bytes, 0, "RSD PTR ");
  writeAscii(bytes, 9, OEM_ID);
  bytes[15] = 2;
  view.setUint32(16, rsdt, true);
  view.setUint32(20, 36, true);
  view.setUint32(24, xsdt, true);
  bytes[8] = checksumOf(bytes.subarray(0, 20));
  return seal(bytes, 32);
}

const PROCESSORS = 1;
const FACS_WAKING_VECTOR = 12;

export function buildAcpiTables(sizes: MemorySizes): AcpiTables {
  let next = acpiTablesAddress(sizes);
  const limit = sizes.below4GiB - ACPI_NVS_BYTES;
  const tables: PlacedTable[] = [];
  const place = (signature: string, bytes: Uint8Array, at?: number) => {
    const address = at ?? Math.ceil(next / 16) * 16;
    if (at === undefined) next = address + bytes.length;
    if (next > limit) throw new Error("the ACPI tables do not fit into their memory");
    tables.push({ signature, address, bytes });
    return address;
  };
  const facs = place("FACS", buildFacs(), limit);
  const dsdt = place("DSDT", buildDsdt(PROCESSORS));
  const fadt = place("FACP", buildFadt(facs, dsdt));
  const madt = place("APIC", buildMadt(PROCESSORS));
  const hpet = place("HPET", buildHpet());
  const rsdt = place("RSDT", buildRsdt([fadt, madt, hpet]));
  const xsdt = place("XSDT", buildXsdt([fadt, madt, hpet]));
  return { rsdp: buildRsdp(rsdt, xsdt), wakingVectorAddress: facs + FACS_WAKING_VECTOR, tables };
}
