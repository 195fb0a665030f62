/** CRC-32C (Castagnoli polynomial, reflected), as all checked structures of VHDX use it (MS-VHDX 2.2). */
const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) === 0 ? 0 : 0x82f63b78);
  return value;
});

/** The four bytes at `checksumAt` count as zeros: they are where the checksum itself stands. */
export function crc32c(bytes: Uint8Array, checksumAt = -4): number {
  let crc = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    const byte = index >= checksumAt && index < checksumAt + 4 ? 0 : (bytes[index] ?? 0);
    crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}
