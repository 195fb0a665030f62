/**
 * The 256 configuration bytes of one PCI function (PCI Local Bus 2.1, chapter 6) with a type 0 header: typed header
 * fields, base address registers that can be sized and moved, a command register that turns decoding on and off,
 * and write masks for everything else. A function composes one, adds its own registers with `allowWrites` and `set8/16/32`,
 * and hears of moved windows through `Bar.onChange`.
 * Capabilities form a list from 40h on. Absent: type 1 headers, windows above 4 GiB.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";

export interface Bar {
  /** 0..5, or "rom" for the expansion ROM at 30h. */
  readonly index: number | "rom";
  readonly kind: "io" | "memory";
  /** A power of two: at least 4 for I/O, 16 for memory, 2048 for ROM. */
  readonly sizeBytes: number;
  readonly prefetchable?: boolean;
  /** A 64-bit memory BAR, which takes the next register too. It decodes below 4 GiB only. */
  readonly wide?: boolean;
  /**
   * The window's address, or undefined while it decodes nothing (decoding off, no address yet, or one outside what a
   * bridge forwards). Called on change, on reset and on load.
   */
  onChange(address: number | undefined): void;
}

export interface PciIdentity {
  readonly id: string;
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revision?: number;
  /** Base class, subclass and programming interface as one 24-bit number, such as 0x010180. */
  readonly classCode: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
  /** 0 none, 1 INTA# .. 4 INTD#. */
  readonly interruptPin?: number;
  /** 0x80 for function 0 of a package with several functions. */
  readonly headerType?: number;
  /** Bits of the command register that can be set. By default what the BARs need, and bus master. */
  readonly commandMask?: number;
  /** The command register after reset, whose bits need not be writable. */
  readonly commandReset?: number;
  /** The status register after reset, such as 0x0280 for medium timing and fast back-to-back. */
  readonly statusReset?: number;
  readonly bars?: readonly Bar[];
}

const COMMAND = 0x04;
const STATUS = 0x06;
const BAR0 = 0x10;
const ROM_BAR = 0x30;
const CAPABILITIES = 0x34;
const INTERRUPT_LINE = 0x3c;
const FIRST_CAPABILITY = 0x40;
const STATUS_CAPABILITIES = 0x0010;

const COMMAND_IO = 0x0001;
const COMMAND_MEMORY = 0x0002;
const COMMAND_BUS_MASTER = 0x0004;
export const COMMAND_INTERRUPT_DISABLE = 0x0400;
/** Detected errors and aborts: write one to clear. */
const STATUS_CLEARABLE = 0xf900;
/** The chipset answers from here on itself (I/O APIC, local APIC, BIOS); bridges forward nothing. */
const FORWARDED_MEMORY_END = 0xfec00000;

export class PciConfigSpace implements PciFunction {
  readonly id: string;
  readonly #identity: PciIdentity;
  readonly #bars: readonly Bar[];
  readonly #bytes = new Uint8Array(256);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #writable = new Uint8Array(256);
  readonly #resetValues: { offset: number; width: 1 | 2 | 4; value: number }[] = [];
  readonly #addresses: (number | undefined)[];
  #nextCapability = FIRST_CAPABILITY;
  #lastPointer = CAPABILITIES;
  /** Called after a configuration write with what was touched, for registers with side effects. */
  onWrite: ((offset: number, width: number) => void) | undefined;

  constructor(identity: PciIdentity) {
    this.id = identity.id;
    this.#identity = identity;
    this.#bars = identity.bars ?? [];
    this.#addresses = this.#bars.map(() => undefined);
    this.#setUpMasks();
    this.reset();
  }

  #setUpMasks(): void {
    const { bars = [] } = this.#identity;
    let command = COMMAND_BUS_MASTER;
    for (const bar of bars) {
      if (bar.sizeBytes < 4 || (bar.sizeBytes & (bar.sizeBytes - 1)) !== 0) {
        throw new Error(`${this.id}: BAR size ${bar.sizeBytes} is not a power of two`);
      }
      command |= bar.kind === "io" ? COMMAND_IO : COMMAND_MEMORY;
      const enableBit = bar.index === "rom" ? 1 : 0;
      this.allowWrites(barOffset(bar), 4, (-bar.sizeBytes | enableBit) >>> 0);
      if (bar.wide) this.allowWrites(barOffset(bar) + 4, 4, 0xffff_ffff);
    }
    this.allowWrites(COMMAND, 2, this.#identity.commandMask ?? command);
    this.allowWrites(INTERRUPT_LINE, 1, 0xff);
  }

  /** Makes bits of a register writable by the guest. */
  allowWrites(offset: number, width: 1 | 2 | 4, mask: number): void {
    for (let i = 0; i < width; i++) this.#writable[offset + i] = (mask >>> (8 * i)) & 0xff;
  }

  /** Gives a register its value now and after every reset. */
  preset(offset: number, width: 1 | 2 | 4, value: number): void {
    this.#resetValues.push({ offset, width, value });
    this.#store(offset, width, value);
  }

