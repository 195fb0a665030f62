/**
 * The part of the host's API that concerns appliances: machines that other programs packed up (OVF and OVA) or keep (VirtualBox's
 * `.vbox`, VMware's `.vmx`). Inspecting is the dry run: it says of every piece of hardware what will become of it, and changes
 * nothing. Importing takes the same file again with edits by machine and item. Long work answers when it is done; meanwhile a
 * job of its kind tells how far it is and takes a cancel. A failed or cancelled import or export leaves nothing behind.
 */
import * as v from "valibot";
import { diskInterfaceSchema, opticalSchema } from "./MachineConfig.ts";
import { machineSummarySchema } from "./MachineSummary.ts";
import { diskFormatSchema, passphraseSchema } from "./mediumProtocol.ts";

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const short = v.pipe(v.string(), v.maxLength(1024));
const text = v.pipe(v.string(), v.maxLength(65536));
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What a person should know before importing. Interfaces translate by `code`; `message` is English. */
export const applianceNoteSchema = v.strictObject({
  code: v.picklist([
    "checksums-absent",
    "file-unlisted",
    "file-missing",
    "certificate-unchecked",
    "virtualbox-settings-ignored",
    "section-ignored",
    "os-type-unknown",
    "cpus-reduced",
    "memory-changed",
    "firmware-changed",
    "controller-changed",
    "too-many-drives",
    "medium-outside",
    "format-unknown",
    "no-such-device",
    "not-connected",
    "parent-unknown",
    "snapshots-ignored",
    "value-ignored",
  ]),
  message: v.string(),
});
export type ApplianceNote = v.InferOutput<typeof applianceNoteSchema>;

const itemEntries = {
  /** Names the item in edits; unique in its machine. */
  id: v.string(),
  label: v.string(),
  /** "adapted" comes as something near to it, "skipped" not at all; `notes` say why. */
  outcome: v.picklist(["mapped", "adapted", "skipped"]),
  notes: v.array(applianceNoteSchema),
};
const driveEntries = {
  ...itemEntries,
  /** The id of the controller's item, and the place on it; null when unknown. */
  controller: v.nullable(v.string()),
  position: v.nullable(v.number()),
  /** The appliance's file that holds the content; null for an empty drive or a new disk. */
  file: v.nullable(v.string()),
};

export const applianceItemSchema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("controller"),
    ...itemEntries,
    bus: v.picklist(["ide", "sata", "scsi", "nvme", "virtio", "floppy", "other"]),
    model: v.string(),
  }),
  v.strictObject({
    kind: v.literal("disk"),
    ...driveEntries,
    /** Null when the appliance does not say, or names a format that is not known; then the content tells. */
    format: v.nullable(diskFormatSchema),
    /** Of the disk that the guest sees; 0 while unknown. */
    capacityBytes: v.number(),
    /** Of the file as it is stored; 0 when there is none. */
    storedBytes: v.number(),
    /** How this machine will have it; null when skipped. */
    interface: v.nullable(diskInterfaceSchema),
    /** What it becomes in the library. */
    target: v.strictObject({
      format: diskFormatSchema,
      /** Null is the format's default. */
      subformat: v.nullable(v.string()),
      fileName: v.string(),
    }),
  }),
  v.strictObject({
    kind: v.literal("optical"),
    ...driveEntries,
    interface: v.nullable(opticalSchema.entries.interface.wrapped),
  }),
  v.strictObject({ kind: v.literal("floppy"), ...driveEntries }),
  v.strictObject({
    kind: v.literal("network"),
    ...itemEntries,
    model: v.string(),
    network: v.string(),
    /** Twelve hexadecimal digits, upper case. */
    mac: v.nullable(v.string()),
  }),
  v.strictObject({ kind: v.literal("serial"), ...itemEntries }),
  v.strictObject({ kind: v.literal("sound"), ...itemEntries, model: v.string() }),
  v.strictObject({ kind: v.literal("usb"), ...itemEntries, model: v.string() }),
  v.strictObject({ kind: v.literal("other"), ...itemEntries, model: v.string() }),
]);
export type ApplianceItem = v.InferOutput<typeof applianceItemSchema>;

export const productSchema = v.strictObject({
  name: v.string(),
  vendor: v.string(),
  version: v.string(),
  fullVersion: v.string(),
  productUrl: v.string(),
  vendorUrl: v.string(),
  appUrl: v.string(),
});
export type ApplianceProduct = v.InferOutput<typeof productSchema>;

export const applianceMachineSchema = v.strictObject({
  /** Position in the appliance; names the machine in edits. */
  index: v.number(),
  /** False when an edit leaves it out. */
  included: v.boolean(),
  /** The appliance's own name for it. */
  id: v.string(),
  name: v.string(),
  description: v.string(),
  /** Of Guesthouse's catalogue. */
  osType: v.string(),
  /** The appliance's own word for the system. */
  foreignOsType: v.string(),
  cpus: v.number(),
  memoryMiB: v.number(),
  firmware: v.picklist(["bios", "efi"]),
  secureBoot: v.boolean(),
  /** Null when the appliance does not say. */
  bootOrder: v.nullable(v.array(v.picklist(["cdrom", "floppy", "disk"]))),
  rtcUtc: v.nullable(v.boolean()),
  cpuLevel: v.nullable(v.picklist(["v1", "v2", "v3", "host"])),
  /** "virtualbox-2.2", "vmx-07", ... */
  hardware: v.string(),
  product: v.nullable(productSchema),
  properties: v.array(v.strictObject({ key: v.string(), label: v.string(), value: v.string() })),
  /** To be agreed to before importing; empty when there is none. */
  licence: v.string(),
  items: v.array(applianceItemSchema),
  notes: v.array(applianceNoteSchema),
});
export type ApplianceMachine = v.InferOutput<typeof applianceMachineSchema>;

