/**
 * The diskette formats of the PC, from IBM's DOS 1.0 (160 KiB) to ED drives (2.88 MB) and the 21-sector
 * distribution format. A sector has 512 bytes in all of them. Storage pads images to one of these sizes, the floppy
 * controller and the firmware find the geometry of a medium by its size.
 */
export interface FloppyGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
  readonly sizeBytes: number;
  /** Data rate at which the medium was recorded. */
  readonly kilobitsPerSecond: 250 | 300 | 500 | 1000;
}

function format(
  cylinders: number,
  heads: number,
  sectorsPerTrack: number,
  kilobitsPerSecond: FloppyGeometry["kilobitsPerSecond"],
): FloppyGeometry {
  return { cylinders, heads, sectorsPerTrack, sizeBytes: cylinders * heads * sectorsPerTrack * 512, kilobitsPerSecond };
}

/** In ascending order of size. */
export const floppyFormats: readonly FloppyGeometry[] = [
  format(40, 1, 8, 250),
  format(40, 1, 9, 250),
  format(40, 2, 8, 250),
  format(40, 2, 9, 250),
  format(80, 2, 9, 250),
  format(80, 2, 15, 500),
  format(80, 2, 18, 500),
  format(80, 2, 21, 500),
  format(80, 2, 36, 1000),
];

/** The smallest format that holds `sizeBytes`, or undefined when none does (or there is nothing to hold). */
export function floppyGeometryFor(sizeBytes: number): FloppyGeometry | undefined {
  return sizeBytes > 0 ? floppyFormats.find((candidate) => candidate.sizeBytes >= sizeBytes) : undefined;
}
