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
}

function demandOf(error: unknown): Demand | undefined {
  if (!(error instanceof GuesthouseError)) return undefined;
  if (error.kind !== "passphrase-needed" && error.kind !== "passphrase-wrong") return undefined;
  const { name, path, slot } = error.context;
  return { wrong: error.kind === "passphrase-wrong", disk: String(name ?? path ?? ""), slot: Number(slot ?? 0) };
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

/** Starts a machine; asks for the passphrase of one disk after the other, as the host comes to them. */
export async function startMachine(
  session: HostSession,
  shell: Shell,
  id: string,
  known: DiskPassphrases = [],
): Promise<void> {
  try {
    await session.call("machine.start", { id, ...(known.length > 0 ? { passphrases: known } : {}) });
  } catch (error) {
    const demand = demandOf(error);
    if (demand === undefined) throw error;
    const answer = { slot: demand.slot, passphrase: await ask(shell, demand) };
    await startMachine(session, shell, id, [...known.filter(({ slot }) => slot !== demand.slot), answer]);
  }
}
