/**
 * A block device before another: everything passes. Who extends this says only what it does otherwise. `writeZeroes` is not offered, so
 * that zeros come as writes, which a decorator sees.
 */
import type { BlockDevice } from "../contracts/BlockDevice.ts";

export abstract class BlockDecorator implements BlockDevice {
  protected readonly blocks: BlockDevice;

  protected constructor(blocks: BlockDevice) {
    this.blocks = blocks;
  }

  get sizeBytes(): number {
    return this.blocks.sizeBytes;
  }
  get blockSize(): number {
    return this.blocks.blockSize;
  }
  get readOnly(): boolean {
    return this.blocks.readOnly;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.blocks.read(offset, target);
  }
  write(offset: number, source: Uint8Array): Promise<void> {
    return this.blocks.write(offset, source);
  }
  flush(): Promise<void> {
    return this.blocks.flush();
  }
  discard(offset: number, length: number): Promise<void> {
    return this.blocks.discard(offset, length);
  }
  close(): Promise<void> {
    return this.blocks.close();
  }
}
