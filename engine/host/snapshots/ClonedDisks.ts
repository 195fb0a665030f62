/**
 * The disks of a machine on their way into its twin: each gets a name of its own in the new folder, and is copied there when all are known.
 * What people put into the machine comes out whole, resting on nothing outside; what the machine made itself, and encrypted images that rest on nothing,
 * are copied byte for byte, which needs no passphrase. Other encrypted images are read with theirs, and the copy is encrypted under it.
 */
import { basename, dirname, extname, join, resolve } from "node:path";
import type { DiskConfig } from "../../api/MachineConfig.ts";
import type { DiskFormatId, DiskImageInfo, LongWork } from "../../contracts/DiskImage.ts";
import { refuseIfCancelled } from "../../storage/DiskImageBase.ts";
import { diskInfo, formatOfFile } from "../inspectMedium.ts";
import { makeFolder } from "../makeFolder.ts";
import { copyDisk } from "../mediumWork.ts";
import { copyWatched } from "./copyWatched.ts";

export interface ClonedDisk {
  /** Within the new folder. */
  readonly file: string;
  readonly format: DiskFormatId;
}

interface Copy {
  readonly bytes: number;
  readonly run: (work: LongWork) => Promise<void>;
}

/** Encrypted, and alone: then nobody has to look inside. */
export function isCopiedAsItIs({ encrypted, backing }: Pick<DiskImageInfo, "encrypted" | "backing">): boolean {
  return encrypted && backing === undefined;
}

/** Machines are meant to have one file of it between them. */
export function isShared({ kind }: DiskConfig): boolean {
  return kind === "shareable" || kind === "readOnly" || kind === "multiAttach";
}

export class ClonedDisks {
  readonly #folder: string;
  readonly #target: string;
  readonly #unlock: (file: string) => Promise<string | undefined>;
  readonly #images = new Map<string, ClonedDisk>();
  readonly #copies: Copy[] = [];

  /** From one machine's folder to another's. `unlock` gives the passphrase of a file that needs one, or throws. */
  constructor(folder: string, target: string, unlock: (file: string) => Promise<string | undefined>) {
    this.#folder = folder;
    this.#target = target;
    this.#unlock = unlock;
  }

  /** An image that somebody put into the machine, however often it is asked for. Throws what keeps it from being read. */
  async image(path: string, known: DiskFormatId | undefined): Promise<ClonedDisk> {
    const from = resolve(this.#folder, path);
    const before = this.#images.get(from);
    if (before !== undefined) return before;
    const format = known ?? (await formatOfFile(from));
    const info = await diskInfo(from, format);
    const { allocatedBytes } = info;
    const verbatim = isCopiedAsItIs(info);
    const passphrase = verbatim ? undefined : await this.#unlock(path);
    // QCOW is read only; its content goes into the format that followed it, which is also the one that can be encrypted.
    const made = (format === "qcow" && !verbatim) || passphrase !== undefined ? "qcow2" : format;
    const stem = this.#images.size === 0 ? "disk" : `disk ${this.#images.size + 1}`;
    const disk = { file: `${stem}${made === format ? extname(basename(from)) : ".qcow2"}`, format: made };
    this.#images.set(from, disk);
    const target = join(this.#target, disk.file);
    this.#copies.push({
      bytes: allocatedBytes,
      run: (work) =>
        verbatim
          ? copyWatched(from, target, work)
          : copyDisk(from, target, { format: made, source: { format, passphrase } }, work),
    });
    return disk;
  }

  /** A file that the machine made. */
  async file(name: string, copied: string, bytes: number): Promise<void> {
    const from = resolve(this.#folder, name);
    const target = join(this.#target, copied);
    await makeFolder(dirname(target));
    this.#copies.push({ bytes, run: (work) => copyWatched(from, target, work) });
  }

  /** The disk with a copy of its own, unless machines are meant to share it. */
  async own(disk: DiskConfig, format: DiskFormatId | undefined): Promise<DiskConfig> {
    const { path } = disk;
    if (isShared(disk)) return { ...disk, path: resolve(this.#folder, path) };
    const copy = await this.image(path, disk.format ?? format);
    return { ...disk, path: copy.file, format: copy.format };
  }

  async copyAll({ onProgress, signal }: LongWork): Promise<void> {
    const all = this.#copies.reduce((sum, { bytes }) => sum + bytes, 1);
    let done = 0;
    for (const { bytes, run } of this.#copies) {
      refuseIfCancelled(signal === undefined ? {} : { signal });
      const before = done;
      const part: LongWork = { onProgress: (fraction) => onProgress?.((before + bytes * fraction) / all) };
      await run(signal === undefined ? part : { ...part, signal });
      done += bytes;
    }
    onProgress?.(1);
  }
}
