/** Registers and structures of the Serial ATA Advanced Host Controller Interface 1.3.1 (clauses 3 and 4). */

export const PORTS_AT = 0x100;
export const PORT_BYTES = 0x80;
export const AHCI_WINDOW_BYTES = 0x1000;

export const hba = { CAP: 0x00, GHC: 0x04, IS: 0x08, PI: 0x0c, VS: 0x10 } as const;
/** 64-bit addresses, native queuing, 3 Gb/s, AHCI alone, 32 slots. The number of ports is added. */
export const CAP = 0xc024_1f00;
export const GHC_HR = 1;
export const GHC_IE = 2;
export const GHC_AE = 0x8000_0000;
export const VERSION = 0x0001_0200;

export const port = {
  CLB: 0x00,
  CLBU: 0x04,
  FB: 0x08,
  FBU: 0x0c,
  IS: 0x10,
  IE: 0x14,
  CMD: 0x18,
  TFD: 0x20,
  SIG: 0x24,
  SSTS: 0x28,
  SCTL: 0x2c,
  SERR: 0x30,
  SACT: 0x34,
  CI: 0x38,
} as const;

export const IS_DHRS = 0x0000_0001;
export const IS_PSS = 0x0000_0002;
export const IS_SDBS = 0x0000_0008;
export const IS_PCS = 0x0000_0040;
export const IS_PRCS = 0x0040_0000;
export const IS_OFS = 0x0100_0000;
export const IS_TFES = 0x4000_0000;
/** Mirrors of the error register: cleared there. */
export const IS_FROM_SERR = IS_PCS | IS_PRCS;

export const CMD_ST = 0x0000_0001;
export const CMD_SUD = 0x0000_0002;
export const CMD_POD = 0x0000_0004;
export const CMD_CLO = 0x0000_0008;
export const CMD_FRE = 0x0000_0010;
export const CMD_FR = 0x0000_4000;
export const CMD_CR = 0x0000_8000;
export const CMD_HPCP = 0x0004_0000;
export const CMD_WRITABLE = 0x0300_0011;

/** Present, 3 Gb/s, active. */
export const SSTS_CONNECTED = 0x123;
export const SERR_DIAG_N = 0x0001_0000;
export const SERR_DIAG_X = 0x0400_0000;

/** Where received FISes go. */
export const receivedFis = { pioSetup: 0x20, registers: 0x40, deviceBits: 0x58 } as const;
export const FIS_TO_DEVICE = 0x27;
export const FIS_REGISTERS = 0x34;
export const FIS_PIO_SETUP = 0x5f;
export const FIS_DEVICE_BITS = 0xa1;
export const FIS_INTERRUPT = 0x40;
export const FIS_TO_HOST = 0x20;
export const FIS_COMMAND = 0x80;

export const HEADER_BYTES = 32;
export const TABLE_PACKET = 0x40;
export const TABLE_REGIONS = 0x80;
export const REGION_BYTES = 16;
