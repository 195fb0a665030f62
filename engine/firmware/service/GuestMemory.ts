import type { FirmwareCpu } from "../../contracts/FirmwareCpu.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";

/**
 * Memory as the caller of a BIOS service addresses it: linear, or segment and offset with the offset wrapping at 64 KiB.
 * In real mode linear is physical; under a virtual-8086 monitor every page goes through the monitor's page tables
 * (upper memory blocks lie anywhere). Unmapped pages read as ones and swallow writes.
 */
export class GuestMemory {
  readonly physical: PhysicalMemory;
  readonly #cpu: FirmwareCpu;
  /** Set per call from what the stub saw in the machine status word. */
  protectionEnabled = false;

  constructor(physical: PhysicalMemory, cpu: FirmwareCpu) {
    this.physical = physical;
    this.#cpu = cpu;
  }

  #at(linear: number): number | undefined {
    return this.protectionEnabled ? this.#cpu.translate(linear) : linear;
  }

  get8(linear: number): number {
    const address = this.#at(linear);
    return address === undefined ? 0xff : this.physical.read8(address);
  }
  get16(linear: number): number {
    return this.get8(linear) | (this.get8(linear + 1) << 8);
  }
  get32(linear: number): number {
    return (this.get16(linear) | (this.get16(linear + 2) << 16)) >>> 0;
  }
  set8(linear: number, value: number): void {
    const address = this.#at(linear);
    if (address !== undefined) this.physical.write8(address, value & 0xff);
  }
  set16(linear: number, value: number): void {
    this.set8(linear, value);
    this.set8(linear + 1, value >>> 8);
  }
  set32(linear: number, value: number): void {
    this.set16(linear, value);
    this.set16(linear + 2, value >>> 16);
  }

  read(linear: number, target: Uint8Array): void {
    this.#pieces(linear, target, (address, piece) => {
      if (address === undefined) piece.fill(0xff);
      else this.physical.read(address, piece);
    });
  }
  write(linear: number, source: Uint8Array): void {
    this.#pieces(linear, source, (address, piece) => {
      if (address !== undefined) this.physical.write(address, piece);
    });
  }

  #pieces(linear: number, bytes: Uint8Array, move: (address: number | undefined, piece: Uint8Array) => void): void {
    if (!this.protectionEnabled) {
      move(linear, bytes);
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, 4096 - ((linear + at) & 4095));
      move(this.#at(linear + at), bytes.subarray(at, at + count));
      at += count;
    }
  }

  /** A string up to its zero byte, at most `longest` bytes. */
  text(linear: number, longest: number): string {
    let text = "";
    for (let index = 0; index < longest; index++) {
      const code = this.get8(linear + index);
      if (code === 0) break;
      text += String.fromCharCode(code);
    }
    return text;
  }
}

/** The linear address of a real-mode pointer. */
export function linearOf(segment: number, offset: number): number {
  return ((segment & 0xffff) << 4) + (offset & 0xffff);
}
