/** What can be done with a medium as it stands. The host decides in the end; this keeps buttons from promising too much. */
import { diskExtensions } from "../../../engine/api/diskExtensions.ts";
import type { DiskFormatName, Medium } from "../../../engine/api/mediumProtocol.ts";

export type MediumDeed = "copy" | "move" | "resize" | "compact" | "check" | "release" | "remove";

export function possibleDeeds(medium: Medium | undefined, media: readonly Medium[]): ReadonlySet<MediumDeed> {
  const deeds = new Set<MediumDeed>();
  if (medium === undefined) return deeds;
  const { kind: state } = medium.state;
  const disk = medium.kind === "disk";
  const hasChildren = media.some((other) => other.parentPath === medium.path);
  if (state === "ready") {
    deeds.add("copy").add("move");
    // The size of what others rest on is theirs too.
    if (disk && !hasChildren) deeds.add("resize").add("compact");
    if (disk) deeds.add("check");
  }
  if (disk && state === "broken") deeds.add("check");
  if (state !== "inUse") {
    if (medium.attachedTo.some((use) => use.snapshotId === null)) deeds.add("release");
    if (medium.attachedTo.length === 0 && !hasChildren) deeds.add("remove");
  }
  return deeds;
}

/** The same path with the extension of another format. An extension that is none of ours is a part of the name. */
export function withExtension(path: string, format: DiskFormatName): string {
  const extension = diskExtensions[format];
  const known = [...Object.values(diskExtensions), "raw", "bin", "hdd"].join("|");
  const stem = path.replace(new RegExp(`\\.(${known})$`, "i"), "");
  return `${stem}.${extension}`;
}

/** disk.qcow2, disk2.qcow2, ...: the first name in the folder that is not taken. */
export async function freePath(
  folder: string,
  name: string,
  extension: string,
  exists: (path: string) => Promise<boolean>,
): Promise<string> {
  const separator = folder.includes("\\") ? "\\" : "/";
  for (let number = 1; ; number++) {
    const path = `${folder}${separator}${name}${number === 1 ? "" : number}.${extension}`;
    if (!(await exists(path))) return path;
  }
}
