/**
 * Virtual Hard Disk version 2 images (VHDX, MS-VHDX): dynamic, fixed and differencing. A log that was left behind is replayed: in the file when the image is opened for
 * writing, in memory otherwise. Differencing images with sectors of 4096 bytes are only read. Shared sets (VHDS) are deliberately absent.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
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
import type { FileRange } from "../sparse/BlockMap.ts";
import { checkCreateOptions } from "../sparse/checkCreateOptions.ts";
import { unsupportedImage } from "../sparse/corruptImage.ts";
import { createImageFile } from "../sparse/createImageFile.ts";
import { guidText, randomGuid } from "../sparse/guid.ts";
import { ImageFile } from "../sparse/ImageFile.ts";
import { SparseImage } from "../sparse/SparseImage.ts";
import { ReplayedStore } from "./ReplayedStore.ts";
import { VhdxBlockMap } from "./VhdxBlockMap.ts";
import { ENTRY_BYTES, vhdxTableEntries } from "./VhdxBlockTable.ts";
import {
  MEBIBYTE,
  readVhdxHeader,
  readVhdxRegions,
  VHDX_SIGNATURE,
  type VhdxHeader,
  type VhdxRegions,
  writeVhdxHeader,
  writeVhdxRegions,
} from "./VhdxHeaders.ts";
import { applyVhdxReplay, readVhdxLog } from "./VhdxLog.ts";
import { locatorOf, newVhdxMetadata, referenceOf, VhdxMetadata, type VhdxParameters } from "./VhdxMetadata.ts";

const subformats = ["dynamic", "fixed", "differencing"] as const;
const LOG_BYTES = MEBIBYTE;
const LARGE_DISK_BYTES = 256 * 1024 ** 3;
const MOST_BYTES = 64 * 2 ** 40;

interface OpenFile {
  readonly file: ImageFile;
  readonly header: VhdxHeader;
  /** The log waits to be replayed; only seen when the file is not written. */
  readonly dirty: boolean;
}

export const vhdxFormat: DiskFormat = {
  id: "vhdx",
  subformats,

  async probe(store: ByteStore): Promise<boolean> {
    const bytes = new Uint8Array(8);
    return (await store.read(0, bytes)) === 8 && new TextDecoder("latin1").decode(bytes) === VHDX_SIGNATURE;
  },

  async open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
    const store = await opener.open(name, options.access);
    try {
      const open = await replayed(store, name, options.access === "write");
      const regions = await readVhdxRegions(open.file);
      const metadata = await VhdxMetadata.load(open.file, regions.metadata);
      const { hasParent, logicalSectorBytes, locator } = metadata.parameters;
      if (hasParent && logicalSectorBytes !== 512 && options.access === "write") {
        throw unsupportedImage(name, "differencing images with sectors of 4096 bytes are only read");
      }
      const reference = hasParent ? referenceOf(locator) : undefined;
      const map = await VhdxBlockMap.load(open.file, regions, metadata, frameOf(open.header));
      const backing = reference && (await options.openBacking?.(reference));
      return imageOf(open, metadata, map, options.services, new BackingReader(backing, reference));
    } catch (error) {
      await store.close();
      throw error;
    }
  },

  async create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage> {
    const subformat = checkCreateOptions("vhdx", subformats, options);
    const { sizeBytes, services, backing } = options;
    if (sizeBytes > MOST_BYTES) {
      throw new GuesthouseError("unsupported-size", "A VHDX image holds 64 TiB at most.", { sizeBytes });
    }
    const parameters: VhdxParameters = {
      blockBytes: (sizeBytes > LARGE_DISK_BYTES ? 32 : 2) * MEBIBYTE,
      fixed: subformat === "fixed",
      hasParent: backing !== undefined,
      diskBytes: sizeBytes,
      logicalSectorBytes: 512,
      locator: backing === undefined ? new Map() : locatorOf(backing.reference),
    };
    return await createImageFile(opener, name, async (file) => {
      const regions = await writeNewFile(file, parameters, services);
      const header = await readVhdxHeader(file);
      const metadata = await VhdxMetadata.load(file, regions.metadata);
      const map = await VhdxBlockMap.load(file, regions, metadata, frameOf(header));
      if (parameters.fixed) await map.placeAll();
      const reference = backing && referenceOf(parameters.locator);
      const behind = new BackingReader(backing?.device, reference);
      return imageOf({ file, header, dirty: false }, metadata, map, services, behind);
    });
  },
};

