/** Disk formats as people know them, and what a new disk is unless somebody says otherwise. */
import { type DiskFormatName, newDiskFormats } from "../../../engine/api/mediumProtocol.ts";

export interface DiskFormatChoice {
  format: DiskFormatName;
  subformat: string;
}

export const defaultDiskFormat: DiskFormatChoice = {
  format: newDiskFormats[0].format,
  subformat: newDiskFormats[0].subformats[0],
};

export const diskFormatNames: Readonly<Record<DiskFormatName, string>> = {
  raw: "Raw",
  qcow: "QCOW",
  qcow2: "QCOW2 (QEMU)",
  vdi: "VDI (VirtualBox)",
  vmdk: "VMDK (VMware)",
  vhd: "VHD (Virtual PC)",
  vhdx: "VHDX (Hyper-V)",
};
