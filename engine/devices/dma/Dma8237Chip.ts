/**
 * The registers of one Intel 8237A: base and current address and count of four channels behind the byte pointer, command, mode, mask,
 * request and status.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

const COMMAND_DISABLE = 0x04;
export const MODE_AUTOINIT = 0x10;
export const MODE_DECREMENT = 0x20;
const ALL_MASKED = 0x0f;

export class Dma8237Chip {
  readonly #baseAddress = new Uint16Array(4);
  readonly #baseCount = new Uint16Array(4);
  readonly #address = new Uint16Array(4);
  readonly #count = new Uint16Array(4);
  readonly #mode = new Uint8Array(4);
  #command = 0;
  #mask = ALL_MASKED;
  #request = 0;
  #terminalCounts = 0;
  /** The next access to an address or count is its high byte. */
  #highByte = false;

  get disabled(): boolean {
    return (this.#command & COMMAND_DISABLE) !== 0;
  }

  isMasked(channel: number): boolean {
    return ((this.#mask >> channel) & 1) !== 0;
  }

  mode(channel: number): number {
    return this.#mode[channel]!;
  }

  address(channel: number): number {
    return this.#address[channel]!;
  }

  /** Transfers left, less one. */
  count(channel: number): number {
    return this.#count[channel]!;
  }

  /** Accounts for moved units; true when that reached terminal count. */
  advance(channel: number, units: number): boolean {
    const mode = this.#mode[channel]!;
    const left = this.#count[channel]! + 1 - units;
    this.#address[channel]! += (mode & MODE_DECREMENT) !== 0 ? -units : units;
    this.#count[channel] = left - 1;
    if (left > 0) return false;
    this.#terminalCounts |= 1 << channel;
    this.#request &= ~(1 << channel);
    if ((mode & MODE_AUTOINIT) !== 0) {
      this.#address[channel] = this.#baseAddress[channel]!;
      this.#count[channel] = this.#baseCount[channel]!;
    } else {
      this.#mask |= 1 << channel;
    }
    return true;
  }

  read(register: number): number {
    if (register < 8) {
      const channel = register >> 1;
      const value = (register & 1) === 0 ? this.#address[channel]! : this.#count[channel]!;
      return this.#toggle() ? value >> 8 : value & 0xff;
    }
    if (register === 8) {
      const status = this.#terminalCounts | (this.#request << 4);
      this.#terminalCounts = 0;
      return status;
    }
    // 0Dh is the temporary register of memory-to-memory transfers, 0Fh reads the masks on later parts.
    return register === 0x0f ? 0xf0 | this.#mask : 0;
  }

  write(register: number, value: number): void {
    if (register < 8) {
      this.#writeChannel(register, value);
      return;
    }
    const bit = 1 << (value & 3);
    const setsBit = (value & 4) !== 0;
    switch (register) {
      case 0x8:
        this.#command = value;
        return;
      case 0x9:
        this.#request = setsBit ? this.#request | bit : this.#request & ~bit;
        return;
      case 0xa:
        this.#mask = setsBit ? this.#mask | bit : this.#mask & ~bit;
        return;
      case 0xb:
        this.#mode[value & 3] = value;
        return;
      case 0xc:
        this.#highByte = false;
        return;
      case 0xd:
        this.#masterClear();
        return;
      case 0xe:
        this.#mask = 0;
        return;
      case 0xf:
        this.#mask = value & ALL_MASKED;
    }
  }

  reset(): void {
    for (const registers of [this.#baseAddress, this.#baseCount, this.#address, this.#count, this.#mode]) {
      registers.fill(0);
    }
    this.#masterClear();
  }

  save(writer: StateWriter): void {
    for (let channel = 0; channel < 4; channel++) {
      writer.u16(this.#baseAddress[channel]!).u16(this.#baseCount[channel]!);
      writer.u16(this.#address[channel]!).u16(this.#count[channel]!).u8(this.#mode[channel]!);
    }
    writer.u8(this.#command).u8(this.#mask).u8(this.#request).u8(this.#terminalCounts).bool(this.#highByte);
  }

  restore(reader: StateReader): () => void {
    const channels = Array.from({ length: 4 }, () => ({
      baseAddress: reader.u16(),
      baseCount: reader.u16(),
      address: reader.u16(),
      count: reader.u16(),
      mode: reader.u8(),
    }));
    const [command, mask, request, terminalCounts] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()];
    const highByte = reader.bool();
    return () => {
      for (const [index, channel] of channels.entries()) {
        this.#baseAddress[index] = channel.baseAddress;
        this.#baseCount[index] = channel.baseCount;
        this.#address[index] = channel.address;
        this.#count[index] = channel.count;
        this.#mode[index] = channel.mode;
      }
      this.#command = command;
      this.#mask = mask & ALL_MASKED;
      this.#request = request & 0x0f;
      this.#terminalCounts = terminalCounts & 0x0f;
      this.#highByte = highByte;
    };
  }

  #masterClear(): void {
    this.#command = 0;
    this.#request = 0;
    this.#terminalCounts = 0;
    this.#mask = ALL_MASKED;
    this.#highByte = false;
  }

  #toggle(): boolean {
    const high = this.#highByte;
    this.#highByte = !high;
    return high;
  }

  #writeChannel(register: number, value: number): void {
    const channel = register >> 1;
    const [base, current] = (register & 1) === 0 ? [this.#baseAddress, this.#address] : [this.#baseCount, this.#count];
    const old = base[channel]!;
    base[channel] = this.#toggle() ? (old & 0x00ff) | (value << 8) : (old & 0xff00) | value;
    current[channel] = base[channel]!;
  }
}
