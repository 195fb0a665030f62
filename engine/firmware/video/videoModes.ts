/**
 * The standard modes of the VGA: register values after a mode set and what INT 10h needs to know to draw in them.
 * Values as in the parameter tables of IBM's PS/2 Video Subsystem reference. 400-line text throughout: the 200- and 350-line
 * variants that AH=12h BL=30h can select are not offered.
 */
export type MemoryModel = "text" | "cga" | "planar" | "linear8";

export interface VideoMode {
  readonly number: number;
  readonly model: MemoryModel;
  readonly columns: number;
  readonly rows: number;
  readonly characterHeight: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly segment: number;
  readonly bitsPerPixel: number;
  readonly palette: "ega" | "cga" | "mono" | "vga";
  readonly miscellaneous: number;
  /** SR1 to SR4. */
  readonly sequencer: Uint8Array;
  readonly crtc: Uint8Array;
  readonly attribute: Uint8Array;
  readonly graphics: Uint8Array;
}

const bytes = (text: string) => Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));

const EGA_ATTRIBUTES = "00 01 02 03 04 05 14 07 38 39 3A 3B 3C 3D 3E 3F";
const RGBI_ATTRIBUTES = "00 01 02 03 04 05 06 07 10 11 12 13 14 15 16 17";
const CGA_ATTRIBUTES = "00 13 15 17 02 04 06 07 10 11 12 13 14 15 16 17";
const MONO_ATTRIBUTES = "00 08 08 08 08 08 08 08 10 18 18 18 18 18 18 18";
const TEXT_GRAPHICS = "00 00 00 00 00 10 0E 00 FF";
const PLANAR_GRAPHICS = "00 00 00 00 00 00 05 0F FF";

type Row = readonly [
  number: number,
  model: MemoryModel,
  columns: number,
  rows: number,
  characterHeight: number,
  pageSize: number,
  pages: number,
  segment: number,
  bitsPerPixel: number,
  palette: VideoMode["palette"],
  miscellaneous: number,
  sequencer: string,
  crtc: string,
  attribute: string,
  graphics: string,
];

