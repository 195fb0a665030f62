import type { PortAccess } from "../../contracts/PortAccess.ts";
import type { PciAddress, PciConfiguration } from "./PciConfiguration.ts";

/**
 * What POST does on the PCI bus: sizes and places base address registers, steers PIRQA-D to interrupts, tells each function
 * its interrupt line, and switches decoding on. Bridges to further buses are absent.
 */
export interface PciWindows {
  readonly memoryStart: number;
  readonly memoryEnd: number;
  readonly portStart: number;
}

export const PCI_WINDOWS: PciWindows = { memoryStart: 0xe0000000, memoryEnd: 0xfec00000, portStart: 0xc000 };
/** The ISA interrupts of PIRQA to PIRQD. */
export const PIRQ_INTERRUPTS: readonly number[] = [10, 10, 11, 11];
export const PIRQ_INTERRUPT_MASK = (1 << 10) | (1 << 11);
export const POWER_MANAGEMENT_BASE = 0x600;
export const SCI_INTERRUPT = 9;

const COMMAND = 0x04;
const INTERRUPT_LINE = 0x3c;
const INTERRUPT_PIN = 0x3d;
const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const COMMAND_MASTER = 4;

const INTEL = 0x8086;
const PIIX3_ISA = 0x7000;
const PIIX3_IDE = 0x7010;
const PIIX4_POWER = 0x7113;

/** Which PIRQ (0 is A) pin 1 to 4 of a device reaches. */
export function pirqOf(device: number, pin: number): number {
  return (device + pin - 2) & 3;
}

class Allocator {
  #memory: number;
  #port: number;
  readonly #end: number;

  constructor(windows: PciWindows) {
    this.#memory = windows.memoryStart;
    this.#port = windows.portStart;
    this.#end = windows.memoryEnd;
  }

  memory(size: number): number | undefined {
    const start = Math.ceil(this.#memory / size) * size;
    if (start + size > this.#end) return undefined;
    this.#memory = start + size;
    return start;
  }

  port(size: number): number {
    const start = Math.ceil(this.#port / size) * size;
    this.#port = start + size;
    return start;
  }
}

interface Bar {
  readonly address: PciAddress;
  readonly offset: number;
  readonly size: number;
  readonly io: boolean;
  readonly wide: boolean;
}

function sizeBars(pci: PciConfiguration, address: PciAddress): Bar[] {
  const bars: Bar[] = [];
  for (let offset = 0x10; offset <= 0x24; offset += 4) {
    const before = pci.read32(address, offset);
    pci.write32(address, offset, 0xffffffff);
    const mask = pci.read32(address, offset);
    pci.write32(address, offset, before);
    if (mask === 0 || mask === 0xffffffff) continue;
    const io = (mask & 1) !== 0;
    const wide = !io && (mask & 6) === 4;
    const size = io ? (~(mask & ~3) & 0xffff) + 1 : (~(mask & ~15) >>> 0) + 1;
    bars.push({ address, offset, size, io, wide });
    if (wide) offset += 4;
  }
  return bars;
}

function placeBars(pci: PciConfiguration, bars: readonly Bar[], windows: PciWindows): void {
  const allocator = new Allocator(windows);
  // Largest first wastes nothing on alignment.
  for (const bar of [...bars].sort((left, right) => right.size - left.size)) {
    const start = bar.io ? allocator.port(bar.size) : allocator.memory(bar.size);
    if (start === undefined) continue;
    pci.write32(bar.address, bar.offset, start);
    if (bar.wide) pci.write32(bar.address, bar.offset + 4, 0);
  }
}

function setUpChipset(pci: PciConfiguration, address: PciAddress): void {
  const id = pci.read32(address, 0);
  if ((id & 0xffff) !== INTEL) return;
  const device = id >>> 16;
  if (device === PIIX3_ISA) {
    PIRQ_INTERRUPTS.forEach((irq, pirq) => {
      pci.write8(address, 0x60 + pirq, irq);
    });
  } else if (device === PIIX3_IDE) {
    // Both channels decode their ISA ports.
    pci.write16(address, 0x40, 0x8000);
    pci.write16(address, 0x42, 0x8000);
  } else if (device === PIIX4_POWER) {
    pci.write32(address, 0x40, POWER_MANAGEMENT_BASE | 1);
    pci.write8(address, 0x80, 1);
    pci.write8(address, INTERRUPT_LINE, SCI_INTERRUPT);
  }
}

export function setUpPci(pci: PciConfiguration, ports: PortAccess, windows: PciWindows = PCI_WINDOWS): void {
  const functions = pci.functions();
  for (const address of functions) pci.write16(address, COMMAND, pci.read16(address, COMMAND) & ~3);
  placeBars(
    pci,
    functions.flatMap((address) => sizeBars(pci, address)),
    windows,
  );
  for (const address of functions) {
    const pin = pci.read8(address, INTERRUPT_PIN);
    if (pin >= 1 && pin <= 4) pci.write8(address, INTERRUPT_LINE, PIRQ_INTERRUPTS[pirqOf(address >> 3, pin)]!);
    setUpChipset(pci, address);
    pci.write16(address, COMMAND, pci.read16(address, COMMAND) | COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER);
  }
  // Steered interrupts are level-triggered, and so is the SCI.
  ports.out8(0x4d0, 0);
  ports.out8(0x4d1, (PIRQ_INTERRUPT_MASK | (1 << SCI_INTERRUPT)) >> 8);
}
