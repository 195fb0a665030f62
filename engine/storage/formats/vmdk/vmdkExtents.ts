/** Opens and makes the extents of VMDK disks: sparse, compressed and flat ones, as DiskImages of their own without identity. */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { DiskImage, StoreOpener } from "../../../contracts/DiskImage.ts";
import type { BackingReader } from "../sparse/BackingReader.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { createImageFile, openImageFile } from "../sparse/createImageFile.ts";
import { FlatImageFile } from "../sparse/FlatImageFile.ts";
import type { ImageFacts } from "../sparse/ImageFacts.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { SparseImage } from "../sparse/SparseImage.ts";
import type { VmdkExtentLine } from "./VmdkDescriptor.ts";
import { encodeSectors, VmdkGrainMap } from "./VmdkGrainMap.ts";
import {
  COWD_MAGIC,
  encodeVmdkHeader,
  parseVmdkHeader,
  VMDK_MAGIC,
  type VmdkHeader,
  vmdkFlags,
  vmdkTableCount,
} from "./VmdkHeader.ts";
import { VmdkStreamExtent } from "./VmdkStreamExtent.ts";

const SECTOR_BYTES = 512;
const GRAIN_SECTORS = 128;
const TABLE_ENTRIES = 512;
/** Sector numbers of 32 bits. */
const MOST_SPARSE_BYTES = 2 ** 41 - 2 ** 32;

export function isCompressed(header: VmdkHeader): boolean {
  return (header.flags & vmdkFlags.compressedGrains) !== 0;
}

/** A sparse extent of either kind; the image owns the file. */
export async function sparseExtent(file: ImageFile, header: VmdkHeader, behind: BackingReader): Promise<DiskImage> {
  if (isCompressed(header)) {
    if (header.compressAlgorithm !== 1) throw unsupportedImage(file.name, "its grains are not compressed by deflate");
    return await VmdkStreamExtent.open(file, header);
  }
  const facts = plainFacts(header.magic === COWD_MAGIC ? "vmfsSparse" : "sparse", header.unclean);
  return new SparseImage(file, await VmdkGrainMap.load(file, header), facts, behind);
}

/** The extent that a line of a descriptor names; `opener` finds files beside the descriptor. */
export async function openExtent(
  opener: StoreOpener,
  line: VmdkExtentLine,
  access: "read" | "write",
  behind: BackingReader,
): Promise<DiskImage | undefined> {
  const sizeBytes = line.sectors * SECTOR_BYTES;
  if (line.access === "NOACCESS") throw unsupportedImage(line.name, "an extent of it must not be accessed");
  const allowed = line.access === "RW" ? access : "read";
  switch (line.type) {
    case "ZERO":
      return undefined;
    case "FLAT":
    case "VMFS":
      return await openImageFile(opener, line.name, allowed, async (file) => {
        const position = line.offsetSectors * SECTOR_BYTES;
        if (position + sizeBytes > file.sizeBytes)
          throw corruptImage(line.name, "it is shorter than its descriptor says");
        return flatExtent(file, position, sizeBytes);
      });
    case "SPARSE":
    case "VMFSSPARSE":
      return await openImageFile(opener, line.name, allowed, async (file) => {
        const header = parseVmdkHeader(await file.bytes(0, SECTOR_BYTES, "header"), line.name);
        refuseToWrite(file, header);
        const image = await sparseExtent(file, header, behind);
        if (image.sizeBytes < sizeBytes) throw corruptImage(line.name, "it is smaller than its descriptor says");
        return image;
      });
    default:
      throw unsupportedImage(line.name, `extents of type ${line.type} are not offered`);
  }
}

/** ESX extents and compressed ones are only read. */
export function refuseToWrite(file: ImageFile, header: VmdkHeader): void {
  if (!file.writable || (header.magic === VMDK_MAGIC && !isCompressed(header))) return;
  throw new GuesthouseError("unsupported-operation", "Extents of this kind are only read.", { name: file.name });
}

export async function createFlatExtent(opener: StoreOpener, name: string, sizeBytes: number): Promise<DiskImage> {
  return await createImageFile(opener, name, async (file) => {
    await file.extend(sizeBytes);
    await file.flush();
    return flatExtent(file, 0, sizeBytes);
  });
}

