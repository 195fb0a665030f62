/**
 * VMware disk images (VMDK, Virtual Disk Format 5.0): one sparse file with its descriptor inside, a descriptor with sparse or flat files beside it, compressed streams, and ESX
 * extents for reading. Parents are named by the descriptor and matched by content identity. Space-efficient sparse disks (seSparse), raw devices and
 * change tracking are deliberately absent.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice, ByteStore } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CreateDiskOptions,
  DiskFormat,
  DiskImage,
  OpenDiskOptions,
  StoreOpener,
} from "../../../contracts/DiskImage.ts";
import { BackingReader } from "../sparse/BackingReader.ts";
import { checkCreateOptions } from "../sparse/checkCreateOptions.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { createImageFile, openImageFile } from "../sparse/createImageFile.ts";
import { guidText, randomGuid } from "../sparse/guid.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import {
  encodeVmdkDescriptor,
  newVmdkLines,
  parseVmdkDescriptor,
  VMDK_DESCRIPTOR_MARK,
  type VmdkDescriptor,
  type VmdkExtentLine,
} from "./VmdkDescriptor.ts";
import { COWD_MAGIC, parseVmdkHeader, VMDK_MAGIC, type VmdkHeader } from "./VmdkHeader.ts";
import { type VmdkExtent, VmdkImage, vmdkParentFields, vmdkReference } from "./VmdkImage.ts";
import {
  createFlatExtent,
  createSparseExtent,
  createStream,
  isCompressed,
  openExtent,
  refuseToWrite,
  sparseExtent,
  writeSparseTables,
} from "./vmdkExtents.ts";

const SECTOR_BYTES = 512;
/** Room for a descriptor inside a sparse file. */
const DESCRIPTOR_SECTORS = 20;
const MOST_DESCRIPTOR_BYTES = 4 * 1024 * 1024;
/** 2047 MiB: a file of a split disk stays below 2 GiB with its tables. */
const SPLIT_BYTES = 2047 * 1024 * 1024;
const subformats = [
  "monolithicSparse",
  "streamOptimized",
  "monolithicFlat",
  "twoGbMaxExtentSparse",
  "twoGbMaxExtentFlat",
] as const;
type Subformat = (typeof subformats)[number];

export const vmdkFormat: DiskFormat = {
  id: "vmdk",
  subformats,

  async probe(store: ByteStore): Promise<boolean> {
    const bytes = new Uint8Array(SECTOR_BYTES);
    const count = await store.read(0, bytes);
    const magic = count < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true);
    if (magic === VMDK_MAGIC || magic === COWD_MAGIC) return true;
    return new TextDecoder("latin1").decode(bytes.slice(0, count)).trimStart().startsWith(VMDK_DESCRIPTOR_MARK);
  },

  async open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
    const start = await openImageFile(opener, name, "read", async (file) => {
      const bytes = new Uint8Array(SECTOR_BYTES);
      await file.read(0, bytes);
      await file.close();
      return bytes;
    });
    const magic = new DataView(start.buffer).getUint32(0, true);
    if (magic !== VMDK_MAGIC && magic !== COWD_MAGIC) return await openDescriptorFile(opener, name, options);
    const header = parseVmdkHeader(start, name);
    const writable = options.access === "write" && magic === VMDK_MAGIC && !isCompressed(header);
    return await openImageFile(opener, name, writable ? "write" : "read", async (file) => {
      refuseToWrite(file, header);
      return await openSingleFile(file, header, options);
    });
  },

  async create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage> {
    const subformat = checkCreateOptions("vmdk", subformats, options, "monolithicSparse");
    if (options.backing !== undefined && !subformat.endsWith("Sparse")) {
      throw new GuesthouseError("unsupported-operation", `A ${subformat} disk rests on nothing.`, { subformat });
    }
    switch (subformat) {
      case "monolithicSparse":
      case "streamOptimized":
        return await createImageFile(opener, name, (file) => createSingleFile(file, subformat, options));
      default:
        return await createSplit(opener, name, subformat, options);
    }
  },
};

async function openBacking(
  descriptor: VmdkDescriptor,
  options: OpenDiskOptions,
): Promise<{ device: BlockDevice | undefined; reference: BackingReference | undefined }> {
  const reference = vmdkReference(descriptor);
  return { reference, device: reference && (await options.openBacking?.(reference)) };
}

/** A sparse file with its descriptor inside, or one that stands alone without any. */
async function openSingleFile(file: ImageFile, header: VmdkHeader, options: OpenDiskOptions): Promise<DiskImage> {
  const position = header.descriptorSector * SECTOR_BYTES;
  const room = header.descriptorSectors * SECTOR_BYTES;
  const inside = position > 0 && room > 0;
  const descriptor = inside
    ? parseVmdkDescriptor(await file.bytes(position, room, "descriptor"), file.name)
    : loneDescriptor(header, file.name);
  if (descriptor.extents.length !== 1) throw unsupportedImage(file.name, "it describes several files inside one");
  const { device, reference } = await openBacking(descriptor, options);
  const image = await sparseExtent(file, header, new BackingReader(device, reference));
  const write = inside ? () => writeInside(file, position, room, descriptor) : async () => {};
  return singleImage(image, descriptor, device, options, write);
}

