/**
 * Register bits and command codes of ATA/ATAPI-6 (T13/1410D, clauses 7 and 8), with the older codes of ATA-1 that drivers
 * still try. Shared by the channel and its drives.
 */

/** Status and alternate status. */
export const BSY = 0x80;
export const DRDY = 0x40;
/** Device fault. */
export const DF = 0x20;
/** Seek complete in ATA-1, "device seek complete" ever since. */
export const DSC = 0x10;
export const DRQ = 0x08;
/** ERR of an ATA device, CHK of a packet device. */
export const ERR = 0x01;

/** Error register. */
export const UNC = 0x40;
export const IDNF = 0x10;
export const ABRT = 0x04;

/** Device control. */
export const NIEN = 0x02;
export const SRST = 0x04;
export const HOB = 0x80;

/** Device register. */
export const DEVICE_LBA = 0x40;
export const DEVICE_DEV = 0x10;

/** Interrupt reason (the sector count of a packet device): C/D, I/O. */
export const REASON_COMMAND = 0x01;
export const REASON_TO_HOST = 0x02;

export const ataCommand = {
  nop: 0x00,
  dataSetManagement: 0x06,
  deviceReset: 0x08,
  readSectors: 0x20,
  readSectorsNoRetry: 0x21,
  readSectorsExt: 0x24,
  readDmaExt: 0x25,
  readNativeMaxExt: 0x27,
  readMultipleExt: 0x29,
  readLogExt: 0x2f,
  writeSectors: 0x30,
  writeSectorsNoRetry: 0x31,
  writeSectorsExt: 0x34,
  writeDmaExt: 0x35,
  writeMultipleExt: 0x39,
  readVerify: 0x40,
  readVerifyNoRetry: 0x41,
  readVerifyExt: 0x42,
  readFpdmaQueued: 0x60,
  writeFpdmaQueued: 0x61,
  executeDeviceDiagnostic: 0x90,
  initializeDeviceParameters: 0x91,
  packet: 0xa0,
  identifyPacketDevice: 0xa1,
  smart: 0xb0,
  readMultiple: 0xc4,
  writeMultiple: 0xc5,
  setMultipleMode: 0xc6,
  readDma: 0xc8,
  readDmaNoRetry: 0xc9,
  writeDma: 0xca,
  writeDmaNoRetry: 0xcb,
  standbyImmediate: 0xe0,
  idleImmediate: 0xe1,
  standby: 0xe2,
  idle: 0xe3,
  checkPowerMode: 0xe5,
  sleep: 0xe6,
  flushCache: 0xe7,
  flushCacheExt: 0xea,
  identifyDevice: 0xec,
  setFeatures: 0xef,
  readNativeMax: 0xf8,
} as const;
