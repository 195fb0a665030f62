/**
 * What a disk and a packet device share on an ATA channel: the task file, the status, the interrupt, and a buffer that
 * moves to or from the host in DRQ blocks by PIO or as a whole by DMA (ATA/ATAPI-6 clause 9). The commands are the
 * subclass's. Work of the host behind the drive is asynchronous: BSY stands until its promise settles. A reset, a new
 * command or a loaded state makes results of older work void; the works themselves keep their order.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { AtaTaskFile } from "./AtaTaskFile.ts";
import { ABRT, BSY, DRDY, DRQ, DSC, ERR } from "./ataRegisters.ts";

/** The channel as its drives see it. */
export interface AtaDriveHost {
  /** `interruptPending` of the drive may have changed. */
  interruptChanged(): void;
  /** DMARQ: the drive waits for `serviceDma`. */
  dmaRequested(): void;
}

/** The bus master as a drive sees it: moves bytes through the descriptor table, as many as it now can. */
export interface BusMasterLink {
  toMemory(source: Uint8Array): number;
  fromMemory(target: Uint8Array): number;
}

export type TransferDirection = "none" | "toHost" | "fromHost";

const directions: readonly TransferDirection[] = ["none", "toHost", "fromHost"];

export abstract class AtaDrive {
  readonly taskFile = new AtaTaskFile();
  status = 0;
  error = 0;
  interruptPending = false;
  /** The data of the command under way; DRQ blocks are windows of it. Work of the host keeps the one it began with. */
  protected buffer: Uint8Array;
  protected position = 0;
  /** Where the present DRQ block or DMA chunk ends. */
  protected limit = 0;
  protected direction: TransferDirection = "none";
  protected dma = false;
  #host: AtaDriveHost | undefined;
  #generation = 0;
  #works = 0;
  #lastWork: Promise<unknown> = Promise.resolve();

  constructor(bufferBytes: number) {
    this.buffer = new Uint8Array(bufferBytes);
  }

  /** Cylinder registers of the signature: 0 for a disk, EB14h for a packet device. */
  protected abstract readonly signatureCylinder: number;
  /** Status after a reset: a packet device keeps DRDY clear until its first command. */
  protected abstract readonly resetStatus: number;
  protected abstract execute(command: number): void;
  /** The DRQ block, or the DMA chunk, has been moved completely. */
  protected abstract transferDone(): void;
  /** Resets what the subclass holds; `power` also forgets settings that survive a software reset. */
  protected abstract resetDrive(power: boolean): void;

  /** Called once by the channel. */
  attach(host: AtaDriveHost): void {
    this.#host = host;
  }

  /** A write to the command register of the selected drive. */
  command(command: number): void {
    this.abandon();
    this.setInterrupt(false);
    this.error = 0;
    this.status = DRDY | DSC;
    this.execute(command);
  }

  /** Hardware reset (`power`), SRST, EXECUTE DEVICE DIAGNOSTIC: registers as clause 9.12 says, no interrupt. */
  reset(power: boolean): void {
    this.abandon();
    if (power) this.taskFile.clear();
    this.resetDrive(power);
    this.taskFile.setSignature(this.signatureCylinder);
    this.error = 0x01; // Diagnostic code: no error.
    this.status = this.resetStatus;
    this.setInterrupt(false);
  }

  /** SRST holds the drive busy until it is cleared. */
  holdReset(): void {
    this.abandon();
    this.setInterrupt(false);
    this.status = BSY;
  }

  acknowledgeInterrupt(): void {
    if (this.interruptPending) this.setInterrupt(false);
  }

  raiseInterrupt(): void {
    this.setInterrupt(true);
  }

  /** What the drive waits for; "dma" is `serviceDma`, the PIO phases are the data register. */
  get phase(): "idle" | "busy" | "dma" | "pioToHost" | "pioFromHost" {
    if ((this.status & BSY) !== 0) return "busy";
    if (this.direction === "none") return "idle";
    if (this.dma) return "dma";
    return this.direction === "toHost" ? "pioToHost" : "pioFromHost";
  }

  /** Bytes to the end of the present DRQ block. */
  get blockBytes(): number {
    return this.direction === "none" ? 0 : this.limit - this.position;
  }

  // The data register. Without a DRQ block nothing drives the bus and nothing listens.

  readData(width: 1 | 2 | 4): number {
    if (this.direction !== "toHost" || this.dma || this.position + width > this.limit) return this.#readOddTail(width);
    const { buffer, position } = this;
    let value = buffer[position]!;
    if (width !== 1) value |= buffer[position + 1]! << 8;
    if (width === 4) value |= (buffer[position + 2]! << 16) | (buffer[position + 3]! << 24);
    this.position = position + width;
    if (this.position >= this.limit) this.#endBlock();
    return value >>> 0;
  }

  writeData(value: number, width: 1 | 2 | 4): void {
    if (this.direction !== "fromHost" || this.dma) return;
    const count = Math.min(width, this.limit - this.position);
    for (let index = 0; index < count; index++) this.buffer[this.position + index] = value >>> (8 * index);
    this.position += count;
    if (count > 0 && this.position >= this.limit) this.#endBlock();
  }

