/**
 * The names of an appliance's files, as its archive, manifest and descriptor write them: relative, with "/" between folders, and never
 * leading out of the appliance. OVF calls them URIs (DSP0243, 7.1) but most writers put plain file names there, so a name is looked
 * for as it stands first and decoded second.
 */
import { applianceError } from "./applianceError.ts";

const LENGTH_MAX = 1024;

/** The name without "./". Throws "appliance-unsafe-name". */
export function memberName(name: string): string {
  const parts = name.split("/").filter((part) => part !== "." && part !== "");
  const unsafe =
    name.startsWith("/") ||
    /^[A-Za-z]:/.test(name) ||
    name.includes("\\") ||
    name.includes("\0") ||
    parts.includes("..") ||
    parts.length === 0 ||
    name.length > LENGTH_MAX;
  if (unsafe) {
    throw applianceError("unsafe-name", `The appliance names a file outside of itself: “${name.slice(0, 120)}”.`, {
      name: name.slice(0, 120),
    });
  }
  return parts.join("/");
}

/** The names that a reference in a descriptor may mean, the likeliest first. Throws "appliance-unsafe-name" and "appliance-unsupported". */
export function referencedNames(href: string): string[] {
  if (/^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(href)) {
    throw applianceError("unsupported", `A file of the appliance lies elsewhere: ${href.slice(0, 200)}`, {
      href: href.slice(0, 200),
    });
  }
  const plain = memberName(href);
  let decoded = plain;
  try {
    decoded = memberName(decodeURIComponent(href));
  } catch (error) {
    // A name with a stray "%" is no URI; what decodes to something unsafe is refused.
    if (!(error instanceof URIError)) throw error;
  }
  return decoded === plain ? [plain] : [plain, decoded];
}

/** "a/b.ovf" and "c.vmdk" make "a/c.vmdk". */
export function besideName(name: string, other: string): string {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? other : `${name.slice(0, slash + 1)}${other}`;
}

export function baseName(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
