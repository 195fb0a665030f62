import { font8x8 } from "../fonts/font8x8.ts";
import { font8x14 } from "../fonts/font8x14.ts";
import { font8x16 } from "../fonts/font8x16.ts";

/**
 * Where things lie in the two ROM images. The F000 offsets that classic software calls or reads directly are those of IBM's
 * PC AT BIOS; the rest of the segment is free for tables. The video ROM's layout is ours.
 */
export const FONT_8X8_BYTES: Uint8Array = font8x8;
export const FONT_8X14_BYTES: Uint8Array = font8x14;
export const FONT_8X16_BYTES: Uint8Array = font8x16;

export const SYSTEM_SEGMENT = 0xf000;
export const VIDEO_SEGMENT = 0xc000;
export const VIDEO_ROM_BYTES = 0x8000;

/** Interrupt service entries at their traditional offsets in F000. */
export const FIXED_ENTRIES: ReadonlyMap<number, number> = new Map([
  [0x13, 0xe3fe],
  [0x14, 0xe739],
  [0x16, 0xe82e],
  [0x09, 0xe987],
  [0x40, 0xec59],
  [0x0e, 0xef57],
  [0x17, 0xefd2],
  [0x42, 0xf065],
  [0x12, 0xf841],
  [0x11, 0xf84d],
  [0x15, 0xf859],
  [0x1a, 0xfe6e],
  [0x08, 0xfea5],
  [0x05, 0xff54],
]);

/** Entries of the other services, five bytes each, one after the other from here. */
export const OTHER_ENTRIES_OFFSET = 0xe300;
export const OTHER_ENTRIES: readonly number[] = [
  0x70, 0x74, 0x75, 0x76, 0x77, 0x0a, 0x0b, 0x0c, 0x0d, 0x0f, 0x71, 0x72, 0x73,
];

export const RESET_OFFSET = 0xe05b;
export const NMI_OFFSET = 0xe2c3;
export const BOOT_OFFSET = 0xe6f2;
export const CONFIGURATION_TABLE_OFFSET = 0xe6f5;
export const NO_BOOT_OFFSET = 0xe2d0;
export const BAUD_TABLE_OFFSET = 0xe729;
export const FLOPPY_TABLE_OFFSET = 0xefc7;
export const FONT_8X8_OFFSET = 0xfa6e;
export const IRET_OFFSET = 0xff53;
export const POWER_ON_OFFSET = 0xfff0;
export const DATE_OFFSET = 0xfff5;
export const MODEL_OFFSET = 0xfffe;
/** Tables of the system (SMBIOS, MP, PIR, RSDP) are laid out from here to `TABLES_END`. */
export const TABLES_OFFSET = 0x0100;
export const TABLES_END = 0xdf00;

export const VIDEO_ENTRY_OFFSET = 0x0060;
/** The far function that VBE programs call to move the window. */
export const VBE_WINDOW_FUNCTION_OFFSET = 0x0070;
export const VIDEO_FUNCTIONALITY_OFFSET = 0x0080;
export const VIDEO_SAVE_POINTERS_OFFSET = 0x0090;
export const VIDEO_SECONDARY_SAVE_OFFSET = 0x00b0;
export const VIDEO_COMBINATIONS_OFFSET = 0x00d0;
export const VBE_STRINGS_OFFSET = 0x0100;
export const VBE_MODES_OFFSET = 0x0180;
export const VIDEO_PARAMETERS_OFFSET = 0x0400;
/** The video ROM has its own copy of the common stub: beside other firmware there is none in F000. */
export const VIDEO_STUB_OFFSET = 0x0c00;
export const VIDEO_SET_UP_OFFSET = 0x0068;
const FONT_8X16_OFFSET = 0x1000;
const FONT_8X14_OFFSET = 0x2000;
const FONT_8X8_FULL_OFFSET = 0x2e00;
export const FONT_PLACES: readonly (readonly [offset: number, font: Uint8Array])[] = [
  [FONT_8X16_OFFSET, font8x16],
  [FONT_8X14_OFFSET, font8x14],
  [FONT_8X8_FULL_OFFSET, font8x8],
];

export interface RealModePointer {
  readonly segment: number;
  readonly offset: number;
}

export function fontPointer(height: number): RealModePointer {
  const offset = height === 8 ? FONT_8X8_FULL_OFFSET : height === 14 ? FONT_8X14_OFFSET : FONT_8X16_OFFSET;
  return { segment: VIDEO_SEGMENT, offset };
}
export const upperHalfFont: RealModePointer = { segment: VIDEO_SEGMENT, offset: FONT_8X8_FULL_OFFSET + 128 * 8 };
