/** Native command queuing of a disk (ATA8-ACS 4.16): READ and WRITE FPDMA QUEUED, as many at a time as there are slots. */
import type { AtaDisk } from "../ata/AtaDisk.ts";
import { ataCommand, IDNF, UNC } from "../ata/ataRegisters.ts";
import { BlockWork } from "../block/BlockWork.ts";
import { type BlockTarget, flushBlocks, readToGuest, writeFromGuest } from "../block/moveBlocks.ts";
import type { AhciCommand } from "./AhciCommand.ts";

const SECTOR_BYTES = 512;
const FORCE_UNIT_ACCESS = 0x80;

export interface NativeQueueEvents {
  done(slot: number): void;
  failed(slot: number, error: number, sector: number): void;
}

export class NativeQueue {
  readonly #events: NativeQueueEvents;
  readonly #work = new BlockWork();
  #slots = 0;

  constructor(events: NativeQueueEvents) {
    this.#events = events;
  }

  /** Bits of the slots whose commands are under way. */
  get slots(): number {
    return this.#slots >>> 0;
  }

  get busy(): boolean {
    return this.#slots !== 0;
  }

  /** Slots of a loaded state, to be begun anew. */
  expect(slots: number): void {
    this.#slots = slots;
  }

  abandon(): void {
    this.#work.abandon();
    this.#slots = 0;
  }

  begin(disk: AtaDisk, command: AhciCommand): void {
    const target = disk.queueTarget;
    const { fis, slot } = command;
    const isWrite = fis[2] === ataCommand.writeFpdmaQueued;
    const sector = command.lba48;
    const sectors = fis[3]! | (fis[11]! << 8) || 0x1_0000;
    const length = sectors * SECTOR_BYTES;
    this.#slots |= 1 << slot;
    const isThere = sector + sectors <= target.sectors && command.data.length >= length;
    if (!isThere || (isWrite && target.blocks.readOnly)) return this.#events.failed(slot, IDNF, sector);
    const run = { offset: sector * SECTOR_BYTES, length, buffer: command.data, bufferOffset: 0 };
    this.#work.run(
      (isCurrent) => {
        if (!isWrite) return readToGuest(target, run, isCurrent);
        const written = writeFromGuest(target, run, isCurrent);
        return (fis[7]! & FORCE_UNIT_ACCESS) !== 0 ? thenFlush(written, target) : written;
      },
      (moved) => {
        this.#slots &= ~(1 << slot);
        if (moved) this.#events.done(slot);
        else this.#events.failed(slot, UNC, sector);
      },
    );
  }
}

async function thenFlush(written: Promise<boolean>, target: BlockTarget): Promise<boolean> {
  return (await written) && (await flushBlocks(target));
}