export async function createSparseExtent(
  opener: StoreOpener,
  name: string,
  sizeBytes: number,
  behind: BackingReader,
): Promise<DiskImage> {
  return await createImageFile(opener, name, async (file) => {
    const header = await writeSparseTables(file, sizeBytes, new Uint8Array(0), 0);
    return await sparseExtent(file, header, behind);
  });
}

/** The header of a new extent and its empty tables; `descriptor` gets room of its own. */
export async function writeSparseTables(
  file: ImageFile,
  sizeBytes: number,
  descriptor: Uint8Array,
  descriptorSectors: number,
): Promise<VmdkHeader> {
  if (sizeBytes > MOST_SPARSE_BYTES) {
    throw new GuesthouseError("unsupported-size", "A sparse VMDK file holds 2 TiB at most.", { sizeBytes });
  }
  const header = newHeader(sizeBytes, descriptorSectors);
  const count = vmdkTableCount(header);
  const directorySectors = Math.ceil((count * 4) / SECTOR_BYTES);
  const tableSectors = (TABLE_ENTRIES * 4) / SECTOR_BYTES;
  header.rgdSector = 1 + descriptorSectors;
  header.gdSector = header.rgdSector + directorySectors + count * tableSectors;
  const end = header.gdSector + directorySectors + count * tableSectors;
  header.overHeadSectors = Math.ceil(end / GRAIN_SECTORS) * GRAIN_SECTORS;
  await file.extend(header.overHeadSectors * SECTOR_BYTES);
  for (const sector of [header.rgdSector, header.gdSector]) {
    const first = sector + directorySectors;
    const directory = Uint32Array.from({ length: count }, (_, index) => first + index * tableSectors);
    await file.write(sector * SECTOR_BYTES, encodeSectors(directory));
  }
  if (descriptor.length > 0) await file.write(SECTOR_BYTES, descriptor);
  await file.write(0, encodeVmdkHeader(header));
  await file.flush();
  return header;
}

/** Header and descriptor of a stream, in one piece: the file is written from its start to its end. */
export async function createStream(file: ImageFile, sizeBytes: number, descriptor: Uint8Array): Promise<DiskImage> {
  const descriptorSectors = Math.ceil(descriptor.length / SECTOR_BYTES);
  const header = newHeader(sizeBytes, descriptorSectors);
  header.version = 3;
  header.flags = vmdkFlags.newLineTest | vmdkFlags.compressedGrains | vmdkFlags.markers;
  header.compressAlgorithm = 1;
  header.gdSector = undefined;
  header.overHeadSectors = Math.ceil((1 + descriptorSectors) / GRAIN_SECTORS) * GRAIN_SECTORS;
  const start = new Uint8Array(header.overHeadSectors * SECTOR_BYTES);
  start.set(encodeVmdkHeader(header));
  start.set(descriptor, SECTOR_BYTES);
  await file.write(0, start);
  return VmdkStreamExtent.create(file, header);
}

function newHeader(sizeBytes: number, descriptorSectors: number): VmdkHeader {
  return {
    magic: VMDK_MAGIC,
    version: 1,
    flags: vmdkFlags.newLineTest | vmdkFlags.redundantGrainTable,
    capacitySectors: sizeBytes / SECTOR_BYTES,
    grainSectors: GRAIN_SECTORS,
    descriptorSector: descriptorSectors === 0 ? 0 : 1,
    descriptorSectors,
    entriesPerTable: TABLE_ENTRIES,
    rgdSector: 0,
    gdSector: 0,
    overHeadSectors: 0,
    unclean: false,
    compressAlgorithm: 0,
  };
}

function flatExtent(file: ImageFile, position: number, sizeBytes: number): FlatImageFile {
  return new FlatImageFile(file, position, sizeBytes, {
    ...plainFacts("flat", false),
    async checkFrame() {
      return [];
    },
    async resized(next) {
      if (position === 0) await file.truncate(next);
      else await file.extend(position + next);
    },
  });
}

function plainFacts(subformat: string, dirty: boolean): ImageFacts {
  return {
    info: () => ({ format: "vmdk", subformat, backing: undefined, identity: undefined, encrypted: false, dirty }),
    async beforeFirstWrite() {},
    async rebase() {
      throw new Error("The descriptor names what lies behind, not an extent.");
    },
    async resized() {},
  };
}
