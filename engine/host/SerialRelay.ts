/**
 * The output of one serial port on its way to any number of viewers. Keeps the last 256 KiB for those who come later; a viewer
 * that does not give credit loses the oldest of what waits for it, and is told how much.
 */
import { encodeSerialOutput } from "../api/binaryMessage.ts";

export const SERIAL_WINDOW_BYTES = 256 * 1024;

interface Viewer {
  readonly send: (message: Uint8Array) => void;
  /** Position in the stream of the next byte to send. */
  position: number;
  credit: number;
}

export class SerialRelay {
  readonly #ring = new Uint8Array(SERIAL_WINDOW_BYTES);
  readonly #viewers = new Map<number, Viewer>();
  /** Bytes ever received: the position of the next one. */
  #end = 0;

  open(channel: number, send: (message: Uint8Array) => void): void {
    const viewer = { send, position: Math.max(0, this.#end - SERIAL_WINDOW_BYTES), credit: SERIAL_WINDOW_BYTES };
    this.#viewers.set(channel, viewer);
    this.#pump(channel, viewer);
  }

  close(channel: number): void {
    this.#viewers.delete(channel);
  }

  credit(channel: number, bytes: number): void {
    const viewer = this.#viewers.get(channel);
    if (viewer === undefined) return;
    viewer.credit = Math.min(SERIAL_WINDOW_BYTES, viewer.credit + bytes);
    this.#pump(channel, viewer);
  }

  put(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - SERIAL_WINDOW_BYTES));
    const start = (this.#end + bytes.length - kept.length) % SERIAL_WINDOW_BYTES;
    const first = Math.min(kept.length, SERIAL_WINDOW_BYTES - start);
    this.#ring.set(kept.subarray(0, first), start);
    this.#ring.set(kept.subarray(first), 0);
    this.#end += bytes.length;
    for (const [channel, viewer] of this.#viewers) this.#pump(channel, viewer);
  }

  #pump(channel: number, viewer: Viewer): void {
    const oldest = Math.max(0, this.#end - SERIAL_WINDOW_BYTES);
    const forgotten = Math.max(0, oldest - viewer.position);
    const from = viewer.position + forgotten;
    const count = Math.min(this.#end - from, viewer.credit);
    if (count <= 0) return;
    const bytes = new Uint8Array(count);
    const start = from % SERIAL_WINDOW_BYTES;
    const first = Math.min(count, SERIAL_WINDOW_BYTES - start);
    bytes.set(this.#ring.subarray(start, start + first));
    bytes.set(this.#ring.subarray(0, count - first), first);
    viewer.position = from + count;
    viewer.credit -= count;
    viewer.send(encodeSerialOutput(channel, forgotten, bytes));
  }
}
