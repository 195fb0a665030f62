/**
 * Deleting in two parts: the snapshot leaves the list at one stroke, then what nobody needs any more is joined, which takes as long as it takes. Whatever
 * stops the second part leaves a whole chain of layers, and the next deletion or restoring joins the rest.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import type { MachineSnapshots, MayJoin } from "./MachineSnapshots.ts";

/** What fails in `join`, after the snapshot has left the list, says so, by the kind of what was the matter. */
export async function removeAndJoin(
  snapshots: MachineSnapshots,
  id: string,
  { signal }: LongWork,
  join: () => Promise<void>,
): Promise<void> {
  if (signal?.aborted === true) throw new GuesthouseError("cancelled", "Cancelled.");
  await snapshots.remove(id);
  try {
    await join();
  } catch (error) {
    throw notJoined(error);
  }
}

/** After a change that is done and does not need it. */
export async function joinWhatCan(snapshots: MachineSnapshots, work: LongWork, mayJoin: MayJoin): Promise<void> {
  await snapshots.join(work, mayJoin).catch((error: unknown) => {
    if (!(error instanceof GuesthouseError)) throw error;
  });
}

function notJoined(error: unknown): GuesthouseError {
  const { kind, message, context } =
    error instanceof GuesthouseError ? error : new GuesthouseError("internal", String(error));
  const sentence = `The snapshot is deleted; the space of its disks is given back later, because they could not be joined: ${message}`;
  return new GuesthouseError(kind, sentence, { ...context, deleted: true }, { cause: error });
}
