/**
 * Keeps overlapping requests to one image apart: a request starts when all earlier ones that touch the same bytes are done, unless
 * both only read. Requests elsewhere run side by side. Work on the image as a whole (tables moving, closing) asks for everything.
 */
interface Request {
  readonly from: number;
  readonly to: number;
  readonly writes: boolean;
  readonly done: Promise<void>;
}

export class RequestOrder {
  readonly #requests = new Set<Request>();

  async run<T>(from: number, to: number, writes: boolean, work: () => Promise<T>): Promise<T> {
    const earlier: Promise<void>[] = [];
    for (const other of this.#requests) {
      if (other.from < to && from < other.to && (writes || other.writes)) earlier.push(other.done);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const request = { from, to, writes, done: promise };
    this.#requests.add(request);
    try {
      for (const done of earlier) await done;
      return await work();
    } finally {
      this.#requests.delete(request);
      resolve();
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    return await this.run(0, Number.POSITIVE_INFINITY, true, work);
  }
}
