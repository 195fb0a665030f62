/**
 * An image that an overlay rests on while its owner still uses it: reads pass, writes are refused, and closing leaves it open until it is
 * handed over.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";

export class LentDisk implements BlockDevice {
  readonly readOnly = true;
  readonly #blocks: BlockDevice;
  #lent = true;

  constructor(blocks: BlockDevice) {
    this.#blocks = blocks;
  }

  get sizeBytes(): number {
    return this.#blocks.sizeBytes;
  }
  get blockSize(): number {
    return this.#blocks.blockSize;
  }

  /** From now on closing this closes the image. */
  handOver(): void {
    this.#lent = false;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.#blocks.read(offset, target);
  }
  write(offset: number): Promise<void> {
    return refuse(offset);
  }
  discard(offset: number): Promise<void> {
    return refuse(offset);
  }
  async flush(): Promise<void> {}

  async close(): Promise<void> {
    if (!this.#lent) await this.#blocks.close();
  }
}

async function refuse(offset: number): Promise<never> {
  throw new GuesthouseError("read-only", "The image is read-only.", { offset });
}
