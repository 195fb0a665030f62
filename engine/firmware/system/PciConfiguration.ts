import type { PortAccess } from "../../contracts/PortAccess.ts";

/** PCI configuration space by mechanism 1: address at port CF8h, data at CFCh. */
const ADDRESS_PORT = 0xcf8;
const DATA_PORT = 0xcfc;

/** Bus, device and function as in INT 1Ah B1h and the address register: bus << 8 | device << 3 | function. */
export type PciAddress = number;

export class PciConfiguration {
  readonly #ports: PortAccess;

  constructor(ports: PortAccess) {
    this.#ports = ports;
  }

  #select(address: PciAddress, offset: number): void {
    this.#ports.out32(ADDRESS_PORT, (0x80000000 | (address << 8) | (offset & 0xfc)) >>> 0);
  }

  read8(address: PciAddress, offset: number): number {
    this.#select(address, offset);
    return this.#ports.in8(DATA_PORT + (offset & 3));
  }
  read16(address: PciAddress, offset: number): number {
    this.#select(address, offset);
    return this.#ports.in16(DATA_PORT + (offset & 2));
  }
  read32(address: PciAddress, offset: number): number {
    this.#select(address, offset);
    return this.#ports.in32(DATA_PORT) >>> 0;
  }
  write8(address: PciAddress, offset: number, value: number): void {
    this.#select(address, offset);
    this.#ports.out8(DATA_PORT + (offset & 3), value & 0xff);
  }
  write16(address: PciAddress, offset: number, value: number): void {
    this.#select(address, offset);
    this.#ports.out16(DATA_PORT + (offset & 2), value & 0xffff);
  }
  write32(address: PciAddress, offset: number, value: number): void {
    this.#select(address, offset);
    this.#ports.out32(DATA_PORT, value >>> 0);
  }

  /** The functions of bus 0. */
  functions(): PciAddress[] {
    const found: PciAddress[] = [];
    for (let device = 0; device < 32; device++) {
      const first = device << 3;
      if (this.read16(first, 0) === 0xffff) continue;
      const count = this.read8(first, 0x0e) & 0x80 ? 8 : 1;
      for (let index = 0; index < count; index++) {
        if (this.read16(first + index, 0) !== 0xffff) found.push(first + index);
      }
    }
    return found;
  }

  find(vendorId: number, deviceId: number): PciAddress | undefined {
    return this.functions().find((address) => this.read32(address, 0) === ((deviceId << 16) | vendorId) >>> 0);
  }
}
