/**
 * The execution phase of the data commands (82077AA datasheet section 5.1): READ, WRITE, READ TRACK, VERIFY and FORMAT TRACK
 * over the tracks of an image, by DMA or byte by byte. Sectors are found by the address the command gives, as the
 * address marks on a track of the image would say. An error of the host is a CRC error in the data field.
 * Absent: deleted data on the medium (written as ordinary data), sector sizes other than 512, FM recording, SCAN.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { DmaChannel } from "../../contracts/DmaChannel.ts";
import { type FloppyDrive, SECTOR_BYTES } from "./FloppyDrive.ts";
import {
  fdcCommand,
  MFM,
  MT,
  rateReads,
  ST0_ABNORMAL,
  ST1_DE,
  ST1_EN,
  ST1_MA,
  ST1_ND,
  ST1_NW,
  ST1_OR,
  ST2_CM,
  ST2_DD,
  ST2_WC,
} from "./fdcRegisters.ts";

/** The controller as a transfer sees it. */
export interface FdcTransferHost {
  readonly dma: DmaChannel;
  readonly activity: ActivitySink;
  readonly drives: readonly FloppyDrive[];
  /** PIO as SPECIFY asked for. */
  nonDma(): boolean;
  /** Bytes are ready for the host, or wanted from it. */
  dataReady(): void;
  /** The command is over; the result phase follows after as many sectors' time. */
  ended(sectors: number): void;
}

/** "working" waits for the medium, "toHost" and "fromHost" for the processor. */
const stages = ["idle", "working", "toHost", "fromHost"] as const;
type Stage = (typeof stages)[number];

/** Both sides of the densest track fit. */
const BUFFER_BYTES = 36 * SECTOR_BYTES;
const SIZE_CODE_512 = 2;

export class FdcTransfer {
  readonly #host: FdcTransferHost;
  stage: Stage = "idle";
  #buffer = new Uint8Array(BUFFER_BYTES);
  #position = 0;
  #limit = 0;
  #terminalCount = false;
  #command = 0;
  #options = 0;
  #unit = 0;
  #head = 0;
  /** C, H, R, N and EOT of the command, counted on as sectors pass. */
  #id = { c: 0, h: 0, r: 0, n: 0 };
  #eot = 0;
  /** Sectors that VERIFY has still to pass (EC), or 0 for "to the end of the track". */
  #verifyLeft = 0;
  #filler = 0;
  #sectorsPassed = 0;
  #status: readonly [number, number, number] = [0, 0, 0];
  #generation = 0;

  constructor(host: FdcTransferHost) {
    this.#host = host;
  }

  /** ST0-ST2 and the address, as the result phase returns them. */
  get result(): number[] {
    return [...this.#status, this.#id.c, this.#id.h, this.#id.r, this.#id.n];
  }

  abandon(): void {
    this.#generation++;
    if (this.stage === "working") this.#buffer = new Uint8Array(BUFFER_BYTES);
    this.stage = "idle";
  }

  reset(): void {
    this.abandon();
    this.#position = 0;
    this.#limit = 0;
    this.#terminalCount = false;
    this.#command = 0;
    this.#options = 0;
    this.#unit = 0;
    this.#head = 0;
    this.#id = { c: 0, h: 0, r: 0, n: 0 };
    this.#eot = 0;
    this.#verifyLeft = 0;
    this.#filler = 0;
    this.#sectorsPassed = 0;
    this.#status = [0, 0, 0];
  }

  /** `bytes` are the command and its parameters, `rate` the data rate of the CCR. */
  start(bytes: Uint8Array, rate: number): void {
    const command = bytes[0]! & 0x1f;
    this.#command = command;
    this.#options = bytes[0]! & 0xe0;
    this.#unit = bytes[1]! & 3;
    this.#head = (bytes[1]! >> 2) & 1;
    this.#sectorsPassed = 0;
    this.#terminalCount = false;
    this.#verifyLeft = 0;
    if (command === fdcCommand.formatTrack) return this.#startFormat(bytes, rate);
    this.#id = { c: bytes[2]!, h: bytes[3]!, r: bytes[4]!, n: bytes[5]! };
    this.#eot = bytes[6]!;
    if (command === fdcCommand.readTrack) this.#id.r = 1;
    if (command === fdcCommand.verify && (bytes[1]! & 0x80) !== 0) this.#verifyLeft = bytes[8]!;
    const problem = this.#mediumProblem(rate) ?? this.#addressProblem();
    if (problem !== undefined) this.#end(ST0_ABNORMAL, ...problem);
    else this.#nextSegment();
  }

  get #drive(): FloppyDrive | undefined {
    return this.#host.drives[this.#unit];
  }

