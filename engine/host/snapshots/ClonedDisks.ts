/**
 * The disks of a machine on their way into its twin: each gets a name of its own in the new folder, and is copied there when all are known.
 * What people put into the machine comes out whole, resting on nothing outside; what the machine made itself, and encrypted images, are copied byte
 * for byte, which needs no passphrase.
 */
import { mkdir } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { DiskConfig } from "../../api/MachineConfig.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import { refuseIfCancelled } from "../../storage/DiskImageBase.ts";
import { diskInfo, formatOfFile } from "../inspectMedium.ts";
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

export class ClonedDisks {
  readonly #folder: string;
  readonly #target: string;
  readonly #images = new Map<string, ClonedDisk>();
  readonly #copies: Copy[] = [];

  /** From one machine's folder to another's. */
  constructor(folder: string, target: string) {
    this.#folder = folder;
    this.#target = target;
  }

  /** An image that somebody put into the machine, however often it is asked for. Throws what keeps it from being read. */
  async image(path: string, known: DiskFormatId | undefined): Promise<ClonedDisk> {
    const from = resolve(this.#folder, path);
    const before = this.#images.get(from);
    if (before !== undefined) return before;
    const format = known ?? (await formatOfFile(from));
    const { encrypted, backing, allocatedBytes } = await diskInfo(from, format);
    const verbatim = encrypted && backing === undefined;
    // QCOW is read only; its content goes into the format that followed it.
    const made = format === "qcow" && !verbatim ? "qcow2" : format;
    const stem = this.#images.size === 0 ? "disk" : `disk ${this.#images.size + 1}`;
    const disk = { file: `${stem}${made === format ? extname(basename(from)) : ".qcow2"}`, format: made };
    this.#images.set(from, disk);
    const target = join(this.#target, disk.file);
    this.#copies.push({
      bytes: allocatedBytes,
      run: (work) =>
        verbatim ? copyWatched(from, target, work) : copyDisk(from, target, { format: made, source: { format } }, work),
    });
    return disk;
  }

  /** A file that the machine made. */
  async file(name: string, copied: string, bytes: number): Promise<void> {
    const from = resolve(this.#folder, name);
    const target = join(this.#target, copied);
    await mkdir(dirname(target), { recursive: true });
    this.#copies.push({ bytes, run: (work) => copyWatched(from, target, work) });
  }

  /** The disk with a copy of its own, unless machines are meant to share it. */
  async own(disk: DiskConfig, format: DiskFormatId | undefined): Promise<DiskConfig> {
    const { kind = "normal", path } = disk;
    const whole = resolve(this.#folder, path);
    const shared = kind === "shareable" || kind === "readOnly" || kind === "multiAttach";
    if (shared) return { ...disk, path: whole };
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
