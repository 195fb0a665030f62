/** What an ATA disk tells besides its identity: SMART data of a disk in good health, logs, and how it reads a TRIM list (ACS-2 7.5, 7.52). */
const SECTOR_BYTES = 512;

/** The byte that makes a sector's sum zero. */
function sealed(data: Uint8Array): Uint8Array {
  data[SECTOR_BYTES - 1] = -data.subarray(0, SECTOR_BYTES - 1).reduce((sum, byte) => sum + byte, 0) & 0xff;
  return data;
}

/** Revision 16, no attributes, no self-test under way. */
export function smartData(): Uint8Array {
  const data = new Uint8Array(SECTOR_BYTES);
  data[0] = 0x10;
  return sealed(data);
}

export function smartThresholds(): Uint8Array {
  return smartData();
}

/** General purpose log 0: one page each of the logs that are there. */
export function logDirectory(logs: readonly number[]): Uint8Array {
  const data = new Uint8Array(SECTOR_BYTES);
  data[0] = 1;
  for (const log of logs) data[2 * log] = 1;
  return data;
}

export const QUEUED_ERROR_LOG = 0x10;

/** Log 10h: which queued command failed, and how. */
export function queuedErrorLog(tag: number, status: number, error: number, sector: number): Uint8Array {
  const data = new Uint8Array(SECTOR_BYTES);
  data.set([tag, 0, status, error]);
  const high = Math.floor(sector / 0x100_0000);
  data.set([sector & 0xff, (sector >>> 8) & 0xff, Math.floor(sector / 0x1_0000) & 0xff, 0x40], 4);
  data.set([high & 0xff, (high >>> 8) & 0xff, (high >>> 16) & 0xff], 8);
  return sealed(data);
}

export interface SectorRange {
  readonly sector: number;
  readonly sectors: number;
}

/** Entries of 48 bits of address and 16 of length. */
export function trimRanges(list: Uint8Array): SectorRange[] {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const ranges: SectorRange[] = [];
  for (let at = 0; at + 8 <= list.length; at += 8) {
    const sectors = view.getUint16(at + 6, true);
    if (sectors > 0)
      ranges.push({ sector: view.getUint16(at + 4, true) * 2 ** 32 + view.getUint32(at, true), sectors });
  }
  return ranges;
}
