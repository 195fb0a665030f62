/**
 * The host's API, version 1: what a user interface or a script may ask of the host service. Shapes are checked here; whether
 * a command is legal in a machine's state stands in `commandLegality.ts`; values that make no sense are answered by the host
 * with typed errors ("no-such-machine", "illegal-state", "invalid-config", "name-taken", "file-missing", ...).
 */
import * as v from "valibot";
import { applianceCommands } from "./applianceProtocol.ts";
import { debugCommands, debugEvents } from "./debugProtocol.ts";
import { inputEventSchema } from "./InputEvent.ts";
import { diskInterfaceSchema, diskSchema, machineDraftSchema } from "./MachineConfig.ts";
import { machineStateSchema } from "./MachineState.ts";
import {
  activitySchema,
  figuresSchema,
  jobSchema,
  lastStopSchema,
  logLineSchema,
  machineSummarySchema,
} from "./MachineSummary.ts";
import {
  diskFormatSchema,
  diskPassphrasesSchema,
  mediumCommands,
  mediumEvents,
  passphraseSchema,
} from "./mediumProtocol.ts";
import { osTypeSchema } from "./OsType.ts";
import { snapshotCommands, snapshotEvents } from "./snapshotProtocol.ts";

const id = v.pipe(v.string(), v.maxLength(64));
const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const nothing = v.strictObject({});
const oneMachine = v.strictObject({ id });
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const driveKind = v.picklist(["optical", "floppy"]);
const machineResult = v.strictObject({ machine: machineSummarySchema });

const newDisk = v.strictObject({
  sizeBytes: natural,
  /** Raw when absent. */
  format: v.exactOptional(diskFormatSchema),
  subformat: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
  /** Makes it an encrypted one, of QCOW2. */
  passphrase: v.exactOptional(passphraseSchema),
  /** What it hangs on; IDE when absent. */
  interface: v.exactOptional(diskInterfaceSchema),
});

export const hostInfoSchema = v.strictObject({
  version: v.string(),
  /** The process that serves: "electron", "browser" (the loopback server) or "cli". */
  shell: v.picklist(["electron", "browser", "cli"]),
  platform: v.string(),
  architecture: v.string(),
  /** "node 24.1.0" and the like, by part. */
  engineVersions: v.record(v.string(), v.string()),
  processors: v.number(),
  processorModel: v.string(),
  memoryBytes: v.number(),
  memoryFreeBytes: v.number(),
  dataFolder: v.string(),
  dataFreeBytes: v.number(),
  homeFolder: v.string(),
});
export type HostInfo = v.InferOutput<typeof hostInfoSchema>;

export const fileEntrySchema = v.strictObject({
  name: v.string(),
  path: v.string(),
  kind: v.picklist(["file", "folder", "other"]),
  sizeBytes: v.number(),
  modifiedMs: v.number(),
  readable: v.boolean(),
});
export type FileEntry = v.InferOutput<typeof fileEntrySchema>;

