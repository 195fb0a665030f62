/**
 * The virtio block device (virtio 1.1, 5.2): read, write, flush, identifier, discard and write zeroes, several requests at a time over one
 * queue. The write cache is always on: what a driver did not flush may be lost. Absent: more queues, geometry, topology, lifetime,
 * the write-back switch.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { BlockRequests, type DiskRange, SECTOR_BYTES } from "../block/BlockRequests.ts";
import type { BlockTarget } from "../block/moveBlocks.ts";
import type { VirtioFunction, VirtioPort } from "./VirtioFunction.ts";
import type { VirtqueueRequest } from "./Virtqueue.ts";

const QUEUE_SIZE = 256;
const HEADER_BYTES = 16;
const IDENTIFIER_BYTES = 20;
const RANGE_BYTES = 16;
const RANGES_MAX = 32;
const RANGE_SECTORS_MAX = 0x40_0000;

const SEG_MAX = 1 << 2;
const RO = 1 << 5;
const BLK_SIZE = 1 << 6;
const FLUSH = 1 << 9;
const DISCARD = 1 << 13;
const WRITE_ZEROES = 1 << 14;

const TYPE = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
const STATUS = { ok: 0, ioError: 1, unsupported: 2 } as const;
const RANGE_UNMAP = 1;

type Status = (typeof STATUS)[keyof typeof STATUS];
type Finish = (status: Status, bytes: number) => void;

export interface VirtioBlkOptions extends BlockTarget {
  /** At most 20 characters count. */
  readonly serialNumber: string;
}

export class VirtioBlk implements VirtioFunction {
  readonly type = 2;
  readonly classCode = 0x010000;
  readonly queueSizes = [QUEUE_SIZE];
  readonly features: number;
  readonly configuration = new Uint8Array(60);
  readonly #requests: BlockRequests;
  readonly #serialNumber: string;
  #port: VirtioPort | undefined;

  constructor(options: VirtioBlkOptions) {
    this.#requests = new BlockRequests(options);
    this.#serialNumber = options.serialNumber;
    const { sectors, readOnly } = this.#requests;
    this.features = SEG_MAX | BLK_SIZE | FLUSH | (readOnly ? RO : DISCARD | WRITE_ZEROES);
    const fields = new DataView(this.configuration.buffer);
    fields.setBigUint64(0, BigInt(sectors), true);
    fields.setUint32(12, QUEUE_SIZE - 2, true);
    fields.setUint32(20, SECTOR_BYTES, true);
    fields.setUint16(34, 1, true);
    for (const at of [36, 48]) fields.setUint32(at, RANGE_SECTORS_MAX, true);
    for (const at of [40, 52]) fields.setUint32(at, RANGES_MAX, true);
    fields.setUint32(44, 1, true);
    fields.setUint8(56, 1);
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  handle(queue: number, request: VirtqueueRequest): void {
    const statusAt = request.writable.length - 1;
    const finish = (status: Status, dataBytes: number) => {
      request.writable.write(statusAt, Uint8Array.of(status));
      this.#port?.complete(queue, request, dataBytes + 1);
    };
    if (statusAt < 0 || request.readable.length < HEADER_BYTES) {
      // Without a place for the status there is no way to say more.
      this.#port?.complete(queue, request, 0);
      return;
    }
    const header = new DataView(request.readable.bytes(0, HEADER_BYTES).buffer);
    const offset = header.getUint32(12, true) * 2 ** 32 * SECTOR_BYTES + header.getUint32(8, true) * SECTOR_BYTES;
    this.#execute(header.getUint32(0, true), offset, request, finish);
  }

  #execute(type: number, offset: number, request: VirtqueueRequest, finish: Finish) {
    const length = request.writable.length - 1;
    switch (type) {
      case TYPE.in: {
        if (!this.#isRun(offset, length)) return finish(STATUS.ioError, 0);
        const run = { offset, length, buffer: request.writable, bufferOffset: 0 };
        return this.#requests.read(run, answer(finish, length));
      }
      case TYPE.out: {
        const bytes = request.readable.length - HEADER_BYTES;
        if (this.#requests.readOnly || !this.#isRun(offset, bytes)) return finish(STATUS.ioError, 0);
        const run = { offset, length: bytes, buffer: request.readable, bufferOffset: HEADER_BYTES };
        return this.#requests.write(run, () => false, answer(finish, 0));
      }
      case TYPE.flush:
        return this.#requests.flush(answer(finish, 0));
      case TYPE.getId:
        request.writable.write(0, this.#identifier(Math.min(IDENTIFIER_BYTES, length)));
        return finish(STATUS.ok, Math.min(IDENTIFIER_BYTES, length));
      case TYPE.discard:
      case TYPE.writeZeroes:
        return this.#zero(type, request, finish);
      default:
        return finish(STATUS.unsupported, 0);
    }
  }

  #zero(type: number, request: VirtqueueRequest, finish: Finish): void {
    const ranges = this.#ranges(type, request);
    if (typeof ranges === "number") return finish(ranges, 0);
    if (type === TYPE.discard) this.#requests.discardAll(ranges, answer(finish, 0));
    else this.#requests.zeroAll(ranges, answer(finish, 0));
  }

  #ranges(type: number, request: VirtqueueRequest): DiskRange[] | Status {
    const bytes = request.readable.length - HEADER_BYTES;
    if (this.#requests.readOnly) return STATUS.ioError;
    if (bytes <= 0 || bytes % RANGE_BYTES !== 0 || bytes > RANGES_MAX * RANGE_BYTES) return STATUS.unsupported;
    const data = new DataView(request.readable.bytes(HEADER_BYTES, bytes).buffer);
    const ranges: DiskRange[] = [];
    for (let at = 0; at < bytes; at += RANGE_BYTES) {
      const offset = (data.getUint32(at + 4, true) * 2 ** 32 + data.getUint32(at, true)) * SECTOR_BYTES;
      const sectors = data.getUint32(at + 8, true);
      const flags = data.getUint32(at + 12, true);
      if ((flags & ~RANGE_UNMAP) !== 0 || (type === TYPE.discard && flags !== 0)) return STATUS.unsupported;
      const length = sectors * SECTOR_BYTES;
      if (sectors > RANGE_SECTORS_MAX || !this.#isRun(offset, length)) return STATUS.ioError;
      ranges.push({ offset, length });
    }
    return ranges;
  }

  #isRun(offset: number, length: number): boolean {
    return length % SECTOR_BYTES === 0 && offset + length <= this.#requests.sectors * SECTOR_BYTES;
  }

  #identifier(length: number): Uint8Array {
    const bytes = new Uint8Array(IDENTIFIER_BYTES);
    for (let index = 0; index < IDENTIFIER_BYTES; index++) bytes[index] = this.#serialNumber.charCodeAt(index) & 0x7f;
    return bytes.subarray(0, length);
  }

  reset(): void {
    this.#requests.abandon();
  }

  save(writer: StateWriter): void {
    void writer; // Requests in flight are the transport's, and there is nothing else.
  }

  prepareLoad(reader: StateReader): () => void {
    void reader;
    return () => this.#requests.abandon();
  }
}

/** Ends a request that gave the driver so many bytes, or could not. */
function answer(finish: Finish, bytes: number): (succeeded: boolean) => void {
  return (succeeded) => finish(succeeded ? STATUS.ok : STATUS.ioError, succeeded ? bytes : 0);
}
