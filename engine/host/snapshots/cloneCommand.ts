/** The command that makes a twin of a machine: of one state, whole or linked, or of all that it ever was. */
import type { HostProtocol } from "../../api/hostProtocol.ts";
import { draftOf, type MachineDraft } from "../../api/MachineConfig.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";
import type { ParamsOf } from "../../api/ProtocolSpec.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskPassphrase } from "../encryptedDisks.ts";
import { cloneMachine, unlockForClone } from "./cloneMachine.ts";
import { cloneWithSnapshots } from "./cloneWithSnapshots.ts";
import { keptMachine } from "./libraryMachine.ts";
import { MachineSnapshots } from "./MachineSnapshots.ts";
import { draftOfSettings } from "./machineLayers.ts";
import { asJob } from "./savedStates.ts";
import type { SnapshotContext } from "./snapshotCommands.ts";

/** Answers with the twin when it is there whole. */
export async function cloneCommand(
  context: SnapshotContext,
  { id, snapshotId, name, linked, scope, passphrases = [] }: ParamsOf<HostProtocol, "machine.clone">,
): Promise<{ machine: MachineSummary }> {
  const { registry } = context;
  if (scope === "all") return await cloneAll(context, id, name, linked, passphrases);
  const record = await asSnapshotWork(context, id, passphrases, async (snapshots) => {
    let from = snapshotId;
    if (linked && from === null) {
      await snapshots.unlock("take");
      from = (await snapshots.take({ name: `Linked base for ${name}`, description: "", takenAtMs: Date.now() })).id;
    }
    const document = await snapshots.document();
    const node = document.nodes.find((candidate) => candidate.id === from);
    if (from !== null && node === undefined) {
      throw new GuesthouseError("snapshot-missing", "There is no such snapshot.", { snapshot: from });
    }
    const source: MachineDraft =
      node === undefined ? draftOf(registry.library.config(id)) : draftOfSettings(document, node.settings, node.layers);
    const { folder } = registry.library.get(id);
    const formatOf = (file: string) => snapshots.formatOf(file);
    const unlock = (file: string) => snapshots.unlockFile(file);
    const order = { source, folder, name: name.trim(), linked, formatOf, unlock };
    await unlockForClone(order);
    return await asJob(context, id, "cloneMachine", (work) => cloneMachine(registry.library, order, work));
  });
  if (linked) {
    context.announce(id);
    context.changed(id);
  }
  return context.announce(record.id);
}

/** With the past: only as a whole, because the layers of an original cannot serve two trees. */
async function cloneAll(
  context: SnapshotContext,
  id: string,
  name: string,
  linked: boolean,
  passphrases: readonly DiskPassphrase[],
): Promise<{ machine: MachineSummary }> {
  const { registry } = context;
  if (linked) {
    throw new GuesthouseError(
      "unsupported-operation",
      "A linked clone has no snapshots: clone one state, or copy all.",
    );
  }
  const record = await asSnapshotWork(context, id, passphrases, async (snapshots) => {
    const document = await snapshots.document();
    const order = {
      source: draftOf(registry.library.config(id)),
      document,
      folder: registry.library.get(id).folder,
      name: name.trim(),
      formatOf: (file: string) => snapshots.formatOf(file),
      unlock: (file: string) => snapshots.unlockFile(file),
    };
    const made = await asJob(context, id, "cloneMachine", (work) => cloneWithSnapshots(registry.library, order, work));
    registry.noteSaved(made.id, document.current.state !== undefined);
    return made;
  });
  return context.announce(record.id);
}

/** On a machine at rest, alone, and with nothing left of an interrupted change. */
async function asSnapshotWork<T>(
  { registry }: SnapshotContext,
  id: string,
  passphrases: readonly DiskPassphrase[],
  action: (snapshots: MachineSnapshots) => Promise<T>,
): Promise<T> {
  return await registry.snapshotWork(id, () =>
    registry.changing(id, async () => {
      // It may have been started while this waited.
      if (registry.supervisor(id).live) throw new GuesthouseError("illegal-state", "The machine runs.");
      const snapshots = new MachineSnapshots(keptMachine(registry, id, "shared", undefined, passphrases));
      await snapshots.recover();
      return await action(snapshots);
    }),
  );
}
