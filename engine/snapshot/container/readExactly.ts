import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";

/** Fills `target` or throws "state-truncated". */
export async function readExactly(store: ByteStore, offset: number, target: Uint8Array): Promise<void> {
  if ((await store.read(offset, target)) !== target.length) throw truncated();
}

export function truncated(): GuesthouseError {
  return new GuesthouseError(
    "state-truncated",
    "The saved state ends too early: it was not written to its end, or cut.",
  );
}
