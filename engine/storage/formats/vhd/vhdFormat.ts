/**
 * Virtual Hard Disk images (VHD, Virtual Hard Disk Image Format Specification 1.0): fixed, dynamic and differencing. The saved-state mark and images split over several files are
 * deliberately absent. Names of parents are kept with "/" between their parts and written with "\", as other readers expect.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CreateDiskOptions,
  DiskFormat,
  DiskImage,
  DiskImageInfo,
  OpenDiskOptions,
  StoreOpener,
} from "../../../contracts/DiskImage.ts";
import { BackingReader } from "../sparse/BackingReader.ts";
import { checkCreateOptions } from "../sparse/checkCreateOptions.ts";
import { corruptImage } from "../sparse/corruptImage.ts";
import { createImageFile, openImageFile } from "../sparse/createImageFile.ts";
import { FlatImageFile } from "../sparse/FlatImageFile.ts";
import { guidText, randomGuid } from "../sparse/guid.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { SparseImage } from "../sparse/SparseImage.ts";
import { encodeVhdEntries, roundUp, VhdBlockMap } from "./VhdBlockMap.ts";
import {
  encodeVhdDynamicHeader,
  parseVhdDynamicHeader,
  VHD_DYNAMIC_HEADER_BYTES,
  type VhdDynamicHeader,
  vhdLocators,
  vhdReference,
} from "./VhdDynamicHeader.ts";
import {
  encodeVhdFooter,
  newVhdFooter,
  parseVhdFooter,
  VHD_COOKIE,
  VHD_FOOTER_BYTES,
  VHD_MOST_BYTES,
  type VhdFooter,
} from "./VhdFooter.ts";

const BLOCK_BYTES = 2 * 1024 * 1024;
/** Footers of Virtual PC before 2004 are one byte short. */
const SHORT_FOOTER_BYTES = 511;
const subformats = ["dynamic", "fixed", "differencing"] as const;

interface FoundFooter {
  readonly footer: VhdFooter;
  /** Where the one at the end lies; undefined when only the copy at the start is whole. */
  readonly at: number | undefined;
}

export const vhdFormat: DiskFormat = {
  id: "vhd",
  subformats,

  async probe(store: ByteStore): Promise<boolean> {
    const size = await store.size();
    for (const position of [0, size - VHD_FOOTER_BYTES, size - SHORT_FOOTER_BYTES]) {
      const bytes = new Uint8Array(8);
      if (position < 0 || (await store.read(position, bytes)) < 8) continue;
      if (new TextDecoder("latin1").decode(bytes) === VHD_COOKIE) return true;
    }
    return false;
  },

  async open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
    return await openImageFile(opener, name, options.access, async (file) => {
      const { footer, at } = await findFooter(file);
      if (footer.type === "fixed") return fixedImage(file, footer);
      const header = parseVhdDynamicHeader(
        await file.bytes(Number(footer.dataOffset), VHD_DYNAMIC_HEADER_BYTES, "dynamic disk header"),
        name,
      );
      const map = await VhdBlockMap.load(file, footer, at, header);
      const reference = footer.type === "differencing" ? await vhdReference(file, header) : undefined;
      const backing = reference && (await options.openBacking?.(reference));
      return sparseImage(file, footer, map, reference, new BackingReader(backing, reference));
    });
  },

  async create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage> {
    const type = checkCreateOptions("vhd", subformats, options);
    const { sizeBytes, services, backing } = options;
    if (sizeBytes > VHD_MOST_BYTES) throw tooLarge(sizeBytes);
    return await createImageFile(opener, name, async (file) => {
      const uniqueId = randomGuid(services.entropy, "network");
      const footer = newVhdFooter(type, sizeBytes, uniqueId, services.wallClock.nowMs());
      if (type === "fixed") {
        await file.write(sizeBytes, encodeVhdFooter(footer));
        await file.flush();
        return fixedImage(file, footer);
      }
      const { header, footerAt } = await writeNewTables(file, footer, backing?.reference);
      const map = await VhdBlockMap.load(file, footer, footerAt, header);
      const reference = backing && (await vhdReference(file, header));
      return sparseImage(file, footer, map, reference, new BackingReader(backing?.device, reference));
    });
  },
};

