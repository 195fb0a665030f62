/**
 * The MSI-X capability of a function (PCI Local Bus 3.0, 6.8.2): the capability registers, the table of messages at the start of a 4 KiB
 * window and the pending bits at its middle. A masked message stays pending until it is unmasked.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import type { PciConfigSpace } from "./PciConfigSpace.ts";

export const MSIX_WINDOW_BYTES = 0x1000;
const PENDING_OFFSET = 0x800;
const CAPABILITY_ID = 0x11;
const ENABLE = 0x8000;
const FUNCTION_MASK = 0x4000;
const ENTRY_DWORDS = 4;
const ENTRY_DATA = 2;
const ENTRY_CONTROL = 3;
const ENTRY_MASKED = 1;

export interface MsixOptions {
  readonly config: PciConfigSpace;
  /** At most 128. */
  readonly vectors: number;
  /** The BAR whose window is `table`. */
  readonly bar: number;
  readonly sink: MessageSink;
}

export class Msix {
  readonly #config: PciConfigSpace;
  readonly #sink: MessageSink;
  readonly #vectors: number;
  readonly #control: number;
  readonly #entries: Uint32Array;
  readonly #pending: Uint8Array;

  constructor({ config, vectors, bar, sink }: MsixOptions) {
    this.#config = config;
    this.#sink = sink;
    this.#vectors = vectors;
    this.#entries = new Uint32Array(vectors * ENTRY_DWORDS);
    this.#pending = new Uint8Array(vectors);
    const size = vectors - 1;
    const body = [size & 0xff, size >> 8, bar, 0, 0, 0, bar, PENDING_OFFSET >> 8, 0, 0];
    this.#control = config.addCapability(CAPABILITY_ID, Uint8Array.from(body)) + 2;
    config.allowWrites(this.#control, 2, ENABLE | FUNCTION_MASK);
    this.reset();
  }

  /** INTx is not used. */
  get enabled(): boolean {
    return (this.#config.get16(this.#control) & ENABLE) !== 0;
  }

  readonly table: IoHandler = {
    read: (offset: number, width: IoWidth): number => {
      const value = offset < PENDING_OFFSET ? (this.#entries[offset >> 2] ?? 0) : this.#pendingBits(offset);
      const shifted = value >>> (8 * (offset & 3));
      return width === 4 ? value >>> 0 : shifted & (width === 2 ? 0xffff : 0xff);
    },
    // Software must use aligned dwords.
    write: (offset: number, value: number, width: IoWidth): void => {
      const index = offset >> 2;
      if (width !== 4 || (offset & 3) !== 0 || index >= this.#entries.length) return;
      const isControl = (index & 3) === ENTRY_CONTROL;
      this.#entries[index] = isControl ? value & ENTRY_MASKED : (index & 3) === 0 ? value & ~3 : value;
      if (isControl) this.#deliverPending();
    },
  };

  /** Sends a message, or keeps it until its mask goes. FFFFh and other vectors that are not there mean "none". */
  raise(vector: number): void {
    if (vector >= this.#vectors || !this.enabled) return;
    if (this.#isMasked(vector)) this.#pending[vector] = 1;
    else this.#send(vector);
  }

  /** To be called after configuration writes: the function mask may have gone. */
  configWritten(): void {
    this.#deliverPending();
  }

  reset(): void {
    this.#entries.fill(0);
    for (let vector = 0; vector < this.#vectors; vector++) {
      this.#entries[vector * ENTRY_DWORDS + ENTRY_CONTROL] = ENTRY_MASKED;
    }
    this.#pending.fill(0);
  }

  save(writer: StateWriter): void {
    for (const dword of this.#entries) writer.u32(dword);
    for (const bit of this.#pending) writer.u8(bit);
  }

  prepareLoad(reader: StateReader): () => void {
    const entries = Uint32Array.from(this.#entries, () => reader.u32());
    const pending = Uint8Array.from(this.#pending, () => reader.u8() & 1);
    return () => {
      this.#entries.set(entries);
      this.#pending.set(pending);
    };
  }

  #isMasked(vector: number): boolean {
    const functionMasked = (this.#config.get16(this.#control) & FUNCTION_MASK) !== 0;
    return functionMasked || (this.#entries[vector * ENTRY_DWORDS + ENTRY_CONTROL]! & ENTRY_MASKED) !== 0;
  }

  #send(vector: number): void {
    const at = vector * ENTRY_DWORDS;
    // The upper half of the address is zero for every message that reaches a local APIC.
    if (this.#entries[at + 1] === 0) this.#sink.send(this.#entries[at]!, this.#entries[at + ENTRY_DATA]!);
  }

  #deliverPending(): void {
    if (!this.enabled) return;
    for (let vector = 0; vector < this.#vectors; vector++) {
      if (this.#pending[vector] === 0 || this.#isMasked(vector)) continue;
      this.#pending[vector] = 0;
      this.#send(vector);
    }
  }

  #pendingBits(offset: number): number {
    const first = ((offset - PENDING_OFFSET) >> 2) * 32;
    let bits = 0;
    for (let bit = 0; bit < 32; bit++) bits |= (this.#pending[first + bit] ?? 0) << bit;
    return bits;
  }
}
