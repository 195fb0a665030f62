/**
 * The metadata region of a VHDX file (MS-VHDX 2.6): a table of items, and what each says of the disk. New values are written beside the old ones where they may be longer, and the
 * table then points to them.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BackingReference } from "../../../contracts/DiskImage.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { guidBytes, guidText } from "../sparse/guid.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { MEBIBYTE, type VhdxRegion } from "./VhdxHeaders.ts";

const TABLE_BYTES = 64 * 1024;
const SIGNATURE = "metadata";
const MOST_ITEMS = 1023;
const items = {
  fileParameters: "caa16737-fa36-4d43-b3b6-33f0aa44e76b",
  virtualDiskSize: "2fa54224-cd1b-4876-b211-5dbed83bf4b8",
  virtualDiskId: "beca12ab-b2e6-4523-93ef-c309e000c746",
  logicalSectorSize: "8141bf1d-a96f-4709-ba47-f233a8faab5f",
  physicalSectorSize: "cda348c7-445d-4471-9cc9-e9885251c556",
  parentLocator: "a8d35f2d-b30b-454d-abf7-d3d84834ab0c",
} as const;
const LOCATOR_TYPE = "b04aefb7-d19e-4a81-b789-25b8e9445913";
const IS_VIRTUAL_DISK = 2;
const IS_REQUIRED = 4;
const LEAVE_BLOCKS_ALLOCATED = 1;
const HAS_PARENT = 2;
const MOST_DISK_BYTES = 64 * 2 ** 40;

interface Item {
  readonly id: string;
  /** Of its entry, in the file. */
  readonly entryAt: number;
  /** Of its value, in the region. */
  readonly offset: number;
  readonly length: number;
}

export interface VhdxParameters {
  readonly blockBytes: number;
  readonly fixed: boolean;
  hasParent: boolean;
  diskBytes: number;
  readonly logicalSectorBytes: number;
  /** Keys as the specification names them: parent_linkage, relative_path, ... */
  locator: ReadonlyMap<string, string>;
}

export class VhdxMetadata {
  readonly parameters: VhdxParameters;
  readonly #file: ImageFile;
  readonly #region: VhdxRegion;

  private constructor(file: ImageFile, region: VhdxRegion, parameters: VhdxParameters) {
    this.#file = file;
    this.#region = region;
    this.parameters = parameters;
  }

  static async load(file: ImageFile, region: VhdxRegion): Promise<VhdxMetadata> {
    const found = await readItems(file, region);
    const value = async (id: string, length: number) => {
      const item = found.find((each) => each.id === id);
      if (item === undefined || item.length < length)
        throw corruptImage(file.name, "its metadata lacks an item", { id });
      return new DataView((await file.bytes(region.offset + item.offset, item.length, "metadata")).buffer);
    };
    const file0 = await value(items.fileParameters, 8);
    const flags = file0.getUint32(4, true);
    const hasParent = (flags & HAS_PARENT) !== 0;
    const parameters: VhdxParameters = {
      blockBytes: file0.getUint32(0, true),
      fixed: (flags & LEAVE_BLOCKS_ALLOCATED) !== 0,
      hasParent,
      diskBytes: Number((await value(items.virtualDiskSize, 8)).getBigUint64(0, true)),
      logicalSectorBytes: (await value(items.logicalSectorSize, 4)).getUint32(0, true),
      locator: hasParent ? parseLocator(await value(items.parentLocator, 20), file.name) : new Map(),
    };
    checkParameters(parameters, file.name);
    return new VhdxMetadata(file, region, parameters);
  }

  async writeDiskSize(diskBytes: number): Promise<void> {
    const item = await this.#item(items.virtualDiskSize);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(diskBytes), true);
    await this.#file.write(this.#region.offset + (item?.offset ?? 0), bytes);
    await this.#file.flush();
    this.parameters.diskBytes = diskBytes;
  }

  async writeReference(reference: BackingReference | undefined): Promise<void> {
    if (reference !== undefined) {
      const locator = locatorOf(reference);
      await this.#place(items.parentLocator, encodeLocator(locator));
      this.parameters.locator = locator;
    }
    const item = await this.#item(items.fileParameters);
    const bytes = new Uint8Array(4);
    const flags = (this.parameters.fixed ? LEAVE_BLOCKS_ALLOCATED : 0) | (reference === undefined ? 0 : HAS_PARENT);
    new DataView(bytes.buffer).setUint32(0, flags, true);
    await this.#file.write(this.#region.offset + (item?.offset ?? 0) + 4, bytes);
    await this.#file.flush();
    this.parameters.hasParent = reference !== undefined;
  }

