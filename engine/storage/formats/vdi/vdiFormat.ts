/**
 * VirtualBox disk images (VDI): dynamic, fixed and differencing. Undo images and encrypted ones are deliberately absent. A
 * differencing image made elsewhere names no file, only its parent's identity: `names` of its reference is empty then.
 */
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CreateDiskOptions,
  DiskFormat,
  DiskImage,
  DiskServices,
  OpenDiskOptions,
  StoreOpener,
} from "../../../contracts/DiskImage.ts";
import { BackingReader } from "../sparse/BackingReader.ts";
import { checkCreateOptions } from "../sparse/checkCreateOptions.ts";
import { createImageFile, openImageFile } from "../sparse/createImageFile.ts";
import { guidBytes, guidText, isNullGuid, randomGuid } from "../sparse/guid.ts";
import type { ImageFacts } from "../sparse/ImageFacts.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { SparseImage } from "../sparse/SparseImage.ts";
import { encodeEntries, VdiBlockMap } from "./VdiBlockMap.ts";
import {
  encodeVdiHeader,
  parseVdiHeader,
  VDI_HEADER_BYTES,
  VDI_SIGNATURE,
  type VdiHeader,
  vdiBackingName,
  withVdiBackingName,
} from "./VdiHeader.ts";

const BLOCK_BYTES = 1024 * 1024;
const DATA_ALIGNMENT_BYTES = 1024 * 1024;
const subformats = ["dynamic", "fixed", "differencing"] as const;

export const vdiFormat: DiskFormat = {
  id: "vdi",
  subformats,

  async probe(store: ByteStore): Promise<boolean> {
    const bytes = new Uint8Array(68);
    if ((await store.read(0, bytes)) < bytes.length) return false;
    return new DataView(bytes.buffer).getUint32(64, true) === VDI_SIGNATURE;
  },

  async open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
    return await openImageFile(opener, name, options.access, async (file) => {
      const header = parseVdiHeader(await file.bytes(0, VDI_HEADER_BYTES, "header"), name);
      const map = await VdiBlockMap.load(file, header);
      const reference = referenceOf(header);
      const backing = reference && (await options.openBacking?.(reference));
      return imageOf(file, header, map, options.services, new BackingReader(backing, reference));
    });
  },

  async create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage> {
    const subformat = checkCreateOptions("vdi", subformats, options);
    return await createImageFile(opener, name, async (file) => {
      const header = newHeader(options, subformat);
      await writeNewFile(file, header);
      const map = await VdiBlockMap.load(file, header);
      const reference = referenceOf(header);
      return imageOf(file, header, map, options.services, new BackingReader(options.backing?.device, reference));
    });
  },
};

function newHeader(options: CreateDiskOptions, type: (typeof subformats)[number]): VdiHeader {
  const { entropy } = options.services;
  const cBlocks = Math.ceil(options.sizeBytes / BLOCK_BYTES);
  const reference = options.backing?.reference;
  const linkage = guidBytes(reference?.identity ?? "", "little") ?? new Uint8Array(16);
  return {
    type,
    comment: withVdiBackingName("", reference?.names[0]),
    offBlocks: VDI_HEADER_BYTES,
    offData: Math.ceil((VDI_HEADER_BYTES + cBlocks * 4) / DATA_ALIGNMENT_BYTES) * DATA_ALIGNMENT_BYTES,
    cbDisk: options.sizeBytes,
    cbBlock: BLOCK_BYTES,
    cbBlockExtra: 0,
    cBlocks,
    cBlocksAllocated: type === "fixed" ? cBlocks : 0,
    uuidCreate: randomGuid(entropy, "little"),
    uuidModify: randomGuid(entropy, "little"),
    uuidLinkage: linkage,
    uuidParentModify: new Uint8Array(16),
    raw: new Uint8Array(VDI_HEADER_BYTES),
  };
}

async function writeNewFile(file: ImageFile, header: VdiHeader): Promise<void> {
  const fixed = header.type === "fixed";
  const entries = Uint32Array.from({ length: header.cBlocks }, (_, block) => (fixed ? block : 0xffffffff));
  await file.extend(header.offData + header.cBlocksAllocated * header.cbBlock);
  await file.write(header.offBlocks, encodeEntries(entries));
  header.raw = encodeVdiHeader(header);
  await file.write(0, header.raw);
  await file.flush();
}

function referenceOf(header: VdiHeader): BackingReference | undefined {
  if (header.type !== "differencing") return undefined;
  const name = vdiBackingName(header.comment);
  return {
    names: name === undefined ? [] : [name],
    format: undefined,
    identity: isNullGuid(header.uuidLinkage) ? undefined : guidText(header.uuidLinkage, "little"),
  };
}

function imageOf(
  file: ImageFile,
  header: VdiHeader,
  map: VdiBlockMap,
  services: DiskServices,
  behind: BackingReader,
): SparseImage {
  const facts: ImageFacts = {
    info: () => ({
      format: "vdi",
      subformat: header.type,
      backing: referenceOf(header),
      identity: guidText(header.uuidCreate, "little"),
      encrypted: false,
      dirty: false,
    }),
    async beforeFirstWrite() {
      await map.dropTail();
      header.uuidModify = randomGuid(services.entropy, "little");
      await file.write(408, header.uuidModify);
    },
    async rebase(reference) {
      header.type = reference === undefined ? "dynamic" : "differencing";
      header.comment = withVdiBackingName(header.comment, reference?.names[0]);
      header.uuidLinkage = guidBytes(reference?.identity ?? "", "little") ?? new Uint8Array(16);
      header.uuidParentModify = new Uint8Array(16);
      await map.writeHeader();
    },
    async resized() {},
  };
  return new SparseImage(file, map, facts, behind);
}
