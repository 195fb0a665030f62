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