/** The footer at the end counts; the copy at the start stands in while the file grows. */
async function findFooter(file: ImageFile): Promise<FoundFooter> {
  for (const length of [VHD_FOOTER_BYTES, SHORT_FOOTER_BYTES]) {
    const at = file.sizeBytes - length;
    if (at < 0) continue;
    const footer = parseVhdFooter(await file.bytes(at, length, "footer"), file.name);
    if (footer === undefined) continue;
    if (footer.type !== "fixed" || footer.currentSize <= at) return { footer, at };
    throw corruptImage(file.name, "its file is shorter than the disk", { currentSize: footer.currentSize });
  }
  const start = new Uint8Array(VHD_FOOTER_BYTES);
  await file.read(0, start);
  const footer = parseVhdFooter(start, file.name);
  if (footer === undefined || footer.type === "fixed") throw corruptImage(file.name, "it has no valid footer");
  return { footer, at: undefined };
}

async function writeNewTables(
  file: ImageFile,
  footer: VhdFooter,
  reference: BackingReference | undefined,
): Promise<{ header: VhdDynamicHeader; footerAt: number }> {
  const count = Math.ceil(footer.currentSize / BLOCK_BYTES);
  const tableOffset = VHD_FOOTER_BYTES + VHD_DYNAMIC_HEADER_BYTES;
  const tableBytes = roundUp(count * 4);
  const table = new Uint8Array(tableBytes).fill(0xff);
  table.set(encodeVhdEntries(new Uint32Array(count).fill(0xffffffff)));
  const none = { names: [], format: undefined, identity: undefined };
  const { fields, bytes } = vhdLocators(reference ?? none, tableOffset + tableBytes);
  const header: VhdDynamicHeader = { tableOffset, maxTableEntries: count, blockSize: BLOCK_BYTES, ...fields };
  const footerAt = tableOffset + tableBytes + bytes.length;
  await file.write(tableOffset, table);
  await file.write(tableOffset + tableBytes, bytes);
  await file.write(footerAt, encodeVhdFooter(footer));
  await file.write(VHD_FOOTER_BYTES, encodeVhdDynamicHeader(header));
  await file.write(0, encodeVhdFooter(footer));
  await file.flush();
  return { header, footerAt };
}

function sparseImage(
  file: ImageFile,
  footer: VhdFooter,
  map: VhdBlockMap,
  reference: BackingReference | undefined,
  behind: BackingReader,
): DiskImage {
  let names = reference;
  return new SparseImage(
    file,
    map,
    {
      info: () => ({ ...infoOf(footer), backing: names, dirty: !map.hasFooter }),
      beforeFirstWrite: () => map.dropTail(),
      async rebase(next) {
        await map.replaceReference(next);
        names = next && (await vhdReference(file, map.header));
      },
      async resized() {},
    },
    behind,
  );
}

function fixedImage(file: ImageFile, footer: VhdFooter): DiskImage {
  return new FlatImageFile(file, 0, footer.currentSize, {
    info: () => infoOf(footer),
    async beforeFirstWrite() {},
    async checkFrame() {
      return [];
    },
    async rebase(reference) {
      if (reference === undefined) return;
      throw new GuesthouseError("unsupported-operation", "A fixed VHD image rests on nothing.");
    },
    async resized(sizeBytes) {
      if (sizeBytes > VHD_MOST_BYTES) throw tooLarge(sizeBytes);
      footer.currentSize = sizeBytes;
      await file.write(sizeBytes, encodeVhdFooter(footer));
      await file.flush();
      await file.truncate(sizeBytes + VHD_FOOTER_BYTES);
    },
  });
}

function infoOf(footer: VhdFooter): Omit<DiskImageInfo, "sizeBytes" | "allocatedBytes"> {
  return {
    format: "vhd",
    subformat: footer.type,
    backing: undefined,
    identity: guidText(footer.uniqueId, "network"),
    encrypted: false,
    dirty: false,
  };
}

function tooLarge(sizeBytes: number): GuesthouseError {
  return new GuesthouseError("unsupported-size", "A VHD image holds 2040 GiB at most.", { sizeBytes });
}
