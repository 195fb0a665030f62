/**
 * The place of an image in a chain that a guest uses: what the image above reads from, whichever image that is at the moment. Reads pass, writes are
 * refused. An image that its owner still uses can be lent to the chain, and one that is wanted elsewhere be taken out of it.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import type { DiskImage, DiskImageInfo } from "../../contracts/DiskImage.ts";
import { SwitchableDisk } from "../SwitchableDisk.ts";

export class BackingLink extends SwitchableDisk {
  /** The same text for all names of the image's file. */
  file: string;
  #stays = false;

  constructor(image: DiskImage, file: string) {
    super(image);
    this.file = file;
  }

  override get readOnly(): boolean {
    return true;
  }

  /** Of the image that is here now. */
  get backing(): BlockDevice | undefined {
    return this.image.backing;
  }
  info(): Promise<DiskImageInfo> {
    return this.image.info();
  }

  /** Closing this leaves the image open. */
  lend(): void {
    this.#stays = true;
  }

  /** Closing this closes the image again. */
  handOver(): void {
    this.#stays = false;
  }

  /** Nothing is here afterwards: the image is the caller's. */
  async takeOut(): Promise<DiskImage> {
    await this.hold();
    this.#stays = true;
    this.refuseHeld();
    return this.image;
  }

  override write(offset: number): Promise<void> {
    return refuse(offset);
  }
  override discard(offset: number): Promise<void> {
    return refuse(offset);
  }
  override writeZeroes(offset: number): Promise<void> {
    return refuse(offset);
  }
  override async flush(): Promise<void> {}

  override async close(): Promise<void> {
    if (!this.#stays) await super.close();
  }
}

async function refuse(offset: number): Promise<never> {
  throw new GuesthouseError("read-only", "The image is read-only.", { offset });
}