  get #writes(): boolean {
    const command = this.#command;
    return (
      command === fdcCommand.writeData || command === fdcCommand.writeDeletedData || command === fdcCommand.formatTrack
    );
  }

  #mediumProblem(rate: number): readonly [number, number] | undefined {
    const drive = this.#drive;
    const geometry = drive?.geometry;
    if (drive === undefined || geometry === undefined || (this.#options & MFM) === 0) return [ST1_MA, 0];
    if (!rateReads(rate, geometry.kilobitsPerSecond)) return [ST1_MA, 0];
    return this.#writes && drive.writeProtected ? [ST1_NW, 0] : undefined;
  }

  #addressProblem(): readonly [number, number] | undefined {
    const drive = this.#drive!;
    if (this.#id.c !== drive.cylinder) return [ST1_ND, ST2_WC];
    if (this.#id.n !== SIZE_CODE_512 || this.#id.h !== this.#head) return [ST1_ND, 0];
    return drive.sectorIndex(this.#head, this.#id.r) === undefined ? [ST1_ND, 0] : undefined;
  }

  /** Sectors from here to the end of the track as the command sees it; one at a time without DMA. */
  get #segmentSectors(): number {
    const sectorsPerTrack = this.#drive!.geometry!.sectorsPerTrack;
    const { r } = this.#id;
    // EOT before the first sector: the comparison fails until the track ends.
    const last = this.#eot >= r ? Math.min(this.#eot, sectorsPerTrack) : sectorsPerTrack;
    const sectors = this.#host.nonDma() && this.#command !== fdcCommand.verify ? 1 : last - r + 1;
    return this.#verifyLeft > 0 ? Math.min(sectors, this.#verifyLeft) : sectors;
  }

  #nextSegment(): void {
    const index = this.#drive?.sectorIndex(this.#head, this.#id.r);
    if (index === undefined) return this.#end(ST0_ABNORMAL, ST1_ND, 0);
    if (this.#writes) this.#acceptSegment();
    else this.#fetchSegment(index);
  }

  #fetchSegment(index: number): void {
    const target = this.#buffer.subarray(0, this.#segmentSectors * SECTOR_BYTES);
    this.#work(this.#drive!.read(index, target), (good) => this.#fetched(good, target.length / SECTOR_BYTES));
  }

  #fetched(good: number, wanted: number): void {
    if (good === 0) return this.#end(ST0_ABNORMAL, ST1_DE, ST2_DD);
    this.#host.activity.read(good * SECTOR_BYTES);
    this.#position = 0;
    this.#limit = good * SECTOR_BYTES;
    if (this.#command === fdcCommand.verify) return this.#passVerified(good);
    if (this.#host.nonDma()) {
      this.stage = "toHost";
      return this.#host.dataReady();
    }
    const { transferred, terminalCount } = this.#host.dma.writeToMemory(this.#buffer.subarray(0, this.#limit));
    this.#terminalCount = terminalCount;
    this.#pass(Math.ceil(transferred / SECTOR_BYTES), transferred === this.#limit, good < wanted);
  }

  #passVerified(good: number): void {
    if (this.#verifyLeft > 0) {
      this.#verifyLeft -= good;
      this.#terminalCount = this.#verifyLeft === 0;
    } else this.#terminalCount = this.#id.r + good > this.#eot && !this.#continuesOnOtherSide;
    this.#pass(good, true, false);
  }

  #acceptSegment(): void {
    this.#position = 0;
    this.#limit = this.#segmentSectors * SECTOR_BYTES;
    if (this.#host.nonDma()) {
      this.stage = "fromHost";
      return this.#host.dataReady();
    }
    const { transferred, terminalCount } = this.#host.dma.readFromMemory(this.#buffer.subarray(0, this.#limit));
    this.#terminalCount = terminalCount;
    if (transferred === 0) return this.#pass(0, false, false);
    this.#storeSegment(transferred);
  }

  /** A sector that the host did not fill ends in zeros. */
  #storeSegment(bytes: number): void {
    const sectors = Math.ceil(bytes / SECTOR_BYTES);
    const complete = bytes === this.#limit;
    this.#buffer.fill(0, bytes, sectors * SECTOR_BYTES);
    this.#limit = sectors * SECTOR_BYTES;
    const index = this.#drive?.sectorIndex(this.#head, this.#id.r);
    if (index === undefined) return this.#end(ST0_ABNORMAL, ST1_ND, 0);
    this.#work(this.#drive!.write(index, this.#buffer.subarray(0, this.#limit)), (good) => {
      this.#host.activity.write(good * SECTOR_BYTES);
      this.#pass(good, complete, good < sectors);
    });
  }

  get #continuesOnOtherSide(): boolean {
    return (this.#options & MT) !== 0 && (this.#id.h & 1) === 0 && this.#command !== fdcCommand.readTrack;
  }

  /** `sectors` have been moved: on to the next, the other side, or the end. */
  #pass(sectors: number, complete: boolean, failed: boolean): void {
    const id = this.#id;
    this.#sectorsPassed += sectors;
    const lastPassed = id.r + sectors - 1;
    id.r += sectors;
    const trackDone = sectors > 0 && lastPassed === this.#eot;
    const otherSide = trackDone && this.#continuesOnOtherSide;
    if (trackDone) {
      id.r = 1;
      if (otherSide) {
        id.h ^= 1;
        this.#head = 1;
      } else {
        id.c++;
        if ((this.#options & MT) !== 0) id.h &= ~1;
      }
    }
    if (failed) return this.#end(ST0_ABNORMAL, ST1_DE, ST2_DD);
    if (this.#terminalCount) return this.#end(0, 0, this.#command === fdcCommand.readDeletedData ? ST2_CM : 0);
    if (!complete) return this.#end(ST0_ABNORMAL, ST1_OR, 0);
    if (trackDone && !otherSide) return this.#end(ST0_ABNORMAL, ST1_EN, 0);
    this.#nextSegment();
  }

  // FORMAT TRACK: four bytes of address for each sector, then the track is filled.

  #startFormat(bytes: Uint8Array, rate: number): void {
    this.#id = { c: this.#drive?.cylinder ?? 0, h: this.#head, r: 1, n: bytes[2]! };
    this.#filler = bytes[5]!;
    const problem = this.#mediumProblem(rate);
    if (problem !== undefined) return this.#end(ST0_ABNORMAL, ...problem);
    this.#position = 0;
    this.#limit = Math.min(bytes[3]!, 255) * 4;
    if (this.#limit === 0) return this.#end(ST0_ABNORMAL, ST1_ND, 0);
    if (this.#host.nonDma()) {
      this.stage = "fromHost";
      return this.#host.dataReady();
    }
    const { transferred } = this.#host.dma.readFromMemory(this.#buffer.subarray(0, this.#limit));
    if (transferred < this.#limit) return this.#end(ST0_ABNORMAL, ST1_OR, 0);
    this.#fillTrack();
  }

  /** Sectors that the image has room for are filled; an address beyond them is as lost as on a worn diskette. */
  #fillTrack(): void {
    const drive = this.#drive!;
    const addresses = this.#buffer.slice(0, this.#limit);
    const filler = new Uint8Array(SECTOR_BYTES).fill(this.#filler);
    const fill = async () => {
      let good = 0;
      for (let at = 0; at < addresses.length; at += 4) {
        const index = drive.sectorIndex(this.#head, addresses[at + 2]!);
        if (index === undefined || addresses[at] !== drive.cylinder) continue;
        if ((await drive.write(index, filler)) === 0) return -1;
        good++;
      }
      return good;
    };
    this.#work(fill(), (good) => {
      if (good < 0) return this.#end(ST0_ABNORMAL, ST1_DE, ST2_DD);
      this.#sectorsPassed = good;
      this.#host.activity.write(good * SECTOR_BYTES);
      this.#end(0, 0, 0);
    });
  }

  // The FIFO in the execution phase without DMA.

  readByte(): number {
    const value = this.#buffer[this.#position++]!;
    if (this.#position >= this.#limit) {
      this.stage = "idle";
      this.#pass(this.#limit / SECTOR_BYTES, true, false);
    }
    return value;
  }

  writeByte(value: number): void {
    this.#buffer[this.#position++] = value;
    if (this.#position < this.#limit) return;
    this.stage = "idle";
    if (this.#command === fdcCommand.formatTrack) this.#fillTrack();
    else this.#storeSegment(this.#limit);
  }

  #work(work: Promise<number>, done: (good: number) => void): void {
    this.stage = "working";
    const generation = this.#generation;
    void work.then((good) => {
      if (generation !== this.#generation) return;
      this.stage = "idle";
      done(good);
    });
  }

  #end(st0: number, st1: number, st2: number): void {
    this.#status = [st0 | (this.#head << 2) | this.#unit, st1, st2];
    this.stage = "idle";
    this.#host.ended(this.#sectorsPassed);
  }

  save(writer: StateWriter): void {
    const { c, h, r, n } = this.#id;
    writer.u8(stages.indexOf(this.stage)).u32(this.#position).u32(this.#limit).bool(this.#terminalCount);
    for (const value of [this.#command, this.#options, this.#unit, this.#head, c, h, r, n, this.#eot]) writer.u8(value);
    for (const value of [this.#verifyLeft, this.#filler, ...this.#status]) writer.u8(value);
    writer.u32(this.#sectorsPassed);
    writer.bytes(this.stage === "idle" ? new Uint8Array(0) : this.#buffer.subarray(0, this.#limit));
  }

  prepareLoad(reader: StateReader): () => void {
    const stage = stages[reader.u8()];
    const position = reader.u32();
    const limit = reader.u32();
    const terminalCount = reader.bool();
    const values = Array.from({ length: 9 }, () => reader.u8());
    const [verifyLeft, filler, st0, st1, st2] = Array.from({ length: 5 }, () => reader.u8());
    const sectorsPassed = reader.u32();
    const data = reader.bytes();
    if (stage === undefined || position > limit || limit > BUFFER_BYTES || data.length > BUFFER_BYTES) {
      throw new GuesthouseError("state-invalid", "The saved state of the floppy controller is damaged.");
    }
    return () => {
      this.abandon();
      this.stage = position === limit && stage !== "working" ? "idle" : stage;
      this.#position = position;
      this.#limit = limit;
      this.#terminalCount = terminalCount;
      this.#command = values[0]!;
      this.#options = values[1]!;
      this.#unit = values[2]! & 3;
      this.#head = values[3]! & 1;
      this.#id = { c: values[4]!, h: values[5]!, r: values[6]!, n: values[7]! };
      this.#eot = values[8]!;
      this.#verifyLeft = verifyLeft!;
      this.#filler = filler!;
      this.#status = [st0!, st1!, st2!];
      this.#sectorsPassed = sectorsPassed;
      this.#buffer.set(data);
      if (stage === "working") this.#resumeWork();
    };
  }

  /** The medium was at work when the state was saved: the same work once more. */
  #resumeWork(): void {
    if (this.#drive?.geometry === undefined) this.#end(ST0_ABNORMAL, ST1_MA, 0);
    else if (this.#command === fdcCommand.formatTrack) this.#fillTrack();
    else if (this.#writes) this.#storeSegment(this.#limit);
    else this.#nextSegment();
  }
}
