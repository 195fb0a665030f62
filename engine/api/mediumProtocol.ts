/**
 * The part of the host's API that concerns media: files that hold hard disks, optical discs and diskettes. A medium is named by
 * its path everywhere. The host knows those that its machines use, what they rest on, and those that somebody added. Long work
 * answers when it is done; meanwhile a job of its kind tells how far it is and takes a cancel.
 */
import * as v from "valibot";

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const nothing = v.strictObject({});
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const machineId = v.pipe(v.string(), v.maxLength(64));

/**
 * Of an encrypted disk. It is for this moment: never written to a configuration, a journal or a log. Without the one that is needed
 * commands fail with "passphrase-needed", with another one with "passphrase-wrong".
 */
export const passphraseSchema = v.pipe(
  v.string("A passphrase is text."),
  v.minLength(1, "A passphrase is not empty."),
  v.maxLength(1024, "A passphrase has at most 1024 characters."),
);
const passphrase = v.exactOptional(passphraseSchema);

/** For disks at these places of a machine's list. */
export const diskPassphrasesSchema = v.pipe(
  v.array(v.strictObject({ slot: v.pipe(v.number(), v.safeInteger(), v.minValue(0)), passphrase: passphraseSchema })),
  v.maxLength(64),
);

export const diskFormatSchema = v.picklist(["raw", "qcow", "qcow2", "vdi", "vmdk", "vhd", "vhdx"]);
export type DiskFormatName = v.InferOutput<typeof diskFormatSchema>;

/**
 * What new disks may be made as, each format's default first. Disks that rest on another are made by naming it ("differencing" is
 * then implied), so such subformats are not listed.
 */
export const newDiskFormats = [
  { format: "qcow2", subformats: ["v3", "v2"] },
  { format: "vdi", subformats: ["dynamic", "fixed"] },
  { format: "vmdk", subformats: ["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"] },
  { format: "vhd", subformats: ["dynamic", "fixed"] },
  { format: "vhdx", subformats: ["dynamic", "fixed"] },
  { format: "raw", subformats: ["raw"] },
] as const satisfies readonly { format: DiskFormatName; subformats: readonly string[] }[];

/** What new diskettes may be. Their sizes are customary names: 1.44 MB are 1440 KiB. */
export const disketteSizes = [
  { label: "360 KB", sizeBytes: 368_640 },
  { label: "720 KB", sizeBytes: 737_280 },
  { label: "1.2 MB", sizeBytes: 1_228_800 },
  { label: "1.44 MB", sizeBytes: 1_474_560 },
  { label: "2.88 MB", sizeBytes: 2_949_120 },
] as const;
export const disketteSizeSchema = v.picklist(disketteSizes.map(({ label }) => label));
export type DisketteSize = v.InferOutput<typeof disketteSizeSchema>;

/** What a conversion may make: also what is written once and never changed. */
export const copyDiskFormats = newDiskFormats.map(({ format, subformats }) => ({
  format,
  subformats: format === "vmdk" ? [...subformats, "streamOptimized"] : [...subformats],
}));

export const mediumKindSchema = v.picklist(["disk", "optical", "floppy"]);
export type MediumKind = v.InferOutput<typeof mediumKindSchema>;

export const mediumStateSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("ready") }),
  /** A machine that runs, here or in another app instance, writes to it. */
  v.strictObject({ kind: v.literal("inUse") }),
  v.strictObject({ kind: v.literal("missing") }),
  /** It may not be opened. */
  v.strictObject({ kind: v.literal("forbidden"), reason: v.string() }),
  /** It is damaged, or its format is not one that can be opened. */
  v.strictObject({ kind: v.literal("broken"), reason: v.string() }),
  /** What it rests on is missing, or is another disk than it was made for. */
  v.strictObject({ kind: v.literal("parentMissing"), reason: v.string() }),
]);
export type MediumState = v.InferOutput<typeof mediumStateSchema>;

export const attachmentSchema = v.strictObject({
  machineId: v.string(),
  machineName: v.string(),
  /** Position in the machine's list of this kind of drives. */
  slot: v.number(),
  /** The snapshot that needs it; null for the machine as it is. */
  snapshotId: v.nullable(v.string()),
  snapshotName: v.nullable(v.string()),
});

