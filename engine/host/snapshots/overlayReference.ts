import { posix } from "node:path";
import type { BackingReference, DiskFormatId } from "../../contracts/DiskImage.ts";

/** How an overlay names what it rests on: relative within the machine's folder, so that it can be moved as a whole. */
export function overlayReference(
  name: string,
  base: string,
  format: DiskFormatId | undefined,
  identity: string | undefined,
): BackingReference {
  const foreign = posix.isAbsolute(base) || base.includes("\\") || base.startsWith("..");
  return { names: [foreign ? base : posix.relative(posix.dirname(name), base)], format, identity };
}
