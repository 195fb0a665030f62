import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import { AtaDisk } from "../../devices/ata/AtaDisk.ts";
import { AtapiDrive } from "../../devices/ata/AtapiDrive.ts";
import type { MachineOptions } from "../MachineOptions.ts";
import { diskIdentity, opticalIdentity } from "./driveIdentity.ts";

/**
 * Which IDE drive sits where: disks from the primary master on, optical drives from the secondary master on, which stays free for
 * the first of them; whichever kind has more takes what the other leaves. Throws GuesthouseError "too-many-drives" beyond four.
 * Drives of other controllers are passed over.
 */
export interface IdeDrives {
  /** Primary master and slave, secondary master and slave. */
  readonly slots: readonly (AtaDisk | AtapiDrive | undefined)[];
  /** By the position in the machine's lists, undefined for drives of other controllers. */
  readonly disks: readonly (AtaDisk | undefined)[];
  readonly opticals: readonly (AtapiDrive | undefined)[];
}

export interface DriveActivity {
  readonly disk: ActivitySink;
  readonly optical: ActivitySink;
  readonly floppy: ActivitySink;
}

export type DriveOptions = Pick<MachineOptions, "disks" | "opticalDrives" | "opticalInterfaces" | "log">;

const SLOTS = 4;

export function placeIdeDrives(options: DriveOptions, activity: DriveActivity): IdeDrives {
  const disks = options.disks.map(({ blocks, interface: kind = "ide", serialNumber, solidState, removable }, index) =>
    kind !== "ide"
      ? undefined
      : new AtaDisk({
          blocks,
          activity: activity.disk,
          identity: diskIdentity(index, serialNumber),
          solidState: solidState ?? false,
          removable: removable ?? false,
        }),
  );
  const opticals = options.opticalDrives.map((_, index) =>
    (options.opticalInterfaces?.[index] ?? "ide") !== "ide" ? undefined : makeOpticalDrive(options, activity, index),
  );
  const [presentDisks, presentOpticals] = [disks.filter(isThere), opticals.filter(isThere)];
  if (presentDisks.length + presentOpticals.length > SLOTS) {
    throw new GuesthouseError("too-many-drives", "An IDE controller takes four drives.", {
      disks: presentDisks.length,
      opticalDrives: presentOpticals.length,
    });
  }
  return { slots: arrange(presentDisks, presentOpticals), disks, opticals };
}

export function makeOpticalDrive(options: DriveOptions, activity: DriveActivity, index: number): AtapiDrive {
  return new AtapiDrive({
    medium: options.opticalDrives[index],
    activity: activity.optical,
    identity: opticalIdentity(index),
    onEject: (ejected) => options.log("info", "the guest ejected a disc", { medium: ejected.name }),
  });
}

function isThere<T>(drive: T | undefined): drive is T {
  return drive !== undefined;
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