async function createSingleFile(file: ImageFile, subformat: Subformat, options: CreateDiskOptions): Promise<DiskImage> {
  const { sizeBytes, backing } = options;
  const name = file.name.slice(file.name.lastIndexOf("/") + 1);
  const stream = subformat === "streamOptimized";
  const access = stream ? "RDONLY" : "RW";
  const extent = { access, sectors: sizeBytes / SECTOR_BYTES, type: "SPARSE", name, offsetSectors: 0 } as const;
  const descriptor = newDescriptor(options, subformat, [extent]);
  const bytes = encodeVmdkDescriptor(descriptor);
  const room = DESCRIPTOR_SECTORS * SECTOR_BYTES;
  refuseLongDescriptor(bytes, room);
  if (stream) {
    const image = await createStream(file, sizeBytes, bytes);
    return singleImage(image, descriptor, undefined, options, async () => {});
  }
  const header = await writeSparseTables(file, sizeBytes, bytes, DESCRIPTOR_SECTORS);
  const behind = new BackingReader(backing?.device, vmdkReference(descriptor));
  const image = await sparseExtent(file, header, behind);
  const write = () => writeInside(file, SECTOR_BYTES, room, descriptor);
  return singleImage(image, descriptor, backing?.device, options, write);
}

function singleImage(
  image: DiskImage,
  descriptor: VmdkDescriptor,
  backing: BlockDevice | undefined,
  options: OpenDiskOptions | CreateDiskOptions,
  writeDescriptor: () => Promise<void>,
): DiskImage {
  // A stream's identity was written with its start, and stays.
  const stays = descriptor.createType === "streamOptimized";
  return new VmdkImage({
    descriptor,
    extents: [{ image, sizeBytes: image.sizeBytes }],
    readOnly: image.readOnly,
    backing,
    writeDescriptor,
    newCid: () => (stays ? descriptor.cid : randomCid(options)),
    async resize(extents, sizeBytes) {
      await resizeExtent(extents, descriptor, 0, sizeBytes);
    },
    async close() {},
    allocatedBytes: async () => 0,
  });
}

async function openDescriptorFile(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
  return await openImageFile(opener, name, options.access, async (file) => {
    if (file.sizeBytes > MOST_DESCRIPTOR_BYTES) throw corruptImage(name, "it is no VMDK descriptor");
    const descriptor = parseVmdkDescriptor(await file.bytes(0, file.sizeBytes, "descriptor"), name);
    const { device, reference } = await openBacking(descriptor, options);
    const beside = opener.beside(name);
    const extents: VmdkExtent[] = [];
    try {
      let start = 0;
      for (const line of descriptor.extents) {
        const access = line.type === "VMFSSPARSE" ? "read" : options.access;
        const image = await openExtent(beside, line, access, new BackingReader(device, reference, start));
        extents.push({ image, sizeBytes: line.sectors * SECTOR_BYTES });
        start += line.sectors * SECTOR_BYTES;
      }
    } catch (error) {
      for (const { image } of extents) await image?.close();
      throw error;
    }
    return splitImage(file, beside, descriptor, extents, device, options);
  });
}

async function createSplit(
  opener: StoreOpener,
  name: string,
  subformat: Subformat,
  options: CreateDiskOptions,
): Promise<DiskImage> {
  const beside = opener.beside(name);
  const descriptor = newDescriptor(options, subformat, []);
  const extents: VmdkExtent[] = [];
  return await createImageFile(opener, name, async (file) => {
    try {
      const device = options.backing?.device;
      await addExtents(beside, name, descriptor, extents, options.sizeBytes, device);
      await writeText(file, descriptor);
      await file.flush();
      return splitImage(file, beside, descriptor, extents, device, options);
    } catch (error) {
      for (const { image } of extents) await image?.close();
      for (const line of descriptor.extents) await beside.remove(line.name);
      throw error;
    }
  });
}

function splitImage(
  file: ImageFile,
  beside: StoreOpener,
  descriptor: VmdkDescriptor,
  extents: VmdkExtent[],
  backing: BlockDevice | undefined,
  options: OpenDiskOptions | CreateDiskOptions,
): DiskImage {
  const readOnly = !file.writable || extents.some(({ image }) => image?.readOnly === true);
  return new VmdkImage({
    descriptor,
    extents,
    readOnly,
    backing,
    writeDescriptor: () => writeText(file, descriptor),
    newCid: () => randomCid(options),
    async resize(present, sizeBytes) {
      await resizeSplit(file, beside, descriptor, present, sizeBytes, backing);
    },
    close: () => file.close(),
    allocatedBytes: () => file.allocatedBytes(),
  });
}

