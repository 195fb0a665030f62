import { GuesthouseError } from "../../base/GuesthouseError.ts";

/** Status codes of INT 13h, and what the host's errors become. */
export const DISK_STATUS = {
  OK: 0x00,
  BAD_COMMAND: 0x01,
  ADDRESS_MARK: 0x02,
  WRITE_PROTECTED: 0x03,
  SECTOR_NOT_FOUND: 0x04,
  CHANGED: 0x06,
  BAD_MEDIA_TYPE: 0x0c,
  CONTROLLER: 0x20,
  NO_MEDIUM: 0x31,
  TIMEOUT: 0x80,
  WRITE_FAULT: 0xcc,
} as const;

export function statusOfError(error: unknown, writing: boolean): number {
  const kind = error instanceof GuesthouseError ? error.kind : "";
  if (kind === "read-only") return DISK_STATUS.WRITE_PROTECTED;
  if (kind === "out-of-range" || kind === "medium-shrunk") return DISK_STATUS.SECTOR_NOT_FOUND;
  return writing ? DISK_STATUS.WRITE_FAULT : DISK_STATUS.CONTROLLER;
}