  async #item(id: string): Promise<Item | undefined> {
    return (await readItems(this.#file, this.#region)).find((item) => item.id === id);
  }

  /** Behind all values that are there, or from the start of their place again when no room is left. */
  async #place(id: string, bytes: Uint8Array): Promise<void> {
    const present = await readItems(this.#file, this.#region);
    const old = present.find((item) => item.id === id);
    const endOf = (list: readonly Item[]) =>
      list.reduce((end, { offset, length }) => Math.max(end, offset + length), TABLE_BYTES);
    let offset = endOf(present);
    if (offset + bytes.length > this.#region.length) offset = endOf(present.filter((item) => item !== old));
    const tooLong = offset + bytes.length > Math.min(this.#region.length, offset + 65535);
    if (tooLong) throw new GuesthouseError("unsupported-operation", "The parent's name does not fit into the image.");
    await this.#file.write(this.#region.offset + offset, bytes);
    await this.#file.flush();
    const entryAt = old?.entryAt ?? this.#region.offset + 32 + present.length * 32;
    await this.#file.write(entryAt, encodeEntry(id, offset, bytes.length, IS_REQUIRED));
    await this.#file.flush();
    if (old !== undefined) return;
    const count = new Uint8Array(2);
    new DataView(count.buffer).setUint16(0, present.length + 1, true);
    await this.#file.write(this.#region.offset + 10, count);
  }
}

/** The region of a new image, from its start to the end of the last value. */
export function newVhdxMetadata(parameters: VhdxParameters, diskId: Uint8Array): Uint8Array {
  const value = (bytes: number, fill: (view: DataView) => void) => {
    const result = new Uint8Array(bytes);
    fill(new DataView(result.buffer));
    return result;
  };
  const flags = (parameters.fixed ? LEAVE_BLOCKS_ALLOCATED : 0) | (parameters.hasParent ? HAS_PARENT : 0);
  const values: [string, number, Uint8Array][] = [
    [
      items.fileParameters,
      IS_REQUIRED,
      value(8, (view) => {
        view.setUint32(0, parameters.blockBytes, true);
        view.setUint32(4, flags, true);
      }),
    ],
    [
      items.virtualDiskSize,
      IS_REQUIRED | IS_VIRTUAL_DISK,
      value(8, (view) => view.setBigUint64(0, BigInt(parameters.diskBytes), true)),
    ],
    [items.virtualDiskId, IS_REQUIRED | IS_VIRTUAL_DISK, diskId],
    [items.logicalSectorSize, IS_REQUIRED | IS_VIRTUAL_DISK, value(4, (view) => view.setUint32(0, 512, true))],
    [items.physicalSectorSize, IS_REQUIRED | IS_VIRTUAL_DISK, value(4, (view) => view.setUint32(0, 4096, true))],
  ];
  if (parameters.hasParent) values.push([items.parentLocator, IS_REQUIRED, encodeLocator(parameters.locator)]);
  const total = values.reduce((sum, [, , bytes]) => sum + bytes.length, TABLE_BYTES);
  const region = new Uint8Array(total);
  region.set(new TextEncoder().encode(SIGNATURE));
  new DataView(region.buffer).setUint16(10, values.length, true);
  let offset = TABLE_BYTES;
  for (const [index, [id, itemFlags, bytes]] of values.entries()) {
    region.set(encodeEntry(id, offset, bytes.length, itemFlags), 32 + index * 32);
    region.set(bytes, offset);
    offset += bytes.length;
  }
  return region;
}

export function locatorOf(reference: BackingReference): Map<string, string> {
  const locator = new Map<string, string>();
  if (reference.identity !== undefined) locator.set("parent_linkage", `{${reference.identity.toUpperCase()}}`);
  for (const name of reference.names) {
    const absolute = name.startsWith("/") || /^[A-Za-z]:/.test(name);
    const key = absolute ? "absolute_win32_path" : "relative_path";
    const text = name.startsWith("/") ? name : name.replaceAll("/", "\\");
    if (!locator.has(key)) locator.set(key, absolute ? text : `.\\${text}`);
  }
  return locator;
}

export function referenceOf(locator: ReadonlyMap<string, string>): BackingReference {
  const names: string[] = [];
  for (const key of ["relative_path", "absolute_win32_path", "volume_path"]) {
    const text = locator.get(key);
    if (text === undefined || text === "") continue;
    names.push(text.startsWith("/") ? text : text.replaceAll("\\", "/").replace(/^(\.\/)+/, ""));
  }
  const linkage = locator.get("parent_linkage");
  const bytes = linkage === undefined ? undefined : guidBytes(linkage, "little");
  return { names, format: undefined, identity: bytes && guidText(bytes, "little") };
}

async function readItems(file: ImageFile, region: VhdxRegion): Promise<Item[]> {
  const table = await file.bytes(region.offset, TABLE_BYTES, "metadata table");
  const view = new DataView(table.buffer);
  if (new TextDecoder("latin1").decode(table.slice(0, 8)) !== SIGNATURE) {
    throw corruptImage(file.name, "its metadata table has no signature");
  }
  const count = view.getUint16(10, true);
  if (count > MOST_ITEMS) throw corruptImage(file.name, "it has too many metadata items", { count });
  const found: Item[] = [];
  for (let index = 0; index < count; index++) {
    const at = 32 + index * 32;
    const id = guidText(table.subarray(at, at + 16), "little");
    const offset = view.getUint32(at + 16, true);
    const length = view.getUint32(at + 20, true);
    const known = Object.values<string>(items).includes(id);
    if (!known && (view.getUint32(at + 24, true) & IS_REQUIRED) !== 0) {
      throw unsupportedImage(file.name, "it has metadata that must be understood and is not", { id });
    }
    if (known && (offset < TABLE_BYTES || length > MEBIBYTE || offset + length > region.length)) {
      throw corruptImage(file.name, "a metadata item lies outside its region", { id, offset, length });
    }
    found.push({ id, entryAt: region.offset + at, offset, length });
  }
  return found;
}

function checkParameters({ blockBytes, diskBytes, logicalSectorBytes }: VhdxParameters, name: string): void {
  if (blockBytes < MEBIBYTE || blockBytes > 256 * MEBIBYTE || Math.log2(blockBytes) % 1 !== 0) {
    throw corruptImage(name, "its block size is impossible", { blockBytes });
  }
  if (logicalSectorBytes !== 512 && logicalSectorBytes !== 4096) {
    throw corruptImage(name, "its sector size is impossible", { logicalSectorBytes });
  }
  if (diskBytes === 0 || diskBytes > MOST_DISK_BYTES || diskBytes % 512 !== 0) {
    throw corruptImage(name, "its size is impossible", { diskBytes });
  }
}

function encodeEntry(id: string, offset: number, length: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  bytes.set(guidBytes(id, "little") ?? bytes);
  view.setUint32(16, offset, true);
  view.setUint32(20, length, true);
  view.setUint32(24, flags, true);
  return bytes;
}

function parseLocator(view: DataView, name: string): Map<string, string> {
  const type = guidText(new Uint8Array(view.buffer, view.byteOffset, 16), "little");
  if (type !== LOCATOR_TYPE) throw unsupportedImage(name, "its parent locator is of an unknown type", { type });
  const text = (offset: number, length: number) => {
    if (offset + length > view.byteLength) throw corruptImage(name, "its parent locator is cut off");
    let result = "";
    for (let at = offset; at + 1 < offset + length; at += 2) result += String.fromCharCode(view.getUint16(at, true));
    return result;
  };
  const locator = new Map<string, string>();
  const count = view.getUint16(18, true);
  for (let index = 0; index < count; index++) {
    const at = 20 + index * 12;
    if (at + 12 > view.byteLength) throw corruptImage(name, "its parent locator is cut off");
    const key = text(view.getUint32(at, true), view.getUint16(at + 8, true));
    locator.set(key, text(view.getUint32(at + 4, true), view.getUint16(at + 10, true)));
  }
  return locator;
}

function encodeLocator(locator: ReadonlyMap<string, string>): Uint8Array {
  const texts = [...locator].flat();
  const start = 20 + locator.size * 12;
  const total = texts.reduce((sum, text) => sum + text.length * 2, start);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  bytes.set(guidBytes(LOCATOR_TYPE, "little") ?? bytes);
  view.setUint16(18, locator.size, true);
  let offset = start;
  for (const [index, text] of texts.entries()) {
    const at = 20 + (index >> 1) * 12;
    const second = index & 1;
    view.setUint32(at + second * 4, offset, true);
    view.setUint16(at + 8 + second * 2, text.length * 2, true);
    for (let unit = 0; unit < text.length; unit++) view.setUint16(offset + unit * 2, text.charCodeAt(unit), true);
    offset += text.length * 2;
  }
  return bytes;
}
