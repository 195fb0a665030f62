/**
 * Identities of 16 bytes and their text. VDI and VHDX store the first three parts in little-endian order (RFC 4122 calls the other order network
 * order, which VHD uses).
 */
import type { Entropy } from "../../../contracts/Clock.ts";

export type GuidOrder = "little" | "network";

export function guidText(bytes: Uint8Array, order: GuidOrder): string {
  const digits = [...ordered(bytes, order)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => digits.slice(from, to))
    .join("-");
}

/** Undefined when the text is no GUID. Braces are allowed. */
export function guidBytes(text: string, order: GuidOrder): Uint8Array | undefined {
  const digits = text.replaceAll(/[{}-]/g, "");
  if (!/^[0-9a-fA-F]{32}$/.test(digits)) return undefined;
  const bytes = Uint8Array.from({ length: 16 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
  return ordered(bytes, order);
}

/** Version 4 (RFC 4122, 4.4). */
export function randomGuid(entropy: Entropy, order: GuidOrder): Uint8Array {
  const bytes = new Uint8Array(16);
  entropy.fill(bytes);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return ordered(bytes, order);
}

export function isNullGuid(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function ordered(bytes: Uint8Array, order: GuidOrder): Uint8Array {
  const result = bytes.slice(0, 16);
  if (order === "network") return result;
  result.subarray(0, 4).reverse();
  result.subarray(4, 6).reverse();
  result.subarray(6, 8).reverse();
  return result;
}
