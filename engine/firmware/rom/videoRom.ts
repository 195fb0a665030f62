import { vbeModes } from "../video/vbeModes.ts";
import { type VideoMode, videoModes } from "../video/videoModes.ts";
import {
  FONT_PLACES,
  VBE_MODES_OFFSET,
  VBE_STRINGS_OFFSET,
  VBE_WINDOW_FUNCTION_OFFSET,
  VIDEO_COMBINATIONS_OFFSET,
  VIDEO_ENTRY_OFFSET,
  VIDEO_FUNCTIONALITY_OFFSET,
  VIDEO_PARAMETERS_OFFSET,
  VIDEO_ROM_BYTES,
  VIDEO_SAVE_POINTERS_OFFSET,
  VIDEO_SECONDARY_SAVE_OFFSET,
  VIDEO_SEGMENT,
  VIDEO_SET_UP_OFFSET,
  VIDEO_STUB_OFFSET,
} from "./romLayout.ts";
import { commonStub, SERVICE_VIDEO_SET_UP } from "./stubCode.ts";

/**
 * The option ROM of the display adapter at C000:0000: signature, the INT 10h entry with its own copy of the
 * common stub, and the tables that INT 10h hands out pointers to. Its initialization entry is for other firmware: our POST sets the mode itself.
 */
const PCI_VENDOR = 0x1234;
const PCI_DEVICE = 0x1111;

/** All modes 00-07, 0D-13; 200, 350 and 400 lines; 8 fonts, 2 active; combined functions. */
const FUNCTIONALITY = [0xff, 0xe0, 0x0f, 0, 0, 0, 0, 0x07, 0x02, 0x08, 0xe7, 0x0c, 0, 0, 0, 0];
/** Display combinations: monochrome VGA and colour VGA with the adapters that may stand beside them. */
const COMBINATIONS = [
  0x10, 0x01, 0x08, 0x00, 0, 0, 0, 1, 0, 2, 2, 1, 0, 4, 4, 1, 5, 0, 5, 2, 0, 6, 6, 1, 6, 5, 8, 0, 8, 1, 7, 0, 7, 2, 7,
  6,
];

/** Which mode each of the 29 entries of the parameter table describes. */
// biome-ignore format: a table
const PARAMETER_MODES = [0, 1, 2, 3, 4, 5, 6, 7, 3, 3, 3, 3, 3, 0x0d, 0x0e, 0x0f, 0x10, 0x0f, 0x10, 0, 1, 2, 3, 1, 3, 7, 0x11, 0x12, 0x13];

function parameterEntry(mode: VideoMode): Uint8Array {
  const entry = new Uint8Array(64);
  entry.set([mode.columns, mode.rows - 1, mode.characterHeight, mode.pageSize & 0xff, mode.pageSize >> 8]);
  entry.set(mode.sequencer, 5);
  entry[9] = mode.miscellaneous;
  entry.set(mode.crtc, 10);
  entry.set(mode.attribute, 35);
  entry.set(mode.graphics, 55);
  return entry;
}

function jumpNear(from: number, to: number): readonly number[] {
  const distance = to - (from + 3);
  return [0xe9, distance & 0xff, (distance >> 8) & 0xff];
}

/** INT 10h, and the initialization that other firmware calls far at offset 3. */
function writeEntries(bytes: Uint8Array): void {
  bytes.set(commonStub(), VIDEO_STUB_OFFSET);
  bytes.set([0x6a, 0x10, ...jumpNear(VIDEO_ENTRY_OFFSET + 2, VIDEO_STUB_OFFSET)], VIDEO_ENTRY_OFFSET);
  bytes.set([0x6a, SERVICE_VIDEO_SET_UP, ...jumpNear(VIDEO_SET_UP_OFFSET + 2, VIDEO_STUB_OFFSET)], VIDEO_SET_UP_OFFSET);
  // pushf; push cs; call set-up as an interrupt would; retf
  const distance = VIDEO_SET_UP_OFFSET - 8;
  bytes.set([0x9c, 0x0e, 0xe8, distance & 0xff, distance >> 8, 0xcb], 3);
}

export function buildVideoRom(): Uint8Array {
  const bytes = new Uint8Array(VIDEO_ROM_BYTES);
  const view = new DataView(bytes.buffer);
  const text = (offset: number, value: string) => {
    bytes.set(
      [...value].map((character) => character.charCodeAt(0)),
      offset,
    );
  };
  const pointer = (offset: number, target: number) => {
    view.setUint16(offset, target, true);
    view.setUint16(offset + 2, VIDEO_SEGMENT, true);
  };
  bytes.set([0x55, 0xaa, VIDEO_ROM_BYTES / 512]);
  writeEntries(bytes);
  view.setUint16(0x18, 0x40, true);
  text(0x1e, "IBM VGA Compatible");
  text(0x40, "PCIR");
  view.setUint16(0x44, PCI_VENDOR, true);
  view.setUint16(0x46, PCI_DEVICE, true);
  view.setUint16(0x4a, 0x18, true);
  // Class code 03 00 00, image length in 512-byte units, code type x86, last image.
  bytes.set([0, 0, 0, 3], 0x4c);
  view.setUint16(0x50, VIDEO_ROM_BYTES / 512, true);
  bytes.set([0, 0x80], 0x54);
  bytes.set(FUNCTIONALITY, VIDEO_FUNCTIONALITY_OFFSET);
  pointer(VIDEO_SAVE_POINTERS_OFFSET, VIDEO_PARAMETERS_OFFSET);
  pointer(VIDEO_SAVE_POINTERS_OFFSET + 16, VIDEO_SECONDARY_SAVE_OFFSET);
  view.setUint16(VIDEO_SECONDARY_SAVE_OFFSET, 26, true);
  pointer(VIDEO_SECONDARY_SAVE_OFFSET + 2, VIDEO_COMBINATIONS_OFFSET);
  bytes.set(COMBINATIONS, VIDEO_COMBINATIONS_OFFSET);
  PARAMETER_MODES.forEach((number, index) => {
    bytes.set(parameterEntry(videoModes.get(number)!), VIDEO_PARAMETERS_OFFSET + index * 64);
  });
  text(VBE_STRINGS_OFFSET, "Guesthouse VBE");
  // mov ax, 0x4F05; int 0x10; retf
  bytes.set([0xb8, 0x05, 0x4f, 0xcd, 0x10, 0xcb], VBE_WINDOW_FUNCTION_OFFSET);
  [...vbeModes.keys(), 0xffff].forEach((number, index) => {
    view.setUint16(VBE_MODES_OFFSET + index * 2, number, true);
  });
  for (const [offset, font] of FONT_PLACES) bytes.set(font, offset);
  return bytes;
}

/** Makes the bytes of an option ROM add up to zero, as its loader demands. */
export function sealRom(bytes: Uint8Array): void {
  bytes[bytes.length - 1] = 0;
  bytes[bytes.length - 1] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
