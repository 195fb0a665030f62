import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import { FLOPPY_TABLE_OFFSET, SYSTEM_SEGMENT } from "../rom/romLayout.ts";
import { BDA } from "../service/biosData.ts";
import { type GuestMemory, linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { type ServiceRun, settle } from "../service/ServiceRun.ts";
import type { DiskTarget, DriveTable } from "./DriveTable.ts";
import { floppyDriveType } from "./diskGeometry.ts";
import { DISK_STATUS, statusOfError } from "./diskStatus.ts";
import { mediumOf } from "./FirmwareDrive.ts";
import { Int13Extensions } from "./Int13Extensions.ts";

/**
 * INT 13h: floppy and hard disks by cylinder, head and sector. Transfers go to the blocks behind the drive and wait for them
 * with interrupts enabled. AH=41h and up are in Int13Extensions.
 */
const TRANSFER_PIECE_BYTES = 0x10000;
const FORMAT_FILL = 0xf6;

export type Transfer = "read" | "write" | "verify";

export class Int13 {
  readonly #memory: GuestMemory;
  readonly #drives: DriveTable;
  readonly #extensions: Int13Extensions;
  /** The blocks last seen in each floppy drive, for the change line. */
  readonly #lastMedium = new Map<number, unknown>();

  constructor(memory: GuestMemory, drives: DriveTable) {
    this.#memory = memory;
    this.#drives = drives;
    this.#extensions = new Int13Extensions(memory, drives, this);
  }

  serve(frame: InterruptFrame): undefined | ServiceRun {
    if (frame.ah >= 0x41 && frame.ah <= 0x4e) return this.#extensions.serve(frame);
    const number = frame.dl;
    if (frame.ah === 0x01) {
      const status = this.#memory.get8(this.#statusAddress(number));
      frame.ah = status;
      frame.carry = status !== 0;
      return undefined;
    }
    const target = this.#drives.find(number);
    if (frame.ah === 0x08) return this.#parameters(frame, target);
    if (frame.ah === 0x15) return this.#driveType(frame, target);
    if (!target) return this.finish(frame, number >= 0x80 ? DISK_STATUS.BAD_COMMAND : DISK_STATUS.TIMEOUT);
    return this.#command(frame, target);
  }

  #command(frame: InterruptFrame, target: DiskTarget): undefined | ServiceRun {
    switch (frame.ah) {
      case 0x02:
        return this.#chs(frame, target, "read");
      case 0x03:
        return this.#chs(frame, target, "write");
      case 0x04:
        return this.#chs(frame, target, "verify");
      case 0x05:
        return this.#format(frame, target);
      case 0x00:
        // A reset also forgets what was in a floppy drive, as recalibration clears the change line.
        if (target.kind === "floppy") this.remember(frame.dl);
        return this.finish(frame, DISK_STATUS.OK);
      case 0x09:
      case 0x0c:
      case 0x0d:
      case 0x10:
      case 0x11:
      case 0x14:
        return this.finish(frame, target.kind === "cdrom" ? DISK_STATUS.BAD_COMMAND : DISK_STATUS.OK);
      case 0x16:
        return this.#changeLine(frame, target);
      case 0x17:
        return this.finish(frame, target.kind === "floppy" ? DISK_STATUS.OK : DISK_STATUS.BAD_COMMAND);
      case 0x18:
        return this.#setMediaType(frame, target);
      default:
        return this.finish(frame, DISK_STATUS.BAD_COMMAND);
    }
  }

  #statusAddress(number: number): number {
    return number >= 0x80 ? BDA.DISK_STATUS : BDA.FLOPPY_STATUS;
  }

  /** Returns a status to the caller and leaves it where AH=01h finds it. */
  finish(frame: InterruptFrame, status: number): undefined {
    this.#memory.set8(this.#statusAddress(frame.dl), status);
    frame.ah = status;
    frame.carry = status !== DISK_STATUS.OK;
    return undefined;
  }

  remember(number: number): void {
    this.#lastMedium.set(number, this.#drives.find(number)?.blocks);
  }
  forgetMedia(): void {
    this.#lastMedium.clear();
  }

  #mediumChanged(number: number, target: DiskTarget): boolean {
    if (target.kind !== "floppy") return false;
    if (!this.#lastMedium.has(number)) this.remember(number);
    return this.#lastMedium.get(number) !== target.blocks;
  }

  /** Why the drive cannot be used now, as a status. */
  notReady(number: number, target: DiskTarget, transfer: Transfer): number {
    if (!target.blocks) return target.kind === "floppy" ? DISK_STATUS.TIMEOUT : DISK_STATUS.NO_MEDIUM;
    if (this.#mediumChanged(number, target)) {
      this.remember(number);
      return DISK_STATUS.CHANGED;
    }
    return transfer === "write" && target.readOnly ? DISK_STATUS.WRITE_PROTECTED : DISK_STATUS.OK;
  }

  #chs(frame: InterruptFrame, target: DiskTarget, transfer: Transfer): undefined | ServiceRun {
    const { heads, sectorsPerTrack, cylinders } = target.geometry;
    const cylinder = frame.ch | ((frame.cl & 0xc0) << 2);
    const sector = frame.cl & 0x3f;
    const count = frame.al;
    if (count === 0 || sector === 0 || target.kind === "cdrom") return this.finish(frame, DISK_STATUS.BAD_COMMAND);
    const status = this.notReady(frame.dl, target, transfer);
    if (status !== DISK_STATUS.OK) {
      frame.al = 0;
      return this.finish(frame, status);
    }
    const beyond = cylinder >= Math.max(cylinders, 1) + (target.kind === "disk" ? 1 : 0);
    if (sector > sectorsPerTrack || frame.dh >= heads || beyond) {
      frame.al = 0;
      return this.finish(frame, DISK_STATUS.SECTOR_NOT_FOUND);
    }
    const first = (cylinder * heads + frame.dh) * sectorsPerTrack + sector - 1;
    return this.#transferChs(frame, target, transfer, first, count);
  }

  *#transferChs(
    frame: InterruptFrame,
    target: DiskTarget,
    transfer: Transfer,
    first: number,
    count: number,
  ): ServiceRun {
    const status = yield* this.transfer(target, transfer, first, count, linearOf(frame.es, frame.bx));
    if (target.kind === "floppy") this.#memory.set8(BDA.FLOPPY_CYLINDER + (frame.dl & 1), frame.ch);
    if (status !== DISK_STATUS.OK) frame.al = 0;
    this.finish(frame, status);
  }

  /** Moves sectors between a drive and memory; the result is a status. */
  *transfer(target: DiskTarget, transfer: Transfer, first: number, count: number, linear: number): ServiceRun<number> {
    const { blocks, sectorBytes } = target;
    if (!blocks) return DISK_STATUS.NO_MEDIUM;
    if (first + count > target.totalSectors) return DISK_STATUS.SECTOR_NOT_FOUND;
    const total = count * sectorBytes;
    for (let done = 0; done < total; ) {
      const piece = new Uint8Array(Math.min(total - done, TRANSFER_PIECE_BYTES));
      const offset = target.offsetBytes + first * sectorBytes + done;
      if (transfer === "write") this.#memory.read(linear + done, piece);
      const work = transfer === "write" ? blocks.write(offset, piece) : readAnywhere(blocks, offset, piece);
      const result = yield* settle(work);
      if (!result.ok) return statusOfError(result.error, transfer === "write");
      if (transfer === "read") this.#memory.write(linear + done, piece);
      if (transfer === "write") target.drive.activity?.write(piece.length);
      else target.drive.activity?.read(piece.length);
      done += piece.length;
    }
    return DISK_STATUS.OK;
  }

  /** AH=05h: the caller's table lists the sectors of one track; those of another size cannot be stored. */
  *#format(frame: InterruptFrame, target: DiskTarget): ServiceRun {
    const { heads, sectorsPerTrack } = target.geometry;
    const { blocks } = target;
    const status = this.notReady(frame.dl, target, "write");
    if (target.kind !== "floppy" || frame.dh >= heads || !blocks) {
      this.finish(frame, DISK_STATUS.BAD_COMMAND);
      return;
    }
    if (status !== DISK_STATUS.OK) {
      this.finish(frame, status);
      return;
    }
    const track = new Uint8Array(sectorsPerTrack * 512).fill(FORMAT_FILL);
    const first = (frame.ch * heads + frame.dh) * sectorsPerTrack;
    const result = yield* settle(blocks.write(first * 512, track));
    this.finish(frame, result.ok ? DISK_STATUS.OK : statusOfError(result.error, true));
  }

  #parameters(frame: InterruptFrame, target: DiskTarget | undefined): undefined {
    const floppy = frame.dl < 0x80;
    if (!target || target.kind === "cdrom") {
      frame.dl = floppy ? this.#drives.floppyCount : this.#drives.diskCount;
      if (!floppy || this.#drives.floppyCount === 0) return this.finish(frame, DISK_STATUS.BAD_COMMAND);
      // An absent floppy drive: success with nothing in it.
      frame.bx = 0;
      frame.cx = 0;
      frame.dh = 0;
      return this.finish(frame, DISK_STATUS.OK);
    }
    const { heads, sectorsPerTrack, cylinders } = target.geometry;
    const lastCylinder = cylinders - 1;
    frame.ch = lastCylinder & 0xff;
    frame.cl = sectorsPerTrack | ((lastCylinder >> 2) & 0xc0);
    frame.dh = heads - 1;
    if (floppy) {
      frame.bx = floppyDriveType(target.geometry);
      frame.es = SYSTEM_SEGMENT;
      frame.di = FLOPPY_TABLE_OFFSET;
    }
    this.finish(frame, DISK_STATUS.OK);
    frame.al = 0;
    frame.dl = floppy ? this.#drives.floppyCount : this.#drives.diskCount;
    return undefined;
  }

  #driveType(frame: InterruptFrame, target: DiskTarget | undefined): undefined {
    frame.carry = false;
    if (!target || target.kind === "cdrom") {
      frame.ah = 0;
      frame.carry = frame.dl >= 0x80;
      return;
    }
    if (target.kind === "floppy") {
      frame.ah = 2;
      return;
    }
    const { heads, sectorsPerTrack, cylinders } = target.geometry;
    const sectors = heads * sectorsPerTrack * cylinders;
    frame.ah = 3;
    frame.cx = sectors >>> 16;
    frame.dx = sectors & 0xffff;
  }

  #changeLine(frame: InterruptFrame, target: DiskTarget): undefined {
    if (target.kind !== "floppy") return this.finish(frame, DISK_STATUS.BAD_COMMAND);
    if (!mediumOf(target.drive)) return this.finish(frame, DISK_STATUS.TIMEOUT);
    const changed = this.#mediumChanged(frame.dl, target);
    if (changed) this.remember(frame.dl);
    return this.finish(frame, changed ? DISK_STATUS.CHANGED : DISK_STATUS.OK);
  }

  #setMediaType(frame: InterruptFrame, target: DiskTarget): undefined {
    const { cylinders, sectorsPerTrack } = target.geometry;
    const matches = frame.ch + 1 === cylinders && (frame.cl & 0x3f) === sectorsPerTrack;
    if (target.kind !== "floppy") return this.finish(frame, DISK_STATUS.BAD_COMMAND);
    if (!target.blocks) return this.finish(frame, DISK_STATUS.TIMEOUT);
    if (!matches) return this.finish(frame, DISK_STATUS.BAD_MEDIA_TYPE);
    frame.es = SYSTEM_SEGMENT;
    frame.di = FLOPPY_TABLE_OFFSET;
    return this.finish(frame, DISK_STATUS.OK);
  }
}

/** Reads 512-byte sectors of an emulated drive from a disc of 2048-byte blocks. */
async function readAnywhere(blocks: BlockDevice, offset: number, target: Uint8Array): Promise<void> {
  const { blockSize } = blocks;
  const start = offset - (offset % blockSize);
  const end = Math.ceil((offset + target.length) / blockSize) * blockSize;
  if (start === offset && end === offset + target.length) return blocks.read(offset, target);
  const whole = new Uint8Array(end - start);
  await blocks.read(start, whole);
  target.set(whole.subarray(offset - start, offset - start + target.length));
}
