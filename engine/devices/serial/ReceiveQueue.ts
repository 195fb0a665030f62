/** Bytes in the order they came, without limit; taken one at a time in constant time. */
export class ReceiveQueue {
  #blocks: Uint8Array[] = [];
  #at = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#blocks.push(bytes.slice());
    this.#length += bytes.length;
  }

  /** The first byte; only when `length` is not 0. */
  shift(): number {
    const block = this.#blocks[0]!;
    const byte = block[this.#at++]!;
    this.#length--;
    if (this.#at === block.length) {
      this.#blocks.shift();
      this.#at = 0;
    }
    return byte;
  }

  clear(): void {
    this.#blocks = [];
    this.#at = 0;
    this.#length = 0;
  }

  toBytes(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const [index, block] of this.#blocks.entries()) {
      const part = index === 0 ? block.subarray(this.#at) : block;
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
