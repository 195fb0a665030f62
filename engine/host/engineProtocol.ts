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
import { passphraseSchema } from "../api/mediumProtocol.ts";

const nothing = v.strictObject({});
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Where drives are, in the order of the machine's lists; null on controllers without ports. */
const presentDrives = {
  disks: v.array(v.strictObject({ port: v.nullable(natural), serial: v.string() })),
  opticals: v.array(v.nullable(natural)),
};
const driveKind = v.picklist(["optical", "floppy"]);

export const engineProtocol = {
  name: "guesthouse-engine",
  version: 1,
  commands: {
    /** Makes ready for a boot that may come: there is no machine afterwards. */
    prepare: { params: nothing, result: nothing },
    /** Opens the media, builds the machine and starts it. */
    boot: {
      params: v.strictObject({
        config: machineConfigSchema,
        folder: v.string(),
        /** The disks are in the end as they were. */
        disposable: v.exactOptional(v.boolean()),
        /** Real paths of files that disks may use outside of their own folders. */
        trusted: v.exactOptional(v.array(v.string())),
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
    detachDisk: { params: v.strictObject({ slot: natural, path: v.string() }), result: v.strictObject(presentDrives) },
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
    /** As the host's API has them; the id is this machine's. */
    ...debugCommands,
  },
  events: {
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
