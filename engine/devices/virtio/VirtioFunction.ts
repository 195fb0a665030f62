/**
 * What a virtio device is besides its transport (virtio 1.1, chapter 5): its type, features, configuration fields, and what it does
 * with requests. The transport owns the queues; a function answers each request once, at once or later.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { VirtqueueRequest } from "./Virtqueue.ts";

/** The transport as its function sees it. */
export interface VirtioPort {
  /** Gives a request back with the number of bytes written to it. */
  complete(queue: number, request: VirtqueueRequest, writtenBytes: number): void;
  /** Fields of the configuration changed; the driver is told. */
  configurationChanged(): void;
  /** Did the driver accept this feature, of the low word? */
  accepted(feature: number): boolean;
}

export interface VirtioFunction {
  /** The device identifier of chapter 5: 2 is a block device. */
  readonly type: number;
  /** For the PCI header. */
  readonly classCode: number;
  readonly queueSizes: readonly number[];
  /** Device-specific feature bits, all below 24. */
  readonly features: number;
  /** The configuration fields. */
  readonly configuration: Uint8Array;
  attach(port: VirtioPort): void;
  handle(queue: number, request: VirtqueueRequest): void;
  /** The driver wrote a configuration field. */
  configurationWritten?(offset: number, value: number, width: number): void;
  /** Forgets all requests. */
  reset(): void;
  /** The machine's reset line: what lies behind the device starts over too. */
  powerReset?(): void;
  save(writer: StateWriter): void;
  prepareLoad(reader: StateReader): () => void;
}
