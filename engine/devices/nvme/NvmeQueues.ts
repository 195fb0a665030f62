/**
 * The submission and completion queues of an NVMe controller (NVM Express 1.4, 4.1): rings in guest memory, doorbells, phase tags.
 * Completions that find their queue full wait for the driver. What was fetched and not completed is kept, because a saved state
 * begins it anew.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { NvmeCommand } from "./NvmeCommand.ts";
import { COMMAND_BYTES, COMPLETION_BYTES, QUEUE_ENTRIES_MAX } from "./nvmeRegisters.ts";

export interface SubmissionQueue {
  readonly address: number;
  readonly size: number;
  readonly completionQueue: number;
  head: number;
  tail: number;
}

export interface CompletionQueue {
  readonly address: number;
  readonly size: number;
  readonly vector: number;
  readonly interrupts: boolean;
  /** What the driver has seen, and where the next entry goes. */
  head: number;
  tail: number;
  phase: number;
}

interface Completion {
  readonly submissionQueue: number;
  readonly completionQueue: number;
  readonly identifier: number;
  readonly status: number;
  readonly result: number;
}

export class NvmeQueues {
  readonly submissions = new Map<number, SubmissionQueue>();
  readonly completions = new Map<number, CompletionQueue>();
  readonly #memory: PhysicalMemory;
  /** An entry was posted to a completion queue. */
  readonly #onPosted: (queue: CompletionQueue) => void;
  #inFlight: NvmeCommand[] = [];
  #waiting: Completion[] = [];

  constructor(memory: PhysicalMemory, onPosted: (queue: CompletionQueue) => void) {
    this.#memory = memory;
    this.#onPosted = onPosted;
  }

  get inFlight(): readonly NvmeCommand[] {
    return this.#inFlight;
  }

  clear(): void {
    this.submissions.clear();
    this.completions.clear();
    this.#inFlight = [];
    this.#waiting = [];
  }

  deleteSubmission(identifier: number): void {
    this.submissions.delete(identifier);
    this.#inFlight = this.#inFlight.filter(({ queue }) => queue !== identifier);
  }

  deleteCompletion(identifier: number): void {
    this.completions.delete(identifier);
    this.#waiting = this.#waiting.filter(({ completionQueue }) => completionQueue !== identifier);
  }

  fetch(identifier: number): NvmeCommand | undefined {
    const queue = this.submissions.get(identifier);
    if (queue === undefined || queue.head === queue.tail) return undefined;
    const bytes = new Uint8Array(COMMAND_BYTES);
    this.#memory.read(queue.address + COMMAND_BYTES * queue.head, bytes);
    queue.head = (queue.head + 1) % queue.size;
    const command = new NvmeCommand(bytes, identifier);
    this.#inFlight.push(command);
    return command;
  }

  /** Nothing happens for a command that is not in flight any more. */
  complete(command: NvmeCommand, status: number, result: number): void {
    const at = this.#inFlight.indexOf(command);
    const queue = this.submissions.get(command.queue);
    if (at < 0 || queue === undefined) return;
    this.#inFlight.splice(at, 1);
    this.#waiting.push({
      submissionQueue: command.queue,
      completionQueue: queue.completionQueue,
      identifier: command.identifier,
      status,
      result,
    });
    this.postWaiting();
  }

  /** Writes what found no room before. */
  postWaiting(): void {
    this.#waiting = this.#waiting.filter((completion) => !this.#post(completion));
  }

  #post({ submissionQueue, completionQueue, identifier, status, result }: Completion): boolean {
    const queue = this.completions.get(completionQueue);
    if (queue === undefined) return true;
    const next = (queue.tail + 1) % queue.size;
    if (next === queue.head) return false;
    const entry = new DataView(new ArrayBuffer(COMPLETION_BYTES));
    entry.setUint32(0, result, true);
    entry.setUint16(8, this.submissions.get(submissionQueue)?.head ?? 0, true);
    entry.setUint16(10, submissionQueue, true);
    entry.setUint16(12, identifier, true);
    entry.setUint16(14, (status << 1) | queue.phase, true);
    this.#memory.write(queue.address + COMPLETION_BYTES * queue.tail, new Uint8Array(entry.buffer));
    queue.tail = next;
    if (next === 0) queue.phase ^= 1;
    this.#onPosted(queue);
    return true;
  }

  save(writer: StateWriter): void {
    writer.u8(this.submissions.size);
    for (const [identifier, queue] of this.submissions) {
      writer.u16(identifier).f64(queue.address).u16(queue.size).u16(queue.completionQueue);
      writer.u16(queue.head).u16(queue.tail);
    }
    writer.u8(this.completions.size);
    for (const [identifier, queue] of this.completions) {
      writer.u16(identifier).f64(queue.address).u16(queue.size).u16(queue.vector).bool(queue.interrupts);
      writer.u16(queue.head).u16(queue.tail).u8(queue.phase);
    }
    writer.u32(this.#inFlight.length);
    for (const { queue, bytes } of this.#inFlight) writer.u16(queue).bytes(bytes);
    writer.u32(this.#waiting.length);
    for (const waiting of this.#waiting) {
      writer.u16(waiting.submissionQueue).u16(waiting.completionQueue).u16(waiting.identifier);
      writer.u16(waiting.status).u32(waiting.result);
    }
  }

  prepareLoad(reader: StateReader): () => void {
    const submissions = readMap(reader, () => ({
      address: reader.f64(),
      size: reader.u16(),
      completionQueue: reader.u16(),
      head: reader.u16(),
      tail: reader.u16(),
    }));
    const completions = readMap(reader, () => ({
      address: reader.f64(),
      size: reader.u16(),
      vector: reader.u16(),
      interrupts: reader.bool(),
      head: reader.u16(),
      tail: reader.u16(),
      phase: reader.u8() & 1,
    }));
    const inFlight: NvmeCommand[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      const queue = reader.u16();
      const bytes = reader.bytes();
      if (bytes.length !== COMMAND_BYTES) throw damaged();
      inFlight.push(new NvmeCommand(bytes, queue));
    }
    const waiting: Completion[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      const [submissionQueue, completionQueue, identifier] = [reader.u16(), reader.u16(), reader.u16()];
      waiting.push({ submissionQueue, completionQueue, identifier, status: reader.u16(), result: reader.u32() });
    }
    return () => {
      this.clear();
      for (const [identifier, queue] of submissions) this.submissions.set(identifier, queue);
      for (const [identifier, queue] of completions) this.completions.set(identifier, queue);
      this.#inFlight = inFlight;
      this.#waiting = waiting;
    };
  }
}

function readMap<T extends { address: number; size: number; head: number; tail: number }>(
  reader: StateReader,
  read: () => T,
): Map<number, T> {
  const map = new Map<number, T>();
  for (let left = reader.u8(); left > 0; left--) {
    const identifier = reader.u16();
    const queue = read();
    const { address, size, head, tail } = queue;
    const sane = Number.isSafeInteger(address) && address >= 0 && size >= 2 && size <= QUEUE_ENTRIES_MAX;
    if (!sane || head >= size || tail >= size) throw damaged();
    map.set(identifier, queue);
  }
  return map;
}

function damaged(): GuesthouseError {
  return new GuesthouseError("state-invalid", "The saved state of an NVMe controller is damaged.");
}
