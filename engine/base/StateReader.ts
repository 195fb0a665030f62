import { GuesthouseError } from "./GuesthouseError.ts";

/** Reads what `StateWriter` wrote. Throws a GuesthouseError of kind "state-truncated" past the end. */
export class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      throw new GuesthouseError("state-truncated", "The saved state ends too early.", {
        offset: at,
        wanted: count,
        length: this.#bytes.length,
      });
    }
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }
  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }
  bool(): boolean {
    return this.u8() !== 0;
  }
  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.u32();
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length) as Uint8Array<ArrayBuffer>;
  }
  string(): string {
    return new TextDecoder().decode(this.bytes());
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Throws "state-trailing" unless everything was read. */
  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new GuesthouseError("state-trailing", "The saved state has more data than expected.", {
        offset: this.#at,
        length: this.#bytes.length,
      });
    }
  }
}
