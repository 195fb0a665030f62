/**
 * The admin commands (NVM Express 1.4, clause 5): identify, queues, features, log pages, abort and event requests, which wait for events that
 * never come. Absent: firmware, format, security, namespace management, directives, self-test.
 */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { NvmeCommand } from "./NvmeCommand.ts";
import type { NvmeNamespace } from "./NvmeNamespace.ts";
import type { NvmeQueues } from "./NvmeQueues.ts";
import {
  activeNamespaces,
  identifyController,
  identifyNamespace,
  logPage,
  type NvmeIdentity,
  namespaceDescriptors,
} from "./nvmeIdentify.ts";
import { adminCommand, IO_QUEUES, PAGE_BYTES, QUEUE_ENTRIES_MAX, status } from "./nvmeRegisters.ts";

/** Undefined is no answer yet. */
export interface AdminAnswer {
  readonly status: number;
  readonly result?: number;
}

const EVENT_REQUESTS_MAX = 4;
const PHYSICALLY_CONTIGUOUS = 1;
const INTERRUPTS_ENABLED = 2;
/** Features that only hold what was set, by identifier. Others have meaning, or are not there. */
const STORED_FEATURES: ReadonlySet<number> = new Set([1, 2, 4, 5, 8, 9, 10, 11]);
const FEATURE_WRITE_CACHE = 6;
const FEATURE_QUEUE_COUNT = 7;
const CURRENT = 0;
const SUPPORTED_CAPABILITIES = 3;
export const FEATURES = 16;

export interface NvmeAdminParts {
  readonly memory: PhysicalMemory;
  readonly queues: NvmeQueues;
  readonly namespace: NvmeNamespace;
  readonly identity: NvmeIdentity;
  readonly vendorId: number;
  readonly vectors: number;
}

export class NvmeAdmin {
  readonly features = new Uint32Array(FEATURES);
  readonly #parts: NvmeAdminParts;

  constructor(parts: NvmeAdminParts) {
    this.#parts = parts;
    this.reset();
  }

  reset(): void {
    this.features.fill(0);
    this.features[4] = 343;
    this.features[FEATURE_WRITE_CACHE] = 1;
    this.apply();
  }

  /** Makes what the features say so. */
  apply(): void {
    this.#parts.namespace.writeCache = (this.features[FEATURE_WRITE_CACHE]! & 1) !== 0;
  }

  execute(command: NvmeCommand): AdminAnswer | undefined {
    switch (command.opcode) {
      case adminCommand.identify:
        return this.#identify(command);
      case adminCommand.createCompletionQueue:
        return this.#createCompletionQueue(command);
      case adminCommand.createSubmissionQueue:
        return this.#createSubmissionQueue(command);
      case adminCommand.deleteSubmissionQueue:
        return this.#deleteSubmissionQueue(command.dword(10) & 0xffff);
      case adminCommand.deleteCompletionQueue:
        return this.#deleteCompletionQueue(command.dword(10) & 0xffff);
      case adminCommand.setFeatures:
        return this.#setFeatures(command);
      case adminCommand.getFeatures:
        return this.#getFeatures(command);
      case adminCommand.getLogPage:
        return this.#getLogPage(command);
      case adminCommand.abort:
        // Everything under way is soon done by itself: not aborted.
        return { status: status.success, result: 1 };
      case adminCommand.asynchronousEventRequest:
        return this.#eventRequest();
      default:
        return { status: status.invalidOpcode };
    }
  }

