import { MiB } from "../base/units.ts";
import type { MachineDescription } from "../snapshot/container/stateFileLayout.ts";
import { placeGroupOf, placesOf } from "./board/drivePlaces.ts";
import type { AttachedDisk, MachineOptions } from "./MachineOptions.ts";

/**
 * What of a machine's settings a saved state depends on, by names that people understand: hardware that the guest has seen. What lies in removable
 * drives, how fast the machine is executed and where serial ports lead may change.
 */
export function describeHardware(options: MachineOptions, drives: PresentDrives): MachineDescription {
  const opticalInterfaces = options.opticalDrives.map((_, index) => options.opticalInterfaces?.[index] ?? "ide");
  const opticalDrives = opticalInterfaces.map((kind, index) => ({ interface: kind, port: drives.opticalPorts[index] }));
  const place = unusualPlaces([...drives.disks, ...opticalDrives]);
  const disks = drives.disks.map((disk, index): [string, string] => [
    `disk ${index + 1}`,
    `${disk.interface}, ${disk.blocks.sizeBytes} bytes${place(disk)}`,
  ]);
  const opticals = opticalDrives.map((drive, index): [string, string] => [
    `optical drive ${index + 1}`,
    `${drive.interface}${place(drive)}`,
  ]);
  const { controllers = [] } = options;
  const all = [...drives.disks, ...opticalDrives];
  const empty = controllers.filter((kind) => !all.some((drive) => drive.interface === kind));
  return {
    "memory in MiB": options.memoryBytes / MiB,
    processor: options.cpuLevel ?? "host",
    firmware: options.firmware.kind,
    "floppy drives": options.floppyDrives.length,
    "debug console": options.debugPorts.console,
    "debug exit": options.debugPorts.exit,
    ...(drives.entropyDevice === undefined ? {} : { "entropy device": drives.entropyDevice }),
    ...Object.fromEntries([...disks, ...opticals]),
    ...(empty.length === 0 ? {} : { "controllers without drives": [...empty].sort().join(", ") }),
  };
}

/** The drives as they are, which may not be those that the machine began with. */
export interface PresentDrives {
  readonly disks: readonly AttachedDisk[];
  readonly opticalPorts: readonly (number | undefined)[];
  /** Undefined where the drives alone tell. */
  readonly entropyDevice: boolean | undefined;
}

interface PlacedDrive {
  readonly interface: string;
  readonly port?: number | undefined;
}

/** Says where a drive hangs that is not where it would be if none had a wish. */
function unusualPlaces(drives: readonly PlacedDrive[]): (drive: PlacedDrive) => string {
  return (drive) => {
    const group = placeGroupOf(drive.interface);
    if (group === undefined || drive.port === undefined) return "";
    const neighbours = drives.filter((other) => placeGroupOf(other.interface) === group);
    const usual = placesOf[group].first + neighbours.indexOf(drive);
    return drive.port === usual ? "" : `, ${group === "slot" ? "slot" : "port"} ${drive.port}`;
  };
}
