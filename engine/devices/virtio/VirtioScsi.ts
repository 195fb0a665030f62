/**
 * The virtio SCSI host (virtio 1.1, 5.6): one channel, a target for each drive with one logical unit, one request queue. Task management
 * is refused, because everything under way soon ends by itself. Absent: events of the host's, protection information.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { sense, senseData } from "../ata/atapiCommands.ts";
import type { ScsiAnswer, ScsiTarget } from "../scsi/ScsiTarget.ts";
import type { VirtioFunction, VirtioPort } from "./VirtioFunction.ts";
import type { VirtqueueRequest } from "./Virtqueue.ts";

const QUEUE_SIZE = 128;
const CONTROL_QUEUE = 0;
const EVENT_QUEUE = 1;
const SENSE_BYTES = 96;
const COMMAND_BYTES = 32;
const COMMAND_AT = 19;
const RESPONSE_BYTES = 12 + SENSE_BYTES;
export const SCSI_TARGETS = 64;

const RESPONSE = { ok: 0, overrun: 1, badTarget: 3, functionRejected: 11 } as const;
const CHECK_CONDITION = 2;
const TASK_MANAGEMENT = 0;

export class VirtioScsi implements VirtioFunction {
  readonly type = 8;
  readonly classCode = 0x010000;
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE];
  readonly features = 0;
  readonly configuration = new Uint8Array(36);
  readonly #targets: readonly ScsiTarget[];
  #port: VirtioPort | undefined;
  #generation = 0;

  constructor(targets: readonly ScsiTarget[]) {
    this.#targets = targets;
    const fields = new DataView(this.configuration.buffer);
    const words = [1, QUEUE_SIZE - 2, 0xffff, QUEUE_SIZE, 16, SENSE_BYTES, COMMAND_BYTES];
    words.forEach((value, index) => {
      fields.setUint32(4 * index, value, true);
    });
    fields.setUint16(30, SCSI_TARGETS - 1, true);
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  /** The driver may choose the lengths of sense data and commands; other lengths than ours are not kept. */
  configurationWritten(): void {}

  handle(queue: number, request: VirtqueueRequest): void {
    // Buffers for events stay until there is an event.
    if (queue === EVENT_QUEUE) return;
    if (queue === CONTROL_QUEUE) return this.#control(queue, request);
    const header = request.readable.bytes(0, COMMAND_AT + COMMAND_BYTES);
    if (header.length < COMMAND_AT + COMMAND_BYTES || request.writable.length < RESPONSE_BYTES) {
      this.#port?.complete(queue, request, 0);
      return;
    }
    this.#execute(queue, request, header);
  }

  #execute(queue: number, request: VirtqueueRequest, header: Uint8Array): void {
    const [form, number] = header;
    const unit = ((header[2]! & 0x3f) << 8) | header[3]!;
    const target = form === 1 ? this.#targets[number!] : undefined;
    if (target === undefined) return this.#respond(queue, request, RESPONSE.badTarget, { sense: undefined, moved: 0 });
    if (unit !== 0) {
      const answer = { sense: senseData(sense.logicalUnitNotSupported), moved: 0 };
      return this.#respond(queue, request, RESPONSE.ok, answer);
    }
    const generation = this.#generation;
    const dataOutAt = COMMAND_AT + COMMAND_BYTES;
    target.execute({
      command: header.subarray(COMMAND_AT),
      dataOut: { buffer: request.readable, offset: dataOutAt, length: request.readable.length - dataOutAt },
      dataIn: { buffer: request.writable, offset: RESPONSE_BYTES, length: request.writable.length - RESPONSE_BYTES },
      finish: (answer) => {
        if (generation === this.#generation) this.#respond(queue, request, RESPONSE.ok, answer);
      },
    });
  }

  #respond(queue: number, request: VirtqueueRequest, response: number, answer: ScsiAnswer): void {
    const bytes = new Uint8Array(RESPONSE_BYTES);
    const view = new DataView(bytes.buffer);
    const asked = Math.max(
      request.writable.length - RESPONSE_BYTES,
      request.readable.length - COMMAND_AT - COMMAND_BYTES,
    );
    view.setUint32(0, answer.sense?.length ?? 0, true);
    view.setUint32(4, Math.max(0, asked - answer.moved), true);
    bytes[10] = answer.sense === undefined ? 0 : CHECK_CONDITION;
    bytes[11] = response;
    if (answer.sense !== undefined) bytes.set(answer.sense.subarray(0, SENSE_BYTES), 12);
    request.writable.write(0, bytes);
    this.#port?.complete(queue, request, RESPONSE_BYTES + answer.moved);
  }

  #control(queue: number, request: VirtqueueRequest): void {
    const isManagement = request.readable.bytes(0, 1)[0] === TASK_MANAGEMENT;
    const answer = isManagement ? Uint8Array.of(RESPONSE.functionRejected) : Uint8Array.of(0, 0, 0, 0, RESPONSE.ok);
    this.#port?.complete(queue, request, request.writable.write(0, answer));
  }

  reset(): void {
    this.#generation++;
    for (const target of this.#targets) target.abandon();
  }

  powerReset(): void {
    for (const target of this.#targets) target.powerReset();
  }

  save(writer: StateWriter): void {
    for (const target of this.#targets) target.save(writer);
  }

  prepareLoad(reader: StateReader): () => void {
    const loads = this.#targets.map((target) => target.prepareLoad(reader));
    return () => {
      for (const load of loads) load();
    };
  }
}
