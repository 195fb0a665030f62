/** Entry of a thread that unpacks pages of a saved state into the memory of a machine, batch by batch (`PageCrew`). */
import { parentPort } from "node:worker_threads";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { fillPages, type StoredBatch } from "../snapshot/pages/fillPages.ts";
import type { PageThreadAnswer, SharedTarget } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";

let target: Uint8Array = new Uint8Array(0);

async function answerTo(batch: StoredBatch): Promise<PageThreadAnswer> {
  try {
    await fillPages(batch, target, snapshotServices);
    return { failed: undefined };
  } catch (error) {
    if (!(error instanceof GuesthouseError)) throw error;
    const { kind, message, context } = error;
    return { failed: { kind, message, context } };
  }
}

parentPort?.on("message", async (order: SharedTarget | StoredBatch) => {
  if ("memory" in order) target = new Uint8Array(order.memory, order.offset, order.length);
  else parentPort?.postMessage(await answerTo(order));
});