  #identify(command: NvmeCommand): AdminAnswer {
    const { identity, namespace, vendorId } = this.#parts;
    const structure = command.dword(10) & 0xff;
    const asked = command.namespace;
    switch (structure) {
      case 0:
        if (asked !== 1) return { status: status.invalidNamespace };
        return this.#send(command, identifyNamespace(namespace.sectors, identity.serialNumber, namespace.readOnly));
      case 1:
        return this.#send(command, identifyController(identity, vendorId));
      case 2:
        return this.#send(command, activeNamespaces(asked));
      case 3:
        if (asked !== 1) return { status: status.invalidNamespace };
        return this.#send(command, namespaceDescriptors(identity.serialNumber));
      default:
        return { status: status.invalidField };
    }
  }

  #send(command: NvmeCommand, data: Uint8Array): AdminAnswer {
    if (!command.usesPages) return { status: status.invalidField };
    const buffer = command.data(this.#parts.memory, data.length);
    if (buffer === undefined) return { status: status.prpOffsetInvalid };
    buffer.write(0, data);
    return { status: status.success };
  }

  #getLogPage(command: NvmeCommand): AdminAnswer {
    const dwords = (command.dword(10) >>> 16) + 1 + (command.dword(11) & 0xffff) * 0x1_0000;
    const data = logPage(command.dword(10) & 0xff, this.#parts.identity.firmwareRevision);
    if (data === undefined) return { status: status.invalidLogPage };
    const offset = command.quad(12);
    if (offset > data.length) return { status: status.invalidField };
    return this.#send(command, data.subarray(offset, offset + Math.min(4 * dwords, data.length - offset)));
  }

  #createCompletionQueue(command: NvmeCommand): AdminAnswer {
    const { queues, vectors } = this.#parts;
    const [identifier, size] = queueOf(command);
    const vector = command.dword(11) >>> 16;
    if (identifier === 0 || identifier > IO_QUEUES || queues.completions.has(identifier)) {
      return { status: status.invalidQueueIdentifier };
    }
    if (size < 2 || size > QUEUE_ENTRIES_MAX) return { status: status.invalidQueueSize };
    if (vector >= vectors) return { status: status.invalidInterruptVector };
    const address = command.quad(6);
    if ((command.dword(11) & PHYSICALLY_CONTIGUOUS) === 0 || address % PAGE_BYTES !== 0) {
      return { status: status.invalidField };
    }
    const interrupts = (command.dword(11) & INTERRUPTS_ENABLED) !== 0;
    queues.completions.set(identifier, { address, size, vector, interrupts, head: 0, tail: 0, phase: 1 });
    return { status: status.success };
  }

  #createSubmissionQueue(command: NvmeCommand): AdminAnswer {
    const { queues } = this.#parts;
    const [identifier, size] = queueOf(command);
    const completionQueue = command.dword(11) >>> 16;
    if (identifier === 0 || identifier > IO_QUEUES || queues.submissions.has(identifier)) {
      return { status: status.invalidQueueIdentifier };
    }
    if (completionQueue === 0 || !queues.completions.has(completionQueue)) {
      return { status: status.completionQueueInvalid };
    }
    if (size < 2 || size > QUEUE_ENTRIES_MAX) return { status: status.invalidQueueSize };
    const address = command.quad(6);
    if ((command.dword(11) & PHYSICALLY_CONTIGUOUS) === 0 || address % PAGE_BYTES !== 0) {
      return { status: status.invalidField };
    }
    queues.submissions.set(identifier, { address, size, completionQueue, head: 0, tail: 0 });
    return { status: status.success };
  }

  #deleteSubmissionQueue(identifier: number): AdminAnswer {
    const { queues } = this.#parts;
    if (identifier === 0 || !queues.submissions.has(identifier)) return { status: status.invalidQueueIdentifier };
    queues.deleteSubmission(identifier);
    return { status: status.success };
  }

  #deleteCompletionQueue(identifier: number): AdminAnswer {
    const { queues } = this.#parts;
    if (identifier === 0 || !queues.completions.has(identifier)) return { status: status.invalidQueueIdentifier };
    const isUsed = [...queues.submissions.values()].some(({ completionQueue }) => completionQueue === identifier);
    if (isUsed) return { status: status.invalidQueueDeletion };
    queues.deleteCompletion(identifier);
    return { status: status.success };
  }

  #setFeatures(command: NvmeCommand): AdminAnswer {
    const feature = command.dword(10) & 0xff;
    if (feature === FEATURE_QUEUE_COUNT) return { status: status.success, result: queueCount() };
    if (!STORED_FEATURES.has(feature) && feature !== FEATURE_WRITE_CACHE) return { status: status.invalidField };
    this.features[feature] = command.dword(11);
    this.apply();
    return { status: status.success };
  }

  #getFeatures(command: NvmeCommand): AdminAnswer {
    const feature = command.dword(10) & 0xff;
    const select = (command.dword(10) >>> 8) & 7;
    const isKnown = STORED_FEATURES.has(feature) || feature === FEATURE_WRITE_CACHE || feature === FEATURE_QUEUE_COUNT;
    if (!isKnown) return { status: status.invalidField };
    if (select === SUPPORTED_CAPABILITIES) return { status: status.success, result: 4 };
    if (feature === FEATURE_QUEUE_COUNT) return { status: status.success, result: queueCount() };
    return { status: status.success, result: select === CURRENT ? this.features[feature]! : 0 };
  }

  #eventRequest(): AdminAnswer | undefined {
    const requests = this.#parts.queues.inFlight.filter(
      ({ queue, opcode }) => queue === 0 && opcode === adminCommand.asynchronousEventRequest,
    );
    return requests.length > EVENT_REQUESTS_MAX ? { status: status.asynchronousEventLimitExceeded } : undefined;
  }
}

function queueOf(command: NvmeCommand): [identifier: number, size: number] {
  return [command.dword(10) & 0xffff, (command.dword(10) >>> 16) + 1];
}

/** From 0, submission and completion queues. */
function queueCount(): number {
  return (IO_QUEUES - 1) | ((IO_QUEUES - 1) << 16);
}
