/** The virtio entropy device (virtio 1.1, 5.4): fills what it is given with random bytes from outside. */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Entropy } from "../../contracts/Clock.ts";
import type { VirtioFunction, VirtioPort } from "./VirtioFunction.ts";
import type { VirtqueueRequest } from "./Virtqueue.ts";

/** A request may be answered in part. */
const BYTES_AT_ONCE = 4096;

export class VirtioRng implements VirtioFunction {
  readonly type = 4;
  readonly classCode = 0x00ff00;
  readonly queueSizes = [8];
  readonly features = 0;
  readonly configuration = new Uint8Array(0);
  readonly #entropy: Entropy;
  #port: VirtioPort | undefined;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  handle(queue: number, request: VirtqueueRequest): void {
    const bytes = new Uint8Array(Math.min(BYTES_AT_ONCE, request.writable.length));
    this.#entropy.fill(bytes);
    request.writable.write(0, bytes);
    this.#port?.complete(queue, request, bytes.length);
  }

  reset(): void {}

  save(writer: StateWriter): void {
    void writer; // Every request is answered at once.
  }

  prepareLoad(reader: StateReader): () => void {
    void reader;
    return () => {};
  }
}
