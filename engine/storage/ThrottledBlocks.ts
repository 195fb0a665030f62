/**
 * A block device with limits on bytes and operations a second. Requests start in the order they come, each not before the ones before it have
 * used up their share; a moment's worth may go at once, so that short work does not feel the limit. Flushes count as operations,
 * closing does not.
 */
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import { BlockDecorator } from "./BlockDecorator.ts";

/** 0 is no limit. */
export interface ThrottleLimits {
  readonly bytesPerSecond: number;
  readonly operationsPerSecond: number;
}

export interface ThrottleTimer {
  nowMs(): number;
  /** Calls back after so many milliseconds. */
  delay(milliseconds: number, resume: () => void): void;
}

/** What may go ahead of its time. */
const BURST_MS = 100;

export class ThrottledBlocks extends BlockDecorator {
  readonly #limits: ThrottleLimits;
  readonly #timer: ThrottleTimer;
  /** When all that was asked for so far would be done at exactly the limits. */
  #paidUntilMs = Number.NEGATIVE_INFINITY;

  constructor(blocks: BlockDevice, limits: ThrottleLimits, timer: ThrottleTimer) {
    super(blocks);
    this.#limits = limits;
    this.#timer = timer;
  }

  override async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#turn(target.length);
    await this.blocks.read(offset, target);
  }

  override async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#turn(source.length);
    await this.blocks.write(offset, source);
  }

  override async flush(): Promise<void> {
    await this.#turn(0);
    await this.blocks.flush();
  }

  override async discard(offset: number, length: number): Promise<void> {
    await this.#turn(0);
    await this.blocks.discard(offset, length);
  }

  #turn(bytes: number): Promise<void> {
    const { bytesPerSecond, operationsPerSecond } = this.#limits;
    const byBytes = bytesPerSecond === 0 ? 0 : (bytes * 1000) / bytesPerSecond;
    const byOperations = operationsPerSecond === 0 ? 0 : 1000 / operationsPerSecond;
    const now = this.#timer.nowMs();
    const startMs = Math.max(this.#paidUntilMs, now - BURST_MS);
    this.#paidUntilMs = startMs + Math.max(byBytes, byOperations);
    const waitMs = startMs - now;
    if (waitMs <= 0) return Promise.resolve();
    return new Promise((resolve) => this.#timer.delay(waitMs, resolve));
  }
}
