/** Which of our formats a disk has, by the URI that OVF descriptors name formats with and by its file name. Null leaves it to the content. */
import type { DiskFormatName } from "../api/mediumProtocol.ts";

const byUri: readonly (readonly [pattern: RegExp, format: DiskFormatName])[] = [
  [/vmdk\.html|\/vmdk/i, "vmdk"],
  [/qcow-image-format|qcow2/i, "qcow2"],
  [/virtualbox.*vdi|\bvdi\b/i, "vdi"],
  [/vhdx/i, "vhdx"],
  [/LinkId=137171|\bvhd\b/i, "vhd"],
];

const byExtension: ReadonlyMap<string, DiskFormatName> = new Map([
  ["vmdk", "vmdk"],
  ["qcow2", "qcow2"],
  ["qcow", "qcow"],
  ["vdi", "vdi"],
  ["vhd", "vhd"],
  ["vhdx", "vhdx"],
]);

export function diskFormatOf(uri: string, fileName: string): DiskFormatName | null {
  const named = byUri.find(([pattern]) => pattern.test(uri))?.[1];
  return named ?? byExtension.get(fileName.slice(fileName.lastIndexOf(".") + 1).toLowerCase()) ?? null;
}
