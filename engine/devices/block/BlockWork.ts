/**
 * Work of the host behind a controller that takes several requests at a time. At most so many run at once, the others wait their turn, so
 * that a guest cannot make the host hold all of its requests in memory. A reset or a loaded state disowns everything: results
 * of older work are not heard, and work that moves data asks `isCurrent` before each touch of guest memory.
 */
const AT_ONCE = 32;

type Start = () => void;

export class BlockWork {
  #generation = 0;
  #running = 0;
  #waiting: Start[] = [];

  /** `work` must not reject. `done` is called on the machine's thread between two turns of the guest. */
  run<T>(work: (isCurrent: () => boolean) => Promise<T>, done: (result: T) => void): void {
    const generation = this.#generation;
    const isCurrent = () => generation === this.#generation;
    const start = () => {
      this.#running++;
      void work(isCurrent).then((result) => {
        this.#running--;
        if (isCurrent()) done(result);
        this.#waiting.shift()?.();
      });
    };
    if (this.#running < AT_ONCE) start();
    else this.#waiting.push(start);
  }

  abandon(): void {
    this.#generation++;
    this.#waiting = [];
  }
}
