import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { CodecId, SnapshotServices } from "./SnapshotServices.ts";

/** How data is stored, as files say it: as it is, or compressed. What does not become smaller is stored as it is. */
const codecs: readonly (CodecId | undefined)[] = [undefined, "deflate", "zstd"];

export interface Packed {
  readonly codec: number;
  readonly bytes: Uint8Array;
}

export async function pack(bytes: Uint8Array, services: SnapshotServices): Promise<Packed> {
  const compressed = await services.compress(bytes);
  if (compressed.length >= bytes.length) return { codec: 0, bytes };
  return { codec: codecs.indexOf(services.codec), bytes: compressed };
}

/** Throws "state-damaged" unless exactly `sizeBytes` come out. */
export function unpack({ codec, bytes }: Packed, sizeBytes: number, services: SnapshotServices): Uint8Array {
  const id = codecs[codec];
  let result: Uint8Array | undefined;
  if (codec === 0) result = bytes;
  else if (id !== undefined) result = decompressed(id, bytes, sizeBytes, services);
  if (result?.length !== sizeBytes) throw damaged("Compressed data cannot be read.", { codec });
  return result;
}

function decompressed(
  codec: CodecId,
  bytes: Uint8Array,
  sizeBytes: number,
  services: SnapshotServices,
): Uint8Array | undefined {
  try {
    return services.decompress(codec, bytes, sizeBytes);
  } catch {
    return undefined;
  }
}

export function damaged(detail: string, context: Record<string, string | number> = {}): GuesthouseError {
  return new GuesthouseError("state-damaged", `The saved state is damaged. ${detail}`, context);
}
