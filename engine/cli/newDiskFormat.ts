import { extname } from "node:path";
import { diskExtensions } from "../api/diskExtensions.ts";
import { copyDiskFormats, type DiskFormatName } from "../api/mediumProtocol.ts";
import { BadArguments } from "./BadArguments.ts";

/** What a disk is to be made as. Throws BadArguments. */
export function newDiskFormat(format: string, subformat: string | undefined): DiskFormatName {
  const found = copyDiskFormats.find((candidate) => candidate.format === format);
  if (found === undefined) {
    throw new BadArguments(
      `A new disk's format is one of ${copyDiskFormats.map((known) => known.format).join(", ")}, not ${format}`,
    );
  }
  if (subformat !== undefined && !found.subformats.some((name) => name === subformat)) {
    throw new BadArguments(`A subformat of ${format} is one of ${found.subformats.join(", ")}, not ${subformat}`);
  }
  return found.format;
}

/** What the name of a new file promises: whoever asks for disk.vdi means VDI. */
export function formatByName(file: string): DiskFormatName | undefined {
  const extension = extname(file).slice(1).toLowerCase();
  if (extension === "raw") return "raw";
  return copyDiskFormats.find(({ format }) => diskExtensions[format] === extension)?.format;
}
