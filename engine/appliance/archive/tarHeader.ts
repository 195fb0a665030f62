/**
 * A ustar header (IEEE 1003.1) of a plain file, as the OVF specification asks for (DSP0243, 5.3): names up to 100 bytes, mode 0644, and sizes
 * beyond eight gibibytes as GNU writes them, which every reader of today takes.
 */
import { applianceError } from "../applianceError.ts";
import { TAR_BLOCK_BYTES } from "./TarIndex.ts";

const OCTAL_SIZE_MAX = 0o77777777777;

export function tarHeader(name: string, sizeBytes: number, modifiedMs: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(TAR_BLOCK_BYTES);
  const encoder = new TextEncoder();
  const put = (offset: number, text: string): void => header.set(encoder.encode(text), offset);
  const nameBytes = encoder.encode(name);
  if (nameBytes.length > 100)
    throw applianceError("unsupported", `The file name is too long for an archive: ${name}`, { name });
  header.set(nameBytes, 0);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  if (sizeBytes <= OCTAL_SIZE_MAX) put(124, `${octal(sizeBytes, 11)}\0`);
  else putLarge(header, 124, sizeBytes);
  put(136, `${octal(Math.floor(modifiedMs / 1000), 11)}\0`);
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\x0000");
  put(265, "guesthouse");
  put(297, "guesthouse");
  put(329, "0000000\0");
  put(337, "0000000\0");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return header;
}

/** The zeros after a member of that size. */
export function tarPadding(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0").slice(-digits);
}

function putLarge(header: Uint8Array, offset: number, value: number): void {
  for (let index = 11; index > 0; index--) {
    header[offset + index] = value % 256;
    value = Math.floor(value / 256);
  }
  header[offset] = 0x80;
}
