/**
 * The text that describes a VMDK disk (Virtual Disk Format 5.0, "The Descriptor File"): content identities of the disk and its parent, the extents that it is
 * made of, and a database of hints. Lines that are not understood are kept as they are.
 */
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";

export const VMDK_DESCRIPTOR_MARK = "# Disk DescriptorFile";
const NO_PARENT = "ffffffff";
const MOST_EXTENTS = 4096;

export interface VmdkExtentLine {
  readonly access: "RW" | "RDONLY" | "NOACCESS";
  readonly sectors: number;
  /** SPARSE, FLAT, ZERO, VMFS, VMFSSPARSE, ... */
  readonly type: string;
  readonly name: string;
  /** Of a flat extent, in its file. */
  readonly offsetSectors: number;
}

export interface VmdkDescriptor {
  cid: string;
  /** Undefined: there is no parent, or nobody noted its identity. */
  parentCid: string | undefined;
  parentName: string | undefined;
  readonly createType: string;
  extents: readonly VmdkExtentLine[];
  /** All lines that are none of these, in their order. */
  readonly others: readonly string[];
}

export function parseVmdkDescriptor(bytes: Uint8Array, name: string): VmdkDescriptor {
  const end = bytes.indexOf(0);
  const text = new TextDecoder("utf-8").decode(bytes.slice(0, end < 0 ? bytes.length : end));
  const values = new Map<string, string>();
  const extents: VmdkExtentLine[] = [];
  const others: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const extent = parseExtent(line);
    if (extent !== undefined) {
      extents.push(extent);
      if (extents.length > MOST_EXTENTS) throw unsupportedImage(name, "it has too many extents");
      continue;
    }
    const pair = /^\s*(CID|parentCID|parentFileNameHint|createType)\s*=\s*"?([^"]*?)"?\s*$/i.exec(line);
    if (pair === null) others.push(line);
    else values.set((pair[1] ?? "").toLowerCase(), pair[2] ?? "");
  }
  if (extents.length === 0) throw corruptImage(name, "its descriptor names no extents");
  const createType = values.get("createtype") ?? "";
  if (createType === "seSparse" || extents.some(({ type }) => type === "SESPARSE")) {
    throw unsupportedImage(name, "space-efficient sparse disks (seSparse) are not offered");
  }
  const parentCid = (values.get("parentcid") ?? NO_PARENT).toLowerCase().padStart(8, "0");
  return {
    cid: (values.get("cid") ?? "0").toLowerCase().padStart(8, "0"),
    parentCid: parentCid === NO_PARENT ? undefined : parentCid,
    parentName: values.get("parentfilenamehint"),
    createType,
    extents,
    others,
  };
}

function parseExtent(line: string): VmdkExtentLine | undefined {
  const match = /^\s*(RW|RDONLY|NOACCESS)\s+(\d+)\s+([A-Z]+)(?:\s+"([^"]*)"(?:\s+(\d+))?)?/.exec(line);
  if (match === null) return undefined;
  const [, access, sectors, type = "", name = "", offset = "0"] = match;
  if (access !== "RW" && access !== "RDONLY" && access !== "NOACCESS") return undefined;
  return { access, sectors: Number(sectors), type, name, offsetSectors: Number(offset) };
}

export function encodeVmdkDescriptor(descriptor: VmdkDescriptor): Uint8Array {
  const { cid, parentCid, parentName, createType, extents, others } = descriptor;
  const isHead = (line: string) => /^\s*(#\s*Disk DescriptorFile|version\s*=|encoding\s*=)/i.test(line);
  const head = others.filter(isHead);
  const lines = [
    ...head,
    `CID=${cid}`,
    `parentCID=${parentCid ?? NO_PARENT}`,
    `createType="${createType}"`,
    ...(parentName === undefined ? [] : [`parentFileNameHint="${parentName}"`]),
    "",
    "# Extent description",
    ...extents.map(extentText),
    "",
    ...others.filter((line) => !isHead(line) && !/^\s*(# Extent description)?\s*$/i.test(line)),
  ];
  return new TextEncoder().encode(`${lines.join("\n")}\n`);
}

function extentText({ access, sectors, type, name, offsetSectors }: VmdkExtentLine): string {
  const start = `${access} ${sectors} ${type}`;
  if (type === "ZERO") return start;
  return type === "SPARSE" ? `${start} "${name}"` : `${start} "${name}" ${offsetSectors}`;
}

/** The lines of a new disk that are neither identity nor extents. */
export function newVmdkLines(sizeBytes: number, uuid: string): string[] {
  const sectors = sizeBytes / 512;
  const cylinders = Math.min(16383, Math.floor(sectors / 16 / 63));
  return [
    VMDK_DESCRIPTOR_MARK,
    "version=1",
    'encoding="UTF-8"',
    "# The Disk Data Base",
    "#DDB",
    'ddb.virtualHWVersion = "4"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    'ddb.geometry.heads = "16"',
    'ddb.geometry.sectors = "63"',
    'ddb.adapterType = "ide"',
    `ddb.uuid.image="${uuid}"`,
  ];
}
