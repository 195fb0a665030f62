import { MiB } from "../base/units.ts";
import type { MachineDescription } from "../snapshot/container/stateFileLayout.ts";
import type { MachineOptions } from "./MachineOptions.ts";

/**
 * What of a machine's settings a saved state depends on, by names that people understand: hardware that the guest has seen. What lies in removable
 * drives, how fast the machine is executed and where serial ports lead may change.
 */
export function describeHardware(options: MachineOptions): MachineDescription {
  const disks = options.disks.map((disk, index): [string, string] => [
    `disk ${index + 1}`,
    `${disk.interface ?? "ide"}, ${disk.blocks.sizeBytes} bytes`,
  ]);
  const opticals = options.opticalDrives.map((_, index): [string, string] => [
    `optical drive ${index + 1}`,
    options.opticalInterfaces?.[index] ?? "ide",
  ]);
  return {
    "memory in MiB": options.memoryBytes / MiB,
    processor: options.cpuLevel ?? "host",
    firmware: options.firmware.kind,
    "floppy drives": options.floppyDrives.length,
    "debug console": options.debugPorts.console,
    "debug exit": options.debugPorts.exit,
    ...(options.entropyDevice === undefined ? {} : { "entropy device": options.entropyDevice }),
    ...Object.fromEntries([...disks, ...opticals]),
  };
}