export const applianceDescriptionSchema = v.strictObject({
  path: v.string(),
  /** "ova" is one file, "ovf" a descriptor with files beside it. */
  kind: v.picklist(["ova", "ovf", "vbox", "vmx"]),
  /** "0.9", "1.0", "2.0"; null for what is no OVF. */
  ovfVersion: v.nullable(v.string()),
  dialect: v.picklist(["generic", "virtualbox", "vmware", "guesthouse"]),
  /** The manifest's digests are checked while importing. */
  manifest: v.nullable(v.picklist(["sha1", "sha256", "sha384", "sha512"])),
  /** "valid" is signed by a certificate that nobody vouched for here. */
  certificate: v.picklist(["absent", "valid", "invalid", "unchecked"]),
  /** Whose certificate it is, for people. */
  signer: v.nullable(v.string()),
  networks: v.array(v.strictObject({ name: v.string(), description: v.string() })),
  configurations: v.array(
    v.strictObject({ id: v.string(), label: v.string(), description: v.string(), chosen: v.boolean() }),
  ),
  files: v.array(v.strictObject({ name: v.string(), sizeBytes: v.number(), present: v.boolean() })),
  machines: v.array(applianceMachineSchema),
  notes: v.array(applianceNoteSchema),
});
export type ApplianceDescription = v.InferOutput<typeof applianceDescriptionSchema>;

/** What is absent stays as the dry run said. */
export const applianceItemEditSchema = v.strictObject({
  id: short,
  include: v.exactOptional(v.boolean()),
  interface: v.exactOptional(diskInterfaceSchema),
  /** What the disk becomes in the library. */
  format: v.exactOptional(diskFormatSchema),
  subformat: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
  /** The disk's file name in the machine's folder. */
  fileName: v.exactOptional(v.pipe(v.string(), v.minLength(1), v.maxLength(120))),
  /** For network adapters. */
  network: v.exactOptional(short),
});
export const applianceMachineEditSchema = v.strictObject({
  index: natural,
  include: v.exactOptional(v.boolean()),
  name: v.exactOptional(short),
  description: v.exactOptional(text),
  osType: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
  cpus: v.exactOptional(natural),
  memoryMiB: v.exactOptional(natural),
  items: v.exactOptional(v.pipe(v.array(applianceItemEditSchema), v.maxLength(1024))),
});
export type ApplianceMachineEdit = v.InferOutput<typeof applianceMachineEditSchema>;

export const macPolicySchema = v.picklist(["keepAll", "keepNat", "new"]);
export type MacPolicy = v.InferOutput<typeof macPolicySchema>;

export const applianceEditsSchema = v.strictObject({
  machines: v.pipe(v.array(applianceMachineEditSchema), v.maxLength(256)),
  macPolicy: v.exactOptional(macPolicySchema),
  /** The default for all disks: "qcow2". */
  diskFormat: v.exactOptional(diskFormatSchema),
  /** Agrees to the licences of all machines that are imported. */
  acceptLicences: v.exactOptional(v.boolean()),
  /** Only for `.vbox` and `.vmx`: the disks are used where they lie instead of being copied. */
  inPlace: v.exactOptional(v.boolean()),
});
export type ApplianceEdits = v.InferOutput<typeof applianceEditsSchema>;

export const applianceExportSchema = v.strictObject({
  machineIds: v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.minLength(1), v.maxLength(64)),
  /** ".ova" makes one file, ".ovf" a descriptor with its files beside it. Refuses files that exist. */
  path,
  ovfVersion: v.picklist(["1.0", "2.0"]),
  /** "vmware" describes hardware that VMware's programs accept. */
  variant: v.picklist(["standard", "vmware"]),
  manifest: v.boolean(),
  /** Optical discs and diskettes that are in the drives come along. */
  media: v.boolean(),
  macPolicy: macPolicySchema,
  /** Encrypted disks come along, and everybody may read them then. They are refused otherwise ("encrypted-disk"). */
  decrypt: v.exactOptional(v.boolean()),
  /** Of encrypted disks, by their places. "passphrase-needed" and "passphrase-wrong" have `machineId`, `slot`, `path` and `name` in their context. */
  passphrases: v.exactOptional(
    v.pipe(
      v.array(
        v.strictObject({
          machineId: v.pipe(v.string(), v.maxLength(64)),
          slot: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
          passphrase: passphraseSchema,
        }),
      ),
      v.maxLength(256),
    ),
  ),
  /** The product fields and the licence of each machine, by its id. */
  products: v.exactOptional(
    v.pipe(
      v.array(
        v.strictObject({
          machineId: v.pipe(v.string(), v.maxLength(64)),
          product: v.exactOptional(v.partial(productSchema)),
          licence: v.exactOptional(text),
        }),
      ),
      v.maxLength(64),
    ),
  ),
});
export type ApplianceExport = v.InferOutput<typeof applianceExportSchema>;

export const applianceCommands = {
  /**
   * The dry run, with edits as they would be taken. `configuration` chooses among what the appliance offers; null takes its
   * default.
   */
  "appliance.inspect": {
    params: v.strictObject({ path, configuration: v.nullable(short), edits: v.exactOptional(applianceEditsSchema) }),
    result: v.strictObject({ appliance: applianceDescriptionSchema }),
  },
  "appliance.import": {
    params: v.strictObject({ path, configuration: v.nullable(short), edits: applianceEditsSchema }),
    result: v.strictObject({ machines: v.array(machineSummarySchema) }),
  },
  "appliance.export": {
    params: applianceExportSchema,
    result: v.strictObject({ path: v.string(), sizeBytes: v.number(), files: v.array(v.string()) }),
  },
} as const;
