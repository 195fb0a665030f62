/** A file as it will be when its log has been replayed, for reading without changing it. */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type { LoggedChange, VhdxReplay } from "./VhdxLog.ts";

export class ReplayedStore implements ByteStore {
  readonly #store: ByteStore;
  readonly #replay: VhdxReplay;

  constructor(store: ByteStore, replay: VhdxReplay) {
    this.#store = store;
    this.#replay = replay;
  }

  async size(): Promise<number> {
    return Math.max(await this.#store.size(), this.#replay.fileBytes);
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    const count = Math.max(0, Math.min(target.length, (await this.size()) - offset));
    const part = target.subarray(0, count);
    part.fill(0, await this.#store.read(offset, part));
    for (const change of this.#replay.changes) overlay(part, offset, change);
    return count;
  }

  async write(): Promise<void> {
    throw new GuesthouseError("read-only", "The image is read-only.");
  }

  async truncate(): Promise<void> {
    throw new GuesthouseError("read-only", "The image is read-only.");
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    await this.#store.close();
  }
}

function overlay(part: Uint8Array, offset: number, { position, length, bytes }: LoggedChange): void {
  const from = Math.max(offset, position);
  const to = Math.min(offset + part.length, position + length);
  if (from >= to) return;
  if (bytes === undefined) part.fill(0, from - offset, to - offset);
  else part.set(bytes.subarray(from - position, to - position), from - offset);
}
