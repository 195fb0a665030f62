/** Operation codes and sense data of the multimedia commands (MMC-3, T10/1363D, and SFF-8020i) that an AtapiDrive knows. */
export const packetCommand = {
  testUnitReady: 0x00,
  requestSense: 0x03,
  inquiry: 0x12,
  modeSense6: 0x1a,
  startStopUnit: 0x1b,
  preventAllowMediumRemoval: 0x1e,
  readCapacity: 0x25,
  read10: 0x28,
  seek10: 0x2b,
  readToc: 0x43,
  getConfiguration: 0x46,
  getEventStatusNotification: 0x4a,
  readDiscInformation: 0x51,
  modeSense10: 0x5a,
  read12: 0xa8,
  mechanismStatus: 0xbd,
  readCd: 0xbe,
} as const;

export interface Sense {
  readonly key: number;
  readonly additionalCode: number;
}

export const sense = {
  none: { key: 0x0, additionalCode: 0x00 },
  mediumNotPresent: { key: 0x2, additionalCode: 0x3a },
  unrecoveredReadError: { key: 0x3, additionalCode: 0x11 },
  writeError: { key: 0x3, additionalCode: 0x0c },
  parameterListLengthError: { key: 0x5, additionalCode: 0x1a },
  logicalUnitNotSupported: { key: 0x5, additionalCode: 0x25 },
  writeProtected: { key: 0x7, additionalCode: 0x27 },
  invalidOperationCode: { key: 0x5, additionalCode: 0x20 },
  addressOutOfRange: { key: 0x5, additionalCode: 0x21 },
  invalidFieldInCommand: { key: 0x5, additionalCode: 0x24 },
  savingParametersNotSupported: { key: 0x5, additionalCode: 0x39 },
  mediumRemovalPrevented: { key: 0x5, additionalCode: 0x53 },
  illegalModeForThisTrack: { key: 0x5, additionalCode: 0x64 },
  mediumMayHaveChanged: { key: 0x6, additionalCode: 0x28 },
  powerOnOrReset: { key: 0x6, additionalCode: 0x29 },
} as const satisfies Record<string, Sense>;

/** Every sense by its number in a saved state. */
export function senseFrom(key: number, additionalCode: number): Sense {
  return { key: key & 0xf, additionalCode: additionalCode & 0xff };
}

export const SENSE_BYTES = 18;

/** Fixed format, current error (SPC-2 7.23.2). */
export function senseData({ key, additionalCode }: Sense): Uint8Array {
  const data = new Uint8Array(SENSE_BYTES);
  data[0] = 0x70;
  data[2] = key;
  data[7] = SENSE_BYTES - 8;
  data[12] = additionalCode;
  return data;
}

export function be16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

export function be24(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 16) | be16(bytes, offset + 1);
}

export function be32(bytes: Uint8Array, offset: number): number {
  return ((be16(bytes, offset) << 16) | be16(bytes, offset + 2)) >>> 0;
}

export function setBe16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function setBe32(bytes: Uint8Array, offset: number, value: number): void {
  setBe16(bytes, offset, value >>> 16);
  setBe16(bytes, offset + 2, value & 0xffff);
}
