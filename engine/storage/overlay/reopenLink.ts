/** Exchanges the image in a chain for the same one opened otherwise. What it rests on stays open. When it cannot be opened, everything is as before. */
import type { DiskFormatId, DiskServices, StoreOpener } from "../../contracts/DiskImage.ts";
import { diskFormat, probeDisk } from "../openDisk.ts";
import { BackingLink } from "./BackingLink.ts";

export interface ReopenRequest {
  readonly name: string;
  readonly access: "read" | "write";
  readonly services: DiskServices;
  /** Undefined asks the content. */
  readonly format?: DiskFormatId;
  readonly passphrase?: string;
}

export async function reopenLink(link: BackingLink, opener: StoreOpener, request: ReopenRequest): Promise<void> {
  const { name, access, services, passphrase } = request;
  const { backing } = link;
  const format = diskFormat(request.format ?? (await probeDisk(opener, name)));
  const below = backing instanceof BackingLink ? backing : undefined;
  below?.lend();
  try {
    const image = await format.open(opener, name, {
      access,
      services,
      openBacking: async () => backing,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    await link.hold();
    const before = link.image;
    link.release(image);
    await before.close();
  } finally {
    below?.handOver();
  }
}