export const hostProtocol = {
  name: "guesthouse",
  version: 1,
  commands: {
    "library.list": { params: nothing, result: v.strictObject({ machines: v.array(machineSummarySchema) }) },
    "library.create": {
      /** Each of `newDisks` is made in the machine's folder and attached after the disks of the draft. */
      params: v.strictObject({
        draft: machineDraftSchema,
        newDisks: v.pipe(v.array(newDisk), v.maxLength(4)),
      }),
      result: machineResult,
    },
    "library.update": { params: v.strictObject({ id, draft: machineDraftSchema }), result: machineResult },
    "library.rename": {
      params: v.strictObject({ id, name: v.pipe(v.string(), v.maxLength(1024)) }),
      result: machineResult,
    },
    /** Without files the machine leaves the list and its folder stays on the disk, marked as removed. */
    "library.remove": { params: v.strictObject({ id, withFiles: v.boolean() }), result: nothing },
    /**
     * Puts a machine back on the list by the `machine.removed.json` (or `machine.json`) of its folder in the library. Its name is made free. Throws
     * "outside-library" for a folder elsewhere, "file-missing", "inaccessible" for a file that is no machine's.
     */
    "library.add": { params: v.strictObject({ path }), result: machineResult },
    /** What "remove with files" would delete: the files inside of the machine's own folder. */
    "library.files": {
      params: oneMachine,
      result: v.strictObject({ files: v.array(v.strictObject({ path: v.string(), sizeBytes: v.number() })) }),
    },
    "library.checkName": {
      params: v.strictObject({ name: v.pipe(v.string(), v.maxLength(1024)), exceptId: v.nullable(id) }),
      result: v.strictObject({ taken: v.boolean(), suggestion: v.string() }),
    },
    /**
     * A disposable run leaves the disks as they were. Fails with "passphrase-needed" or "passphrase-wrong", whose context has `slot`, `path` and `name`
     * of the disk: ask, and start again with the passphrases that are known by then.
     */
    "machine.start": {
      params: v.strictObject({
        id,
        disposable: v.exactOptional(v.boolean()),
        passphrases: v.exactOptional(diskPassphrasesSchema),
      }),
      result: nothing,
    },
    /**
     * Puts a disk at the end of the machine's list. While the machine runs it is plugged in: "not-hot-pluggable" on IDE, and on AHCI and virtio SCSI unless
     * the machine has that controller since it was switched on; "guest-without-hot-plug" for virtio-blk and NVMe while the guest does not listen for them;
     * "too-many-drives" when all places are taken.
     */
    "machine.attachDisk": {
      params: v.strictObject({ id, disk: diskSchema, passphrase: v.exactOptional(passphraseSchema) }),
      result: v.strictObject({ slot: natural }),
    },
    /**
     * Takes a disk off the list; those behind it move up. While the machine runs it is pulled out of AHCI and virtio SCSI whatever the guest does with it. Of
     * virtio-blk and NVMe disks the guest is asked: "guest-keeps-disk" when it has not given it up after ten seconds, or is paused; with `force` these are
     * pulled out, too. Otherwise as above.
     */
    "machine.detachDisk": {
      params: v.strictObject({ id, slot: natural, force: v.exactOptional(v.boolean()) }),
      result: nothing,
    },
    "machine.pause": { params: oneMachine, result: nothing },
    "machine.resume": { params: oneMachine, result: nothing },
    "machine.reset": { params: oneMachine, result: nothing },
    "machine.powerButton": { params: oneMachine, result: nothing },
    "machine.powerOff": { params: oneMachine, result: nothing },
    "media.attach": {
      params: v.strictObject({ id, drive: driveKind, slot: natural, path, force: v.boolean() }),
      result: nothing,
    },
    "media.eject": {
      params: v.strictObject({ id, drive: driveKind, slot: natural, force: v.boolean() }),
      result: nothing,
    },
    /** A disk of zeros, raw and sparse when nothing is said. Refuses a file that exists. */
    "media.createDisk": {
      params: v.strictObject({ path, ...newDisk.entries }),
      result: v.strictObject({ path: v.string() }),
    },
    /** Frames come as binary messages of this channel, each for one credit; `frames` are given at once. */
    "console.open": {
      params: v.strictObject({
        id,
        deflate: v.boolean(),
        frames: v.exactOptional(v.pipe(natural, v.maxValue(16))),
      }),
      result: v.strictObject({ channel: natural }),
    },
    "console.close": { params: v.strictObject({ channel: natural }), result: nothing },
    "console.credit": { params: v.strictObject({ channel: natural, frames: v.pipe(natural, v.maxValue(16)) }) },
    "console.input": { params: v.strictObject({ id, events: v.pipe(v.array(inputEventSchema), v.maxLength(256)) }) },
    /** Types text as keystrokes of a US keyboard, `{name}` for special keys as in `keysOfText`. Answers when all are typed. */
    "console.type": { params: v.strictObject({ id, text: v.pipe(v.string(), v.maxLength(16384)) }), result: nothing },
    /** The characters of a text mode; null in a graphics mode. */
    "console.text": { params: oneMachine, result: v.strictObject({ lines: v.nullable(v.array(v.string())) }) },
    "console.screenshot": {
      params: oneMachine,
      result: v.strictObject({ width: natural, height: natural, pngBase64: v.string() }),
    },
    /** Output comes as binary messages of this channel, beginning with what is kept of the output so far. */
    "serial.open": { params: v.strictObject({ id, port: natural }), result: v.strictObject({ channel: natural }) },
    "serial.close": { params: v.strictObject({ channel: natural }), result: nothing },
    /** Bytes the viewer has dealt with: the host has at most 256 KiB under way and forgets what does not fit, oldest first. */
    "serial.credit": { params: v.strictObject({ channel: natural, bytes: natural }) },
    "host.info": { params: nothing, result: hostInfoSchema },
    "files.list": {
      /** Null lists the user's home folder. */
      params: v.strictObject({ path: v.nullable(path) }),
      result: v.strictObject({
        path: v.string(),
        parent: v.nullable(v.string()),
        /** False with no entries when the folder may not be read. */
        readable: v.boolean(),
        entries: v.array(fileEntrySchema),
        /** Places to begin at: home, root or drives, the library. */
        places: v.array(v.strictObject({ label: v.string(), path: v.string() })),
      }),
    },
    "files.stat": {
      params: v.strictObject({ path }),
      result: v.strictObject({
        path: v.string(),
        exists: v.boolean(),
        kind: v.nullable(v.picklist(["file", "folder", "other"])),
        sizeBytes: v.number(),
        readable: v.boolean(),
        writable: v.boolean(),
      }),
    },
    "logs.list": {
      params: oneMachine,
      result: v.strictObject({
        /** Newest first. */
        runs: v.array(v.strictObject({ name: v.string(), startedMs: v.number(), sizeBytes: v.number() })),
      }),
    },
    "logs.read": {
      /** Null reads the newest run. At most the last 5000 lines. */
      params: v.strictObject({ id, run: v.nullable(v.pipe(v.string(), v.maxLength(128))) }),
      result: v.strictObject({ run: v.nullable(v.string()), lines: v.array(logLineSchema), truncated: v.boolean() }),
    },
    "catalogue.osTypes": { params: nothing, result: v.strictObject({ osTypes: v.array(osTypeSchema) }) },
    /** Makes a machine that boots the guest that comes with the app, named so that it is free. */
    "builtinGuest.create": { params: nothing, result: machineResult },
    "jobs.list": { params: nothing, result: v.strictObject({ jobs: v.array(jobSchema) }) },
    "jobs.cancel": { params: v.strictObject({ jobId: id }), result: nothing },
    ...mediumCommands,
    ...snapshotCommands,
    ...applianceCommands,
    ...debugCommands,
  },
  events: {
    "library.changed": v.strictObject({ changed: v.array(machineSummarySchema), removed: v.array(v.string()) }),
    "machine.state": v.strictObject({
      id: v.string(),
      state: machineStateSchema,
      stateSinceMs: v.number(),
      startedMs: v.nullable(v.number()),
      engine: v.nullable(v.string()),
      lastStop: v.nullable(lastStopSchema),
    }),
    /** Four times a second while it changes. */
    "machine.activity": v.strictObject({ id: v.string(), activity: activitySchema }),
    /** Once a second while the machine runs. */
    "machine.figures": v.strictObject({ id: v.string(), figures: figuresSchema }),
    /** The display changed its size or mode. */
    "machine.display": v.strictObject({
      id: v.string(),
      width: v.number(),
      height: v.number(),
      mode: v.picklist(["text", "graphics"]),
    }),
    "log.line": v.strictObject({ id: v.string(), line: logLineSchema }),
    "job.changed": v.strictObject({ job: jobSchema }),
    /** Every two seconds. */
    "host.memory": v.strictObject({ memoryBytes: v.number(), memoryFreeBytes: v.number(), guestsBytes: v.number() }),
    ...mediumEvents,
    ...snapshotEvents,
    ...debugEvents,
  },
} as const;

export type HostProtocol = typeof hostProtocol;
export type HostCommandName = keyof HostProtocol["commands"];

/** Every command with its parameters: a union told apart by `command`. */
export type HostCommand = {
  [C in HostCommandName]: { command: C; params: v.InferOutput<HostProtocol["commands"][C]["params"]> };
}[HostCommandName];
