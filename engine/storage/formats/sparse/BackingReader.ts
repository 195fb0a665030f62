/**
 * What an image reads where it holds nothing itself: its backing image, zeros past that one's end, and zeros when it has none. An image that
 * names a backing image which is not open can be inspected; reading through it fails with "backing-missing".
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice } from "../../../contracts/BlockDevice.ts";
import type { BackingReference } from "../../../contracts/DiskImage.ts";

export class BackingReader {
  readonly device: BlockDevice | undefined;
  readonly #named: BackingReference | undefined;
  readonly #from: number;

  /** `from` is where on the backing device this image's first byte lies: not 0 for the later extents of one disk. */
  constructor(device: BlockDevice | undefined, named: BackingReference | undefined, from = 0) {
    this.device = device;
    this.#named = named;
    this.#from = from;
  }

  /** Whether anything but zeros can come from behind. */
  get exists(): boolean {
    return this.device !== undefined || this.#named !== undefined;
  }

  /** Bytes of the disk that the backing image covers. */
  get sizeBytes(): number {
    return Math.max(0, (this.device?.sizeBytes ?? 0) - this.#from);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    if (this.device === undefined && this.#named !== undefined) {
      const name = this.#named.names[0] ?? "";
      throw new GuesthouseError("backing-missing", `The disk rests on “${name}”, which is not open.`, { name });
    }
    const covered = Math.max(0, Math.min(target.length, this.sizeBytes - offset));
    if (covered > 0) await this.device?.read(this.#from + offset, target.subarray(0, covered));
    target.fill(0, covered);
  }
}
