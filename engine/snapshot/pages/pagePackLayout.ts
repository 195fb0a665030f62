/**
 * A pack of pages: magic, chunks, index, footer. A chunk is up to 255 pages, compressed together; all but the last have as many as the first. The index has for each chunk f64 offset
 * from the start of the pack, u32 stored length, u8 pages, u8 codec, u32 CRC of the stored bytes; then for each page the two halves of its hash. The
 * footer: f64 offset of the index, u32 chunks, u32 pages, u32 CRC of the index, u32 CRC of the 20 bytes before, magic. Little-endian.
 */
export const PACK_MAGIC = Uint8Array.from("GHPAGE1\x1a", (character) => character.charCodeAt(0));
/** Of new packs: large enough to compress well, small enough that a single page is had quickly. */
export const CHUNK_PAGES = 32;
export const CHUNK_ENTRY_BYTES = 18;
export const HASH_BYTES = 8;
export const FOOTER_BYTES = 24 + PACK_MAGIC.length;
/** Chunks that are compressed at the same time. */
export const CHUNKS_IN_FLIGHT = 32;

export interface Chunk {
  /** From the start of the pack. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly pages: number;
  readonly codec: number;
  readonly checksum: number;
  /** Number of its first page. */
  readonly first: number;
}
