/** What images of all kinds check and say alike when they are accessed. */
import { GuesthouseError } from "../base/GuesthouseError.ts";

/** Whatever a store throws that is not typed already is an I/O error of the host. */
export async function hostCall<T>(operation: string, offset: number, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof GuesthouseError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GuesthouseError(
      "io-error",
      `The image could not be accessed: ${reason}`,
      { operation, offset },
      { cause },
    );
  }
}

/** Fails with "out-of-range". Pieces of blocks are a mistake of the caller's. */
export function checkBlockRange(
  image: { readonly sizeBytes: number; readonly blockSize: number },
  offset: number,
  length: number,
): void {
  const { sizeBytes, blockSize } = image;
  if (offset % blockSize !== 0 || length % blockSize !== 0) {
    throw new Error(`Offset ${offset} or length ${length} is not a multiple of the block size ${blockSize}.`);
  }
  if (offset < 0 || length < 0 || offset + length > sizeBytes) {
    throw new GuesthouseError("out-of-range", "The access lies outside the image.", { offset, length, sizeBytes });
  }
}

export function closedImage(): GuesthouseError {
  return new GuesthouseError("closed", "The image is closed.");
}

export function readOnlyImage(offset: number): GuesthouseError {
  return new GuesthouseError("read-only", "The image is read-only.", { offset });
}

/** Reads bytes that the store had when it was opened; fails with "medium-shrunk" where they are gone. */
export async function readStored(
  store: { read(offset: number, target: Uint8Array): Promise<number> },
  offset: number,
  target: Uint8Array,
): Promise<void> {
  const received = await store.read(offset, target);
  if (received >= target.length) return;
  throw new GuesthouseError("medium-shrunk", "The image file became shorter while it was in use.", {
    offset,
    expected: target.length,
    found: received,
  });
}

/** How many bytes there are. Fails with "empty-image", which tells the name where one is given. */
export async function storedSize(store: { size(): Promise<number> }, name?: string): Promise<number> {
  const sizeBytes = await store.size();
  if (sizeBytes > 0) return sizeBytes;
  if (name === undefined) throw new GuesthouseError("empty-image", "The image is empty.");
  throw new GuesthouseError("empty-image", `“${name}” is empty.`, { name });
}
