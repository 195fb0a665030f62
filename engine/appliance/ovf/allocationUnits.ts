/**
 * Amounts in an OVF descriptor: a number with a unit in DMTF's notation ("byte * 2^20", DSP0004 C.1) or in the words that writers used before
 * ("MegaBytes", "MB", "GB").
 */
const words: Readonly<Record<string, number>> = {
  byte: 1,
  bytes: 1,
  b: 1,
  kilobytes: 2 ** 10,
  kilobyte: 2 ** 10,
  kb: 2 ** 10,
  kib: 2 ** 10,
  megabytes: 2 ** 20,
  megabyte: 2 ** 20,
  mb: 2 ** 20,
  mib: 2 ** 20,
  gigabytes: 2 ** 30,
  gigabyte: 2 ** 30,
  gb: 2 ** 30,
  gib: 2 ** 30,
  terabytes: 2 ** 40,
  terabyte: 2 ** 40,
  tb: 2 ** 40,
  tib: 2 ** 40,
};

/** Bytes in one unit; undefined for what is no amount of bytes. */
export function bytesPerUnit(unit: string): number | undefined {
  const folded = unit.toLowerCase().replace(/\s+/g, "");
  if (Object.hasOwn(words, folded)) return words[folded];
  const [, base, exponent] = /^bytes?\*(\d{1,2})\^(\d{1,2})$/.exec(folded) ?? [];
  if (base !== undefined && exponent !== undefined) return Number(base) ** Number(exponent);
  const [, factor] = /^bytes?\*(\d{1,15})$/.exec(folded) ?? [];
  return factor === undefined ? undefined : Number(factor);
}

/** A whole number of bytes, or undefined. */
export function bytesOf(amount: string, unit: string): number | undefined {
  if (!/^\d{1,19}$/.test(amount.trim())) return undefined;
  const factor = bytesPerUnit(unit);
  if (factor === undefined) return undefined;
  const bytes = Number(amount.trim()) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
