/** Entry of a thread that unpacks pages of a saved state into the memory of a machine, batch by batch (`PageCrew`). */
import { parentPort, workerData } from "node:worker_threads";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { fillPages, type StoredBatch } from "../snapshot/pages/fillPages.ts";
import type { PageThreadAnswer, PageThreadStart } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";

const { memory, offset, length } = workerData as PageThreadStart;
const target = new Uint8Array(memory, offset, length);

parentPort?.on("message", async (batch: StoredBatch) => {
  const answer = await fillPages(batch, target, snapshotServices).then(
    (): PageThreadAnswer => ({ failed: undefined }),
    (error: unknown): PageThreadAnswer => {
      if (!(error instanceof GuesthouseError)) throw error;
      const { kind, message, context } = error;
      return { failed: { kind, message, context } };
    },
  );
  parentPort?.postMessage(answer);
});
