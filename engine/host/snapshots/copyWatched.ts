import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import { refuseIfCancelled } from "../../storage/DiskImageBase.ts";
import { FileStore } from "../FileStore.ts";

const PIECE_BYTES = 4 * 1024 * 1024;

/** A file byte for byte, lasting when it resolves. Refused while somebody writes to it ("in-use"); throws "cancelled". */
export async function copyWatched(path: string, target: string, work: LongWork): Promise<void> {
  const source = await FileStore.open(path, "read", "shared");
  try {
    const copy = await FileStore.create(target, "exclusive");
    try {
      const size = await source.size();
      const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, size)));
      for (let at = 0; at < size; ) {
        refuseIfCancelled(work);
        const part = piece.subarray(0, Math.min(piece.length, size - at));
        if ((await source.read(at, part)) < part.length) {
          throw new GuesthouseError("medium-shrunk", `The file became shorter while it was copied: ${path}`, { path });
        }
        await copy.write(at, part);
        at += part.length;
        work.onProgress?.(at / size);
      }
      await copy.flush();
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
}
