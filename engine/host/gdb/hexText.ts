/** Bytes and numbers as GDB's remote protocol writes them: hexadecimal digits, little-endian for registers, big-endian for addresses. */

export function hexOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Undefined when it is no even number of digits. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function hexOfRegister(value: bigint, bits: number): string {
  const text = BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, "0");
  return (text.match(/../g) ?? []).toReversed().join("");
}

export function registerOfHex(text: string, bits: number): bigint | undefined {
  if (text.length !== bits / 4 || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
  return BigInt(`0x${(text.match(/../g) ?? []).toReversed().join("")}`);
}

/** A number of at most 64 bits, or undefined. */
export function numberOfHex(text: string): bigint | undefined {
  return /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
