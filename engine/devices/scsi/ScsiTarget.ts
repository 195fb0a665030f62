/** A logical unit as a SCSI transport sees it (SAM-3): one command with its buffers, answered once. */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { GuestBuffer } from "../block/GuestBuffer.ts";

/** Part of the guest's memory, from `offset` of a buffer on. */
export interface GuestRun {
  readonly buffer: GuestBuffer;
  readonly offset: number;
  readonly length: number;
}

export interface ScsiAnswer {
  /** Sense data of a command that ended with CHECK CONDITION. */
  readonly sense: Uint8Array | undefined;
  /** Bytes that went to or came from the guest. */
  readonly moved: number;
}

export interface ScsiRequest {
  readonly command: Uint8Array;
  readonly dataOut: GuestRun;
  readonly dataIn: GuestRun;
  finish(answer: ScsiAnswer): void;
}

export interface ScsiTarget {
  execute(request: ScsiRequest): void;
  /** Forgets all requests. */
  abandon(): void;
  /** As after power-on. */
  powerReset(): void;
  save(writer: StateWriter): void;
  prepareLoad(reader: StateReader): () => void;
}

/** As much of `data` as both the guest's memory and the allocation length take. */
export function reply(request: ScsiRequest, data: Uint8Array, allocationLength: number): void {
  const { buffer, offset, length } = request.dataIn;
  const part = data.subarray(0, Math.min(data.length, allocationLength, length));
  buffer.write(offset, part);
  request.finish({ sense: undefined, moved: part.length });
}
