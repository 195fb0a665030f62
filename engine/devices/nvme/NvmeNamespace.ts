/**
 * The one namespace of a controller (NVM Express 1.4, clause 6): sectors of 512 bytes with flush, read, write, write zeroes and deallocate.
 * Absent: metadata, compare, write uncorrectable, reservations.
 */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { BlockWork } from "../block/BlockWork.ts";
import {
  type BlockTarget,
  discardBlocks,
  flushBlocks,
  readToGuest,
  writeFromGuest,
  writeZeroes,
} from "../block/moveBlocks.ts";
import type { NvmeCommand } from "./NvmeCommand.ts";
import { ioCommand, SECTOR_BYTES, status, TRANSFER_BYTES_MAX } from "./nvmeRegisters.ts";

const FORCE_UNIT_ACCESS = 2 ** 30;
const DEALLOCATE = 4;
const RANGE_BYTES = 16;

type Finish = (status: number) => void;

interface Run {
  readonly offset: number;
  readonly length: number;
}

export class NvmeNamespace {
  readonly sectors: number;
  /** The volatile write cache is on: what was not flushed may be lost. */
  writeCache = true;
  readonly #target: BlockTarget;
  readonly #memory: PhysicalMemory;
  readonly #work = new BlockWork();

  constructor(target: BlockTarget, memory: PhysicalMemory) {
    this.#target = target;
    this.#memory = memory;
    this.sectors = Math.floor(target.blocks.sizeBytes / SECTOR_BYTES);
  }

  get readOnly(): boolean {
    return this.#target.blocks.readOnly;
  }

  abandon(): void {
    this.#work.abandon();
  }

  flush(done: () => void): void {
    this.#work.run(
      () => flushBlocks(this.#target),
      () => done(),
    );
  }

  execute(command: NvmeCommand, finish: Finish): void {
    const isFlush = command.opcode === ioCommand.flush;
    if (command.namespace !== 1 && !(isFlush && command.namespace === 0xffff_ffff)) {
      return finish(status.invalidNamespace);
    }
    switch (command.opcode) {
      case ioCommand.flush:
        return this.#run(() => flushBlocks(this.#target), finish, status.writeFault);
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
    if (!isWrite) {
      const read = (isCurrent: () => boolean) => readToGuest(this.#target, whole, isCurrent);
      return this.#run(read, finish, status.unrecoveredReadError);
    }
    const write = (isCurrent: () => boolean) => writeFromGuest(this.#target, whole, isCurrent);
    this.#run((isCurrent) => this.#durably(write(isCurrent), command), finish, status.writeFault);
  }

  #zero(command: NvmeCommand, finish: Finish): void {
    const run = this.#runOf(command);
    if (run === undefined) return finish(status.addressOutOfRange);
    if (this.readOnly) return finish(status.writeToReadOnlyRange);
    const zero = () => this.#durably(writeZeroes(this.#target, run.offset, run.length), command);
    this.#run(zero, finish, status.writeFault);
  }

  #manage(command: NvmeCommand, finish: Finish): void {
    const count = (command.dword(10) & 0xff) + 1;
    if (!command.usesPages) return finish(status.invalidField);
    if ((command.dword(11) & DEALLOCATE) === 0) return finish(status.success);
    if (this.readOnly) return finish(status.writeToReadOnlyRange);
    const buffer = command.data(this.#memory, count * RANGE_BYTES);
    if (buffer === undefined) return finish(status.prpOffsetInvalid);
    const list = new DataView(buffer.bytes(0, count * RANGE_BYTES).buffer);
    const runs: Run[] = [];
    for (let at = 0; at < count * RANGE_BYTES; at += RANGE_BYTES) {
      const sector = list.getUint32(at + 12, true) * 2 ** 32 + list.getUint32(at + 8, true);
      const sectors = list.getUint32(at + 4, true);
      if (sector + sectors > this.sectors) return finish(status.addressOutOfRange);
      if (sectors > 0) runs.push({ offset: sector * SECTOR_BYTES, length: sectors * SECTOR_BYTES });
    }
    const discard = async (isCurrent: () => boolean) => {
      for (const { offset, length } of runs) {
        if (!isCurrent() || !(await discardBlocks(this.#target, offset, length))) return false;
      }
      return true;
    };
    this.#run(discard, finish, status.writeFault);
  }

  #run(work: (isCurrent: () => boolean) => Promise<boolean>, finish: Finish, failure: number): void {
    this.#work.run(work, (done) => finish(done ? status.success : failure));
  }

  async #durably(work: Promise<boolean>, command: NvmeCommand): Promise<boolean> {
    if (!(await work)) return false;
    if (this.writeCache && (command.dword(12) & FORCE_UNIT_ACCESS) === 0) return true;
    return await flushBlocks(this.#target);
  }

  #runOf(command: NvmeCommand): Run | undefined {
    const sector = command.quad(10);
    const sectors = (command.dword(12) & 0xffff) + 1;
    if (sector + sectors > this.sectors) return undefined;
    return { offset: sector * SECTOR_BYTES, length: sectors * SECTOR_BYTES };
  }
}
