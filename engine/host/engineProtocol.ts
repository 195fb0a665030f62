/**
 * The private protocol between the host service and one engine process: one machine, booted once. Channels of the console are
 * numbered by the host, so that frames pass through it unchanged. Serial output comes as binary messages whose channel is the
 * port's index, serial input goes the same way.
 */
import * as v from "valibot";
import { debugCommands, debugStopSchema } from "../api/debugProtocol.ts";
import { inputEventSchema } from "../api/InputEvent.ts";
import { diskSchema, machineConfigSchema } from "../api/MachineConfig.ts";
import { activitySchema, figuresSchema, lastStopSchema } from "../api/MachineSummary.ts";
import { diskFormatSchema, passphraseSchema } from "../api/mediumProtocol.ts";

const nothing = v.strictObject({});
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/**
 * Where drives are, in the order of the machine's lists; null on controllers without ports. Whether there is an entropy device, null where the drives
 * tell.
 */
const presentDrives = {
  disks: v.array(v.strictObject({ port: v.nullable(natural), serial: v.string() })),
  opticals: v.array(v.nullable(natural)),
  entropyDevice: v.nullable(v.boolean()),
};
const driveKind = v.picklist(["optical", "floppy"]);

const name = v.pipe(v.string(), v.regex(/^[\w-]{1,128}$/));

/** Saving memory and devices, step by step: see `StateDesk`. Files are named as in the machine's configuration. */
export const stateCommands = {
  /** Makes an overlay ready that the guest will use from `releaseState` on. */
  prepareOverlay: { params: v.strictObject({ file: v.string(), backing: v.string() }), result: nothing },
  /** Keeps the state as it is then, and all requests from the disks; `pause` keeps the guest from running too. */
  holdState: { params: v.strictObject({ label: name, pause: v.boolean() }), result: nothing },
  /** Lets all go on: with the overlays, or as if nothing had been. */
  releaseState: { params: v.strictObject({ overlays: v.boolean() }), result: nothing },
  /** Writes what was held into the machine's folder. */
  writeState: { params: v.strictObject({ name, parent: v.nullable(name) }), result: nothing },
  /** `writeState` fails with "cancelled" then. */
  cancelState: { params: nothing, result: nothing },
} as const;

/** Joining layers of disks that the guest uses, step by step: see `JoinDesk`. Files are named as in the host's document. */
export const joinCommands = {
  /** Copies what the upper layer holds into the one below; answers when all is there. Both read the same from then on, also when the guest writes. */
  joinLayers: {
    params: v.strictObject({ file: v.string(), into: v.string(), format: v.nullable(diskFormatSchema) }),
    result: nothing,
  },
  /** `joinLayers` fails with "cancelled" then. */
  cancelJoin: { params: nothing, result: nothing },
  /** Keeps the requests of the disk whose topmost layer was joined. */
  holdJoin: { params: nothing, result: nothing },
  /** Lets the guest go on: with the lower layer, or as if nothing had been. */
  releaseJoin: { params: v.strictObject({ joined: v.boolean() }), result: nothing },
  /** The image says that it rests on another file, through which it reads the same. */
  rebaseLayer: { params: v.strictObject({ file: v.string(), backing: v.string() }), result: nothing },
  /** Closes a layer below the topmost that was joined with the next. */
  letGo: { params: v.strictObject({ file: v.string() }), result: nothing },
} as const;

export const engineProtocol = {
  name: "guesthouse-engine",
  version: 1,
  commands: {
    /** Makes ready for a boot that may come: there is no machine afterwards. */
    prepare: { params: nothing, result: nothing },
    /** Opens the media, builds the machine and starts it; with a state, it is paused in that until `resume`. */
    boot: {
      params: v.strictObject({
        config: machineConfigSchema,
        folder: v.string(),
        /** The disks are in the end as they were. */
        disposable: v.exactOptional(v.boolean()),
        /** Real paths of files that disks may use outside of their own folders. */
        trusted: v.exactOptional(v.array(v.string())),
        /** Saved in the machine's folder. */
        state: v.exactOptional(name),
        passphrases: v.exactOptional(v.array(v.strictObject({ slot: natural, passphrase: passphraseSchema }))),
      }),
      result: v.strictObject({ engine: v.string() }),
    },
    pause: { params: nothing, result: nothing },
    resume: { params: nothing, result: nothing },
    reset: { params: nothing, result: nothing },
    powerButton: { params: nothing, result: nothing },
    powerOff: { params: nothing, result: nothing },
    attach: {
      params: v.strictObject({ drive: driveKind, slot: natural, path: v.string(), force: v.boolean() }),
      result: nothing,
    },
    eject: { params: v.strictObject({ drive: driveKind, slot: natural, force: v.boolean() }), result: nothing },
    attachDisk: {
      params: v.strictObject({
        disk: diskSchema,
        passphrase: v.exactOptional(passphraseSchema),
        trusted: v.array(v.string()),
      }),
      result: v.strictObject({ slot: natural, ...presentDrives }),
    },
    detachDisk: {
      params: v.strictObject({ slot: natural, path: v.string(), force: v.boolean() }),
      result: v.strictObject(presentDrives),
    },
    consoleOpen: { params: v.strictObject({ channel: natural, deflate: v.boolean() }), result: nothing },
    consoleClose: { params: v.strictObject({ channel: natural }), result: nothing },
    consoleCredit: { params: v.strictObject({ channel: natural, frames: natural }) },
    consoleInput: { params: v.strictObject({ events: v.array(inputEventSchema) }) },
    consoleType: { params: v.strictObject({ text: v.string() }), result: nothing },
    consoleText: { params: nothing, result: v.strictObject({ lines: v.nullable(v.array(v.string())) }) },
    consoleScreenshot: {
      params: nothing,
      result: v.strictObject({ width: natural, height: natural, pngBase64: v.string() }),
    },
    /** Small; null where there is no picture. */
    thumbnail: { params: nothing, result: v.strictObject({ pngBase64: v.nullable(v.string()) }) },
    ...stateCommands,
    ...joinCommands,
    /** As the host's API has them; the id is this machine's. */
    ...debugCommands,
  },
  events: {
    /** Of `writeState`, from 0 to 1. */
    stateProgress: v.strictObject({ fraction: v.number() }),
    /** Of `joinLayers`, from 0 to 1. */
    joinProgress: v.strictObject({ fraction: v.number() }),
    stopped: lastStopSchema,
    activity: activitySchema,
    /** Once a second whatever the guest does: also the sign of life. */
    figures: figuresSchema,
    /** Paused or running again, by whatever: a debugger in this process may do it too. */
    life: v.strictObject({ state: v.picklist(["running", "paused"]), stop: v.nullable(debugStopSchema) }),
    display: v.strictObject({ width: v.number(), height: v.number(), mode: v.picklist(["text", "graphics"]) }),
    log: v.strictObject({ level: v.picklist(["info", "warn", "error"]), message: v.string(), facts: v.string() }),
  },
} as const;

export type EngineProtocol = typeof engineProtocol;
