/**
 * The virtio SCSI host (virtio 1.1, 5.6): one channel, a target for each drive with one logical unit, one request queue. Task management
 * is refused, because everything under way soon ends by itself. Drives that come and go are told by events (5.6.6.3) to a driver that wants to hear of
 * them; events that find no buffer wait for one, but are not part of a state. Absent: other events, protection information.
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
const NOTHING: ScsiAnswer = { sense: undefined, moved: 0 };
const CHECK_CONDITION = 2;
const TASK_MANAGEMENT = 0;
const F_HOTPLUG = 1 << 1;
const EVENT_BYTES = 16;
const TRANSPORT_RESET = 1;
const REASON = { rescan: 1, removed: 2 } as const;

export class VirtioScsi implements VirtioFunction {
  readonly type = 8;
  readonly classCode = 0x010000;
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE];
  readonly features = F_HOTPLUG;
  readonly configuration = new Uint8Array(36);
  readonly #targets: (ScsiTarget | undefined)[];
  /** What each target has under way. */
  readonly #underWay = new Map<VirtqueueRequest, { readonly number: number; readonly queue: number }>();
  #port: VirtioPort | undefined;
  #generation = 0;
  #eventBuffers: VirtqueueRequest[] = [];
  #events: Uint8Array[] = [];

  /** By number; undefined is none. */
  constructor(targets: readonly (ScsiTarget | undefined)[]) {
    this.#targets = Array.from({ length: SCSI_TARGETS }, (_, number) => targets[number]);
    const fields = new DataView(this.configuration.buffer);
    const words = [1, QUEUE_SIZE - 2, 0xffff, QUEUE_SIZE, EVENT_BYTES, SENSE_BYTES, COMMAND_BYTES];
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

  /** Another drive, or none, while the machine runs. What the one before had under way ends as if it had never been there. */
  plug(number: number, target: ScsiTarget | undefined): void {
    this.#targets[number]?.abandon();
    const lost = [...this.#underWay].filter(([, { number: of }]) => of === number);
    for (const [request, { queue }] of lost) this.#respond(queue, request, RESPONSE.badTarget, NOTHING);
    this.#targets[number] = target;
    if (this.#port?.accepted(F_HOTPLUG) !== true) return;
    const event = new Uint8Array(EVENT_BYTES);
    const fields = new DataView(event.buffer);
    fields.setUint32(0, TRANSPORT_RESET, true);
    event.set([1, number], 4);
    fields.setUint32(12, target === undefined ? REASON.removed : REASON.rescan, true);
    this.#events.push(event);
    this.#deliverEvents();
  }

  #deliverEvents(): void {
    while (this.#events.length > 0 && this.#eventBuffers.length > 0) {
      const request = this.#eventBuffers.shift()!;
      this.#port?.complete(EVENT_QUEUE, request, request.writable.write(0, this.#events.shift()!));
    }
  }

  handle(queue: number, request: VirtqueueRequest): void {
    if (queue === EVENT_QUEUE) {
      // They stay until there is an event.
      this.#eventBuffers.push(request);
      return this.#deliverEvents();
    }
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
    if (target === undefined) return this.#respond(queue, request, RESPONSE.badTarget, NOTHING);
    if (unit !== 0) {
      const answer = { sense: senseData(sense.logicalUnitNotSupported), moved: 0 };
      return this.#respond(queue, request, RESPONSE.ok, answer);
    }
    const generation = this.#generation;
    const dataOutAt = COMMAND_AT + COMMAND_BYTES;
    this.#underWay.set(request, { number: number!, queue });
    target.execute({
      command: header.subarray(COMMAND_AT),
      dataOut: { buffer: request.readable, offset: dataOutAt, length: request.readable.length - dataOutAt },
      dataIn: { buffer: request.writable, offset: RESPONSE_BYTES, length: request.writable.length - RESPONSE_BYTES },
      finish: (answer) => {
        const isOwed = generation === this.#generation && this.#underWay.has(request);
        if (isOwed) this.#respond(queue, request, RESPONSE.ok, answer);
      },
    });
  }

  #respond(queue: number, request: VirtqueueRequest, response: number, answer: ScsiAnswer): void {
    this.#underWay.delete(request);
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
    this.#underWay.clear();
    this.#eventBuffers = [];
    this.#events = [];
    for (const target of this.#targets) target?.abandon();
  }

  powerReset(): void {
    for (const target of this.#targets) target?.powerReset();
  }

  save(writer: StateWriter): void {
    for (const target of this.#targets) target?.save(writer);
  }

  prepareLoad(reader: StateReader): () => void {
    const loads = this.#targets.map((target) => target?.prepareLoad(reader));
    return () => {
      for (const load of loads) load?.();
    };
  }
}
