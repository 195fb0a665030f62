/**
 * Orders overlapping requests of one image: those that touch a common byte run in the order of their calls unless all only
 * read; all others run side by side. Nothing starves, because nobody overtakes an earlier conflicting request.
 */
interface Holder {
  readonly start: number;
  readonly end: number;
  readonly exclusive: boolean;
  readonly done: Promise<void>;
}

export class RangeLock {
  readonly #granuleBytes: number;
  readonly #holders = new Set<Holder>();

  /** Ranges are widened to multiples of `granuleBytes`. */
  constructor(granuleBytes = 1) {
    this.#granuleBytes = granuleBytes;
  }

  async run<T>(offset: number, length: number, exclusive: boolean, action: () => Promise<T>): Promise<T> {
    const granule = this.#granuleBytes;
    const start = Math.floor(offset / granule) * granule;
    const end = Math.ceil((offset + length) / granule) * granule;
    const earlier: Promise<void>[] = [];
    for (const other of this.#holders) {
      if (other.start < end && start < other.end && (exclusive || other.exclusive)) earlier.push(other.done);
    }
    let release = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holder: Holder = { start, end, exclusive, done };
    this.#holders.add(holder);
    try {
      if (earlier.length > 0) await Promise.all(earlier);
      return await action();
    } finally {
      this.#holders.delete(holder);
      release();
    }
  }

  /** Alone: after everything called before, and before everything called after. */
  async runAlone<T>(action: () => Promise<T>): Promise<T> {
    return await this.run(0, Number.POSITIVE_INFINITY, true, action);
  }
}
