/**
 * A split virtqueue (OASIS virtio 1.1, 2.6) from the device's side: takes chains of descriptors from the available ring, with indirect tables,
 * and gives them back on the used ring, with notification suppression by flags or by event indexes. The rings are the guest's
 * memory and may hold anything: what breaks the rules makes the queue "broken", which only a reset heals.
 * Absent: packed queues, descriptors used in order.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { GuestBuffer, type GuestSegment } from "../block/GuestBuffer.ts";

const DESCRIPTOR_BYTES = 16;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const AVAILABLE_NO_INTERRUPT = 1;
/** No device needs longer chains; an indirect table could have 2^28 entries. */
const LONGEST_CHAIN = 1024;
/** Bus masters reach 40 bits of address. */
const ADDRESS_END = 2 ** 40;
const WORD = 0x10000;
export const NO_VECTOR = 0xffff;

export interface VirtqueueRequest {
  /** What the driver knows the request by. */
  readonly head: number;
  /** What the driver wrote for the device, and where the device may answer. */
  readonly readable: GuestBuffer;
  readonly writable: GuestBuffer;
}

export interface QueueFeatures {
  readonly indirect: boolean;
  readonly eventIndex: boolean;
}

interface Descriptor extends GuestSegment {
  readonly flags: number;
  readonly next: number;
}

export class Virtqueue {
  readonly maximumSize: number;
  readonly #memory: PhysicalMemory;
  size: number;
  enabled = false;
  vector = NO_VECTOR;
  /** Addresses of the descriptor table, the available ring and the used ring. */
  descriptors = 0;
  available = 0;
  used = 0;
  broken = false;
  #nextAvailable = 0;
  #nextUsed = 0;
  /** Heads that were taken and not yet given back, oldest first. */
  #inFlight: number[] = [];

  constructor(memory: PhysicalMemory, maximumSize: number) {
    this.#memory = memory;
    this.maximumSize = maximumSize;
    this.size = maximumSize;
  }

  get inFlight(): readonly number[] {
    return this.#inFlight;
  }

  reset(): void {
    this.size = this.maximumSize;
    this.enabled = false;
    this.vector = NO_VECTOR;
    this.descriptors = 0;
    this.available = 0;
    this.used = 0;
    this.broken = false;
    this.#nextAvailable = 0;
    this.#nextUsed = 0;
    this.#inFlight = [];
  }

  /** The next request, or undefined when there is none or the queue is broken. */
  take(features: QueueFeatures): VirtqueueRequest | undefined {
    if (!this.enabled || this.broken) return undefined;
    const waiting = (this.#memory.read16(this.available + 2) - this.#nextAvailable) & 0xffff;
    if (waiting === 0) {
      if (features.eventIndex) this.#memory.write16(this.used + 4 + 8 * this.size, this.#nextAvailable);
      return undefined;
    }
    if (waiting > this.size) return this.#break();
    const head = this.#memory.read16(this.available + 4 + 2 * (this.#nextAvailable % this.size));
    const request = this.requestAt(head, features);
    if (request === undefined) return undefined;
    this.#nextAvailable = (this.#nextAvailable + 1) % WORD;
    this.#inFlight.push(head);
    return request;
  }

  /** The request of a head; what it points to is followed anew. Undefined breaks the queue. */
  requestAt(head: number, features: QueueFeatures): VirtqueueRequest | undefined {
    const readable: GuestSegment[] = [];
    const writable: GuestSegment[] = [];
    if (!this.#follow(head, features, readable, writable)) return this.#break();
    return {
      head,
      readable: new GuestBuffer(this.#memory, readable),
      writable: new GuestBuffer(this.#memory, writable),
    };
  }

  /** Gives a request back with the number of bytes written; true when the driver wants to be told. */
  giveBack(head: number, writtenBytes: number, features: QueueFeatures): boolean {
    const at = this.#inFlight.indexOf(head);
    if (at < 0 || this.broken) return false;
    this.#inFlight.splice(at, 1);
    const memory = this.#memory;
    const before = this.#nextUsed;
    const entry = this.used + 4 + 8 * (before % this.size);
    memory.write32(entry, head);
    memory.write32(entry + 4, writtenBytes);
    this.#nextUsed = (before + 1) % WORD;
    memory.write16(this.used + 2, this.#nextUsed);
    if (!features.eventIndex) return (memory.read16(this.available) & AVAILABLE_NO_INTERRUPT) === 0;
    return memory.read16(this.available + 4 + 2 * this.size) === before;
  }

  save(writer: StateWriter): void {
    writer.u16(this.size).bool(this.enabled).u16(this.vector).bool(this.broken);
    writer.f64(this.descriptors).f64(this.available).f64(this.used);
    writer.u16(this.#nextAvailable).u16(this.#nextUsed).u16(this.#inFlight.length);
    for (const head of this.#inFlight) writer.u16(head);
  }

  prepareLoad(reader: StateReader): () => void {
    const [size, enabled, vector, broken] = [reader.u16(), reader.bool(), reader.u16(), reader.bool()];
    const addresses = [reader.f64(), reader.f64(), reader.f64()];
    const [nextAvailable, nextUsed] = [reader.u16(), reader.u16()];
    const inFlight = Array.from({ length: reader.u16() }, () => reader.u16());
    const sane = addresses.every((address) => Number.isSafeInteger(address) && address >= 0);
    if (!sane || !this.mayHaveSize(size) || inFlight.length > size) {
      throw new GuesthouseError("state-invalid", "The saved state of a virtqueue is damaged.", { size });
    }
    return () => {
      Object.assign(this, { size, enabled, vector, broken });
      [this.descriptors, this.available, this.used] = addresses as [number, number, number];
      this.#nextAvailable = nextAvailable;
      this.#nextUsed = nextUsed;
      this.#inFlight = inFlight;
    };
  }

  /** A power of two up to the maximum. */
  mayHaveSize(size: number): boolean {
    return size > 0 && size <= this.maximumSize && (size & (size - 1)) === 0;
  }

  #break(): undefined {
    this.broken = true;
    return undefined;
  }

  #follow(head: number, features: QueueFeatures, readable: GuestSegment[], writable: GuestSegment[]): boolean {
    let table = this.descriptors;
    let entries = this.size;
    let index = head;
    for (let steps = 0; steps < LONGEST_CHAIN; steps++) {
      if (index >= entries) return false;
      const descriptor = this.#descriptor(table, index);
      const { address, length, flags } = descriptor;
      if (address + length > ADDRESS_END) return false;
      if ((flags & INDIRECT) !== 0) {
        // One level only, and nothing may follow it.
        const nested = table !== this.descriptors || (flags & NEXT) !== 0;
        if (!features.indirect || nested || length === 0 || length % DESCRIPTOR_BYTES !== 0) return false;
        table = address;
        entries = length / DESCRIPTOR_BYTES;
        index = 0;
        continue;
      }
      if ((flags & WRITE) !== 0) writable.push({ address, length });
      else if (writable.length > 0) return false;
      else readable.push({ address, length });
      if ((flags & NEXT) === 0) return true;
      index = descriptor.next;
    }
    return false;
  }

  #descriptor(table: number, index: number): Descriptor {
    const memory = this.#memory;
    const at = table + DESCRIPTOR_BYTES * index;
    return {
      address: memory.read32(at + 4) * 2 ** 32 + memory.read32(at),
      length: memory.read32(at + 8),
      flags: memory.read16(at + 12),
      next: memory.read16(at + 14),
    };
  }
}
