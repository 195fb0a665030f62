/** One entry of the catalogue of guest systems: what the wizard proposes for it. Ids are stable and stored in configurations. */
import * as v from "valibot";

export const osFamilySchema = v.picklist(["dos", "windows", "linux", "bsd", "other"]);
export type OsFamily = v.InferOutput<typeof osFamilySchema>;

export const osTypeSchema = v.strictObject({
  id: v.string(),
  name: v.string(),
  family: osFamilySchema,
  bits: v.picklist([16, 32, 64]),
  memoryMiB: v.number(),
  memoryMinimumMiB: v.number(),
  /** The proposed disk in MiB; 0 proposes none. */
  diskMiB: v.number(),
  floppyDrive: v.boolean(),
  bootOrder: v.array(v.picklist(["cdrom", "floppy", "disk"])),
  rtcUtc: v.boolean(),
  /** Regular expressions, case-insensitive, for guessing from the file name of an image. */
  imagePatterns: v.array(v.string()),
});
export type OsType = v.InferOutput<typeof osTypeSchema>;
