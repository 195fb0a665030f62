/**
 * The part of the host's API that concerns a machine's past and its twins: snapshots, saved state and clones. A machine's
 * snapshots are a tree; `current` is the one that the machine goes on from. Long work answers when it is done; meanwhile a job
 * tells how far it is and takes a cancel. What reads or makes layers of encrypted disks while the machine is off needs their passphrases: it fails with
 * "passphrase-needed" or "passphrase-wrong" before anything is changed, and the context has `slot`, `path` and `name` of the disk. Disks that only snapshots
 * have come behind the end of the machine's list.
 */
import * as v from "valibot";
import { machineSummarySchema } from "./MachineSummary.ts";
import { diskPassphrasesSchema } from "./mediumProtocol.ts";

const id = v.pipe(v.string(), v.maxLength(64));
const nothing = v.strictObject({});
const passphrases = v.exactOptional(diskPassphrasesSchema);
const one = v.strictObject({ id });
const ofSnapshot = v.strictObject({ id, snapshotId: id });
const texts = {
  name: v.pipe(v.string(), v.maxLength(1024)),
  description: v.pipe(v.string(), v.maxLength(65536)),
};

export const snapshotSchema = v.strictObject({
  id: v.string(),
  parentId: v.nullable(v.string()),
  name: v.string(),
  description: v.string(),
  /** Milliseconds since 1970. */
  takenMs: v.number(),
  /** Memory and devices are in it, and restoring it gives a saved state: the same as `memory` being "kept". */
  withState: v.boolean(),
  /**
   * "none": taken of a machine that was off. Of one that ran, disks and settings are there at once and memory follows: "arriving" while it
   * is written, "kept" when it is whole. "lost" when the engine or the host ended before: restoring gives the disks as after a power failure.
   */
  memory: v.picklist(["none", "arriving", "kept", "lost"]),
  hasThumbnail: v.boolean(),
  /** On the host, for this snapshot alone. */
  allocatedBytes: v.number(),
});
export type Snapshot = v.InferOutput<typeof snapshotSchema>;

const snapshotResult = v.strictObject({ snapshot: snapshotSchema });

export const snapshotCommands = {
  "snapshot.list": {
    params: one,
    result: v.strictObject({
      snapshots: v.array(snapshotSchema),
      /** What the machine goes on from; null without snapshots. */
      currentId: v.nullable(v.string()),
      /** Disks, settings or state differ from the current snapshot. */
      changed: v.boolean(),
    }),
  },
  /**
   * A machine that runs goes on at once; the answer comes when its memory is kept. Cancelled, nothing of the snapshot stays on the list. Throws
   * "memory-not-kept" when only the memory failed: the snapshot is there without.
   */
  "snapshot.take": { params: v.strictObject({ id, ...texts, passphrases }), result: snapshotResult },
  /** `takeCurrent` takes a snapshot of what there is before it is given up. */
  "snapshot.restore": {
    params: v.strictObject({ id, snapshotId: id, takeCurrent: v.nullable(v.strictObject(texts)), passphrases }),
    result: nothing,
  },
  /**
   * The snapshot leaves the list at once; answers when its disks are joined with what came after. What stops that, a cancel too, leaves the snapshot deleted: the
   * error's context has `deleted` then, and the space comes back with a later change.
   */
  "snapshot.delete": { params: v.strictObject({ id, snapshotId: id, passphrases }), result: nothing },
  /** What deleting would cost and give, before it is done; both are estimates from above. */
  "snapshot.deleteCost": {
    params: ofSnapshot,
    result: v.strictObject({ neededBytes: v.number(), freedBytes: v.number(), availableBytes: v.number() }),
  },
  "snapshot.edit": { params: v.strictObject({ id, snapshotId: id, ...texts }), result: snapshotResult },
  /** A small picture of the screen; without a snapshot that of the state that a saved machine goes on from. */
  "snapshot.thumbnail": {
    params: v.strictObject({ id, snapshotId: v.nullable(id) }),
    result: v.strictObject({ pngBase64: v.nullable(v.string()) }),
  },
  /**
   * Keeps memory and devices in a file and ends the run: the machine is "stopping" meanwhile and "saved" then. The job's cancel lets it go on.
   * `machine.start` goes on from there; a state that cannot be loaded is kept, and the machine stays "saved".
   */
  "machine.saveState": { params: one, result: nothing },
  "machine.discardState": { params: one, result: nothing },
  "machine.clone": {
    params: v.strictObject({
      id,
      /** Null clones the machine as it is. */
      snapshotId: v.nullable(id),
      name: v.pipe(v.string(), v.maxLength(1024)),
      /** A linked clone's disks rest on those of the snapshot; without a snapshot one is taken first. */
      linked: v.boolean(),
      /** "all" brings the snapshots along (full clones only). */
      scope: v.picklist(["state", "all"]),
      /** By the place of disks in the state that is cloned. Copies stay encrypted under them. */
      passphrases,
    }),
    result: v.strictObject({ machine: machineSummarySchema }),
  },
} as const;

export const snapshotEvents = {
  /** Ask for the list again. */
  "snapshots.changed": v.strictObject({ id: v.string() }),
} as const;
