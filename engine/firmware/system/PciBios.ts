import type { GuestMemory } from "../service/GuestMemory.ts";
import { linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import type { PciConfiguration } from "./PciConfiguration.ts";

/**
 * INT 1Ah AH=B1h: PCI BIOS 2.1. The 32-bit entry point is absent (EDI = 0): protected-mode systems use ports CF8h and CFCh.
 */
const SIGNATURE = 0x20494350;
const SUCCESS = 0x00;
const UNSUPPORTED = 0x81;
const BAD_VENDOR = 0x83;
const NOT_FOUND = 0x86;
const BAD_REGISTER = 0x87;
const BUFFER_TOO_SMALL = 0x89;

export class PciBios {
  readonly #memory: GuestMemory;
  readonly #pci: PciConfiguration;
  /** The slots of the routing table, 16 bytes each. */
  readonly #routing: Uint8Array;
  readonly #exclusiveIrqs: number;

  constructor(memory: GuestMemory, pci: PciConfiguration, routing: Uint8Array, exclusiveIrqs: number) {
    this.#memory = memory;
    this.#pci = pci;
    this.#routing = routing;
    this.#exclusiveIrqs = exclusiveIrqs;
  }

  serve(frame: InterruptFrame): void {
    const status = this.#call(frame);
    frame.ah = status;
    frame.carry = status !== SUCCESS;
  }

  #call(frame: InterruptFrame): number {
    switch (frame.al) {
      case 0x01:
        frame.edx = SIGNATURE;
        frame.edi = 0;
        frame.bx = 0x0210;
        frame.cl = 0;
        frame.al = 0x01;
        return SUCCESS;
      case 0x02:
        if (frame.dx === 0xffff) return BAD_VENDOR;
        return this.#find(frame, (address) => {
          return this.#pci.read16(address, 0) === frame.dx && this.#pci.read16(address, 2) === frame.cx;
        });
      case 0x03:
        return this.#find(frame, (address) => this.#pci.read32(address, 8) >>> 8 === (frame.ecx & 0xffffff));
      case 0x0e:
        return this.#routingOptions(frame);
      case 0x0f:
        // The routing is fixed by POST.
        return SUCCESS;
      default:
        return this.#configuration(frame);
    }
  }

  #find(frame: InterruptFrame, matches: (address: number) => boolean): number {
    const found = this.#pci.functions().filter(matches)[frame.si];
    if (found === undefined) return NOT_FOUND;
    frame.bx = found;
    return SUCCESS;
  }

  #configuration(frame: InterruptFrame): number {
    const address = frame.bx;
    const offset = frame.di;
    const width = [1, 2, 4][(frame.al - 8) % 3];
    if (frame.al < 0x08 || frame.al > 0x0d || width === undefined) return UNSUPPORTED;
    if (offset > 0xff || offset % width !== 0) return BAD_REGISTER;
    const pci = this.#pci;
    switch (frame.al) {
      case 0x08:
        frame.cl = pci.read8(address, offset);
        return SUCCESS;
      case 0x09:
        frame.cx = pci.read16(address, offset);
        return SUCCESS;
      case 0x0a:
        frame.ecx = pci.read32(address, offset);
        return SUCCESS;
      case 0x0b:
        pci.write8(address, offset, frame.cl);
        return SUCCESS;
      case 0x0c:
        pci.write16(address, offset, frame.cx);
        return SUCCESS;
      default:
        pci.write32(address, offset, frame.ecx);
        return SUCCESS;
    }
  }

  /** ES:DI is a buffer descriptor: length, then a far pointer. */
  #routingOptions(frame: InterruptFrame): number {
    const descriptor = linearOf(frame.es, frame.di);
    const room = this.#memory.get16(descriptor);
    this.#memory.set16(descriptor, this.#routing.length);
    if (room < this.#routing.length) return BUFFER_TOO_SMALL;
    const buffer = linearOf(this.#memory.get16(descriptor + 4), this.#memory.get16(descriptor + 2));
    this.#memory.write(buffer, this.#routing);
    frame.bx = this.#exclusiveIrqs;
    return SUCCESS;
  }
}
