import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { StateReader } from "../../base/StateReader.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import { damaged } from "../codecNumbers.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import { readExactly } from "./readExactly.ts";
import { FIXED_BYTES, FORMAT_VERSION, HEADER_BYTES_MAX, MAGIC, type StateHeader } from "./stateFileLayout.ts";

/** The first thing in a state file. Throws "not-a-state", "state-format" for a newer program's file, or "state-damaged". */
export async function readStateHeader(
  store: ByteStore,
  sizeBytes: number,
  services: SnapshotServices,
): Promise<{ header: StateHeader; bytes: number }> {
  const fixed = new Uint8Array(FIXED_BYTES);
  const got = await store.read(0, fixed);
  if (got < MAGIC.length || MAGIC.some((byte, index) => fixed[index] !== byte)) {
    throw new GuesthouseError("not-a-state", "This is not the saved state of a machine.");
  }
  if (got < FIXED_BYTES) throw damaged("It ends within its header.");
  const reader = new StateReader(fixed.subarray(MAGIC.length));
  const version = reader.u32();
  if (version !== FORMAT_VERSION) {
    throw new GuesthouseError(
      "state-format",
      `The saved state has format ${version}; this version reads ${FORMAT_VERSION}.`,
      {
        version,
      },
    );
  }
  const [bytes, checksum] = [reader.u32(), reader.u32()];
  if (bytes > HEADER_BYTES_MAX || FIXED_BYTES + bytes > sizeBytes) throw damaged("Its header is too long.");
  const text = new Uint8Array(bytes);
  await readExactly(store, FIXED_BYTES, text);
  if (services.crc32(text, 0) !== checksum) throw damaged("Its header does not match its checksum.");
  return { header: parseHeader(new TextDecoder().decode(text)), bytes };
}

function parseHeader(text: string): StateHeader {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged("Its header cannot be read.");
  }
  const { digest, machine, savedAtMs, appVersion } = (value ?? {}) as Partial<Record<keyof StateHeader, unknown>>;
  const described = typeof machine === "object" && machine !== null && Object.values(machine).every(isPlain);
  if (typeof digest !== "string" || !described || typeof savedAtMs !== "number" || typeof appVersion !== "string") {
    throw damaged("Its header lacks something.");
  }
  return { digest, machine: machine as StateHeader["machine"], savedAtMs, appVersion };
}

const isPlain = (value: unknown): boolean => ["string", "number", "boolean"].includes(typeof value);
