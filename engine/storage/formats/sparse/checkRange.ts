/** The range that a request names is whole sectors (a broken invariant of ours otherwise) and lies on the disk ("out-of-range"). */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";

export function checkRange(sizeBytes: number, blockSize: number, offset: number, length: number): void {
  if (offset % blockSize !== 0 || length % blockSize !== 0) {
    throw new Error(`Offset ${offset} or length ${length} is not a multiple of the block size ${blockSize}.`);
  }
  if (offset < 0 || offset + length > sizeBytes) {
    throw new GuesthouseError("out-of-range", "The access lies outside the image.", { offset, length, sizeBytes });
  }
}
