import { type GuestMemory, linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import type { ServiceRun } from "../service/ServiceRun.ts";
import type { DiskTarget, DriveTable } from "./DriveTable.ts";
import { DISK_STATUS } from "./diskStatus.ts";
import type { Int13, Transfer } from "./Int13.ts";

/**
 * INT 13h AH=41h to 4Eh: the enhanced disk drive services (EDD 3.0: 41-44, 47, 48, 4E; locking and ejecting 45, 46, 49) and
 * the El Torito functions 4B-4D. Device path and DPTE are not offered: programs fall back to the addresses they find.
 */
const EDD_VERSION = 0x30;
/** Fixed-disk access, drive locking and ejecting, enhanced drive support. */
const EDD_FEATURES = 0x07;
const LONG_ADDRESS = 0xffff_ffff;

export class Int13Extensions {
  readonly #memory: GuestMemory;
  readonly #drives: DriveTable;
  readonly #disk: Int13;

  constructor(memory: GuestMemory, drives: DriveTable, disk: Int13) {
    this.#memory = memory;
    this.#drives = drives;
    this.#disk = disk;
  }

  serve(frame: InterruptFrame): undefined | ServiceRun {
    if (frame.ah >= 0x4a && frame.ah <= 0x4d) return this.#elTorito(frame);
    const target = this.#drives.find(frame.dl);
    if (!target || target.kind === "floppy") return this.#disk.finish(frame, DISK_STATUS.BAD_COMMAND);
    switch (frame.ah) {
      case 0x41:
        return this.#present(frame);
      case 0x42:
        return this.#packet(frame, target, "read");
      case 0x43:
        return this.#packet(frame, target, "write");
      case 0x44:
        return this.#packet(frame, target, "verify");
      case 0x48:
        return this.#parameters(frame, target);
      case 0x49:
        return this.#disk.finish(frame, DISK_STATUS.OK);
      case 0x45:
      case 0x47:
      case 0x4e:
        frame.al = 0;
        return this.#disk.finish(frame, DISK_STATUS.OK);
      default:
        return this.#disk.finish(frame, DISK_STATUS.BAD_COMMAND);
    }
  }

  #present(frame: InterruptFrame): undefined {
    if (frame.bx !== 0x55aa) return this.#disk.finish(frame, DISK_STATUS.BAD_COMMAND);
    frame.bx = 0xaa55;
    frame.cx = EDD_FEATURES;
    this.#disk.finish(frame, DISK_STATUS.OK);
    frame.ah = EDD_VERSION;
    return undefined;
  }

  *#packet(frame: InterruptFrame, target: DiskTarget, transfer: Transfer): ServiceRun {
    const packet = linearOf(frame.ds, frame.si);
    const size = this.#memory.get8(packet);
    const count = this.#memory.get16(packet + 2);
    const offset = this.#memory.get16(packet + 4);
    const segment = this.#memory.get16(packet + 6);
    const first = this.#memory.get32(packet + 8) + this.#memory.get32(packet + 12) * 2 ** 32;
    if (size < 16 || count === 0) {
      this.#disk.finish(frame, DISK_STATUS.BAD_COMMAND);
      return;
    }
    let linear = linearOf(segment, offset);
    // FFFF:FFFF says that the packet holds a flat 64-bit address.
    if (((segment << 16) | offset) >>> 0 === LONG_ADDRESS && size >= 24) linear = this.#memory.get32(packet + 16);
    let status = this.#disk.notReady(frame.dl, target, transfer);
    if (status === DISK_STATUS.OK) status = yield* this.#disk.transfer(target, transfer, first, count, linear);
    if (status !== DISK_STATUS.OK) this.#memory.set16(packet + 2, 0);
    this.#disk.finish(frame, status);
  }

  #parameters(frame: InterruptFrame, target: DiskTarget): undefined {
    const buffer = linearOf(frame.ds, frame.si);
    const size = this.#memory.get16(buffer);
    if (size < 26) return this.#disk.finish(frame, DISK_STATUS.BAD_COMMAND);
    const { geometry } = target;
    const optical = target.kind === "cdrom";
    const filled = size >= 30 ? 30 : 26;
    this.#memory.set16(buffer, filled);
    // Geometry valid for disks; removable, lockable, change line for optical drives. DMA boundaries are handled.
    this.#memory.set16(buffer + 2, optical ? 0x0075 : geometry.cylinders < 1024 ? 0x0003 : 0x0001);
    this.#memory.set32(buffer + 4, optical ? 0xffff_ffff : geometry.cylinders);
    this.#memory.set32(buffer + 8, optical ? 0xffff_ffff : geometry.heads);
    this.#memory.set32(buffer + 12, optical ? 0xffff_ffff : geometry.sectorsPerTrack);
    this.#memory.set32(buffer + 16, target.totalSectors);
    this.#memory.set32(buffer + 20, Math.floor(target.totalSectors / 2 ** 32));
    this.#memory.set16(buffer + 24, target.sectorBytes);
    if (filled === 30) this.#memory.set32(buffer + 26, LONG_ADDRESS);
    return this.#disk.finish(frame, DISK_STATUS.OK);
  }

  /** AH=4Bh: the specification packet of the disc that was booted; AL=00h also ends its emulation. */
  #elTorito(frame: InterruptFrame): undefined {
    const emulation = this.#drives.emulation;
    if (!emulation || frame.ah !== 0x4b || frame.al > 1) return this.#disk.finish(frame, DISK_STATUS.BAD_COMMAND);
    const { image } = emulation;
    const at = linearOf(frame.ds, frame.si);
    const { cylinders, heads, sectorsPerTrack } = image.geometry;
    const optical = this.#drives.opticals.indexOf(emulation.drive);
    const number = image.emulation === "none" ? 0xe0 + optical : image.emulation === "disk" ? 0x80 : 0;
    const packet = new Uint8Array(0x13);
    const view = new DataView(packet.buffer);
    packet.set([0x13, image.mediaType, number, 0]);
    view.setUint32(4, image.sector, true);
    view.setUint16(12, image.loadSegment, true);
    view.setUint16(14, image.loadSectors, true);
    const lastCylinder = Math.max(0, cylinders - 1);
    packet.set([lastCylinder & 0xff, sectorsPerTrack | ((lastCylinder >> 2) & 0xc0), Math.max(0, heads - 1)], 16);
    this.#memory.write(at, packet);
    if (frame.al === 0 && image.emulation !== "none") this.#drives.emulation = undefined;
    return this.#disk.finish(frame, DISK_STATUS.OK);
  }
}
