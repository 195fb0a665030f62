import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import type { DriveTable } from "../disk/DriveTable.ts";
import { findBootImage } from "../disk/ElTorito.ts";
import { type BootSource, type FirmwareDrive, mediumOf } from "../disk/FirmwareDrive.ts";
import type { Int16 } from "../keyboard/Int16.ts";
import { BDA } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import { FLAG_INTERRUPT, type InterruptFrame } from "../service/InterruptFrame.ts";
import { type ServiceRun, settle } from "../service/ServiceRun.ts";
import type { PostScreen } from "./PostScreen.ts";

/**
 * INT 19h and 18h: tries the drives in the configured order until one holds something to start, tells why the others did not,
 * and waits for a key when none did.
 */
const BOOT_SECTOR_ADDRESS = 0x7c00;
const PIECE_BYTES = 0x10000;

export interface BootCandidate {
  readonly drive: FirmwareDrive;
  readonly label: string;
}

interface Loaded {
  readonly segment: number;
  readonly offset: number;
  readonly driveNumber: number;
}

export class BootLoader {
  readonly #memory: GuestMemory;
  readonly #drives: DriveTable;
  readonly #int16: Int16;
  readonly #post: PostScreen;
  readonly #candidates: readonly BootCandidate[];
  readonly #log: (message: string) => void;
  /** The candidate that INT 19h tries first, and why earlier ones failed. */
  #next = 0;
  #chosen: BootCandidate | undefined;
  #reasons: string[] = [];

  constructor(parts: {
    memory: GuestMemory;
    drives: DriveTable;
    int16: Int16;
    post: PostScreen;
    order: readonly BootSource[];
    log: (message: string) => void;
  }) {
    this.#memory = parts.memory;
    this.#drives = parts.drives;
    this.#int16 = parts.int16;
    this.#post = parts.post;
    this.#log = parts.log;
    this.#candidates = parts.order.flatMap((source) => this.#ofSource(source));
  }

