import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import { AtaDisk } from "../../devices/ata/AtaDisk.ts";
import { AtapiDrive } from "../../devices/ata/AtapiDrive.ts";
import type { MachineOptions } from "../MachineOptions.ts";

/**
 * Which IDE drive sits where: disks from the primary master on, optical drives from the secondary master on, which stays free for
 * the first of them; whichever kind has more takes what the other leaves. Throws GuesthouseError "too-many-drives" beyond four.
 */
export interface IdeDrives {
  /** Primary master and slave, secondary master and slave. */
  readonly slots: readonly (AtaDisk | AtapiDrive | undefined)[];
  readonly disks: readonly AtaDisk[];
  readonly opticals: readonly AtapiDrive[];
}

export interface DriveActivity {
  readonly disk: ActivitySink;
  readonly optical: ActivitySink;
  readonly floppy: ActivitySink;
}

const SLOTS = 4;
const FIRMWARE_REVISION = "1.0";

export function placeIdeDrives(
  options: Pick<MachineOptions, "disks" | "opticalDrives" | "log">,
  activity: DriveActivity,
): IdeDrives {
  if (options.disks.length + options.opticalDrives.length > SLOTS) {
    throw new GuesthouseError("too-many-drives", "An IDE controller takes four drives.", {
      disks: options.disks.length,
      opticalDrives: options.opticalDrives.length,
    });
  }
  const disks = options.disks.map(
    ({ blocks }, index) =>
      new AtaDisk({
        blocks,
        activity: activity.disk,
        identity: {
          model: "GUESTHOUSE HARDDISK",
          serialNumber: `GH-D${index.toString().padStart(4, "0")}`,
          firmwareRevision: FIRMWARE_REVISION,
        },
      }),
  );
  const opticals = options.opticalDrives.map(
    (medium, index) =>
      new AtapiDrive({
        medium,
        activity: activity.optical,
        identity: {
          model: "GUESTHOUSE CD-ROM",
          serialNumber: `GH-C${index.toString().padStart(4, "0")}`,
          firmwareRevision: FIRMWARE_REVISION,
        },
        onEject: (ejected) => options.log("info", "the guest ejected a disc", { medium: ejected.name }),
      }),
  );
  return { slots: arrange(disks, opticals), disks, opticals };
}

function arrange(disks: readonly AtaDisk[], opticals: readonly AtapiDrive[]): IdeDrives["slots"] {
  const slots: (AtaDisk | AtapiDrive | undefined)[] = new Array(SLOTS).fill(undefined);
  const take = (order: readonly number[], drive: AtaDisk | AtapiDrive) => {
    const free = order.find((slot) => slots[slot] === undefined);
    if (free !== undefined) slots[free] = drive;
  };
  // A third disk without optical drives is a master: a slave alone on its channel is not found by every system.
  for (const disk of disks) take(opticals.length === 0 ? [0, 1, 2, 3] : [0, 1, 3, 2], disk);
  for (const optical of opticals) take([2, 3, 1, 0], optical);
  return slots;
}
