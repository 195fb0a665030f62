/**
 * Writes ACPI Machine Language (ACPI specification 6.4, chapter 20) as far as a DSDT of a simple board needs it: names, integers,
 * buffers, packages, devices, methods, operation regions and fields. Every function returns the bytes of one term.
 */
export type Aml = readonly number[];

const EXTENDED = 0x5b;

export const ZERO: Aml = [0x00];
export const LOCAL0: Aml = [0x60];
export const LOCAL1: Aml = [0x61];
export const ARG0: Aml = [0x68];

/** PkgLength: one byte up to 63, otherwise the low nibble first and one to three bytes more. The length includes itself. */
function packageLength(contentLength: number): Aml {
  if (contentLength + 1 < 0x40) return [contentLength + 1];
  for (let extra = 1; extra <= 3; extra++) {
    const total = contentLength + 1 + extra;
    if (total >= 2 ** (4 + 8 * extra)) continue;
    const bytes = [(extra << 6) | (total & 0x0f)];
    for (let index = 0; index < extra; index++) bytes.push((total >> (4 + 8 * index)) & 0xff);
    return bytes;
  }
  throw new Error("an AML package is too long");
}

function packaged(opcode: Aml, content: Aml): Aml {
  return [...opcode, ...packageLength(content.length), ...content];
}

const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0));

/** A path: segments of up to four characters, with a leading backslash for the root. */
export function path(text: string): Aml {
  const rooted = text.startsWith("\\");
  const segments = text.slice(rooted ? 1 : 0).split(".");
  const bytes = segments.flatMap((segment) => ascii(segment.padEnd(4, "_")));
  const prefix = segments.length === 1 ? [] : segments.length === 2 ? [0x2e] : [0x2f, segments.length];
  return [...(rooted ? [0x5c] : []), ...prefix, ...bytes];
}

export function integer(value: number): Aml {
  if (value === 0) return ZERO;
  if (value === 1) return [0x01];
  if (value < 0x100) return [0x0a, value];
  if (value < 0x10000) return [0x0b, value & 0xff, value >> 8];
  return [0x0c, ...dword(value)];
}

export function string(text: string): Aml {
  return [0x0d, ...ascii(text), 0];
}

export const word = (value: number): Aml => [value & 0xff, (value >> 8) & 0xff];
export const dword = (value: number): Aml => [...word(value & 0xffff), ...word(value >>> 16)];

export function buffer(content: Aml): Aml {
  return packaged([0x11], [...integer(content.length), ...content]);
}

/** `package` is a reserved word. */
export function packageOf(elements: readonly Aml[]): Aml {
  return packaged([0x12], [elements.length, ...elements.flat()]);
}

export function name(text: string, value: Aml): Aml {
  return [0x08, ...path(text), ...value];
}

export function scope(text: string, ...terms: readonly Aml[]): Aml {
  return packaged([0x10], [...path(text), ...terms.flat()]);
}

export function device(text: string, ...terms: readonly Aml[]): Aml {
  return packaged([EXTENDED, 0x82], [...path(text), ...terms.flat()]);
}

export function processor(text: string, id: number): Aml {
  return packaged([EXTENDED, 0x83], [...path(text), id, ...dword(0), 0]);
}

/** Serialized, since methods here create names. */
export function method(text: string, argumentCount: number, ...terms: readonly Aml[]): Aml {
  return packaged([0x14], [...path(text), argumentCount | 0x08, ...terms.flat()]);
}

export function operationRegion(text: string, space: number, offset: number, length: number): Aml {
  return [EXTENDED, 0x80, ...path(text), space, ...integer(offset), ...integer(length)];
}

/** Byte access, no lock, other bits preserved. */
export function byteField(region: string, names: readonly string[]): Aml {
  return packaged([EXTENDED, 0x81], [...path(region), 0x01, ...names.flatMap((field) => [...path(field), 8])]);
}

/** Access by dwords, no lock, other bits written as zeros. */
export function dwordField(region: string, names: readonly string[]): Aml {
  return packaged([EXTENDED, 0x81], [...path(region), 0x43, ...names.flatMap((field) => [...path(field), 32])]);
}

export const returnOf = (value: Aml): Aml => [0xa4, ...value];
export const store = (value: Aml, target: Aml): Aml => [0x70, ...value, ...target];
/** The target may be `ZERO`: the result is then only used as a value. */
export const and = (left: Aml, right: Aml, target: Aml = ZERO): Aml => [0x7b, ...left, ...right, ...target];
export const or = (left: Aml, right: Aml, target: Aml = ZERO): Aml => [0x7d, ...left, ...right, ...target];
export const notify = (target: Aml, code: number): Aml => [0x86, ...target, ...integer(code)];
export const createDwordField = (source: Aml, offset: number, field: string): Aml => [
  0x8a,
  ...source,
  ...integer(offset),
  ...path(field),
];
export function ifThen(condition: Aml, ...terms: readonly Aml[]): Aml {
  return packaged([0xa0], [...condition, ...terms.flat()]);
}

/** A PNP identifier such as PNP0A03, compressed to 32 bits. */
export function eisaId(text: string): Aml {
  const letters = ascii(text.slice(0, 3)).map((code) => code - 0x40);
  const packed = (letters[0]! << 10) | (letters[1]! << 5) | letters[2]!;
  const product = Number.parseInt(text.slice(3), 16);
  return [0x0c, packed >> 8, packed & 0xff, product >> 8, product & 0xff];
}
