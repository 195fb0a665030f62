/**
 * Threads that unpack the pages of a saved state beside the machine's own, into its memory, which all of them share. They end with their
 * work.
 */
import { availableParallelism } from "node:os";
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

export class PageCrew implements PageThreads {
  readonly #threads: readonly Worker[];
  readonly #ended: Promise<unknown>;

  /** To be called early: threads take a while to start. */
  static start(): PageCrew {
    return new PageCrew(Math.max(1, Math.min(THREADS_MAX, availableParallelism() - 1)));
  }

  private constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => new Worker(hostEntry("pageThread"), { execArgv: [] }));
    this.#ended = Promise.all(this.#threads.map(endOf));
  }

  async unpack(pages: PackedPages, target: Uint8Array<SharedArrayBuffer>): Promise<void> {
    for (const thread of this.#threads) thread.postMessage({ pages, target } satisfies UnpackOrder);
    await this.#ended;
  }

  async close(): Promise<void> {
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
