/** Work on the images of one machine that rest on each other: adding one on top, and joining two without changing what anybody reads. */
import type { DiskFormatId, DiskImage, DiskImageInfo, DiskServices, LongWork } from "../../contracts/DiskImage.ts";
import { rememberingKeys } from "../../storage/crypto/rememberingKeys.ts";
import { diskFormat, openDisk } from "../../storage/openDisk.ts";
import { unlockChain } from "../encryptedDisks.ts";
import { copyOwnContent } from "./copyOwnContent.ts";
import { overlayReference } from "./overlayReference.ts";
import type { SnapshotFiles } from "./SnapshotFiles.ts";

export class DiskChains {
  readonly #files: SnapshotFiles;
  readonly #services: DiskServices;
  readonly #formatOf: (name: string) => DiskFormatId | undefined;
  readonly #passphraseOf: (name: string) => string | undefined;
  /** By the images that were asked. Trying a passphrase takes a second. */
  readonly #encrypted = new Map<string, boolean>();

  /**
   * `formatOf` knows what files are: the content of a raw disk is its guest's and may look like anything. `passphraseOf` knows what opens those that are
   * encrypted; without it their content is neither read nor written ("passphrase-needed").
   */
  constructor(
    files: SnapshotFiles,
    services: DiskServices,
    formatOf: (name: string) => DiskFormatId | undefined,
    passphraseOf: (name: string) => string | undefined = () => undefined,
  ) {
    this.#files = files;
    this.#services = rememberingKeys(services);
    this.#formatOf = formatOf;
    this.#passphraseOf = passphraseOf;
  }

  /** Of the image alone. */
  async info(name: string): Promise<DiskImageInfo> {
    const image = await this.#open(name, "read", true);
    return await image.info().finally(() => image.close());
  }

  /** Is anything of the chain encrypted? Throws "passphrase-needed" or "passphrase-wrong" when it is and does not open. */
  async unlock(name: string): Promise<boolean> {
    const known = this.#encrypted.get(name);
    if (known !== undefined) return known;
    const link = { opener: this.#files, name, format: this.#formatOf(name) };
    const encrypted = await unlockChain(link, this.#services, this.#passphraseOf(name));
    this.#encrypted.set(name, encrypted);
    return encrypted;
  }

  /** Makes an overlay of a disk, encrypted under the passphrase of what it rests on. The name is new. */
  async addOverlay(name: string, base: string): Promise<void> {
    const facts = await this.info(base);
    const passphrase = (await this.unlock(base)) ? this.#passphraseOf(base) : undefined;
    const overlay = await diskFormat("qcow2").create(this.#files, name, {
      sizeBytes: facts.sizeBytes,
      services: this.#services,
      backing: { reference: overlayReference(name, base, facts.format, facts.identity) },
      ...(passphrase === undefined ? {} : { passphrase, passphraseWork: facts.passphraseWork }),
    });
    await overlay.flush().finally(() => overlay.close());
  }

  /** Puts what `upper` holds into `lower`, on which it rests and nobody else does: read through `upper` nothing changes. */
  async mergeDown(upper: string, lower: string, work: LongWork): Promise<void> {
    const target = await this.#open(lower, "write", false);
    try {
      const source = await this.#open(upper, "read", true, true);
      try {
        if (target.sizeBytes !== source.sizeBytes) await target.resize(source.sizeBytes, true);
        await copyOwnContent(source, target, () => true, work);
        await target.flush();
      } finally {
        await source.close();
      }
    } finally {
      await target.close();
    }
  }

  /** Takes what `lower` holds, as far as `upper` has nothing there, into `upper`: it can then rest on what lies behind `lower`. */
  async mergeUp(upper: string, lower: string, work: LongWork): Promise<void> {
    const target = await this.#open(upper, "write", false);
    try {
      const source = await this.#open(lower, "read", true, true);
      await copyOwnContent(source, target, (kind) => kind === "absent", work).finally(() => source.close());
      await target.flush();
    } finally {
      await target.close();
    }
  }

  /** Lets an image rest on another one, through which it reads the same, or on none. */
  async rebase(name: string, backing: string | undefined): Promise<void> {
    const base = backing === undefined ? undefined : await this.info(backing);
    const reference = backing === undefined ? undefined : overlayReference(name, backing, base?.format, base?.identity);
    const image = await this.#open(name, "write", true);
    try {
      await image.rebase(reference);
      await image.flush();
    } finally {
      await image.close();
    }
  }

  /** True when the image holds anything itself. */
  async hasContent(name: string): Promise<boolean> {
    const image = await this.#open(name, "read", true);
    try {
      for (let at = 0; at < image.sizeBytes; ) {
        const { kind, length } = await image.extentAt(at);
        if (kind !== "absent") return true;
        at += length;
      }
      return false;
    } finally {
      await image.close();
    }
  }

  /** Only who reads content waits for a passphrase to be worked on. */
  async #open(name: string, access: "read" | "write", alone: boolean, reads = !alone): Promise<DiskImage> {
    const format = this.#formatOf(name);
    const known = format === undefined ? {} : { format };
    const passphrase = reads ? this.#passphraseOf(name) : undefined;
    const secret = passphrase === undefined ? {} : { passphrase };
    return await openDisk(this.#files, name, { access, services: this.#services, alone, ...known, ...secret });
  }
}