// biome-ignore format: a table
const rows: readonly Row[] = [
  [0x00, "text", 40, 25, 16, 0x0800, 8, 0xb800, 4, "ega", 0x67, "08 03 00 02",
    "2D 27 28 90 2B A0 BF 1F 00 4F 0D 0E 00 00 00 00 9C 8E 8F 14 1F 96 B9 A3 FF", `${EGA_ATTRIBUTES} 0C 00 0F 08`, TEXT_GRAPHICS],
  [0x02, "text", 80, 25, 16, 0x1000, 8, 0xb800, 4, "ega", 0x67, "00 03 00 02",
    "5F 4F 50 82 55 81 BF 1F 00 4F 0D 0E 00 00 00 00 9C 8E 8F 28 1F 96 B9 A3 FF", `${EGA_ATTRIBUTES} 0C 00 0F 08`, TEXT_GRAPHICS],
  [0x04, "cga", 40, 25, 8, 0x4000, 1, 0xb800, 2, "cga", 0x63, "09 03 00 02",
    "2D 27 28 90 2B 80 BF 1F 00 C1 00 00 00 00 00 00 9C 8E 8F 14 00 96 B9 A2 FF", `${CGA_ATTRIBUTES} 01 00 03 00`, "00 00 00 00 00 30 0F 0F FF"],
  [0x06, "cga", 80, 25, 8, 0x4000, 1, 0xb800, 1, "cga", 0x63, "01 01 00 06",
    "5F 4F 50 82 54 80 BF 1F 00 C1 00 00 00 00 00 00 9C 8E 8F 28 00 96 B9 C2 FF", "00 17 17 17 17 17 17 17 17 17 17 17 17 17 17 17 01 00 01 00", "00 00 00 00 00 00 0D 0F FF"],
  [0x07, "text", 80, 25, 16, 0x1000, 8, 0xb000, 1, "mono", 0x66, "00 03 00 02",
    "5F 4F 50 82 55 81 BF 1F 00 4F 0D 0E 00 00 00 00 9C 8E 8F 28 0F 96 B9 A3 FF", `${MONO_ATTRIBUTES} 0E 00 0F 08`, "00 00 00 00 00 10 0A 00 FF"],
  [0x0d, "planar", 40, 25, 8, 0x2000, 8, 0xa000, 4, "cga", 0x63, "09 0F 00 06",
    "2D 27 28 90 2B 80 BF 1F 00 C0 00 00 00 00 00 00 9C 8E 8F 14 00 96 B9 E3 FF", `${RGBI_ATTRIBUTES} 01 00 0F 00`, PLANAR_GRAPHICS],
  [0x0e, "planar", 80, 25, 8, 0x4000, 4, 0xa000, 4, "cga", 0x63, "01 0F 00 06",
    "5F 4F 50 82 54 80 BF 1F 00 C0 00 00 00 00 00 00 9C 8E 8F 28 00 96 B9 E3 FF", `${RGBI_ATTRIBUTES} 01 00 0F 00`, PLANAR_GRAPHICS],
  [0x0f, "planar", 80, 25, 14, 0x8000, 2, 0xa000, 1, "mono", 0xa3, "01 0F 00 06",
    "5F 4F 50 82 54 80 BF 1F 00 40 00 00 00 00 00 00 83 85 5D 28 0F 63 BA E3 FF", "00 08 00 00 18 18 00 00 00 08 00 00 00 18 00 00 0B 00 05 00", "00 00 00 00 00 00 05 05 FF"],
  [0x10, "planar", 80, 25, 14, 0x8000, 2, 0xa000, 4, "ega", 0xa3, "01 0F 00 06",
    "5F 4F 50 82 54 80 BF 1F 00 40 00 00 00 00 00 00 83 85 5D 28 0F 63 BA E3 FF", `${EGA_ATTRIBUTES} 01 00 0F 00`, PLANAR_GRAPHICS],
  [0x11, "planar", 80, 30, 16, 0xa000, 1, 0xa000, 1, "ega", 0xe3, "01 0F 00 06",
    "5F 4F 50 82 54 80 0B 3E 00 40 00 00 00 00 00 00 EA 8C DF 28 00 E7 04 E3 FF", "00 3F 3F 3F 3F 3F 3F 3F 3F 3F 3F 3F 3F 3F 3F 3F 01 00 0F 00", "00 00 00 00 00 00 05 01 FF"],
  [0x12, "planar", 80, 30, 16, 0xa000, 1, 0xa000, 4, "ega", 0xe3, "01 0F 00 06",
    "5F 4F 50 82 54 80 0B 3E 00 40 00 00 00 00 00 00 EA 8C DF 28 00 E7 04 E3 FF", `${EGA_ATTRIBUTES} 01 00 0F 00`, PLANAR_GRAPHICS],
  [0x13, "linear8", 40, 25, 8, 0xfa00, 1, 0xa000, 8, "vga", 0x63, "01 0F 00 0E",
    "5F 4F 50 82 54 80 BF 1F 00 41 00 00 00 00 00 00 9C 8E 8F 28 40 96 B9 A3 FF", "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 41 00 0F 00", "00 00 00 00 00 40 05 0F FF"],
];

function fromRow(row: Row): VideoMode {
  const [number, model, columns, textRows, characterHeight, pageSize, pages, segment, bitsPerPixel, palette] = row;
  const [, , , , , , , , , , miscellaneous, sequencer, crtc, attribute, graphics] = row;
  return {
    number,
    model,
    columns,
    rows: textRows,
    characterHeight,
    pageSize,
    pages,
    segment,
    bitsPerPixel,
    palette,
    miscellaneous,
    sequencer: bytes(sequencer),
    crtc: bytes(crtc),
    attribute: bytes(attribute),
    graphics: bytes(graphics),
  };
}

const table = new Map(rows.map((row) => [row[0], fromRow(row)]));
/** The grey-scale twins of CGA: 1, 3 and 5 behave as 0, 2 and 4. */
for (const even of [0x00, 0x02, 0x04]) table.set(even + 1, { ...table.get(even)!, number: even + 1 });

export const videoModes: ReadonlyMap<number, VideoMode> = table;
