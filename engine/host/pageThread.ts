/** Entry of a thread that unpacks pages of a saved state into the memory of a machine (`PageCrew`). */
import { workerData } from "node:worker_threads";
import { chunkCount, takeChunk, unpackChunk } from "../snapshot/pages/PackedPages.ts";
import type { UnpackOrder } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";

const { pages, target } = workerData as UnpackOrder;
for (let chunk = 0; chunk < chunkCount(pages); chunk++) {
  if (takeChunk(pages, chunk)) unpackChunk(pages, chunk, target, snapshotServices);
}
