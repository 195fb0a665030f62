/** Long work of the fake host: a job that gets done step by step, or is cancelled. */
import type { Job } from "../../engine/api/MachineSummary.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";

const STEPS = 12;

export class FakeJobs {
  /** How long a step takes; tests set it to 0. */
  stepMs = 150;
  readonly #emit: (job: Job) => void;
  readonly #cancelled = new Set<string>();
  #next = 1;

  constructor(emit: (job: Job) => void) {
    this.#emit = emit;
  }

  cancel(jobId: string): void {
    this.#cancelled.add(jobId);
  }

  async work(kind: Job["kind"], subject: string, machineId: string | null): Promise<void> {
    const job: Job = {
      id: `job${this.#next++}`,
      kind,
      subject,
      machineId,
      done: 0,
      total: STEPS,
      state: "running",
      error: null,
    };
    for (let done = 0; done < STEPS; done++) {
      this.#emit({ ...job, done });
      await new Promise((resolve) => setTimeout(resolve, this.stepMs));
      if (!this.#cancelled.has(job.id)) continue;
      this.#emit({ ...job, done, state: "cancelled" });
      throw new GuesthouseError("cancelled", "The work was cancelled.", {});
    }
    this.#emit({ ...job, done: STEPS, state: "finished" });
  }
}
