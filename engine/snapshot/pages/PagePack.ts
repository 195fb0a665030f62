import { StateReader } from "../../base/StateReader.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";
import { damaged, unpack } from "../codecNumbers.ts";
import { readExactly, truncated } from "../container/readExactly.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import { CHUNK_ENTRY_BYTES, type Chunk, FOOTER_BYTES, HASH_BYTES, PACK_MAGIC } from "./pagePackLayout.ts";

/** Where in a store a pack is: all of it, or the payload of a section. */
export interface PackRange {
  readonly store: ByteStore;
  readonly offset: number;
  readonly length: number;
}

/** A pack that was opened for reading (`pagePackLayout`). Throws "state-damaged" or "state-truncated" for what is none. */
export class PagePack {
  readonly pageCount: number;
  readonly chunks: readonly Chunk[];
  readonly #range: PackRange;
  readonly #services: SnapshotServices;
  readonly #hashes: DataView;
  #last: { chunk: Chunk; bytes: Uint8Array } | undefined;

  private constructor(range: PackRange, services: SnapshotServices, chunks: readonly Chunk[], hashes: Uint8Array) {
    this.#range = range;
    this.#services = services;
    this.chunks = chunks;
    this.#hashes = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength);
    this.pageCount = hashes.length / HASH_BYTES;
  }

  static async open(range: PackRange, services: SnapshotServices): Promise<PagePack> {
    if (range.length < FOOTER_BYTES + PACK_MAGIC.length) throw truncated();
    const footer = new Uint8Array(FOOTER_BYTES);
    const footerOffset = range.length - FOOTER_BYTES;
    await readExactly(range.store, range.offset + footerOffset, footer);
    if (PACK_MAGIC.some((byte, index) => footer[FOOTER_BYTES - PACK_MAGIC.length + index] !== byte)) throw truncated();
    const reader = new StateReader(footer);
    const [indexOffset, chunkCount, pageCount, checksum] = [reader.f64(), reader.u32(), reader.u32(), reader.u32()];
    const indexBytes = chunkCount * CHUNK_ENTRY_BYTES + pageCount * HASH_BYTES;
    if (services.crc32(footer.subarray(0, 20), 0) !== reader.u32() || indexOffset + indexBytes !== footerOffset) {
      throw damaged("A pack of pages has no proper end.");
    }
    const index = new Uint8Array(indexBytes);
    await readExactly(range.store, range.offset + indexOffset, index);
    if (services.crc32(index, 0) !== checksum)
      throw damaged("The index of a pack of pages does not match its checksum.");
    const hashesAt = chunkCount * CHUNK_ENTRY_BYTES;
    const chunks = readChunks(index.subarray(0, hashesAt), indexOffset, pageCount);
    return new PagePack(range, services, chunks, index.subarray(hashesAt));
  }

  hasHash(page: number, [low, high]: readonly [number, number]): boolean {
    if (page >= this.pageCount) throw damaged("A page is missing.", { page });
    const at = page * HASH_BYTES;
    return this.#hashes.getUint32(at, true) === low && this.#hashes.getUint32(at + 4, true) === high;
  }

  /** The chunk that holds a page. */
  chunkOf(page: number): Chunk {
    if (page >= this.pageCount) throw damaged("A page is missing.", { page });
    return this.chunks[Math.floor(page / this.chunks[0]!.pages)]!;
  }

  /** A page, for looking at a few: the chunk it was in is kept for the next. */
  async readPage(page: number): Promise<Uint8Array> {
    const chunk = this.chunkOf(page);
    if (this.#last?.chunk !== chunk) this.#last = { chunk, bytes: await this.#readChunk(chunk) };
    const at = (page - chunk.first) * STATE_PAGE_BYTES;
    return this.#last.bytes.subarray(at, at + STATE_PAGE_BYTES);
  }

  async #readChunk(chunk: Chunk): Promise<Uint8Array> {
    const bytes = new Uint8Array(chunk.storedBytes);
    await this.readStored(chunk.offset, bytes);
    this.check(chunk, bytes);
    return unpack({ codec: chunk.codec, bytes }, chunk.pages * STATE_PAGE_BYTES, this.#services);
  }

  /** Fills `target` with what is stored from an offset on. */
  async readStored(offset: number, target: Uint8Array): Promise<void> {
    await readExactly(this.#range.store, this.#range.offset + offset, target);
  }

  /** Throws "state-damaged" unless the stored bytes of a chunk are as they were written. */
  check({ checksum }: Chunk, stored: Uint8Array): void {
    if (this.#services.crc32(stored, 0) !== checksum) throw damaged("Pages do not match their checksum.");
  }
}

function readChunks(index: Uint8Array, end: number, pageCount: number): Chunk[] {
  const reader = new StateReader(index);
  const chunks: Chunk[] = [];
  let first = 0;
  let offset = PACK_MAGIC.length;
  while (!reader.atEnd) {
    const chunk = {
      offset: reader.f64(),
      storedBytes: reader.u32(),
      pages: reader.u8(),
      codec: reader.u8(),
      checksum: reader.u32(),
      first,
    };
    first += chunk.pages;
    const full = chunks[0]?.pages ?? chunk.pages;
    const pages = reader.atEnd ? pageCount - chunk.first : full;
    if (chunk.offset !== offset || chunk.pages !== pages || pages > full || pages === 0) {
      throw damaged("The index of a pack of pages is not in order.");
    }
    offset += chunk.storedBytes;
    chunks.push(chunk);
  }
  if (offset !== end || first !== pageCount) throw damaged("The index of a pack of pages is not in order.");
  return chunks;
}
