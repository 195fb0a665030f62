/** What a SCSI disk tells about itself (SPC-3 6.4, 7.6; SBC-3 5.12, 6.4). */
import { setBe16, setBe32 } from "../ata/atapiCommands.ts";

export interface ScsiDiskFacts {
  readonly sectors: number;
  readonly serialNumber: string;
  readonly solidState: boolean;
  readonly removable: boolean;
  readonly readOnly: boolean;
  readonly writeCache: boolean;
}

export const UNMAP_RANGES_MAX = 256;
const UNMAP_SECTORS_MAX = 0x40_0000;
const TRANSFER_SECTORS_MAX = 0xffff;
const MODEL = "HARDDISK";
const VENDOR = "GUESTHOU";

function ascii(data: Uint8Array, offset: number, length: number, text: string): void {
  for (let index = 0; index < length; index++) {
    data[offset + index] = index < text.length ? text.charCodeAt(index) & 0x7f : 0x20;
  }
}

export function inquiry(facts: ScsiDiskFacts): Uint8Array {
  const data = new Uint8Array(36);
  data.set([0x00, facts.removable ? 0x80 : 0, 0x05, 0x02, 36 - 5, 0, 0, 0x02]);
  ascii(data, 8, 8, VENDOR);
  ascii(data, 16, 16, MODEL);
  ascii(data, 32, 4, "1.0");
  return data;
}

function page(code: number, body: Uint8Array | readonly number[]): Uint8Array {
  return Uint8Array.from([0, code, body.length >> 8, body.length & 0xff, ...body]);
}

/** Undefined for a page that is not there. */
export function vitalProductData(code: number, facts: ScsiDiskFacts): Uint8Array | undefined {
  switch (code) {
    case 0x00:
      return page(code, [0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2]);
    case 0x80: {
      const serial = new Uint8Array(20);
      ascii(serial, 0, 20, facts.serialNumber);
      return page(code, serial);
    }
    case 0x83: {
      // One designator: T10 vendor identification, ASCII.
      const text = new Uint8Array(28);
      ascii(text, 0, 8, VENDOR);
      ascii(text, 8, 20, facts.serialNumber);
      return page(code, [0x02, 0x01, 0x00, text.length, ...text]);
    }
    case 0xb0: {
      const limits = new Uint8Array(60);
      setBe16(limits, 2, 8); // Optimal granularity.
      setBe32(limits, 4, TRANSFER_SECTORS_MAX);
      setBe32(limits, 16, UNMAP_SECTORS_MAX);
      setBe32(limits, 20, UNMAP_RANGES_MAX);
      setBe32(limits, 24, 1);
      setBe32(limits, 36, UNMAP_SECTORS_MAX); // WRITE SAME, high half zero.
      return page(code, limits);
    }
    case 0xb1: {
      const characteristics = new Uint8Array(60);
      setBe16(characteristics, 0, facts.solidState ? 1 : 7200);
      return page(code, characteristics);
    }
    case 0xb2:
      // UNMAP and both forms of WRITE SAME deallocate; thin.
      return page(code, [0, 0xe0, 0x02, 0]);
    default:
      return undefined;
  }
}

export function readCapacity10(sectors: number): Uint8Array {
  const data = new Uint8Array(8);
  setBe32(data, 0, Math.min(sectors - 1, 0xffff_ffff));
  setBe32(data, 4, 512);
  return data;
}

export function readCapacity16(sectors: number): Uint8Array {
  const data = new Uint8Array(32);
  new DataView(data.buffer).setBigUint64(0, BigInt(sectors - 1));
  setBe32(data, 8, 512);
  data[14] = 0x80; // Logical blocks can be unmapped.
  return data;
}

export function modeSense(
  code: number,
  changeable: boolean,
  longHeader: boolean,
  facts: ScsiDiskFacts,
): Uint8Array | undefined {
  const caching = [0x08, 0x12, facts.writeCache && !changeable ? 0x04 : 0, ...new Array<number>(17).fill(0)];
  const control = [0x0a, 0x0a, 0x02, ...new Array<number>(9).fill(0)];
  const pages = [caching, control].filter(([found]) => code === 0x3f || found === code).flat();
  if (pages.length === 0) return undefined;
  // Write protection; DPO and FUA are understood.
  const flags = (facts.readOnly ? 0x80 : 0) | 0x10;
  if (!longHeader) return Uint8Array.from([pages.length + 3, 0, flags, 0, ...pages]);
  const length = pages.length + 6;
  return Uint8Array.from([length >> 8, length & 0xff, 0, flags, 0, 0, 0, 0, ...pages]);
}

/** REPORT LUNS: logical unit 0 alone. */
export function reportLuns(): Uint8Array {
  const data = new Uint8Array(16);
  data[3] = 8;
  return data;
}
