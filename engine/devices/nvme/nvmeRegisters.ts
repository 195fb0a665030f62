/** Registers, command codes and status values of NVM Express 1.4 (clauses 3 to 6) that the controller knows. */

export const register = {
  CAP: 0x00,
  CAP_HIGH: 0x04,
  VS: 0x08,
  INTMS: 0x0c,
  INTMC: 0x10,
  CC: 0x14,
  CSTS: 0x1c,
  AQA: 0x24,
  ASQ: 0x28,
  ASQ_HIGH: 0x2c,
  ACQ: 0x30,
  ACQ_HIGH: 0x34,
} as const;
export const DOORBELLS = 0x1000;
export const NVME_WINDOW_BYTES = 0x4000;

export const QUEUE_ENTRIES_MAX = 1024;
/** Pairs of I/O queues, besides the admin queues. */
export const IO_QUEUES = 4;
/** Queues must be contiguous, ready within 10 s. */
export const CAP_LOW = (QUEUE_ENTRIES_MAX - 1) | 0x1_0000 | (20 << 24);
/** The NVM command set; pages of 4 KiB alone. */
export const CAP_HIGH = 1 << 5;
export const VERSION_1_4 = 0x0001_0400;

export const CC_EN = 1;
export const CC_WRITABLE = 0x00ff_fff1;
export const CSTS_RDY = 1;
export const CSTS_CFS = 2;
export const CSTS_SHUTTING_DOWN = 4;
export const CSTS_SHUT_DOWN = 8;
export const CSTS_SHST = 12;

export const PAGE_BYTES = 4096;
export const COMMAND_BYTES = 64;
export const COMPLETION_BYTES = 16;
/** MDTS: 2^8 pages. */
export const TRANSFER_PAGES_EXPONENT = 8;
export const TRANSFER_BYTES_MAX = PAGE_BYTES << TRANSFER_PAGES_EXPONENT;
export const SECTOR_BYTES = 512;

export const adminCommand = {
  deleteSubmissionQueue: 0x00,
  createSubmissionQueue: 0x01,
  getLogPage: 0x02,
  deleteCompletionQueue: 0x04,
  createCompletionQueue: 0x05,
  identify: 0x06,
  abort: 0x08,
  setFeatures: 0x09,
  getFeatures: 0x0a,
  asynchronousEventRequest: 0x0c,
} as const;

export const ioCommand = {
  flush: 0x00,
  write: 0x01,
  read: 0x02,
  writeZeroes: 0x08,
  datasetManagement: 0x09,
} as const;

/** Status code type and code; "do not retry" is added to all but success. */
export const status = {
  success: 0x000,
  invalidOpcode: 0x001,
  invalidField: 0x002,
  invalidNamespace: 0x00b,
  prpOffsetInvalid: 0x013,
  addressOutOfRange: 0x080,
  completionQueueInvalid: 0x100,
  invalidQueueIdentifier: 0x101,
  invalidQueueSize: 0x102,
  asynchronousEventLimitExceeded: 0x105,
  invalidInterruptVector: 0x108,
  invalidLogPage: 0x109,
  invalidQueueDeletion: 0x10c,
  featureNotChangeable: 0x10e,
  writeToReadOnlyRange: 0x182,
  writeFault: 0x280,
  unrecoveredReadError: 0x281,
} as const;
export const DO_NOT_RETRY = 0x4000;