async function replayed(store: ByteStore, name: string, writable: boolean): Promise<OpenFile> {
  const file = await ImageFile.open(store, name, writable);
  const header = await readVhdxHeader(file);
  const replay = await readVhdxLog(file, header);
  if (replay === undefined) return { file, header, dirty: false };
  if (!writable) {
    const view = await ImageFile.open(new ReplayedStore(store, replay), name, false);
    return { file: view, header, dirty: true };
  }
  await applyVhdxReplay(file, replay);
  header.logGuid = new Uint8Array(16);
  await writeVhdxHeader(file, header);
  return { file, header, dirty: false };
}

function frameOf(header: VhdxHeader): FileRange[] {
  return [
    { position: 0, length: MEBIBYTE },
    { position: header.logOffset, length: header.logLength },
  ];
}

/** The identifier comes last: a file without it is nobody's image. */
async function writeNewFile(file: ImageFile, parameters: VhdxParameters, services: DiskServices): Promise<VhdxRegions> {
  const { diskBytes, blockBytes, logicalSectorBytes, hasParent } = parameters;
  const entries = vhdxTableEntries(diskBytes, blockBytes, logicalSectorBytes, hasParent);
  const metadata = { offset: MEBIBYTE + LOG_BYTES, length: MEBIBYTE };
  const batOffset = metadata.offset + metadata.length;
  const bat = { offset: batOffset, length: Math.ceil((entries * ENTRY_BYTES) / MEBIBYTE) * MEBIBYTE };
  await file.extend(bat.offset + bat.length);
  await file.write(metadata.offset, newVhdxMetadata(parameters, randomGuid(services.entropy, "little")));
  await writeVhdxRegions(file, { bat, metadata });
  const header: VhdxHeader = {
    sequenceNumber: 0n,
    fileWriteGuid: randomGuid(services.entropy, "little"),
    dataWriteGuid: randomGuid(services.entropy, "little"),
    logGuid: new Uint8Array(16),
    logLength: LOG_BYTES,
    logOffset: MEBIBYTE,
  };
  await writeVhdxHeader(file, header);
  await writeVhdxHeader(file, header);
  const identifier = new Uint8Array(512 + 8);
  identifier.set(new TextEncoder().encode(VHDX_SIGNATURE));
  for (const [index, character] of [..."Guesthouse"].entries()) identifier[8 + index * 2] = character.charCodeAt(0);
  await file.write(0, identifier);
  await file.flush();
  return { bat, metadata };
}

function imageOf(
  { file, header, dirty }: OpenFile,
  metadata: VhdxMetadata,
  map: VhdxBlockMap,
  services: DiskServices,
  behind: BackingReader,
): SparseImage {
  const { parameters } = metadata;
  const subformat = parameters.hasParent ? "differencing" : parameters.fixed ? "fixed" : "dynamic";
  return new SparseImage(
    file,
    map,
    {
      info: () => ({
        format: "vhdx",
        subformat,
        backing: parameters.hasParent ? referenceOf(parameters.locator) : undefined,
        identity: guidText(header.dataWriteGuid, "little"),
        encrypted: false,
        dirty,
      }),
      async beforeFirstWrite() {
        header.fileWriteGuid = randomGuid(services.entropy, "little");
        header.dataWriteGuid = randomGuid(services.entropy, "little");
        await writeVhdxHeader(file, header);
      },
      async rebase(reference: BackingReference | undefined) {
        if (reference === undefined && parameters.hasParent && !(await map.dropBitmaps())) {
          throw new GuesthouseError("unsupported-operation", "The image still needs what it rests on.");
        }
        await metadata.writeReference(reference);
      },
      async resized() {},
    },
    behind,
  );
}
