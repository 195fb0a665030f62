import { type Aml, buffer, dword, word } from "./AmlWriter.ts";

/** Resource descriptors (ACPI specification 6.4, section 6.4) as they stand in _CRS and _PRS buffers. */
export function resourceTemplate(...descriptors: readonly Aml[]): Aml {
  // End tag with checksum 0: "treat as valid".
  return buffer([...descriptors.flat(), 0x79, 0x00]);
}

export const ioPorts = (start: number, length: number): Aml => [0x47, 0x01, ...word(start), ...word(start), 1, length];

export const isaInterrupt = (irq: number): Aml => [0x22, ...word(1 << irq)];

export const isaDma = (channel: number): Aml => [0x2a, 1 << channel, 0x00];

export const fixedMemory = (start: number, length: number): Aml => [0x86, 9, 0, 1, ...dword(start), ...dword(length)];

/** Level-triggered, active high, shareable: as the PIIX delivers PCI interrupts. */
export function pciInterrupts(irqs: readonly number[]): Aml {
  return [0x89, ...word(2 + irqs.length * 4), 0x09, irqs.length, ...irqs.flatMap((irq) => dword(irq))];
}

/** Where the interrupt number of a one-entry `pciInterrupts` stands. */
export const INTERRUPT_NUMBER_OFFSET = 5;

const RANGE_MEMORY = 0;
const RANGE_IO = 1;
const RANGE_BUS = 2;
/** Minimum and maximum fixed, producer, positive decode. */
const FIXED_PRODUCER = 0x0c;
const ENTIRE_IO_RANGE = 0x03;
const READ_WRITE = 0x01;

const wordRange = (type: number, specific: number, minimum: number, maximum: number): Aml => [
  0x88,
  ...word(13),
  type,
  FIXED_PRODUCER,
  specific,
  ...word(0),
  ...word(minimum),
  ...word(maximum),
  ...word(0),
  ...word((maximum - minimum + 1) & 0xffff),
];

export const busRange = (minimum: number, maximum: number): Aml => wordRange(RANGE_BUS, 0, minimum, maximum);
export const ioRange = (minimum: number, maximum: number): Aml =>
  wordRange(RANGE_IO, ENTIRE_IO_RANGE, minimum, maximum);

export const memoryRange = (minimum: number, maximum: number): Aml => [
  0x87,
  ...word(23),
  RANGE_MEMORY,
  FIXED_PRODUCER,
  READ_WRITE,
  ...dword(0),
  ...dword(minimum),
  ...dword(maximum),
  ...dword(0),
  ...dword(maximum - minimum + 1),
];
