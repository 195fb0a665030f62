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

/** What a thread is told first: the memory that it fills. Then come batches. */
export interface SharedTarget {
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
/** With fewer the start of threads costs more than it gives. */
const LEAST_BATCHES = 16;
/** Enough for as long as the machine's own thread, which hands them out, works on one itself. */
const BATCHES_PER_THREAD = 6;

export class PageCrew implements PageThreads {
  readonly batchesAtOnce: number;
  readonly #threads: readonly PageThread[];

  /** Undefined on a computer that has no processor to spare. */
  static start(): PageCrew | undefined {
    const threads = Math.min(THREADS_MAX, availableParallelism() - 1);
    return threads < 1 ? undefined : new PageCrew(threads);
  }

  /** Undefined when threads would not help. */
  static of(target: Uint8Array, batches: number): PageCrew | undefined {
    const helps = batches >= LEAST_BATCHES && target.buffer instanceof SharedArrayBuffer;
    return helps ? PageCrew.start()?.on(target) : undefined;
  }

  private constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => new PageThread());
    this.batchesAtOnce = threads * BATCHES_PER_THREAD;
  }

  /** To be called once, before `fill`: what is to be filled. Undefined when that is no memory that threads share. */
  on({ buffer, byteOffset, length }: Uint8Array): this | undefined {
    if (!(buffer instanceof SharedArrayBuffer)) return undefined;
    for (const thread of this.#threads) thread.begin({ memory: buffer, offset: byteOffset, length });
    return this;
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
  readonly #worker = new Worker(hostEntry("pageThread"), { execArgv: [] });
  readonly #waiting: Waiting[] = [];
  #ended: Error | undefined;

  constructor() {
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

  begin(target: SharedTarget): void {
    this.#worker.postMessage(target);
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
