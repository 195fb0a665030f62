/**
 * Guest physical memory as a DMA master or the firmware sees it: RAM and ROM are reached directly, device windows
 * through their handlers, holes read as all ones and swallow writes. Writes to ROM are ignored. Writes tell the
 * dirty trackers and invalidate decoded code. Addresses are plain numbers below 2^40.
 */
export interface PhysicalMemory {
  read8(address: number): number;
  read16(address: number): number;
  read32(address: number): number;
  write8(address: number, value: number): void;
  write16(address: number, value: number): void;
  write32(address: number, value: number): void;
  /** Copies `target.length` bytes from guest memory. */
  read(address: number, target: Uint8Array): void;
  write(address: number, source: Uint8Array): void;
}
