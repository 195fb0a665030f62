/**
 * From bytes on the host to a medium. `probeImage` tells what a file is by its content; `openImage` makes the medium
 * for the drive it is meant for. Raw disks carry no mark of their own: anything without a foreign mark is one.
 * Formats that are recognized but not opened here get "unknown-format" with their name, so that nobody writes to such
 * a file as if it were raw.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import { floppyFormats } from "../contracts/FloppyGeometry.ts";
import type { Medium } from "../contracts/Medium.ts";
import { FloppyImage } from "./formats/FloppyImage.ts";
import { IsoImage } from "./formats/IsoImage.ts";
import { RawDisk } from "./formats/raw/RawDisk.ts";

/** What the content looks like. "empty" has no bytes at all. */
export type ImageKind = "iso" | "floppy" | "raw" | "qcow2" | "vdi" | "vmdk" | "vhd" | "vhdx" | "rawCd" | "empty";

/** The drive the medium is meant for. */
export type ImageUse = "disk" | "optical" | "floppy";

export interface OpenImageOptions {
  /** For people; what `Medium.name` will be. */
  readonly name: string;
  readonly use: ImageUse;
  readonly readOnly: boolean;
}

interface Mark {
  readonly kind: ImageKind;
  readonly offset: number;
  readonly bytes: readonly number[];
}

function text(value: string): number[] {
  return [...value].map((character) => character.charCodeAt(0));
}

const marks: readonly Mark[] = [
  { kind: "qcow2", offset: 0, bytes: [...text("QFI"), 0xfb] },
  { kind: "vdi", offset: 64, bytes: [0x7f, 0x10, 0xda, 0xbe] },
  { kind: "vmdk", offset: 0, bytes: text("KDMV") },
  { kind: "vmdk", offset: 0, bytes: text("COWD") },
  { kind: "vmdk", offset: 0, bytes: text("# Disk DescriptorFile") },
  { kind: "vhdx", offset: 0, bytes: text("vhdxfile") },
  { kind: "vhd", offset: 0, bytes: text("conectix") },
  { kind: "rawCd", offset: 0, bytes: [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0] },
  // Volume descriptors in sector 16: ISO 9660 (ECMA-119 8.1.2), UDF's extended area (ECMA-167 2/9.2), High Sierra.
  { kind: "iso", offset: 0x8001, bytes: text("CD001") },
  { kind: "iso", offset: 0x8001, bytes: text("BEA01") },
  { kind: "iso", offset: 0x8009, bytes: text("CDROM") },
];

/** A fixed VHD has its mark in the last 512 bytes only. */
const VHD_FOOTER_BYTES = 512;

export async function probeImage(store: ByteStore): Promise<ImageKind> {
  const sizeBytes = await store.size();
  if (sizeBytes <= 0) return "empty";
  for (const { kind, offset, bytes } of marks) {
    if (await matches(store, offset, bytes)) return kind;
  }
  const footer = sizeBytes - VHD_FOOTER_BYTES;
  if (footer > 0 && (await matches(store, footer, text("conectix")))) return "vhd";
  return floppyFormats.some((format) => format.sizeBytes === sizeBytes) ? "floppy" : "raw";
}

async function matches(store: ByteStore, offset: number, expected: readonly number[]): Promise<boolean> {
  const found = new Uint8Array(expected.length);
  const count = await store.read(offset, found);
  return count === expected.length && expected.every((byte, index) => found[index] === byte);
}

/** Fails with "unknown-format", "empty-image" or "unsupported-size", or with what the store fails with. */
export async function openImage(store: ByteStore, options: OpenImageOptions): Promise<Medium> {
  const kind = await probeImage(store);
  const { name, use, readOnly } = options;
  if (kind === "empty") throw new GuesthouseError("empty-image", `“${name}” is empty.`, { name });
  // A hybrid ISO image is also a bootable disk (a USB stick's image), so a disk may be one.
  const plain = kind === "raw" || kind === "floppy" || kind === "iso";
  if (!plain || (use === "optical" && kind !== "iso")) throw unknownFormat(name, use, kind);
  switch (use) {
    case "disk":
      return { name, blocks: await RawDisk.open(store, { readOnly }) };
    case "optical":
      return { name, blocks: await IsoImage.open(store) };
    case "floppy":
      return { name, blocks: await FloppyImage.open(store, { readOnly }) };
  }
}

function unknownFormat(name: string, use: ImageUse, kind: ImageKind): GuesthouseError {
  const found = kind === "raw" || kind === "floppy" ? "has no ISO 9660 or UDF file system" : `is a ${kind} image`;
  return new GuesthouseError("unknown-format", `“${name}” ${found} and cannot be opened here.`, { name, use, kind });
}
