/** Register bits, status bits and commands of the Intel 82077AA floppy disk controller (datasheet 290166). */

/** Digital output register. */
export const DOR_SELECT = 0x03;
export const DOR_NOT_RESET = 0x04;
export const DOR_DMAGATE = 0x08;

/** Main status register. */
export const RQM = 0x80;
export const DIO = 0x40;
export const NON_DMA = 0x20;
export const CMD_BUSY = 0x10;

/** Data rate select register. */
export const DSR_SOFTWARE_RESET = 0x80;

/** Status register 0. */
export const ST0_ABNORMAL = 0x40;
export const ST0_INVALID = 0x80;
export const ST0_POLLING = 0xc0;
export const ST0_SEEK_END = 0x20;
export const ST0_EQUIPMENT_CHECK = 0x10;

/** Status register 1: missing address mark, not writable, no data, overrun, data error, end of cylinder. */
export const ST1_MA = 0x01;
export const ST1_NW = 0x02;
export const ST1_ND = 0x04;
export const ST1_OR = 0x10;
export const ST1_DE = 0x20;
export const ST1_EN = 0x80;

/** Status register 2: wrong cylinder, data error in the data field, control mark. */
export const ST2_WC = 0x10;
export const ST2_DD = 0x20;
export const ST2_CM = 0x40;

/** Status register 3: write protect, track 0, head; two bits that are always one. */
export const ST3_WP = 0x40;
export const ST3_T0 = 0x10;
export const ST3_ALWAYS = 0x28;

/** Second byte of CONFIGURE. */
export const CONFIGURE_EIS = 0x40;
export const CONFIGURE_EFIFO = 0x20;

/** Options of a command byte. */
export const MT = 0x80;
export const MFM = 0x40;

export const fdcCommand = {
  readTrack: 0x02,
  specify: 0x03,
  senseDriveStatus: 0x04,
  writeData: 0x05,
  readData: 0x06,
  recalibrate: 0x07,
  senseInterruptStatus: 0x08,
  writeDeletedData: 0x09,
  readId: 0x0a,
  readDeletedData: 0x0c,
  formatTrack: 0x0d,
  dumpreg: 0x0e,
  seek: 0x0f,
  version: 0x10,
  perpendicularMode: 0x12,
  configure: 0x13,
  lock: 0x14,
  verify: 0x16,
} as const;

interface CommandShape {
  readonly command: number;
  /** Bits of the command byte that are options. */
  readonly options: number;
  /** Bytes with the command byte. */
  readonly length: number;
}

const shapes: readonly CommandShape[] = [
  { command: fdcCommand.readTrack, options: 0x60, length: 9 },
  { command: fdcCommand.specify, options: 0x00, length: 3 },
  { command: fdcCommand.senseDriveStatus, options: 0x00, length: 2 },
  { command: fdcCommand.writeData, options: 0xc0, length: 9 },
  { command: fdcCommand.readData, options: 0xe0, length: 9 },
  { command: fdcCommand.recalibrate, options: 0x00, length: 2 },
  { command: fdcCommand.senseInterruptStatus, options: 0x00, length: 1 },
  { command: fdcCommand.writeDeletedData, options: 0xc0, length: 9 },
  { command: fdcCommand.readId, options: 0x40, length: 2 },
  { command: fdcCommand.readDeletedData, options: 0xe0, length: 9 },
  { command: fdcCommand.formatTrack, options: 0x40, length: 6 },
  { command: fdcCommand.dumpreg, options: 0x00, length: 1 },
  { command: fdcCommand.seek, options: 0xc0, length: 3 },
  { command: fdcCommand.version, options: 0x00, length: 1 },
  { command: fdcCommand.perpendicularMode, options: 0x00, length: 2 },
  { command: fdcCommand.configure, options: 0x00, length: 4 },
  { command: fdcCommand.lock, options: 0x80, length: 1 },
  { command: fdcCommand.verify, options: 0xe0, length: 9 },
];

/** The command of a command byte, or undefined for an invalid one (PART ID, 18h, is one on this chip). */
export function commandShape(commandByte: number): CommandShape | undefined {
  return shapes.find(({ command, options }) => (commandByte & ~options) === command);
}

const kilobitsPerSecond = [500, 300, 250, 1000] as const;

/**
 * Whether a rate of the CCR reads a medium. Double density at 300 kbit/s is a 360 KiB diskette in a drive that turns
 * faster.
 */
export function rateReads(rate: number, mediumKilobitsPerSecond: number): boolean {
  const speed = kilobitsPerSecond[rate & 3]!;
  return speed === mediumKilobitsPerSecond || (speed === 300 && mediumKilobitsPerSecond === 250);
}
