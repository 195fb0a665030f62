import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import type { Medium } from "../../contracts/Medium.ts";

/**
 * The drives of the machine as the board hands them to the firmware. The firmware reads and writes the blocks behind the
 * controllers, which programs that use the BIOS cannot tell from slow hardware.
 */
interface DrivePlace {
  /** Where other firmware finds the drive, as an Open Firmware path. */
  readonly devicePath?: string;
  readonly activity?: ActivitySink;
}

export type FirmwareDrive = DrivePlace & DriveKind;

type DriveKind =
  | {
      readonly kind: "disk";
      readonly name: string;
      /** Undefined for a disk that was there once. */
      readonly blocks: BlockDevice | undefined;
    }
  | {
      readonly kind: "cdrom" | "floppy";
      readonly name: string;
      readonly drive: { readonly medium: Medium | undefined };
    };

export type BootSource = FirmwareDrive["kind"];

export function mediumOf(drive: FirmwareDrive): BlockDevice | undefined {
  return drive.kind === "disk" ? drive.blocks : drive.drive.medium?.blocks;
}
