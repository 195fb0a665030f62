/**
 * Work that an encrypted disk may stand in the way of. The host says so, with the disk's name; then the user is asked, and the work is
 * done again with what was typed. Passphrases live no longer than that.
 */

import type { HostProtocol } from "../../engine/api/hostProtocol.ts";
import type { ParamsOf } from "../../engine/api/ProtocolSpec.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { HostSession } from "./HostSession.ts";
import type { Shell } from "./shellState.ts";

export type DiskPassphrases = NonNullable<ParamsOf<HostProtocol, "machine.start">["passphrases"]>;

interface Demand {
  wrong: boolean;
  disk: string;
  slot: number;
  machineId: string;
}

function demandOf(error: unknown): Demand | undefined {
  if (!(error instanceof GuesthouseError)) return undefined;
  if (error.kind !== "passphrase-needed" && error.kind !== "passphrase-wrong") return undefined;
  const { name, path, slot, machineId } = error.context;
  return {
    wrong: error.kind === "passphrase-wrong",
    disk: String(name ?? path ?? ""),
    slot: Number(slot ?? 0),
    machineId: String(machineId ?? ""),
  };
}

async function ask(shell: Shell, { disk, wrong }: Demand): Promise<string> {
  const typed = await new Promise<string | undefined>((answer) =>
    shell.open({ kind: "passphrase", disk, wrong, answer }),
  );
  if (typed === undefined) throw new GuesthouseError("cancelled", "No passphrase was given.", {});
  return typed;
}

/** Does `work` without a passphrase first. Rejects with "cancelled" when the user gives none. */
export async function withPassphrase<T>(
  shell: Shell,
  work: (given: { passphrase?: string }) => Promise<T>,
  given: { passphrase?: string } = {},
): Promise<T> {
  try {
    return await work(given);
  } catch (error) {
    const demand = demandOf(error);
    if (demand === undefined) throw error;
    return withPassphrase(shell, work, { passphrase: await ask(shell, demand) });
  }
}

/** Of the disk at this place of a machine's list. */
interface KnownPassphrase {
  slot: number;
  /** Where several machines are concerned. */
  machineId: string;
  passphrase: string;
}

/** Does `work` with what is known; asks for the passphrase of one disk after the other, as the host comes to them. */
async function unlocking<T>(
  shell: Shell,
  work: (known: readonly KnownPassphrase[]) => Promise<T>,
  known: readonly KnownPassphrase[] = [],
): Promise<T> {
  try {
    return await work(known);
  } catch (error) {
    const demand = demandOf(error);
    if (demand === undefined) throw error;
    const { slot, machineId } = demand;
    const others = known.filter((disk) => disk.slot !== slot || disk.machineId !== machineId);
    return unlocking(shell, work, [...others, { slot, machineId, passphrase: await ask(shell, demand) }]);
  }
}

/** For commands on one machine: without passphrases first. Rejects with "cancelled" when the user gives none. */
export function withDiskPassphrases<T>(
  shell: Shell,
  work: (given: { passphrases?: DiskPassphrases }) => Promise<T>,
  known: DiskPassphrases = [],
): Promise<T> {
  const bySlot = (all: readonly KnownPassphrase[]) => all.map(({ slot, passphrase }) => ({ slot, passphrase }));
  return unlocking(
    shell,
    (all) => work(all.length > 0 ? { passphrases: bySlot(all) } : {}),
    known.map((disk) => ({ ...disk, machineId: "" })),
  );
}

/** For commands on several machines. */
export function withMachinePassphrases<T>(
  shell: Shell,
  work: (given: { passphrases?: KnownPassphrase[] }) => Promise<T>,
): Promise<T> {
  return unlocking(shell, (known) => work(known.length > 0 ? { passphrases: [...known] } : {}));
}

/** `known` is what was typed for these disks a moment ago. */
export async function startMachine(
  session: HostSession,
  shell: Shell,
  id: string,
  known: DiskPassphrases = [],
): Promise<void> {
  await withDiskPassphrases(shell, (given) => session.call("machine.start", { id, ...given }), known);
}
