/**
 * What a machine is, as kept in its `machine.json`: schema version 1. Paths of media are absolute, or relative to the
 * machine's folder. The schemas check shapes and coarse bounds (what a program may send); whether the values make sense
 * together is for `checkMachineDraft`, whose findings a form can show beside its fields. Host state (open files, run state)
 * is deliberately absent.
 */
import * as v from "valibot";

export const MACHINE_CONFIG_VERSION = 1;

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const text = v.pipe(v.string(), v.maxLength(65536));

export const bootSourceSchema = v.picklist(["cdrom", "floppy", "disk"]);
export type BootSource = v.InferOutput<typeof bootSourceSchema>;

export const firmwareSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("builtin") }),
  v.strictObject({ kind: v.literal("rom"), path }),
]);

export const serialSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("none") }),
  v.strictObject({ kind: v.literal("terminal") }),
  v.strictObject({ kind: v.literal("file"), path }),
]);

export const driveSchema = v.strictObject({ path: v.nullable(path) });

/** A port of an AHCI controller, a target of a SCSI host, or a PCI slot. */
const controllerPort = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(63));

/** An optical drive; IDE when nothing is said. */
export const opticalSchema = v.strictObject({
  path: v.nullable(path),
  interface: v.exactOptional(v.picklist(["ide", "ahci", "virtio-scsi"])),
  /** As for disks. */
  port: v.exactOptional(controllerPort),
});

export const diskInterfaceSchema = v.picklist(["ide", "ahci", "virtio-blk", "virtio-scsi", "nvme"]);
export type DiskInterface = v.InferOutput<typeof diskInterfaceSchema>;

/** How a disk's file is used. What is absent is at its plainest, as in configurations from before there was a choice: see `diskAttributes`. */
export const diskSchema = v.strictObject({
  path,
  /** Known to be of this format. Otherwise the content tells, and a guest can make a raw disk look like anything. */
  format: v.exactOptional(v.picklist(["raw", "qcow", "qcow2", "vdi", "vmdk", "vhd", "vhdx"])),
  /**
   * "immutable" starts every run as it was made; "writeThrough" stays out of snapshots; "shareable" may be open in several machines
   * (raw only); "readOnly" refuses writes; "multiAttach" rests below an overlay that each machine has of its own.
   */
  kind: v.exactOptional(v.picklist(["normal", "immutable", "writeThrough", "shareable", "readOnly", "multiAttach"])),
  /** The controller that it hangs on; IDE when absent. */
  interface: v.exactOptional(diskInterfaceSchema),
  /** On "ahci" and "virtio-scsi" where it hangs, of "virtio-blk" and "nvme" its PCI slot, 8 to 31. The next free place where nothing is said, or that is none or taken. */
  port: v.exactOptional(controllerPort),
  /** What the guest sees as serial number. */
  serial: v.exactOptional(v.pipe(v.string(), v.maxLength(20), v.regex(/^[ -~]*$/))),
  /** The guest is told that it does not rotate. */
  solidState: v.exactOptional(v.boolean()),
  /** The guest is told that somebody may take it away, as with a USB stick; not on "virtio-blk" and "nvme". */
  removable: v.exactOptional(v.boolean()),
  /** Space that the guest discards is given back to the host. */
  discard: v.exactOptional(v.boolean()),
  /** "writeBack" flushes when the guest does, "writeThrough" after every write, "ignoreFlush" never before the end: for trials only. */
  hostCache: v.exactOptional(v.picklist(["writeBack", "writeThrough", "ignoreFlush"])),
  /** 0 is no limit. */
  bytesPerSecond: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  operationsPerSecond: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});
export type DiskConfig = v.InferOutput<typeof diskSchema>;

/** A console at port 0xE9, and an exit at 0xF4, each for guests that know of it. Once they were one setting. */
const debugPortsSchema = v.union([
  v.strictObject({ console: v.boolean(), exit: v.boolean() }),
  v.pipe(
    v.boolean(),
    v.transform((on) => ({ console: on, exit: on })),
  ),
]);

const draftEntries = {
  name: v.pipe(v.string(), v.maxLength(1024)),
  osType: v.pipe(v.string(), v.maxLength(64)),
  description: text,
  memoryMiB: v.number(),
  firmware: firmwareSchema,
  bootOrder: v.pipe(v.array(bootSourceSchema), v.maxLength(8)),
  bootMenu: v.boolean(),
  storage: v.strictObject({
    disks: v.pipe(v.array(diskSchema), v.maxLength(16)),
    opticals: v.pipe(v.array(opticalSchema), v.maxLength(16)),
    floppies: v.pipe(v.array(driveSchema), v.maxLength(16)),
    /** There even without drives, so that disks can be plugged in while the machine runs. */
    controllers: v.exactOptional(v.pipe(v.array(v.picklist(["ahci", "virtio-scsi"])), v.maxLength(2))),
    /** A virtio entropy device, or none; where nothing is said, there is one beside virtio disks. */
    entropyDevice: v.exactOptional(v.boolean()),
  }),
  directBoot: v.nullable(v.strictObject({ kernel: path, initrd: v.nullable(path), commandLine: text })),
  serial: v.pipe(v.array(serialSchema), v.maxLength(16)),
  debugPorts: debugPortsSchema,
  rtcUtc: v.boolean(),
  accel: v.picklist(["auto", "interpreter"]),
  /** Which processor the guest sees: an x86-64 level or everything there is. Configurations from before there was a choice have "host". */
  cpuLevel: v.optional(v.picklist(["v1", "v2", "v3", "host"]), "host"),
  display: v.strictObject({ scale: v.pipe(v.number(), v.minValue(0.25), v.maxValue(8)) }),
};

/** Everything the user decides; the host adds version and id. */
export const machineDraftSchema = v.strictObject(draftEntries);
export type MachineDraft = v.InferOutput<typeof machineDraftSchema>;

export const machineConfigSchema = v.strictObject({
  version: v.literal(MACHINE_CONFIG_VERSION),
  id: v.pipe(v.string(), v.uuid()),
  ...draftEntries,
});
export type MachineConfig = v.InferOutput<typeof machineConfigSchema>;

/** A draft with everything at its plainest: the base for wizards, commands and tests. */
export function defaultMachineDraft(name: string): MachineDraft {
  return {
    name,
    osType: "other",
    description: "",
    memoryMiB: 128,
    firmware: { kind: "builtin" },
    bootOrder: ["floppy", "cdrom", "disk"],
    bootMenu: false,
    storage: { disks: [], opticals: [{ path: null }], floppies: [{ path: null }] },
    directBoot: null,
    serial: [{ kind: "terminal" }],
    debugPorts: { console: false, exit: false },
    rtcUtc: false,
    accel: "auto",
    cpuLevel: "host",
    display: { scale: 1 },
  };
}

/** A disk with everything said but its place on the controller. */
export function diskAttributes(disk: DiskConfig): Required<Omit<DiskConfig, "path" | "format" | "port">> {
  const { path: _path, format: _format, port: _port, ...given } = disk;
  return {
    kind: "normal",
    interface: "ide",
    serial: "",
    solidState: false,
    removable: false,
    discard: true,
    hostCache: "writeBack",
    bytesPerSecond: 0,
    operationsPerSecond: 0,
    ...given,
  };
}

/** The draft inside a configuration. */
export function draftOf(config: MachineConfig): MachineDraft {
  const { version: _version, id: _id, ...draft } = config;
  return draft;
}
