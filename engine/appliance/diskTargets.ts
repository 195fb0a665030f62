/** What imported disks are called in their machine's folder: after the file they come from, with the extension of what they become, none twice. */
import type { ApplianceItem } from "../api/applianceProtocol.ts";
import { diskExtensions } from "../api/diskExtensions.ts";
import { plainFileName } from "../api/plainFileName.ts";
import { applianceError } from "./applianceError.ts";
import { baseName } from "./memberName.ts";

/** Gives every disk without a name one of its own. Names that were chosen stand; "invalid-edit" when two are the same. */
export function withTargetNames(items: readonly ApplianceItem[]): ApplianceItem[] {
  const taken = new Set<string>();
  for (const item of items) {
    if (item.kind !== "disk" || item.target.fileName === "") continue;
    const name = item.target.fileName.toLowerCase();
    if (taken.has(name))
      throw applianceError("invalid-edit", `Two disks would be called “${item.target.fileName}”.`, { name });
    taken.add(name);
  }
  return items.map((item) => {
    if (item.kind !== "disk" || item.target.fileName !== "") return item;
    const source = baseName((item.file ?? "disk").replaceAll("\\", "/")).replace(
      /\.(gz|vmdk|qcow2?|vdi|vhdx?|img|raw|iso)$/gi,
      "",
    );
    const stem = plainFileName(source);
    for (let number = 1; ; number++) {
      const fileName = `${number === 1 ? stem : `${stem} ${number}`}.${diskExtensions[item.target.format]}`;
      if (taken.has(fileName.toLowerCase())) continue;
      taken.add(fileName.toLowerCase());
      return { ...item, target: { ...item.target, fileName } };
    }
  });
}
