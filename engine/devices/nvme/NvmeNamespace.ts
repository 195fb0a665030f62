/**
 * The one namespace of a controller (NVM Express 1.4, clause 6): sectors of 512 bytes with flush, read, write, write zeroes and deallocate.
 * Absent: metadata, compare, write uncorrectable, reservations.
 */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { BlockRequests, type DiskRange } from "../block/BlockRequests.ts";
import type { BlockTarget } from "../block/moveBlocks.ts";
import type { NvmeCommand } from "./NvmeCommand.ts";
import { ioCommand, SECTOR_BYTES, status, TRANSFER_BYTES_MAX } from "./nvmeRegisters.ts";

const FORCE_UNIT_ACCESS = 2 ** 30;
const DEALLOCATE = 4;
const RANGE_BYTES = 16;

type Finish = (status: number) => void;

export class NvmeNamespace {
  /** The volatile write cache is on: what was not flushed may be lost. */
  writeCache = true;
  readonly #requests: BlockRequests;
  readonly #memory: PhysicalMemory;

  constructor(target: BlockTarget, memory: PhysicalMemory) {
    this.#requests = new BlockRequests(target);
    this.#memory = memory;
  }

  get sectors(): number {
    return this.#requests.sectors;
  }

  get readOnly(): boolean {
    return this.#requests.readOnly;
  }

  abandon(): void {
    this.#requests.abandon();
  }

  flush(done: () => void): void {
    this.#requests.flush(() => done());
  }

  execute(command: NvmeCommand, finish: Finish): void {
    const isFlush = command.opcode === ioCommand.flush;
    if (command.namespace !== 1 && !(isFlush && command.namespace === 0xffff_ffff)) {
      return finish(status.invalidNamespace);
    }
    switch (command.opcode) {
      case ioCommand.flush:
        return this.#requests.flush(answer(finish, status.writeFault));
      case ioCommand.read:
      case ioCommand.write:
        return this.#move(command, finish);
      case ioCommand.writeZeroes:
        return this.#zero(command, finish);
      case ioCommand.datasetManagement:
        return this.#manage(command, finish);
      default:
        return finish(status.invalidOpcode);
    }
  }

  #move(command: NvmeCommand, finish: Finish): void {
    const isWrite = command.opcode === ioCommand.write;
    const run = this.#runOf(command);
    if (run === undefined) return finish(status.addressOutOfRange);
    if (isWrite && this.readOnly) return finish(status.writeToReadOnlyRange);
    if (run.length > TRANSFER_BYTES_MAX || !command.usesPages) return finish(status.invalidField);
    const buffer = command.data(this.#memory, run.length);
    if (buffer === undefined) return finish(status.prpOffsetInvalid);
    const whole = { ...run, buffer, bufferOffset: 0 };
    if (isWrite) this.#requests.write(whole, () => this.#isDurable(command), answer(finish, status.writeFault));
    else this.#requests.read(whole, answer(finish, status.unrecoveredReadError));
  }

  #zero(command: NvmeCommand, finish: Finish): void {
    const run = this.#runOf(command);
    if (run === undefined) return finish(status.addressOutOfRange);
    if (this.readOnly) return finish(status.writeToReadOnlyRange);
    const durable = () => this.#isDurable(command);
    this.#requests.zero(run, { discards: false, durable }, answer(finish, status.writeFault));
  }

  #manage(command: NvmeCommand, finish: Finish): void {
    const count = (command.dword(10) & 0xff) + 1;
    if (!command.usesPages) return finish(status.invalidField);
    if ((command.dword(11) & DEALLOCATE) === 0) return finish(status.success);
    if (this.readOnly) return finish(status.writeToReadOnlyRange);
    const buffer = command.data(this.#memory, count * RANGE_BYTES);
    if (buffer === undefined) return finish(status.prpOffsetInvalid);
    const list = new DataView(buffer.bytes(0, count * RANGE_BYTES).buffer);
    const runs: DiskRange[] = [];
    for (let at = 0; at < count * RANGE_BYTES; at += RANGE_BYTES) {
      const sector = list.getUint32(at + 12, true) * 2 ** 32 + list.getUint32(at + 8, true);
      const sectors = list.getUint32(at + 4, true);
      if (sector + sectors > this.sectors) return finish(status.addressOutOfRange);
      if (sectors > 0) runs.push({ offset: sector * SECTOR_BYTES, length: sectors * SECTOR_BYTES });
    }
    this.#requests.discardAll(runs, answer(finish, status.writeFault));
  }

  #isDurable(command: NvmeCommand): boolean {
    return !this.writeCache || (command.dword(12) & FORCE_UNIT_ACCESS) !== 0;
  }

  #runOf(command: NvmeCommand): DiskRange | undefined {
    const sector = command.quad(10);
    const sectors = (command.dword(12) & 0xffff) + 1;
    if (sector + sectors > this.sectors) return undefined;
    return { offset: sector * SECTOR_BYTES, length: sectors * SECTOR_BYTES };
  }
}

function answer(finish: Finish, failure: number): (succeeded: boolean) => void {
  return (succeeded) => finish(succeeded ? status.success : failure);
}
