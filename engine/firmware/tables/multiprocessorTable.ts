import { PIRQ_INTERRUPTS, pirqOf } from "../system/pciSetup.ts";
import { IO_APIC_ID, OEM_ID, seal, writeAscii } from "./acpiTables.ts";

/**
 * The MP configuration table (Intel MultiProcessor specification 1.4) with its floating pointer in front, for systems without
 * ACPI: one processor, PCI and ISA bus, one I/O APIC, and the interrupt wiring.
 */
const POINTER_BYTES = 16;
const HEADER_BYTES = 44;
const LOCAL_APIC = 0xfee00000;
const IO_APIC = 0xfec00000;
const PCI_BUS = 0;
const ISA_BUS = 1;
const ENABLED_BOOTSTRAP = 0x03;
/** CPUID signature and features of a P6-class processor with FPU and APIC: systems read the real ones from CPUID. */
const PROCESSOR_SIGNATURE = 0x0600;
const PROCESSOR_FEATURES = 0x0201;
const INTERRUPT = 0;
const NMI = 1;
const EXTERNAL = 3;
const CONFORMING = 0x00;
const LEVEL_ACTIVE_HIGH = 0x0d;
const PCI_DEVICES = 16;

const dword = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff];
const ascii = (text: string, length: number) => [...text.padEnd(length)].map((character) => character.charCodeAt(0));

function entries(): number[][] {
  const list: number[][] = [
    [
      0,
      0,
      0x14,
      ENABLED_BOOTSTRAP,
      ...dword(PROCESSOR_SIGNATURE),
      ...dword(PROCESSOR_FEATURES),
      ...dword(0),
      ...dword(0),
    ],
    [1, PCI_BUS, ...ascii("PCI", 6)],
    [1, ISA_BUS, ...ascii("ISA", 6)],
    [2, IO_APIC_ID, 0x11, 1, ...dword(IO_APIC)],
  ];
  const route = (type: number, flags: number, bus: number, source: number, pin: number) => {
    list.push([3, type, flags, 0, bus, source, IO_APIC_ID, pin]);
  };
  for (let device = 1; device < PCI_DEVICES; device++) {
    for (let pin = 1; pin <= 4; pin++) {
      const irq = PIRQ_INTERRUPTS[pirqOf(device, pin)]!;
      route(INTERRUPT, LEVEL_ACTIVE_HIGH, PCI_BUS, (device << 2) | (pin - 1), irq);
    }
  }
  for (let irq = 0; irq < 16; irq++) {
    if (irq === 2 || PIRQ_INTERRUPTS.includes(irq)) continue;
    route(INTERRUPT, irq === 9 ? LEVEL_ACTIVE_HIGH : CONFORMING, ISA_BUS, irq, irq === 0 ? 2 : irq);
  }
  list.push([4, EXTERNAL, 0, 0, ISA_BUS, 0, 0, 0]);
  list.push([4, NMI, 0, 0, ISA_BUS, 0, 0xff, 1]);
  return list;
}

/** Floating pointer and table for the physical address they will stand at. */
export function multiprocessorTable(address: number): Uint8Array {
  const list = entries();
  const body = list.flat();
  const bytes = new Uint8Array(POINTER_BYTES + HEADER_BYTES + body.length);
  const pointer = bytes.subarray(0, POINTER_BYTES);
  writeAscii(pointer, 0, "_MP_");
  pointer.set(dword(address + POINTER_BYTES), 4);
  pointer.set([1, 4], 8);
  seal(pointer, 10);
  const table = bytes.subarray(POINTER_BYTES);
  const view = new DataView(table.buffer, table.byteOffset);
  writeAscii(table, 0, "PCMP");
  view.setUint16(4, table.length, true);
  table[6] = 4;
  writeAscii(table, 8, OEM_ID.padEnd(8));
  writeAscii(table, 16, "Guesthouse".padEnd(12));
  view.setUint16(34, list.length, true);
  view.setUint32(36, LOCAL_APIC, true);
  table.set(body, HEADER_BYTES);
  seal(table, 7);
  return bytes;
}
