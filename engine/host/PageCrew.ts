/**
 * Threads that unpack pages of a saved state beside the machine's own, into its memory, which all of them share. They exist while a
 * state is being loaded.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { StoredBatch } from "../snapshot/pages/fillPages.ts";
import type { PageThreads } from "../snapshot/SnapshotServices.ts";
import { hostEntry } from "./installation.ts";

/** What a thread gets to know: the memory that it fills. */
export interface PageThreadStart {
  readonly memory: SharedArrayBuffer;
  readonly offset: number;
  readonly length: number;
}

/** To each batch, in turn. */
export interface PageThreadAnswer {
  readonly failed: Pick<GuesthouseError, "kind" | "message" | "context"> | undefined;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

const THREADS_MAX = 3;
/** With fewer for each the start of a thread costs more than it gives. */
const BATCHES_EACH = 8;
/** One that a thread works on, one that waits for it. */
const BATCHES_PER_THREAD = 2;

export class PageCrew implements PageThreads {
  readonly batchesAtOnce: number;
  readonly #threads: readonly PageThread[];

  /** Undefined when threads would not help. */
  static of(target: Uint8Array, batches: number): PageCrew | undefined {
    const { buffer, byteOffset, length } = target;
    const threads = Math.min(THREADS_MAX, availableParallelism() - 1, Math.floor(batches / BATCHES_EACH));
    if (!(buffer instanceof SharedArrayBuffer) || threads < 1) return undefined;
    return new PageCrew({ memory: buffer, offset: byteOffset, length }, threads);
  }

  private constructor(start: PageThreadStart, threads: number) {
    this.#threads = Array.from({ length: threads }, () => new PageThread(start));
    this.batchesAtOnce = threads * BATCHES_PER_THREAD;
  }

  fill(batch: StoredBatch): Promise<void> | undefined {
    const idlest = this.#threads.reduce((one, other) => (other.waiting < one.waiting ? other : one));
    return idlest.waiting < BATCHES_PER_THREAD ? idlest.fill(batch) : undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

class PageThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #ended: Error | undefined;

  constructor(start: PageThreadStart) {
    this.#worker = new Worker(hostEntry("pageThread"), { workerData: start, execArgv: [] });
    this.#worker.on("message", ({ failed }: PageThreadAnswer) => {
      const batch = this.#waiting.shift();
      if (failed === undefined) batch?.resolve();
      else batch?.reject(new GuesthouseError(failed.kind, failed.message, failed.context));
    });
    const ended = (reason: Error): void => {
      this.#ended ??= reason;
      for (const batch of this.#waiting.splice(0)) batch.reject(reason);
    };
    this.#worker.on("error", (error) => ended(error));
    this.#worker.on("exit", () => ended(new Error("A thread that reads a saved state ended.")));
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  fill(batch: StoredBatch): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(batch, [batch.bytes.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
