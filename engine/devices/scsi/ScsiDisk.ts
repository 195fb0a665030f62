/**
 * A SCSI disk (SBC-3, SPC-3): sectors of 512 bytes with 6 to 16 byte commands, unmap, write same, flush. Several commands run side by side.
 * Absent: reservations, protection information, formatting, defect lists, unit attention after a reset.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { be16, be24, be32, type Sense, sense, senseData } from "../ata/atapiCommands.ts";
import { BlockRequests, SECTOR_BYTES } from "../block/BlockRequests.ts";
import type { BlockTarget } from "../block/moveBlocks.ts";
import { reply, type ScsiRequest, type ScsiTarget } from "./ScsiTarget.ts";
import { scsiCommand } from "./scsiCommands.ts";
import * as replies from "./scsiDiskReplies.ts";

const FORCE_UNIT_ACCESS = 0x08;
const UNMAP = 0x08;
const NO_DATA_OUT = 0x01;
const SERVICE_READ_CAPACITY_16 = 0x10;

export interface ScsiDiskOptions extends BlockTarget {
  readonly serialNumber: string;
  readonly solidState: boolean;
  readonly removable: boolean;
}

interface SectorRun {
  readonly sector: number;
  readonly sectors: number;
}

export class ScsiDisk implements ScsiTarget {
  readonly #requests: BlockRequests;
  readonly #facts: replies.ScsiDiskFacts;

  constructor(options: ScsiDiskOptions) {
    this.#requests = new BlockRequests(options);
    const { serialNumber, solidState, removable } = options;
    const { sectors, readOnly } = this.#requests;
    this.#facts = { sectors, serialNumber, solidState, removable, readOnly, writeCache: true };
  }

  abandon(): void {
    this.#requests.abandon();
  }

  powerReset(): void {
    this.abandon();
  }

  execute(request: ScsiRequest): void {
    const { command } = request;
    switch (command[0]) {
      case scsiCommand.testUnitReady:
      case scsiCommand.startStopUnit:
      case scsiCommand.preventAllowMediumRemoval:
      case scsiCommand.verify10:
      case scsiCommand.verify16:
        return request.finish({ sense: undefined, moved: 0 });
      case scsiCommand.requestSense:
        return reply(request, senseData(sense.none), command[4]!);
      case scsiCommand.inquiry:
        return this.#inquiry(request);
      case scsiCommand.modeSense6:
        return this.#modeSense(request, command[4]!, false);
      case scsiCommand.modeSense10:
        return this.#modeSense(request, be16(command, 7), true);
      case scsiCommand.readCapacity10:
        return reply(request, replies.readCapacity10(this.#facts.sectors), 8);
      case scsiCommand.serviceActionIn16:
        if ((command[1]! & 0x1f) !== SERVICE_READ_CAPACITY_16) return check(request, sense.invalidFieldInCommand);
        return reply(request, replies.readCapacity16(this.#facts.sectors), be32(command, 10));
      case scsiCommand.reportLuns:
        return reply(request, replies.reportLuns(), be32(command, 6));
      case scsiCommand.synchronizeCache10:
      case scsiCommand.synchronizeCache16:
        return this.#requests.flush(answer(request, sense.writeError, 0));
      case scsiCommand.unmap:
        return this.#unmap(request);
      case scsiCommand.writeSame10:
      case scsiCommand.writeSame16:
        return this.#writeSame(request);
      default:
        return this.#move(request);
    }
  }

  #inquiry(request: ScsiRequest): void {
    const { command } = request;
    const isVital = (command[1]! & 1) !== 0;
    if (!isVital && command[2] !== 0) return check(request, sense.invalidFieldInCommand);
    const data = isVital ? replies.vitalProductData(command[2]!, this.#facts) : replies.inquiry(this.#facts);
    if (data === undefined) check(request, sense.invalidFieldInCommand);
    else reply(request, data, be16(command, 3));
  }

  #modeSense(request: ScsiRequest, allocationLength: number, longHeader: boolean): void {
    const control = request.command[2]! >> 6;
    if (control === 3) return check(request, sense.savingParametersNotSupported);
    const data = replies.modeSense(request.command[2]! & 0x3f, control === 1, longHeader, this.#facts);
    if (data === undefined) check(request, sense.invalidFieldInCommand);
    else reply(request, data, allocationLength);
  }

  #move(request: ScsiRequest): void {
    const { command } = request;
    const operation = scsiCommand.reads.has(command[0]!)
      ? "read"
      : scsiCommand.writes.has(command[0]!)
        ? "write"
        : "other";
    if (operation === "other") return check(request, sense.invalidOperationCode);
    const { sector, sectors } = addressed(command);
    if (sector + sectors > this.#facts.sectors) return check(request, sense.addressOutOfRange);
    if (operation === "write" && this.#facts.readOnly) return check(request, sense.writeProtected);
    const { buffer, offset, length: place } = operation === "read" ? request.dataIn : request.dataOut;
    const length = sectors * SECTOR_BYTES;
    // The transport gave less room than the command moves.
    if (place < length) return check(request, sense.invalidFieldInCommand);
    const run = { offset: sector * SECTOR_BYTES, length, buffer, bufferOffset: offset };
    if (operation === "read") return this.#requests.read(run, answer(request, sense.unrecoveredReadError, length));
    const durable = command[0] !== scsiCommand.write6 && (command[1]! & FORCE_UNIT_ACCESS) !== 0;
    this.#requests.write(run, () => durable, answer(request, sense.writeError, length));
  }

  #unmap(request: ScsiRequest): void {
    const { buffer, offset, length } = request.dataOut;
    const bytes = Math.min(be16(request.command, 7), length);
    if (this.#facts.readOnly) return check(request, sense.writeProtected);
    if (bytes === 0) return request.finish({ sense: undefined, moved: 0 });
    const list = buffer.bytes(offset, Math.min(bytes, 8 + 16 * replies.UNMAP_RANGES_MAX));
    if (list.length < 8) return check(request, sense.parameterListLengthError);
    const runs: SectorRun[] = [];
    const end = Math.min(list.length, 8 + be16(list, 2));
    for (let at = 8; at + 16 <= end; at += 16) {
      runs.push({ sector: be32(list, at) * 2 ** 32 + be32(list, at + 4), sectors: be32(list, at + 8) });
    }
    if (runs.some(({ sector, sectors }) => sector + sectors > this.#facts.sectors)) {
      return check(request, sense.addressOutOfRange);
    }
    const ranges = runs.map(({ sector, sectors }) => ({
      offset: sector * SECTOR_BYTES,
      length: sectors * SECTOR_BYTES,
    }));
    this.#requests.discardAll(ranges, answer(request, sense.writeError, bytes));
  }

  #writeSame(request: ScsiRequest): void {
    const { command, dataOut } = request;
    const { sector, sectors } = addressed(command);
    const count = sectors === 0 ? this.#facts.sectors - sector : sectors;
    if (this.#facts.readOnly) return check(request, sense.writeProtected);
    if (sector + count > this.#facts.sectors) return check(request, sense.addressOutOfRange);
    const range = { offset: sector * SECTOR_BYTES, length: count * SECTOR_BYTES };
    const hasData = (command[1]! & NO_DATA_OUT) === 0;
    const pattern = dataOut.buffer.bytes(dataOut.offset, hasData ? Math.min(SECTOR_BYTES, dataOut.length) : 0);
    if (hasData && pattern.length < SECTOR_BYTES) return check(request, sense.invalidFieldInCommand);
    // Zeros alone: other patterns are for tests of disks. What is unmapped must read as zeros afterwards.
    if (pattern.some((byte) => byte !== 0)) return check(request, sense.invalidFieldInCommand);
    const discards = (command[1]! & UNMAP) !== 0;
    this.#requests.zero(range, { discards, durable: () => false }, answer(request, sense.writeError, pattern.length));
  }

  save(writer: StateWriter): void {
    void writer; // Requests in flight are the transport's.
  }

  prepareLoad(reader: StateReader): () => void {
    void reader;
    return () => this.abandon();
  }
}

/** Ends a request that moved so many bytes, or could not. */
function answer(request: ScsiRequest, failure: Sense, moved: number): (succeeded: boolean) => void {
  return (succeeded) => (succeeded ? request.finish({ sense: undefined, moved }) : check(request, failure));
}

function check(request: ScsiRequest, condition: Sense): void {
  request.finish({ sense: senseData(condition), moved: 0 });
}

/** The address and count of commands of 6, 10, 12 and 16 bytes. */
function addressed(command: Uint8Array): SectorRun {
  switch (command[0]! >> 5) {
    case 0:
      return { sector: be24(command, 1) & 0x1f_ffff, sectors: command[4]! || 256 };
    case 4:
      return { sector: be32(command, 2) * 2 ** 32 + be32(command, 6), sectors: be32(command, 10) };
    case 5:
      return { sector: be32(command, 2), sectors: be32(command, 6) };
    default:
      return { sector: be32(command, 2), sectors: be16(command, 7) };
  }
}
