/**
 * A disk under the policy that its owner chose: what becomes of flushes and discards on their way to the image. "writeThrough" makes every
 * write stable before it is answered; "ignoreFlush" makes nothing stable before the end, which is quick and loses everything when the
 * host goes down.
 */
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import { BlockDecorator } from "./BlockDecorator.ts";

export interface BlockPolicy {
  readonly hostCache: "writeBack" | "writeThrough" | "ignoreFlush";
  /** False keeps space that the guest gives back. */
  readonly discard: boolean;
}

export class PolicedBlocks extends BlockDecorator {
  readonly #policy: BlockPolicy;

  constructor(blocks: BlockDevice, policy: BlockPolicy) {
    super(blocks);
    this.#policy = policy;
  }

  override async write(offset: number, source: Uint8Array): Promise<void> {
    await this.blocks.write(offset, source);
    if (this.#policy.hostCache === "writeThrough") await this.blocks.flush();
  }

  override async flush(): Promise<void> {
    if (this.#policy.hostCache !== "ignoreFlush") await this.blocks.flush();
  }

  override async discard(offset: number, length: number): Promise<void> {
    if (this.#policy.discard) await this.blocks.discard(offset, length);
  }

  /** What was not flushed before is now. */
  override async close(): Promise<void> {
    try {
      if (!this.blocks.readOnly) await this.blocks.flush();
    } finally {
      await this.blocks.close();
    }
  }
}
