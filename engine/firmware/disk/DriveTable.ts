import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import { type DiskGeometry, diskGeometry, floppyGeometry } from "./diskGeometry.ts";
import type { BootImage } from "./ElTorito.ts";
import { type FirmwareDrive, mediumOf } from "./FirmwareDrive.ts";

/**
 * Which drive a number in DL means: 00h and 01h floppies, 80h up hard disks, E0h up optical drives. A booted El Torito image
 * takes 00h or 80h, and the drives of that kind move up by one (El Torito specification 1.0, section 4). Disks keep their numbers until the next
 * self test, also through a state of a machine from which some went, or to which some came.
 */
export interface DiskTarget {
  readonly drive: FirmwareDrive;
  readonly kind: "floppy" | "disk" | "cdrom";
  /** Undefined for an empty drive. */
  readonly blocks: BlockDevice | undefined;
  readonly geometry: DiskGeometry;
  readonly sectorBytes: 512 | 2048;
  /** Where the drive's sector 0 lies in `blocks`, for emulated drives. */
  readonly offsetBytes: number;
  readonly totalSectors: number;
  readonly readOnly: boolean;
}

export const FIRST_DISK = 0x80;
export const FIRST_OPTICAL = 0xe0;

export class DriveTable {
  readonly floppies: readonly FirmwareDrive[];
  readonly opticals: readonly FirmwareDrive[];
  readonly #present: readonly FirmwareDrive[];
  #disks: readonly FirmwareDrive[];
  /** Geometries found at POST from the disks' partition tables. */
  readonly #geometries = new Map<FirmwareDrive, DiskGeometry>();
  emulation: { readonly image: BootImage; readonly drive: FirmwareDrive } | undefined;

  constructor(drives: readonly FirmwareDrive[]) {
    this.floppies = drives.filter((drive) => drive.kind === "floppy");
    this.#present = drives.filter((drive) => drive.kind === "disk");
    this.#disks = this.#present;
    this.opticals = drives.filter((drive) => drive.kind === "cdrom");
  }

  /** Those of the last self test. */
  get disks(): readonly FirmwareDrive[] {
    return this.#disks;
  }

  /** Before a self test: what is there now counts. */
  reset(): void {
    this.emulation = undefined;
    this.#disks = this.#present;
  }

  learnGeometry(drive: FirmwareDrive, mbr: Uint8Array): void {
    const blocks = mediumOf(drive);
    if (blocks) this.#geometries.set(drive, diskGeometry(Math.floor(blocks.sizeBytes / 512), mbr));
  }

