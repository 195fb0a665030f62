import type { ArrivingPages } from "../../contracts/MachineStateParts.ts";
import { damaged } from "../codecNumbers.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import { awaitChunk, chunkCount, dropChunk, progress, progressOf, takeChunk, unpackChunk } from "./PackedPages.ts";
import type { PagePack } from "./PagePack.ts";
import type { PageTable } from "./PageTable.ts";
import { type ReadPages, readPackedPages } from "./readPackedPages.ts";

/**
 * The memory of a machine while the pages of a saved state come into it: on other threads, and on the machine's own for each page that is wanted
 * before. Where there are no other threads all of them are there at once.
 */
export class UnpackingRam implements ArrivingPages {
  readonly #target: Uint8Array;
  readonly #services: SnapshotServices;
  readonly #chunkOf: Uint32Array;
  /** Until all are there. */
  #packed: ReadPages["packed"] | undefined;
  #arrived: Promise<void> | undefined;
  #alone = false;

  private constructor({ packed, chunkOf }: ReadPages, target: Uint8Array, services: SnapshotServices) {
    this.#packed = packed;
    this.#chunkOf = chunkOf;
    this.#target = target;
    this.#services = services;
  }

  /** Rejects with "state-damaged" for pages that are not as they were written; `target` is untouched then. */
  static async of(
    table: PageTable,
    openPack: (name: string) => Promise<PagePack>,
    target: Uint8Array,
    services: SnapshotServices,
  ): Promise<UnpackingRam> {
    const ram = new UnpackingRam(await readPackedPages(table, openPack, services), target, services);
    if (!isShared(target) || services.pageThreads === undefined) await ram.arrived();
    return ram;
  }

  isAbsent(index: number): boolean {
    const chunk = this.#chunkOf[index] ?? 0;
    return chunk !== 0 && this.#packed !== undefined && progressOf(this.#packed, chunk - 1) !== progress.unpacked;
  }

  bring(index: number): void {
    const chunk = this.#chunkOf[index] ?? 0;
    if (chunk !== 0) this.#bringChunk(chunk - 1);
  }

  forget(): void {
    const packed = this.#packed;
    if (packed === undefined) return;
    for (let chunk = 0; chunk < chunkCount(packed); chunk++) dropChunk(packed, chunk);
    for (let chunk = 0; chunk < chunkCount(packed); chunk++) awaitChunk(packed, chunk);
    this.#packed = undefined;
  }

  arrived(): Promise<void> {
    this.#arrived ??= this.#unpackAll();
    return this.#arrived;
  }

  async #unpackAll(): Promise<void> {
    const { pageThreads } = this.#services;
    if (this.#packed !== undefined && isShared(this.#target)) await pageThreads?.unpack(this.#packed, this.#target);
    // Whatever they left, or took and died with, is nobody else's now.
    this.#alone = true;
    for (let chunk = 0; this.#packed !== undefined && chunk < chunkCount(this.#packed); chunk++) {
      this.#bringChunk(chunk);
      const pause = this.#services.pause();
      if (pause !== undefined) await pause;
    }
    this.#packed = undefined;
  }

  #bringChunk(chunk: number): void {
    const packed = this.#packed;
    if (packed === undefined || progressOf(packed, chunk) === progress.unpacked) return;
    if (takeChunk(packed, chunk) || (this.#alone && progressOf(packed, chunk) === progress.taken)) {
      unpackChunk(packed, chunk, this.#target, this.#services);
    }
    awaitChunk(packed, chunk);
    if (progressOf(packed, chunk) === progress.harmed) throw damaged("Pages cannot be unpacked.");
  }
}

function isShared(bytes: Uint8Array): bytes is Uint8Array<SharedArrayBuffer> {
  return bytes.buffer instanceof SharedArrayBuffer;
}