export const mediumSchema = v.strictObject({
  path: v.string(),
  name: v.string(),
  kind: mediumKindSchema,
  /** "qcow2", "iso", "floppy", ...; null where the file cannot be read. */
  format: v.nullable(v.string()),
  subformat: v.nullable(v.string()),
  /** Of the disk that a guest sees; 0 while unknown. */
  sizeBytes: v.number(),
  /** On the host. */
  allocatedBytes: v.number(),
  /** What it rests on, as far as that is known: a path, and often a medium of the list. */
  parentPath: v.nullable(v.string()),
  encrypted: v.boolean(),
  /** It was not closed in good order: the next that opens it for writing repairs it. */
  dirty: v.boolean(),
  state: mediumStateSchema,
  attachedTo: v.array(attachmentSchema),
  /** Somebody put it on the list; others are there because something uses them. */
  added: v.boolean(),
});
export type Medium = v.InferOutput<typeof mediumSchema>;

const mediumResult = v.strictObject({ medium: mediumSchema });

export const mediumCommands = {
  "media.list": { params: nothing, result: v.strictObject({ media: v.array(mediumSchema) }) },
  /** Puts a file on the list. */
  "media.add": { params: v.strictObject({ path, kind: mediumKindSchema }), result: mediumResult },
  /** Any file: on the list or not. A passphrase is tried, and not needed: an encrypted disk tells its sizes to everybody. */
  "media.info": {
    params: v.strictObject({ path, passphrase }),
    result: v.strictObject({
      medium: mediumSchema,
      /** What it rests on, nearest first. */
      chain: v.array(v.strictObject({ path: v.string(), format: v.string(), allocatedBytes: v.number() })),
      /** Snapshots that the image holds inside. */
      innerSnapshots: v.array(
        v.strictObject({ id: v.string(), name: v.string(), takenMs: v.number(), sizeBytes: v.number() }),
      ),
    }),
  },
  /**
   * A new hard disk of zeros, or one that rests on `parentPath` and has its size. Refuses a file that exists. With a passphrase it is encrypted
   * ("unsupported-operation" in formats other than QCOW2); what rests on an encrypted disk always is, under the same passphrase.
   */
  "media.create": {
    params: v.strictObject({
      path,
      passphrase,
      format: diskFormatSchema,
      subformat: v.nullable(v.pipe(v.string(), v.maxLength(64))),
      /** Null takes the parent's. */
      sizeBytes: v.nullable(natural),
      parentPath: v.nullable(path),
    }),
    result: mediumResult,
  },
  /** A new diskette, formatted with FAT12 or all zeros. Refuses a file that exists. */
  "media.createDiskette": {
    params: v.strictObject({ path, size: disketteSizeSchema, formatted: v.boolean() }),
    result: mediumResult,
  },
  /** A new file with the same content, in the same format or another; hard disks come out whole, resting on nothing. */
  "media.copy": {
    params: v.strictObject({
      path,
      target: path,
      /** Null keeps the format; media other than hard disks are copied as they are. */
      format: v.nullable(diskFormatSchema),
      subformat: v.nullable(v.pipe(v.string(), v.maxLength(64))),
      compress: v.boolean(),
      passphrase,
      /** Of the new disk, QCOW2 alone: absent is that of the old one, null leaves the new disk readable for everybody. */
      targetPassphrase: v.exactOptional(v.nullable(passphraseSchema)),
    }),
    result: mediumResult,
  },
  /** Machines and media that refer to it follow. */
  "media.move": { params: v.strictObject({ path, target: path }), result: mediumResult },
  /** Fails with "truncation-needed" where data would be cut off, unless `truncate`. */
  "media.resize": {
    params: v.strictObject({ path, sizeBytes: natural, truncate: v.boolean(), passphrase }),
    result: mediumResult,
  },
  "media.compact": { params: v.strictObject({ path, passphrase }), result: mediumResult },
  /** Encrypted disks need no passphrase: what is checked is not encrypted. */
  "media.check": {
    params: v.strictObject({ path, repair: v.boolean(), passphrase }),
    result: v.strictObject({
      /** What is wrong and was not repaired. */
      errors: v.array(v.string()),
      leakedBytes: v.number(),
      repaired: v.number(),
    }),
  },
  /** Takes it out of a machine, or out of all that rest. */
  "media.release": { params: v.strictObject({ path, machineId: v.nullable(machineId) }), result: nothing },
  /** Off the list, and off the disk with `withFile`. Refused while something uses it ("in-use", "attached", "has-children"). */
  "media.remove": { params: v.strictObject({ path, withFile: v.boolean() }), result: nothing },
} as const;

export const mediumEvents = {
  "media.changed": v.strictObject({ changed: v.array(mediumSchema), removed: v.array(v.string()) }),
} as const;