  #emulated(kind: "floppy" | "disk"): DiskTarget | undefined {
    const emulation = this.emulation;
    if (!emulation || emulation.image.emulation !== kind) return undefined;
    const { image, drive } = emulation;
    const { heads, sectorsPerTrack, cylinders } = image.geometry;
    return {
      drive,
      kind,
      blocks: mediumOf(drive),
      geometry: image.geometry,
      sectorBytes: 512,
      offsetBytes: image.sector * 2048,
      totalSectors: heads * sectorsPerTrack * cylinders,
      readOnly: true,
    };
  }

  get floppyCount(): number {
    return this.floppies.length + (this.#emulated("floppy") ? 1 : 0);
  }
  get diskCount(): number {
    return this.disks.length + (this.#emulated("disk") ? 1 : 0);
  }

  find(number: number): DiskTarget | undefined {
    if (number >= FIRST_OPTICAL) return this.#optical(this.opticals[number - FIRST_OPTICAL]);
    const kind = number >= FIRST_DISK ? "disk" : "floppy";
    const index = number & 0x7f;
    const emulated = this.#emulated(kind);
    if (emulated && index === 0) return emulated;
    const drive = (kind === "disk" ? this.disks : this.floppies)[index - (emulated ? 1 : 0)];
    return drive && this.#magnetic(drive, kind);
  }

  #magnetic(drive: FirmwareDrive, kind: "floppy" | "disk"): DiskTarget {
    const blocks = mediumOf(drive);
    const sizeBytes = blocks?.sizeBytes ?? 0;
    const totalSectors = Math.floor(sizeBytes / 512);
    const geometry =
      kind === "floppy"
        ? floppyGeometry(sizeBytes)
        : (this.#geometries.get(drive) ?? diskGeometry(totalSectors, undefined));
    const readOnly = blocks?.readOnly ?? true;
    return { drive, kind, blocks, geometry, sectorBytes: 512, offsetBytes: 0, totalSectors, readOnly };
  }

  #optical(drive: FirmwareDrive | undefined): DiskTarget | undefined {
    if (!drive) return undefined;
    const blocks = mediumOf(drive);
    const totalSectors = Math.floor((blocks?.sizeBytes ?? 0) / 2048);
    const geometry = { cylinders: 0, heads: 0, sectorsPerTrack: 0 };
    return { drive, kind: "cdrom", blocks, geometry, sectorBytes: 2048, offsetBytes: 0, totalSectors, readOnly: true };
  }

  /** The emulated drive, and the disks by their places with the geometries found at POST. */
  save(writer: StateWriter): void {
    const emulation = this.emulation;
    writer.bool(emulation !== undefined);
    if (emulation) {
      writer.u8(this.opticals.indexOf(emulation.drive));
      writeImage(writer, emulation.image);
    }
    writer.u8(this.disks.length);
    for (const disk of this.disks) {
      writer.string(disk.devicePath ?? "");
      const { cylinders, heads, sectorsPerTrack } = this.#magnetic(disk, "disk").geometry;
      writer.u16(cylinders).u16(heads).u8(sectorsPerTrack);
    }
  }

  /** Reads what `save` wrote; nothing changes until the result is called. */
  read(reader: StateReader): () => void {
    let emulation: DriveTable["emulation"];
    if (reader.bool()) {
      const drive = this.opticals[reader.u8()];
      const image = readImage(reader);
      if (drive) emulation = { drive, image };
    }
    const geometries = Array.from({ length: reader.u8() }, (_, index) => {
      const disk = this.#diskAt(reader.string(), index);
      return [disk, { cylinders: reader.u16(), heads: reader.u16(), sectorsPerTrack: reader.u8() }] as const;
    });
    return () => {
      this.emulation = emulation;
      this.#disks = geometries.map(([disk]) => disk);
      for (const [disk, geometry] of geometries) this.#geometries.set(disk, geometry);
    };
  }

  /** A disk that went still has its number, which then names nothing. */
  #diskAt(place: string, index: number): FirmwareDrive {
    const found = place === "" ? this.#present[index] : this.#present.find(({ devicePath }) => devicePath === place);
    return found ?? { kind: "disk", name: "", blocks: undefined, devicePath: place };
  }

  /** The number under which a drive answers. */
  numberOf(drive: FirmwareDrive): number {
    if (drive.kind === "cdrom") return FIRST_OPTICAL + this.opticals.indexOf(drive);
    if (drive.kind === "disk") return FIRST_DISK + this.disks.indexOf(drive) + (this.#emulated("disk") ? 1 : 0);
    return this.floppies.indexOf(drive) + (this.#emulated("floppy") ? 1 : 0);
  }
}

const EMULATIONS = ["none", "floppy", "disk"] as const;

function writeImage(writer: StateWriter, image: BootImage): void {
  const { cylinders, heads, sectorsPerTrack } = image.geometry;
  writer.u8(EMULATIONS.indexOf(image.emulation)).u8(image.mediaType).u16(image.loadSegment).u16(image.loadSectors);
  writer.u32(image.sector).u16(cylinders).u16(heads).u8(sectorsPerTrack);
}

function readImage(reader: StateReader): BootImage {
  return {
    emulation: EMULATIONS[reader.u8()] ?? "none",
    mediaType: reader.u8(),
    loadSegment: reader.u16(),
    loadSectors: reader.u16(),
    sector: reader.u32(),
    geometry: { cylinders: reader.u16(), heads: reader.u16(), sectorsPerTrack: reader.u8() },
  };
}
