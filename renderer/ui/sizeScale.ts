/** The arithmetic of size sliders: logarithmic positions, friendly steps, and zones of what the host can bear. */
export interface SizeZone {
  kind: "good" | "warning" | "danger" | "plain";
  /** The zone reaches up to and including this size. */
  upTo: number;
}

export interface SizeRange {
  minimum: number;
  maximum: number;
}

/** Where a size lies on the track, 0 to 1. */
export function positionOfSize(size: number, { minimum, maximum }: SizeRange): number {
  if (maximum <= minimum) return 1;
  const clamped = Math.min(maximum, Math.max(minimum, size));
  return Math.log2(clamped / minimum) / Math.log2(maximum / minimum);
}

/** The size at a position, rounded to a sixteenth of its power of two so that the slider yields numbers people choose. */
export function sizeAtPosition(position: number, range: SizeRange): number {
  const exact = range.minimum * 2 ** (position * Math.log2(range.maximum / range.minimum));
  const step = Math.max(1, 2 ** (Math.floor(Math.log2(exact)) - 3));
  return Math.min(range.maximum, Math.max(range.minimum, Math.round(exact / step) * step));
}

export function zoneOf(size: number, zones: readonly SizeZone[]): SizeZone["kind"] {
  return zones.find((zone) => size <= zone.upTo)?.kind ?? zones.at(-1)?.kind ?? "plain";
}

/**
 * Memory zones: up to half of the host's memory is comfortable, up to three quarters gets tight, above that the host
 * will swap.
 */
export function memoryZones(hostMiB: number): SizeZone[] {
  return [
    { kind: "good", upTo: Math.floor(hostMiB / 2) },
    { kind: "warning", upTo: Math.floor((hostMiB * 3) / 4) },
    { kind: "danger", upTo: Number.POSITIVE_INFINITY },
  ];
}

/** Disk zones: a sparse disk may grow to its size; what is free now decides the colour. Unknown free space has one plain zone. */
export function diskZones(freeMiB: number | undefined): SizeZone[] {
  if (freeMiB === undefined) return [{ kind: "plain", upTo: Number.POSITIVE_INFINITY }];
  return [
    { kind: "good", upTo: Math.floor(freeMiB * 0.8) },
    { kind: "warning", upTo: Math.floor(freeMiB) },
    { kind: "danger", upTo: Number.POSITIVE_INFINITY },
  ];
}
