/**
 * Decides when the display is looked at: never while no viewer can take a frame, at most 60 times a second otherwise, and a
 * few times less often after a while without a change, so that an idle guest under somebody's eyes costs next to nothing. Whatever
 * may change the picture soon (input, a viewer's credit, a start) is told by `hurry`. Looking takes time of the thread that the
 * guest runs on: a guest that could use all of it gives less than a tenth, as long as that makes ten pictures a second.
 */
const FRAME_MS = 16;
const QUIET_FRAME_MS = 50;
/** Looks without a change after which the picture counts as quiet: about a second. */
const QUIET_LOOKS = 60;
/** So many times as long as a look took passes until the next one, while the guest is busy. */
const BUSY_PAUSES = 14;
/** A picture that is watched moves at least this often. */
const BUSY_FRAME_MS = 100;

export interface FrameLook {
  /** Somebody could take another frame. */
  readonly wanted: boolean;
  /** There was something to send. */
  readonly changed: boolean;
  /** The guest has work for all of the thread's time. */
  readonly busy: boolean;
}

export class FramePacer {
  readonly #look: () => FrameLook;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #pauseMs = FRAME_MS;
  #unchanged = 0;
  #closed = false;

  constructor(look: () => FrameLook) {
    this.#look = look;
  }

  /** Looks as soon as the frame rate allows. */
  hurry(): void {
    this.#unchanged = 0;
    this.#schedule(this.#lastMs + this.#pauseMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(dueMs: number): void {
    if (this.#closed || (this.#timer !== undefined && this.#dueMs <= dueMs)) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, dueMs - performance.now()));
  }

  #run(): void {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    const { wanted, changed, busy } = this.#look();
    const tookMs = performance.now() - this.#lastMs;
    this.#pauseMs = busy ? Math.min(Math.max(FRAME_MS, tookMs * BUSY_PAUSES), BUSY_FRAME_MS) : FRAME_MS;
    this.#unchanged = changed ? 0 : this.#unchanged + 1;
    if (wanted) this.#schedule(this.#lastMs + (this.#unchanged > QUIET_LOOKS ? QUIET_FRAME_MS : this.#pauseMs));
  }
}
