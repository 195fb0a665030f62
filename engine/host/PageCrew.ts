/**
 * Threads that unpack the pages of a saved state beside the machine's own, into its memory, which all of them share. They end with their
 * work.
 */
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { PackedPages } from "../snapshot/pages/PackedPages.ts";
import type { PageThreads } from "../snapshot/SnapshotServices.ts";
import { hostEntry } from "./installation.ts";

/** All that a thread is told. It says nothing: how far the pages are is in what they share. */
export interface UnpackOrder {
  readonly pages: PackedPages;
  readonly target: Uint8Array<SharedArrayBuffer>;
}

const THREADS_MAX = 3;
/** With fewer processors the guest, which has much to do when it wakes, has them to itself at first. */
const PROCESSORS_ENOUGH = 4;
const HEAD_START_MS = 700;

export class PageCrew implements PageThreads {
  readonly #closed = new AbortController();
  #threads: readonly Worker[] = [];

  async unpack(pages: PackedPages, target: Uint8Array<SharedArrayBuffer>): Promise<void> {
    const processors = availableParallelism();
    const headStartMs = processors < PROCESSORS_ENOUGH ? HEAD_START_MS : 0;
    const { signal } = this.#closed;
    // A process that is done does not wait for any of this.
    await pause(headStartMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    this.#threads = Array.from(
      { length: Math.max(1, Math.min(THREADS_MAX, processors - 1)) },
      () => new Worker(hostEntry("pageThread"), { execArgv: [], workerData: { pages, target } satisfies UnpackOrder }),
    );
    for (const thread of this.#threads) thread.unref();
    await Promise.all(this.#threads.map(endOf));
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

function endOf(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    // What a thread fails to do is done by the machine's own, which meets the reason then.
    thread.on("error", () => resolve());
    thread.on("exit", () => resolve());
  });
}