  #ofSource(source: BootSource): BootCandidate[] {
    const [drives, name] = {
      floppy: [this.#drives.floppies, "Floppy drive"] as const,
      disk: [this.#drives.disks, "Hard disk"] as const,
      cdrom: [this.#drives.opticals, "Optical drive"] as const,
    }[source];
    return drives.map((drive, index) => ({
      drive,
      label: source === "floppy" ? `${name} ${"AB"[index] ?? index}` : `${name} ${index + 1}`,
    }));
  }

  get candidates(): readonly BootCandidate[] {
    return this.#candidates;
  }

  /** From now on INT 19h tries this one first, once. */
  choose(candidate: BootCandidate): void {
    this.#chosen = candidate;
  }

  restart(): void {
    this.#next = 0;
    this.#chosen = undefined;
    this.#reasons = [];
  }

  save(writer: StateWriter): void {
    writer.u8(this.#next);
    writer.u8(this.#reasons.length);
    for (const reason of this.#reasons) writer.string(reason);
  }

  /** Reads what `save` wrote; nothing changes until the result is called. */
  read(reader: StateReader): () => void {
    const next = reader.u8();
    const reasons = Array.from({ length: reader.u8() }, () => reader.string());
    return () => {
      this.#next = next;
      this.#chosen = undefined;
      this.#reasons = reasons;
    };
  }

  /** INT 18h: what was started gave up. */
  *giveUp(frame: InterruptFrame): ServiceRun {
    const last = this.#candidates[this.#next - 1];
    if (last) this.#reasons.push(`${last.label}: the program on it gave up.`);
    yield* this.boot(frame);
  }

  *boot(frame: InterruptFrame): ServiceRun {
    for (;;) {
      const candidate = this.#chosen ?? this.#candidates[this.#next];
      if (!candidate) {
        yield* this.#waitForHelp();
        continue;
      }
      if (candidate === this.#chosen) this.#chosen = undefined;
      else this.#next++;
      try {
        const loaded = yield* this.#load(candidate);
        this.#post.clearLine();
        this.#post.line(`Starting from ${candidate.label}`);
        this.#enter(frame, loaded);
        return;
      } catch (error) {
        if (!(error instanceof GuesthouseError)) throw error;
        this.#reasons.push(`${candidate.label}: ${error.message}`);
        this.#log(`${candidate.label} does not boot: ${error.message}`);
      }
    }
  }

  *#waitForHelp(): ServiceRun {
    this.#post.nothingToStart(this.#reasons);
    this.#log("No bootable medium");
    yield* this.#int16.waitForKey(true);
    this.#post.line("");
    this.restart();
  }

  #enter(frame: InterruptFrame, loaded: Loaded): void {
    frame.eax = 0xaa55;
    frame.ebx = 0;
    frame.ecx = 0;
    frame.edx = loaded.driveNumber;
    frame.esi = 0;
    frame.edi = 0;
    frame.ebp = 0;
    frame.ds = 0;
    frame.es = 0;
    frame.returnTo(loaded.segment, loaded.offset, FLAG_INTERRUPT | 2);
  }

  *#load(candidate: BootCandidate): ServiceRun<Loaded> {
    this.#drives.emulation = undefined;
    const blocks = mediumOf(candidate.drive);
    if (!blocks) throw new GuesthouseError("no-medium", "There is nothing in the drive.");
    if (candidate.drive.kind === "cdrom") return yield* this.#loadOptical(candidate.drive, blocks);
    const sector = yield* this.#read(blocks, 0, 512);
    checkBootSector(sector, candidate.drive.kind);
    this.#memory.write(BOOT_SECTOR_ADDRESS, sector);
    return { segment: 0, offset: BOOT_SECTOR_ADDRESS, driveNumber: this.#drives.numberOf(candidate.drive) };
  }

  *#loadOptical(drive: FirmwareDrive, blocks: BlockDevice): ServiceRun<Loaded> {
    const image = yield* findBootImage(blocks);
    const emulated = image.emulation !== "none";
    const segment = emulated ? 0x07c0 : image.loadSegment;
    const wanted = emulated ? 512 : image.loadSectors * 512;
    const program = yield* this.#read(blocks, image.sector * 2048, wanted);
    this.#memory.write(segment * 16, program);
    this.#drives.emulation = { image, drive };
    this.#memory.set8(BDA.DISK_COUNT, this.#drives.diskCount);
    const driveNumber =
      image.emulation === "floppy" ? 0 : image.emulation === "disk" ? 0x80 : this.#drives.numberOf(drive);
    if (segment === 0x07c0) return { segment: 0, offset: BOOT_SECTOR_ADDRESS, driveNumber };
    return { segment, offset: 0, driveNumber };
  }

  /** Whole blocks from the medium, cut to the length asked for. */
  *#read(blocks: BlockDevice, offset: number, length: number): ServiceRun<Uint8Array> {
    const rounded = Math.ceil(length / blocks.blockSize) * blocks.blockSize;
    if (offset + rounded > blocks.sizeBytes) {
      throw new GuesthouseError("not-bootable", "The medium is too small to hold what should be started.");
    }
    const bytes = new Uint8Array(rounded);
    for (let done = 0; done < rounded; done += PIECE_BYTES) {
      const result = yield* settle(
        blocks.read(offset + done, bytes.subarray(done, Math.min(done + PIECE_BYTES, rounded))),
      );
      if (!result.ok) {
        throw new GuesthouseError("read-failed", "The medium cannot be read.", {}, { cause: result.error });
      }
    }
    return bytes.subarray(0, length);
  }
}

/** Throws "not-bootable" unless the sector looks like a program. Floppies of the first PCs had no signature. */
export function checkBootSector(sector: Uint8Array, kind: BootSource): void {
  const signed = sector[510] === 0x55 && sector[511] === 0xaa;
  const looksLikeCode = kind === "floppy" && (sector[0] === 0xeb || sector[0] === 0xe9 || sector[0] === 0xfa);
  if (signed || looksLikeCode) return;
  const blank = sector.every((byte) => byte === sector[0]);
  throw new GuesthouseError(
    "not-bootable",
    blank ? "It is blank." : "Its first sector is not a boot sector (no signature 55AAh).",
  );
}
