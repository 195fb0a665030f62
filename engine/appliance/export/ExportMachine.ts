/** A machine as an export describes it. Files are named as in the package. */
import type { ApplianceProduct } from "../../api/applianceProtocol.ts";
import type { DiskInterface } from "../../api/MachineConfig.ts";

export interface ExportFile {
  readonly href: string;
  /** As stored in the package. */
  readonly sizeBytes: number;
}

export interface ExportDisk extends ExportFile {
  readonly capacityBytes: number;
  readonly interface: DiskInterface;
}

export interface ExportOptical {
  readonly interface: "ide" | "ahci" | "virtio-scsi";
  /** Undefined for an empty drive. */
  readonly file: ExportFile | undefined;
}

export interface ExportMachine {
  readonly name: string;
  readonly description: string;
  readonly osType: string;
  readonly memoryMiB: number;
  readonly bootOrder: readonly ("cdrom" | "floppy" | "disk")[];
  readonly rtcUtc: boolean;
  readonly cpuLevel: string;
  readonly serialPorts: number;
  readonly product: Partial<ApplianceProduct> | undefined;
  readonly licence: string;
  readonly disks: readonly ExportDisk[];
  readonly opticals: readonly ExportOptical[];
  /** By drive; undefined is an empty one. */
  readonly floppies: readonly (ExportFile | undefined)[];
}

export interface OvfOptions {
  readonly version: "1.0" | "2.0";
  readonly variant: "standard" | "vmware";
  /** The package's, for the collection of several machines. */
  readonly name: string;
}
