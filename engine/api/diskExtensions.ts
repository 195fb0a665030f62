import type { DiskFormatName } from "./mediumProtocol.ts";

/** What ends the name of a file of a format, wherever the app proposes or gives one. */
export const diskExtensions: Readonly<Record<DiskFormatName, string>> = {
  raw: "img",
  qcow: "qcow",
  qcow2: "qcow2",
  vdi: "vdi",
  vmdk: "vmdk",
  vhd: "vhd",
  vhdx: "vhdx",
};