/** Adds extents behind the present ones until the disk has its size. */
async function addExtents(
  beside: StoreOpener,
  name: string,
  descriptor: VmdkDescriptor,
  extents: VmdkExtent[],
  sizeBytes: number,
  backing: BlockDevice | undefined,
): Promise<void> {
  const { createType } = descriptor;
  const base = name.slice(name.lastIndexOf("/") + 1).replace(/\.vmdk$/i, "");
  const sparse = createType === "twoGbMaxExtentSparse";
  const most = createType === "monolithicFlat" ? sizeBytes : SPLIT_BYTES;
  let start = extents.reduce((sum, extent) => sum + extent.sizeBytes, 0);
  while (start < sizeBytes) {
    const length = Math.min(most, sizeBytes - start);
    const number = String(extents.length + 1).padStart(3, "0");
    const suffix = createType === "monolithicFlat" ? "flat" : `${sparse ? "s" : "f"}${number}`;
    const extentName = `${base}-${suffix}.vmdk`;
    const behind = new BackingReader(backing, vmdkReference(descriptor), start);
    const image = sparse
      ? await createSparseExtent(beside, extentName, length, behind)
      : await createFlatExtent(beside, extentName, length);
    const type = sparse ? "SPARSE" : "FLAT";
    const line = { access: "RW", sectors: length / SECTOR_BYTES, type, name: extentName, offsetSectors: 0 } as const;
    extents.push({ image, sizeBytes: length });
    descriptor.extents = [...descriptor.extents, line];
    start += length;
  }
}

/** Larger: the last extent grows as far as its kind may, then others follow. Smaller: the descriptor forgets extents before their files go. */
async function resizeSplit(
  file: ImageFile,
  beside: StoreOpener,
  descriptor: VmdkDescriptor,
  extents: VmdkExtent[],
  sizeBytes: number,
  backing: BlockDevice | undefined,
): Promise<void> {
  const gone: { extent: VmdkExtent; line: VmdkExtentLine | undefined }[] = [];
  let start = extents.reduce((sum, extent) => sum + extent.sizeBytes, 0);
  for (let last = extents.pop(); last !== undefined; last = extents.pop()) {
    start -= last.sizeBytes;
    if (start < sizeBytes) {
      extents.push(last);
      break;
    }
    gone.push({ extent: last, line: descriptor.extents.at(-1) });
    descriptor.extents = descriptor.extents.slice(0, -1);
  }
  const most = descriptor.createType.startsWith("twoGb") ? SPLIT_BYTES : Number.POSITIVE_INFINITY;
  await resizeExtent(extents, descriptor, extents.length - 1, Math.min(most, sizeBytes - start));
  await addExtents(beside, file.name, descriptor, extents, sizeBytes, backing);
  await writeText(file, descriptor);
  await file.flush();
  for (const { extent, line } of gone) {
    await extent.image?.close();
    if (line !== undefined && line.type !== "ZERO") await beside.remove(line.name);
  }
}

async function resizeExtent(
  extents: VmdkExtent[],
  descriptor: VmdkDescriptor,
  index: number,
  sizeBytes: number,
): Promise<void> {
  const extent = extents[index];
  if (extent === undefined) throw new Error(`There is no extent ${index}.`);
  await extent.image?.resize(sizeBytes, true);
  extent.sizeBytes = sizeBytes;
  const sectors = sizeBytes / SECTOR_BYTES;
  descriptor.extents = descriptor.extents.map((line, at) => (at === index ? { ...line, sectors } : line));
}

function newDescriptor(
  options: CreateDiskOptions,
  createType: Subformat,
  extents: readonly VmdkExtentLine[],
): VmdkDescriptor {
  const uuid = guidText(randomGuid(options.services.entropy, "network"), "network");
  return {
    cid: randomCid(options),
    ...vmdkParentFields(options.backing?.reference),
    createType,
    extents,
    others: newVmdkLines(options.sizeBytes, uuid),
  };
}

/** For an extent that is opened by itself. */
function loneDescriptor(header: VmdkHeader, name: string): VmdkDescriptor {
  const extent = { access: "RW", sectors: header.capacitySectors, type: "SPARSE", name, offsetSectors: 0 } as const;
  const createType = header.magic === COWD_MAGIC ? "vmfsSparse" : "monolithicSparse";
  return { cid: "00000000", parentCid: undefined, parentName: undefined, createType, extents: [extent], others: [] };
}

async function writeInside(file: ImageFile, position: number, room: number, descriptor: VmdkDescriptor): Promise<void> {
  const bytes = encodeVmdkDescriptor(descriptor);
  refuseLongDescriptor(bytes, room);
  const padded = new Uint8Array(room);
  padded.set(bytes);
  await file.write(position, padded);
}

/** All ones would mean "no parent" to those who rest on it. */
function randomCid({ services }: OpenDiskOptions | CreateDiskOptions): string {
  const bytes = new Uint8Array(4);
  services.entropy.fill(bytes);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function refuseLongDescriptor(bytes: Uint8Array, room: number): void {
  if (bytes.length < room) return;
  throw new GuesthouseError("unsupported-operation", "The name of the parent does not fit into the image.", { room });
}

async function writeText(file: ImageFile, descriptor: VmdkDescriptor): Promise<void> {
  const bytes = encodeVmdkDescriptor(descriptor);
  const padded = new Uint8Array(Math.max(bytes.length, file.sizeBytes)).fill(0x0a);
  padded.set(bytes);
  await file.write(0, padded);
  await file.truncate(bytes.length);
}
