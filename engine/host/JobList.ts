/** Work that takes a while and can be cancelled, as people watch it. Finished jobs are forgotten after a minute. */
import { randomUUID } from "node:crypto";
import type { Job } from "../api/MachineSummary.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { TypedEvent } from "../base/TypedEvent.ts";

const KEPT_MS = 60_000;

export type JobWork = (progress: (done: number, total: number) => void, signal: AbortSignal) => Promise<void>;

export class JobList {
  readonly changed = new TypedEvent<Job>();
  readonly #jobs = new Map<string, { job: Job; abort: AbortController }>();

  list(): Job[] {
    return [...this.#jobs.values()].map(({ job }) => job);
  }

  /** Runs `work` and settles with it; a cancelled job rejects with "cancelled". */
  async run(facts: Pick<Job, "kind" | "subject" | "machineId">, work: JobWork): Promise<void> {
    const id = randomUUID();
    const abort = new AbortController();
    this.#set({ ...facts, id, done: 0, total: 0, state: "running", error: null }, abort);
    const progress = (done: number, total: number): void => this.#update(id, { done, total });
    try {
      await work(progress, abort.signal);
      this.#update(id, { state: "finished" });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (abort.signal.aborted) {
        this.#update(id, { state: "cancelled" });
        throw new GuesthouseError("cancelled", "The job was cancelled.");
      }
      this.#update(id, { state: "failed", error: message });
      throw error;
    } finally {
      setTimeout(() => this.#jobs.delete(id), KEPT_MS).unref();
    }
  }

  /** Throws "no-such-job". A job that has ended is left alone. */
  cancel(id: string): void {
    const entry = this.#jobs.get(id);
    if (entry === undefined) throw new GuesthouseError("no-such-job", "There is no such job.", { id });
    entry.abort.abort();
  }

  #set(job: Job, abort: AbortController): void {
    this.#jobs.set(job.id, { job, abort });
    this.changed.emit(job);
  }

  #update(id: string, change: Partial<Job>): void {
    const entry = this.#jobs.get(id);
    if (entry !== undefined) this.#set({ ...entry.job, ...change }, entry.abort);
  }
}
