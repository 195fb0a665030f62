/** A submission queue entry (NVM Express 1.4, 4.2) and the memory that its physical region pages name (4.3). */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { GuestBuffer, type GuestSegment } from "../block/GuestBuffer.ts";
import { COMMAND_BYTES, PAGE_BYTES } from "./nvmeRegisters.ts";

const HIGH = 2 ** 32;

export class NvmeCommand {
  readonly bytes: Uint8Array;
  readonly queue: number;
  readonly #view: DataView;

  /** `queue` is the submission queue that it came from. */
  constructor(bytes: Uint8Array, queue: number) {
    this.bytes = bytes;
    this.queue = queue;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, COMMAND_BYTES);
  }

  get opcode(): number {
    return this.bytes[0]!;
  }
  get identifier(): number {
    return this.#view.getUint16(2, true);
  }
  get namespace(): number {
    return this.dword(1);
  }
  /** PRPs, not scatter-gather lists, and no fused operation. */
  get usesPages(): boolean {
    return (this.bytes[1]! & 0xc3) === 0;
  }
  dword(index: number): number {
    return this.#view.getUint32(4 * index, true);
  }
  quad(dword: number): number {
    return this.dword(dword + 1) * HIGH + this.dword(dword);
  }

  /** The `length` bytes of the command's data, or undefined when a page of the list has an offset. */
  data(memory: PhysicalMemory, length: number): GuestBuffer | undefined {
    const first = this.quad(6);
    const inFirst = Math.min(length, PAGE_BYTES - (first % PAGE_BYTES));
    const segments: GuestSegment[] = [{ address: first, length: inFirst }];
    const left = length - inFirst;
    const second = this.quad(8);
    if (left > PAGE_BYTES) {
      if (!walkList(memory, second, left, segments)) return undefined;
    } else if (left > 0) {
      if (second % PAGE_BYTES !== 0) return undefined;
      segments.push({ address: second, length: left });
    }
    return new GuestBuffer(memory, merged(segments));
  }
}

/** Follows a PRP list; the last entry of a page leads on when there is more to come. */
function walkList(memory: PhysicalMemory, start: number, length: number, segments: GuestSegment[]): boolean {
  let at = start - (start % 8);
  for (let left = length; left > 0; ) {
    const isLast = at % PAGE_BYTES === PAGE_BYTES - 8;
    const entry = memory.read32(at + 4) * HIGH + memory.read32(at);
    if (isLast && left > PAGE_BYTES) {
      at = entry - (entry % 8);
      // A list that leads to the last entry of a page leads nowhere new.
      if (at % PAGE_BYTES === PAGE_BYTES - 8) return false;
      continue;
    }
    if (entry % PAGE_BYTES !== 0) return false;
    segments.push({ address: entry, length: Math.min(PAGE_BYTES, left) });
    left -= PAGE_BYTES;
    at += 8;
  }
  return true;
}

function merged(segments: readonly GuestSegment[]): GuestSegment[] {
  const runs: { address: number; length: number }[] = [];
  for (const { address, length } of segments) {
    const last = runs.at(-1);
    if (last !== undefined && last.address + last.length === address) last.length += length;
    else runs.push({ address, length });
  }
  return runs;
}
