import type { GuestMemory } from "./GuestMemory.ts";

/**
 * Addresses of the BIOS data area (segment 40h, IBM PS/2 and PC BIOS interface technical reference) as linear addresses, and
 * offsets in the extended BIOS data area.
 */
export const BDA = {
  COM_PORTS: 0x400,
  LPT_PORTS: 0x408,
  EBDA_SEGMENT: 0x40e,
  EQUIPMENT: 0x410,
  MEMORY_KIB: 0x413,
  KEYBOARD_FLAGS: 0x417,
  KEYBOARD_FLAGS_2: 0x418,
  ALT_NUMPAD: 0x419,
  KEYBOARD_HEAD: 0x41a,
  KEYBOARD_TAIL: 0x41c,
  KEYBOARD_BUFFER: 0x41e,
  FLOPPY_RECALIBRATE: 0x43e,
  FLOPPY_MOTOR: 0x43f,
  FLOPPY_MOTOR_COUNT: 0x440,
  FLOPPY_STATUS: 0x441,
  VIDEO_MODE: 0x449,
  VIDEO_COLUMNS: 0x44a,
  VIDEO_PAGE_SIZE: 0x44c,
  VIDEO_PAGE_START: 0x44e,
  CURSOR_POSITIONS: 0x450,
  CURSOR_SHAPE: 0x460,
  ACTIVE_PAGE: 0x462,
  CRTC_PORT: 0x463,
  MODE_CONTROL: 0x465,
  CGA_PALETTE: 0x466,
  TICKS: 0x46c,
  MIDNIGHT: 0x470,
  BREAK: 0x471,
  RESET_FLAG: 0x472,
  DISK_STATUS: 0x474,
  DISK_COUNT: 0x475,
  LPT_TIMEOUTS: 0x478,
  COM_TIMEOUTS: 0x47c,
  KEYBOARD_BUFFER_START: 0x480,
  KEYBOARD_BUFFER_END: 0x482,
  VIDEO_ROWS: 0x484,
  CHARACTER_HEIGHT: 0x485,
  VIDEO_CONTROL: 0x487,
  VIDEO_SWITCHES: 0x488,
  VIDEO_MODE_OPTIONS: 0x489,
  DISPLAY_COMBINATION: 0x48a,
  FLOPPY_MEDIA_CONTROL: 0x48b,
  FLOPPY_MEDIA_STATE: 0x490,
  FLOPPY_CYLINDER: 0x494,
  KEYBOARD_FLAGS_3: 0x496,
  KEYBOARD_LEDS: 0x497,
  WAIT_POINTER: 0x498,
  WAIT_COUNT: 0x49c,
  WAIT_ACTIVE: 0x4a0,
  VIDEO_SAVE_POINTER: 0x4a8,
  PRINT_SCREEN: 0x500,
} as const;

/** The extended area takes the last KiB of conventional memory. */
export const EBDA_SEGMENT = 0x9fc0;
export const CONVENTIONAL_KIB = 639;

export const EBDA = {
  SIZE_KIB: 0x00,
  POINTER_HANDLER: 0x22,
  POINTER_FLAGS_1: 0x26,
  POINTER_FLAGS_2: 0x27,
  POINTER_DATA: 0x28,
  /** Ours: the arguments of the pointing device handler, three words. */
  POINTER_ARGUMENTS: 0x30,
  /** Ours: the VBE mode in force, a word. */
  VBE_MODE: 0x36,
  /** Ours: how far the dialogue about the keyboard's lamps has come. */
  LAMP_STATE: 0x38,
  FIXED_DISK_0: 0x3d,
  FIXED_DISK_1: 0x4d,
} as const;

export const EBDA_LINEAR = EBDA_SEGMENT * 16;

/** Where the extended area is now: memory managers move it and change the pointer. */
export function extendedArea(memory: GuestMemory): number {
  return memory.get16(BDA.EBDA_SEGMENT) * 16;
}