  /** Many reads of the data register at once, at most to the end of the DRQ block. Returns the bytes moved. */
  readBlock(target: Uint8Array): number {
    if (this.direction !== "toHost" || this.dma) return 0;
    const count = Math.min(target.length, this.limit - this.position);
    target.set(this.buffer.subarray(this.position, this.position + count));
    this.position += count;
    if (count > 0 && this.position >= this.limit) this.#endBlock();
    return count;
  }

  writeBlock(source: Uint8Array): number {
    if (this.direction !== "fromHost" || this.dma) return 0;
    const count = Math.min(source.length, this.limit - this.position);
    this.buffer.set(source.subarray(0, count), this.position);
    this.position += count;
    if (count > 0 && this.position >= this.limit) this.#endBlock();
    return count;
  }

  /** Moves what the bus master can take or give now. */
  serviceDma(link: BusMasterLink): void {
    while (this.dma && this.direction !== "none") {
      const window = this.buffer.subarray(this.position, this.limit);
      const moved = this.direction === "toHost" ? link.toMemory(window) : link.fromMemory(window);
      if (moved === 0) return;
      this.position += moved;
      if (this.position >= this.limit) this.#endBlock();
    }
  }

  #readOddTail(width: number): number {
    if (this.direction !== "toHost" || this.dma || this.position >= this.limit) return 0;
    let value = 0;
    for (let index = 0; index < width && this.position < this.limit; index++) {
      value |= this.buffer[this.position++]! << (8 * index);
    }
    this.#endBlock();
    return value >>> 0;
  }

  #endBlock(): void {
    this.direction = "none";
    this.transferDone();
  }

  /** Opens `buffer` from `position` for `bytes` bytes. */
  protected startTransfer(direction: TransferDirection, bytes: number, interrupt: boolean): void {
    this.direction = direction;
    this.limit = this.position + bytes;
    this.status = DRDY | DSC | DRQ;
    if (this.dma) this.#host?.dmaRequested();
    else if (interrupt) this.setInterrupt(true);
  }

  protected finish(interrupt = true): void {
    this.direction = "none";
    this.status = DRDY | DSC;
    if (interrupt) this.setInterrupt(true);
  }

  protected fail(error: number): void {
    this.direction = "none";
    this.error = error;
    this.status = DRDY | DSC | ERR;
    this.setInterrupt(true);
  }

  protected abortCommand(): void {
    this.fail(ABRT);
  }

  /** Stops the transfer and disowns the work of the host. */
  protected abandon(): void {
    this.#generation++;
    if (this.#works > 0) this.buffer = new Uint8Array(this.buffer.length);
    this.direction = "none";
    this.dma = false;
    this.position = 0;
    this.limit = 0;
  }

  /**
   * Starts work of the host, after all earlier work, and holds BSY. `done` hears the result unless the drive was reset
   * meanwhile; the work must not reject.
   */
  protected startWork<T>(work: () => Promise<T>, done: (result: T) => void): void {
    this.status = BSY;
    this.direction = "none";
    const generation = this.#generation;
    const running = this.#works === 0 ? work() : this.#lastWork.then(work);
    this.#works++;
    this.#lastWork = running;
    void running.then((result) => {
      this.#works--;
      if (generation === this.#generation) done(result);
    });
  }

  protected setInterrupt(pending: boolean): void {
    this.interruptPending = pending;
    this.#host?.interruptChanged();
  }

  /** Everything but what the subclass adds. `dataBytes` is how much of the buffer means something. */
  protected saveDrive(writer: StateWriter, dataBytes: number): void {
    this.taskFile.save(writer);
    writer.u8(this.status).u8(this.error).bool(this.interruptPending).bool(this.dma);
    writer.u8(directions.indexOf(this.direction)).u32(this.position).u32(this.limit);
    writer.bytes(this.buffer.subarray(0, dataBytes));
  }

  protected prepareLoadDrive(reader: StateReader): () => void {
    const loadTaskFile = this.taskFile.prepareLoad(reader);
    const status = reader.u8();
    const error = reader.u8();
    const interruptPending = reader.bool();
    const dma = reader.bool();
    const direction = directions[reader.u8()];
    const position = reader.u32();
    const limit = reader.u32();
    const data = reader.bytes();
    if (direction === undefined || position > limit || limit > this.buffer.length || data.length > this.buffer.length) {
      throw new GuesthouseError("state-invalid", "The saved state of a drive is damaged.", { position, limit });
    }
    return () => {
      this.abandon();
      loadTaskFile();
      this.status = status;
      this.error = error;
      this.dma = dma;
      this.direction = direction;
      this.position = position;
      this.limit = limit;
      this.buffer.set(data);
      this.setInterrupt(interruptPending);
    };
  }

  abstract save(writer: StateWriter): void;
  abstract prepareLoad(reader: StateReader): () => void;
}
