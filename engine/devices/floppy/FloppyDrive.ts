/**
 * One diskette drive: the medium with its geometry, where the heads are, and the disk change line, which stays set
 * from a change of the medium until the heads step with a medium in the drive.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { type FloppyGeometry, floppyGeometryFor } from "../../contracts/FloppyGeometry.ts";
import type { Medium, RemovableDrive } from "../../contracts/Medium.ts";

export const SECTOR_BYTES = 512;
/** The heads of an 80-cylinder drive can go a little further. */
const LAST_CYLINDER = 84;

export class FloppyDrive implements RemovableDrive {
  #medium: Medium | undefined;
  #geometry: FloppyGeometry | undefined;
  #changed = true;
  #cylinder = 0;

  constructor(medium: Medium | undefined) {
    this.#take(medium);
  }

  get medium(): Medium | undefined {
    return this.#medium;
  }
  get geometry(): FloppyGeometry | undefined {
    return this.#geometry;
  }
  get changed(): boolean {
    return this.#changed || this.#medium === undefined;
  }
  get cylinder(): number {
    return this.#cylinder;
  }
  get writeProtected(): boolean {
    return this.#medium?.blocks.readOnly ?? false;
  }

  /** A diskette can always be pulled out. */
  insert(medium: Medium | undefined): boolean {
    this.#take(medium);
    this.#changed = true;
    return true;
  }

  #take(medium: Medium | undefined): void {
    this.#geometry = medium === undefined ? undefined : floppyGeometryFor(medium.blocks.sizeBytes);
    this.#medium = this.#geometry === undefined ? undefined : medium;
  }

  reset(): void {
    this.#changed = true;
    this.#cylinder = 0;
  }

  stepTo(cylinder: number): void {
    const target = Math.max(0, Math.min(cylinder, LAST_CYLINDER));
    if (target !== this.#cylinder && this.#medium !== undefined) this.#changed = false;
    this.#cylinder = target;
  }

  /** The index of a sector of the cylinder under the heads, or undefined when the medium has none like it. */
  sectorIndex(head: number, sector: number): number | undefined {
    const geometry = this.#geometry;
    if (geometry === undefined || this.#cylinder >= geometry.cylinders || head >= geometry.heads) return undefined;
    if (sector < 1 || sector > geometry.sectorsPerTrack) return undefined;
    return (this.#cylinder * geometry.heads + head) * geometry.sectorsPerTrack + sector - 1;
  }

  /** Reads consecutive sectors. Returns how many were good. */
  async read(index: number, target: Uint8Array): Promise<number> {
    const { blocks } = this.#medium ?? {};
    return blocks === undefined
      ? 0
      : countGood(target, (from, to) =>
          blocks.read((index + from) * SECTOR_BYTES, target.subarray(from * SECTOR_BYTES, to * SECTOR_BYTES)),
        );
  }

  async write(index: number, source: Uint8Array): Promise<number> {
    const { blocks } = this.#medium ?? {};
    return blocks === undefined
      ? 0
      : countGood(source, (from, to) =>
          blocks.write((index + from) * SECTOR_BYTES, source.subarray(from * SECTOR_BYTES, to * SECTOR_BYTES)),
        );
  }

  save(writer: StateWriter): void {
    writer.bool(this.#changed).u8(this.#cylinder);
  }

  prepareLoad(reader: StateReader): () => void {
    const changed = reader.bool();
    const cylinder = reader.u8();
    if (cylinder > LAST_CYLINDER) {
      throw new GuesthouseError("state-invalid", "The saved state of a floppy drive is damaged.", { cylinder });
    }
    return () => {
      this.#changed = changed;
      this.#cylinder = cylinder;
    };
  }
}

/** All sectors at once, or when that fails one by one up to the first bad one. */
async function countGood(bytes: Uint8Array, access: (from: number, to: number) => Promise<void>): Promise<number> {
  const sectors = bytes.length / SECTOR_BYTES;
  const works = (from: number, to: number) =>
    access(from, to).then(
      () => true,
      () => false,
    );
  if (await works(0, sectors)) return sectors;
  for (let index = 0; index < sectors; index++) if (!(await works(index, index + 1))) return index;
  return sectors;
}
