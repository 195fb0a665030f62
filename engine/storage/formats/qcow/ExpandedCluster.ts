/** The last compressed cluster that was read from an image, expanded: requests for its sectors come one after the other. */
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { expandCluster } from "./clusterCompression.ts";

export class ExpandedCluster {
  readonly #store: ByteStore;
  readonly #compression: "zlib" | "zstd";
  readonly #clusterBytes: number;
  #known: { offset: number; bytes: Uint8Array } | undefined;

  constructor(store: ByteStore, compression: "zlib" | "zstd", clusterBytes: number) {
    this.#store = store;
    this.#compression = compression;
    this.#clusterBytes = clusterBytes;
  }

  /** The content of a cluster that is stored in so many bytes. */
  async read({ offset, bytes }: { readonly offset: number; readonly bytes: number }): Promise<Uint8Array> {
    const known = this.#known;
    if (known?.offset === offset) return known.bytes;
    const stored = new Uint8Array(bytes);
    await this.#store.read(offset, stored);
    const expanded = expandCluster(stored, this.#compression, this.#clusterBytes);
    this.#known = { offset, bytes: expanded };
    return expanded;
  }

  /** Something else may lie there now. */
  forget(): void {
    this.#known = undefined;
  }
}
