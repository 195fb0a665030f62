import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { Entropy, WallClock } from "../contracts/Clock.ts";
import type { CpuLevel } from "../contracts/CpuLevel.ts";
import type { Medium } from "../contracts/Medium.ts";

/** A boot source in the order the firmware tries them. */
export type BootSource = "cdrom" | "floppy" | "disk";

/** What the firmware is: our own BIOS, or a replacement ROM image (SeaBIOS) mapped below 1 MiB and below 4 GiB. */
export type FirmwareChoice = { kind: "builtin" } | { kind: "rom"; image: Uint8Array };

/** Boot a Linux bzImage or a multiboot ELF kernel without a boot medium. */
export interface DirectBoot {
  kernel: Uint8Array;
  /** The name of the kernel's file, which multiboot kernels are told. */
  kernelName?: string;
  initrd?: Uint8Array;
  commandLine: string;
}

/** Which controller a hard disk, or an optical drive, hangs on. */
export const diskInterfaces = ["ide", "ahci", "virtio-blk", "virtio-scsi", "nvme"] as const;
export type DiskInterface = (typeof diskInterfaces)[number];
export const opticalInterfaces = ["ide", "ahci", "virtio-scsi"] as const;
export type OpticalInterface = (typeof opticalInterfaces)[number];

export interface DiskAttachment {
  readonly name: string;
  readonly blocks: BlockDevice;
  /** "ide" when absent. */
  readonly interface?: DiskInterface;
  /** What the guest knows the disk by; made from its position when absent. At most 20 characters. */
  readonly serialNumber?: string;
  /** No rotating platters, and TRIM where there would be none. */
  readonly solidState?: boolean;
  /** An ATA or SCSI disk says so to the guest. */
  readonly removable?: boolean;
  /** Of an AHCI controller or SCSI host, or the PCI slot of a virtio-blk or NVMe disk; the next free one when absent, taken or none. */
  readonly port?: number;
}

/** A hard disk of a machine as it is now: what has to be said for another machine to have it in the same place under the same name. */
export interface AttachedDisk extends DiskAttachment {
  readonly interface: DiskInterface;
  readonly serialNumber: string;
}

/**
 * Everything a machine is built from. Host access (files, time, randomness) comes in as objects; the machine itself runs
 * anywhere.
 */
export interface MachineOptions {
  /** The processor's two compiled units, `dist/cpu/system.wasm` and `dist/cpu/fpu.wasm`. */
  cpuUnits: { system: Uint8Array<ArrayBuffer>; fpu: Uint8Array<ArrayBuffer> };
  memoryBytes: number;
  /** "auto" translates hot loops to WebAssembly and interprets the rest; "interpreter" interprets everything. */
  accel: "auto" | "interpreter";
  /** Which processor the guest sees; "host", everything that the engine has, when absent. */
  cpuLevel?: CpuLevel;
  firmware: FirmwareChoice;
  bootOrder: readonly BootSource[];
  /** Show the boot menu without waiting for F12. */
  bootMenu?: boolean;
  directBoot?: DirectBoot;
  /** Hard disks. On IDE at most four with the optical drives: primary master first. */
  disks: readonly DiskAttachment[];
  /** Optical drives; undefined is an empty drive. On IDE placed from secondary master on. */
  opticalDrives: readonly (Medium | undefined)[];
  /** Of the optical drives, by position; "ide" when absent. */
  opticalInterfaces?: readonly OpticalInterface[];
  /** Likewise, as for disks. */
  opticalPorts?: readonly (number | undefined)[];
  /** Controllers that are there without drives, too. */
  controllers?: readonly ("ahci" | "virtio-scsi")[];
  /** A virtio entropy device; absent means where there is a virtio disk, or a SCSI host. */
  entropyDevice?: boolean;
  /** Floppy drives A and B; undefined is an empty drive. */
  floppyDrives: readonly (Medium | undefined)[];
  /** Port 0xE9 console and port 0xF4 exit device. */
  debugPorts: { readonly console: boolean; readonly exit: boolean };
  /** What the battery-backed clock shows: UTC, or the host's local time. */
  rtcUtc: boolean;
  /** Local time minus UTC in milliseconds, used unless `rtcUtc`. */
  zoneOffsetMs?: number;
  wallClock: WallClock;
  entropy: Entropy;
  /** A steady host clock in nanoseconds, any origin. */
  steadyNowNs: () => number;
  /** Lets the event loop run once between two slices of guest work, then calls back (setImmediate in Node). */
  yieldToHost: (resume: () => void) => void;
  /** Calls back after a host delay (setTimeout); returns a cancel function. */
  delay: (milliseconds: number, resume: () => void) => () => void;
  log: (level: "info" | "warn" | "error", message: string, facts?: Record<string, unknown>) => void;
}

/** Why a machine stopped. `debugExit` carries the value written to port 0xF4. */
export type MachineStop =
  | { kind: "poweredOff" }
  | { kind: "debugExit"; value: number }
  | { kind: "tripleFault"; reason: string }
  | { kind: "failure"; error: Error };
