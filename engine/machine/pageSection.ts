import { GuesthouseError } from "../base/GuesthouseError.ts";
import { StateReader } from "../base/StateReader.ts";
import { StateWriter } from "../base/StateWriter.ts";
import { isZeroPage, STATE_PAGE_BYTES } from "../contracts/MachineStateParts.ts";

/**
 * Memory other than RAM in a saved state (that of the display adapter, ROM): the pages that are not zero, each with its number. Small enough
 * to be copied while the guest stands still.
 */
export const PAGE_SECTION_VERSION = 1;

export function savePages(bytes: Uint8Array): Uint8Array {
  const writer = new StateWriter();
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const wordsPerPage = STATE_PAGE_BYTES / 4;
  writer.u32(bytes.length / STATE_PAGE_BYTES);
  for (let page = 0; page < bytes.length / STATE_PAGE_BYTES; page++) {
    if (isZeroPage(words, page * wordsPerPage)) continue;
    writer.u32(page).bytes(bytes.subarray(page * STATE_PAGE_BYTES, (page + 1) * STATE_PAGE_BYTES));
  }
  return writer.finish();
}

/** Checks everything, then returns what makes it the content of `target`. */
export function preparePages(payload: Uint8Array, target: Uint8Array): () => void {
  const reader = new StateReader(payload);
  const pages = reader.u32();
  if (pages !== target.length / STATE_PAGE_BYTES) throw damaged();
  const found: { page: number; bytes: Uint8Array }[] = [];
  let last = -1;
  while (!reader.atEnd) {
    const page = reader.u32();
    const bytes = reader.bytes();
    if (page <= last || page >= pages || bytes.length !== STATE_PAGE_BYTES) throw damaged();
    found.push({ page, bytes });
    last = page;
  }
  return () => {
    const words = new Uint32Array(target.buffer, target.byteOffset, target.length / 4);
    // Writing to memory that nobody has used yet would make the host provide it.
    for (let page = 0; page < pages; page++) {
      const start = page * STATE_PAGE_BYTES;
      if (!isZeroPage(words, start / 4)) target.fill(0, start, start + STATE_PAGE_BYTES);
    }
    for (const { page, bytes } of found) target.set(bytes, page * STATE_PAGE_BYTES);
  };
}

function damaged(): GuesthouseError {
  return new GuesthouseError("state-invalid", "Memory in the saved state is damaged.");
}
