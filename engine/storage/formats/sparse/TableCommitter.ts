/**
 * Makes changed table entries last, in the only safe order: the data they point to becomes stable, then the entries are written. It runs behind the
 * requests whenever entries are waiting, so that little is lost when the process ends, and at once for a flush. A failure is kept
 * for the next flush, which tries again.
 */
import type { BlockMap } from "./BlockMap.ts";
import type { ImageFile } from "./ImageFile.ts";

export class TableCommitter {
  readonly #file: ImageFile;
  readonly #map: BlockMap;
  #waiting = new Set<number>();
  #running: Promise<void> | undefined;

  constructor(file: ImageFile, map: BlockMap) {
    this.#file = file;
    this.#map = map;
  }

  /** The entry of this block has changed in memory. */
  add(block: number): void {
    this.#waiting.add(block);
  }

  /** Begins to write what is waiting; returns at once. */
  start(): void {
    if (this.#waiting.size === 0 || this.#running !== undefined) return;
    this.#running = this.#commit().then(
      () => {
        this.#running = undefined;
        this.start();
      },
      () => {
        this.#running = undefined;
      },
    );
  }

  /** The caller lets no writes in meanwhile. */
  async flush(): Promise<void> {
    await this.end();
    while (this.#waiting.size > 0) await this.#commit();
    const { space } = this.#map;
    const released = space.takeReleased();
    try {
      await this.#file.flush();
    } catch (error) {
      for (const position of released) space.release(position);
      throw error;
    }
    await this.#settle(released);
  }

  /** Waits for what runs. */
  async end(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #commit(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = new Set();
    try {
      await this.#file.extend(this.#map.space.endBytes);
      await this.#file.flush();
      // An entry that changed again meanwhile may point to data that is not stable: it waits for the next time.
      const ready = [...batch].filter((block) => !this.#waiting.has(block)).sort((a, b) => a - b);
      await this.#map.writeEntries(ready);
    } catch (error) {
      for (const block of batch) this.#waiting.add(block);
      throw error;
    }
  }

  /** Nothing refers to these units any more, on stable storage too. */
  async #settle(released: readonly number[]): Promise<void> {
    const { space } = this.#map;
    for (const [index, position] of released.entries()) {
      let clean = false;
      try {
        clean = await this.#file.punchHole(position, space.unitBytes);
      } catch {
        // The space is free all the same; it will be overwritten.
        space.settle(released.slice(index), false);
        return;
      }
      space.settle([position], clean);
    }
  }
}