  /** Appends to the list of capabilities: `body` follows the identifier and the pointer. Returns where the capability begins. */
  addCapability(id: number, body: Uint8Array): number {
    const offset = this.#nextCapability;
    this.preset(STATUS, 2, (this.#identity.statusReset ?? 0) | STATUS_CAPABILITIES);
    this.preset(this.#lastPointer, 1, offset);
    this.preset(offset, 1, id);
    this.preset(offset + 1, 1, 0);
    body.forEach((byte, index) => {
      this.preset(offset + 2 + index, 1, byte);
    });
    this.#lastPointer = offset + 1;
    this.#nextCapability = (offset + 2 + body.length + 3) & ~3;
    return offset;
  }

  /** Changes a register from the device's side, whatever the guest may write. */
  set8(offset: number, value: number): void {
    this.#bytes[offset] = value;
  }
  set16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, true);
  }
  set32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }
  get8(offset: number): number {
    return this.#view.getUint8(offset);
  }
  get16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }
  get32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  get interruptPin(): number {
    return this.#identity.interruptPin ?? 0;
  }
  get ioEnabled(): boolean {
    return (this.get16(COMMAND) & COMMAND_IO) !== 0;
  }
  get memoryEnabled(): boolean {
    return (this.get16(COMMAND) & COMMAND_MEMORY) !== 0;
  }
  /** INTx may be driven: the interrupt disable bit (PCI 2.3) is clear. */
  get interruptEnabled(): boolean {
    return (this.get16(COMMAND) & COMMAND_INTERRUPT_DISABLE) === 0;
  }
  get busMasterEnabled(): boolean {
    return (this.get16(COMMAND) & COMMAND_BUS_MASTER) !== 0;
  }
  /** Where a window is now, by its position in `PciIdentity.bars`. */
  barAddress(position: number): number | undefined {
    return this.#addresses[position];
  }

  reset(): void {
    const identity = this.#identity;
    this.#bytes.fill(0);
    this.set16(0x00, identity.vendorId);
    this.set16(0x02, identity.deviceId);
    this.set16(COMMAND, identity.commandReset ?? 0);
    this.set16(STATUS, identity.statusReset ?? 0);
    this.set32(0x08, ((identity.classCode << 8) | (identity.revision ?? 0)) >>> 0);
    this.set8(0x0e, identity.headerType ?? 0);
    this.set16(0x2c, identity.subsystemVendorId ?? 0);
    this.set16(0x2e, identity.subsystemId ?? 0);
    this.set8(0x3d, identity.interruptPin ?? 0);
    for (const bar of this.#bars) this.set32(barOffset(bar), barTypeBits(bar));
    for (const { offset, width, value } of this.#resetValues) this.#store(offset, width, value);
    this.#tellBars(true);
  }

  readConfig(offset: number, width: 1 | 2 | 4): number {
    if (width === 4) return this.get32(offset & 0xfc);
    return width === 2 ? this.get16(offset & 0xfe) : this.get8(offset & 0xff);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    for (let i = 0; i < width; i++) {
      const at = (offset + i) & 0xff;
      const mask = this.#writable[at]!;
      const byte = (value >>> (8 * i)) & 0xff;
      this.#bytes[at] = (this.#bytes[at]! & ~mask) | (byte & mask);
      if (at === STATUS + 1) this.#bytes[at]! &= ~(byte & (STATUS_CLEARABLE >> 8));
    }
    const first = offset & 0xfc;
    if (first === COMMAND || (first >= BAR0 && first < 0x28) || first === ROM_BAR) this.#tellBars(false);
    this.onWrite?.(offset, width);
  }

  save(writer: StateWriter): void {
    writer.bytes(this.#bytes);
  }

  load(reader: StateReader): void {
    this.apply(this.readState(reader));
  }

  /** The first half of `load`, for a device that must read all its state before it changes anything. */
  readState(reader: StateReader): Uint8Array {
    const bytes = reader.bytes();
    if (bytes.length !== this.#bytes.length) {
      throw new GuesthouseError("state-invalid", "A PCI configuration space in the saved state has the wrong size.", {
        function: this.id,
        length: bytes.length,
      });
    }
    return bytes;
  }

  /** The second half of `load`: takes over the bytes and places the windows. Read-only fields keep our values. */
  apply(bytes: Uint8Array): void {
    const identity = this.#bytes.slice(0, COMMAND);
    this.#bytes.set(bytes);
    this.#bytes.set(identity);
    this.#tellBars(true);
  }

  #store(offset: number, width: 1 | 2 | 4, value: number): void {
    if (width === 1) this.set8(offset, value);
    else if (width === 2) this.set16(offset, value);
    else this.set32(offset, value);
  }

  #tellBars(always: boolean): void {
    for (const [position, bar] of this.#bars.entries()) {
      const address = this.#decodedAddress(bar);
      if (!always && address === this.#addresses[position]) continue;
      this.#addresses[position] = address;
      bar.onChange(address);
    }
  }

  #decodedAddress(bar: Bar): number | undefined {
    const value = this.get32(barOffset(bar));
    const address = (value & -bar.sizeBytes) >>> 0;
    if (address === 0) return undefined;
    if (bar.kind === "io") return this.ioEnabled && address + bar.sizeBytes <= 0x10000 ? address : undefined;
    if (bar.index === "rom" && (value & 1) === 0) return undefined;
    if (bar.wide && this.get32(barOffset(bar) + 4) !== 0) return undefined;
    return this.memoryEnabled && address + bar.sizeBytes <= FORWARDED_MEMORY_END ? address : undefined;
  }
}

function barOffset(bar: Bar): number {
  return bar.index === "rom" ? ROM_BAR : BAR0 + 4 * bar.index;
}

function barTypeBits(bar: Bar): number {
  if (bar.kind === "io") return 1;
  return (bar.prefetchable && bar.index !== "rom" ? 8 : 0) | (bar.wide ? 4 : 0);
}
