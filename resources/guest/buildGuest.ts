import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { font8x16 } from "../../engine/firmware/fonts/font8x16.ts";
import { assemble } from "../assembler/assemble.ts";
import { enlargeGlyph } from "./enlargeGlyph.ts";

/**
 * Builds the built-in guest: a 1.44 MB floppy image with a boot sector and the tour behind it. The program is followed, at
 * segment boundaries of its own, by the two sizes of soft-edged letters that it draws with.
 */
const FLOPPY_BYTES = 2880 * 512;
const SECTOR = 512;
/** Linear address the first sector after the boot sector is loaded to. */
const PROGRAM_ADDRESS = 0x10000;
const LETTERS_ADDRESS = 0x20000;
const LOGO_ADDRESS = 0x30000;
const LARGEST_PROGRAM = 0xe800;
const NAME = "Guesthouse";
const SOURCES = ["main.asm", "processor.asm", "devices.asm", "drawing.asm", "screen.asm"];

const folder = dirname(fileURLToPath(import.meta.url));

function source(name: string): string {
  return readFileSync(join(folder, "source", name), "utf8");
}

function glyph(code: number): Uint8Array {
  return font8x16.subarray(code * 16, code * 16 + 16);
}

/** Letters 32 to 126, 16 x 32 bytes of coverage each. */
function letters(): Uint8Array {
  const bytes = new Uint8Array(95 * 512);
  for (let code = 32; code < 127; code++) bytes.set(enlargeGlyph(glyph(code), 2), (code - 32) * 512);
  return bytes;
}

/** The name four times as large, the letters side by side in one picture. */
function logo(): { width: number; bytes: Uint8Array } {
  const width = NAME.length * 32;
  const bytes = new Uint8Array(width * 64);
  [...NAME].forEach((character, index) => {
    const large = enlargeGlyph(glyph(character.charCodeAt(0)), 4);
    for (let line = 0; line < 64; line++)
      bytes.set(large.subarray(line * 32, line * 32 + 32), line * width + index * 32);
  });
  return { width, bytes };
}

/** A sine wave of 256 steps from 0 to 255. */
function sineTable(): string {
  const values = Array.from({ length: 256 }, (_, step) => Math.round(127.5 + 127.5 * Math.sin((step * Math.PI) / 128)));
  return `sines: db ${values.join(", ")}\n`;
}

export function buildTour(): Uint8Array {
  const name = logo();
  const constants = `LOGO_WIDTH equ ${name.width}\n`;
  const program = assemble([constants, ...SOURCES.map(source), sineTable()].join("\n")).bytes;
  if (program.length > LARGEST_PROGRAM)
    throw new Error(`the tour has ${program.length} bytes: too many for its segment`);
  const image = new Uint8Array(FLOPPY_BYTES);
  const place = (address: number, bytes: Uint8Array) => image.set(bytes, SECTOR + address - PROGRAM_ADDRESS);
  place(PROGRAM_ADDRESS, program);
  place(LETTERS_ADDRESS, letters());
  place(LOGO_ADDRESS, name.bytes);
  const used = LOGO_ADDRESS + name.bytes.length - PROGRAM_ADDRESS;
  image.set(assemble(`SECTORS equ ${Math.ceil(used / SECTOR)}\n${source("boot.asm")}`).bytes);
  return image;
}

/** Writes `dist/guest/tour.img` and returns its path. */
export function buildGuest(): string {
  const target = join(folder, "..", "..", "dist", "guest", "tour.img");
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, buildTour());
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildGuest());
