import { StateWriter } from "../../base/StateWriter.ts";
import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";
import { type Packed, pack } from "../codecNumbers.ts";
import type { ByteSink } from "../container/StateFileWriter.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import { CHUNK_PAGES, CHUNKS_IN_FLIGHT, PACK_MAGIC } from "./pagePackLayout.ts";

/** Collects pages into a pack (`pagePackLayout`). `add` copies the page at once; chunks are compressed several at a time, and written in order. */
export class PagePackWriter {
  readonly #sink: ByteSink;
  readonly #services: SnapshotServices;
  readonly #chunks = new StateWriter();
  readonly #hashes = new StateWriter();
  readonly #inFlight: { pages: number; packed: Promise<Packed> }[] = [];
  #chunk = new Uint8Array(CHUNK_PAGES * STATE_PAGE_BYTES);
  #inChunk = 0;
  #chunkCount = 0;
  #pages = 0;

  constructor(sink: ByteSink, services: SnapshotServices) {
    this.#sink = sink;
    this.#services = services;
  }

  async begin(): Promise<void> {
    await this.#sink.write(PACK_MAGIC);
  }

  /** True when the chunk is full: `flushChunk` must be awaited before the next page. */
  add(page: Uint8Array, [low, high]: readonly [number, number]): { number: number; full: boolean } {
    this.#chunk.set(page, this.#inChunk * STATE_PAGE_BYTES);
    this.#inChunk++;
    this.#hashes.u32(low).u32(high);
    return { number: this.#pages++, full: this.#inChunk === CHUNK_PAGES };
  }

  async flushChunk(): Promise<void> {
    this.#compress();
    if (this.#inFlight.length >= CHUNKS_IN_FLIGHT) await this.#writeChunks();
  }

  #compress(): void {
    if (this.#inChunk === 0) return;
    const bytes = this.#chunk.subarray(0, this.#inChunk * STATE_PAGE_BYTES);
    const packed = pack(bytes, this.#services);
    // Handled when it is written; until then nobody must take it for unhandled.
    packed.catch(() => {});
    this.#inFlight.push({ pages: this.#inChunk, packed });
    this.#chunk = new Uint8Array(CHUNK_PAGES * STATE_PAGE_BYTES);
    this.#inChunk = 0;
  }

  /** All that are under way, at one stroke: each wait is a turn of the guest. */
  async #writeChunks(): Promise<void> {
    const chunks = this.#inFlight.splice(0);
    const packed = await Promise.all(chunks.map((chunk) => chunk.packed));
    let offset = this.#sink.position;
    const bytes = new Uint8Array(packed.reduce((sum, part) => sum + part.bytes.length, 0));
    const start = offset;
    for (const [index, part] of packed.entries()) {
      this.#chunks.f64(offset).u32(part.bytes.length).u8(chunks[index]!.pages).u8(part.codec);
      this.#chunks.u32(this.#services.crc32(part.bytes, 0));
      bytes.set(part.bytes, offset - start);
      offset += part.bytes.length;
    }
    this.#chunkCount += packed.length;
    await this.#sink.write(bytes);
  }

  async finish(): Promise<void> {
    this.#compress();
    await this.#writeChunks();
    const chunks = this.#chunks.finish();
    const hashes = this.#hashes.finish();
    const checksum = this.#services.crc32(hashes, this.#services.crc32(chunks, 0));
    const footer = new StateWriter().f64(this.#sink.position).u32(this.#chunkCount).u32(this.#pages).u32(checksum);
    footer.u32(this.#services.crc32(footer.finish(), 0));
    for (const part of [chunks, hashes, footer.finish(), PACK_MAGIC]) await this.#sink.write(part);
  }
}
