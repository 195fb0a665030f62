import type { DriveIdentity } from "../../devices/ata/identifyData.ts";

/** What drives say about themselves, by the kind and the position in the machine's list. */
const FIRMWARE_REVISION = "1.0";

export function diskIdentity(index: number, serialNumber?: string): DriveIdentity {
  return {
    model: "GUESTHOUSE HARDDISK",
    serialNumber: serialNumber ?? `GH-D${index.toString().padStart(4, "0")}`,
    firmwareRevision: FIRMWARE_REVISION,
  };
}

export function opticalIdentity(index: number): DriveIdentity {
  return {
    model: "GUESTHOUSE CD-ROM",
    serialNumber: `GH-C${index.toString().padStart(4, "0")}`,
    firmwareRevision: FIRMWARE_REVISION,
  };
}
