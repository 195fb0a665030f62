/** All disk formats, in the order in which a file is asked for them: raw takes everything that no other format knows. */
import type { DiskFormat } from "../contracts/DiskImage.ts";
import { qcowFormat } from "./formats/qcow/Qcow1Image.ts";
import { qcow2Format } from "./formats/qcow/qcow2Format.ts";
import { rawFormat } from "./formats/raw/RawDisk.ts";
import { vdiFormat } from "./formats/vdi/vdiFormat.ts";
import { vhdFormat } from "./formats/vhd/vhdFormat.ts";
import { vhdxFormat } from "./formats/vhdx/vhdxFormat.ts";
import { vmdkFormat } from "./formats/vmdk/vmdkFormat.ts";

export const diskFormats: readonly DiskFormat[] = [
  qcow2Format,
  qcowFormat,
  vdiFormat,
  vmdkFormat,
  vhdxFormat,
  vhdFormat,
  rawFormat,
];
