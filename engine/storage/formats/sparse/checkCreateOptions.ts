/**
 * What every format asks of the options for a new image: whole sectors, one of its subformats, no passphrase. The answer is the subformat; a
 * backing image makes it "differencing".
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { CreateDiskOptions, DiskFormatId } from "../../../contracts/DiskImage.ts";

export function checkCreateOptions<Name extends string>(
  format: DiskFormatId,
  subformats: readonly Name[],
  options: CreateDiskOptions,
  withBacking = "differencing",
): Name {
  const { sizeBytes, backing, passphrase } = options;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % 512 !== 0) {
    throw new GuesthouseError("unsupported-size", "A disk has a whole number of sectors.", { sizeBytes });
  }
  if (passphrase !== undefined) {
    throw new GuesthouseError("unsupported-operation", `Images of format ${format} cannot be encrypted.`, { format });
  }
  const wanted = options.subformat ?? (backing === undefined ? subformats[0] : withBacking);
  const subformat = subformats.find((name) => name === wanted);
  const differs = wanted === "differencing";
  const fits = format === "vmdk" || (backing !== undefined) === differs;
  if (subformat === undefined || !fits) {
    throw new GuesthouseError("unsupported-operation", `There is no such ${format} image: ${wanted}.`, {
      format,
      subformat: wanted ?? "",
      backing: backing !== undefined,
    });
  }
  return subformat;
}
