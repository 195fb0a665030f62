/**
 * An optical drive behind a SCSI transport: each command goes to an AtapiDrive as a packet with DMA, so that both ways in have one
 * meaning. One command at a time, the others wait; the sense data of a failed one is fetched right after it.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { AtapiDrive } from "../ata/AtapiDrive.ts";
import { FEATURES } from "../ata/AtaTaskFile.ts";
import { packetCommand, SENSE_BYTES } from "../ata/atapiCommands.ts";
import { ataCommand, ERR } from "../ata/ataRegisters.ts";
import { StepLoop } from "../ata/StepLoop.ts";
import { reply, type ScsiRequest, type ScsiTarget } from "./ScsiTarget.ts";
import { scsiCommand } from "./scsiCommands.ts";
import { reportLuns } from "./scsiDiskReplies.ts";

const PACKET_BYTES = 12;
const FEATURES_DMA = 1;

export class ScsiOptical implements ScsiTarget {
  readonly #drive: AtapiDrive;
  readonly #steps = new StepLoop(() => this.#step());
  #waiting: ScsiRequest[] = [];
  #current: ScsiRequest | undefined;
  /** Sense data is being fetched for the current request. */
  #sense: Uint8Array | undefined;
  #moved = 0;

  constructor(drive: AtapiDrive) {
    this.#drive = drive;
    drive.attach({ interruptChanged: () => this.#steps.advance(), dmaRequested: () => this.#steps.advance() });
  }

  execute(request: ScsiRequest): void {
    // The transport's own question, which packet devices do not know.
    if (request.command[0] === scsiCommand.reportLuns) return reply(request, reportLuns(), 16);
    this.#waiting.push(request);
    this.#steps.advance();
  }

  abandon(): void {
    this.#waiting = [];
    this.#current = undefined;
    this.#sense = undefined;
  }

  powerReset(): void {
    this.abandon();
    this.#drive.reset(true);
  }

  #step(): boolean {
    const drive = this.#drive;
    if (this.#current === undefined) {
      this.#current = this.#waiting.shift();
      if (this.#current === undefined) return false;
      this.#moved = 0;
      this.#send(this.#current.command);
      return true;
    }
    switch (drive.phase) {
      case "dma":
        return this.#move(this.#current);
      case "idle":
        this.#end(this.#current);
        return true;
      default:
        return false;
    }
  }

  #send(command: Uint8Array): void {
    const packet = new Uint8Array(PACKET_BYTES);
    packet.set(command.subarray(0, PACKET_BYTES));
    this.#drive.taskFile.write(FEATURES, FEATURES_DMA);
    this.#drive.command(ataCommand.packet);
    this.#drive.writeBlock(packet);
  }

  #move(request: ScsiRequest): boolean {
    this.#drive.serviceDma({
      toMemory: (source) => {
        if (this.#sense !== undefined) this.#sense.set(source.subarray(0, SENSE_BYTES));
        else this.#moved += this.#give(request, source);
        // What the guest left no room for is lost.
        return source.length;
      },
      fromMemory: () => 0,
    });
    return this.#drive.phase !== "dma";
  }

  #give({ dataIn }: ScsiRequest, source: Uint8Array): number {
    const room = Math.max(0, dataIn.length - this.#moved);
    return dataIn.buffer.write(dataIn.offset + this.#moved, source.subarray(0, room));
  }

  #end(request: ScsiRequest): void {
    const failed = (this.#drive.status & ERR) !== 0;
    this.#drive.acknowledgeInterrupt();
    if (failed && this.#sense === undefined) {
      this.#sense = new Uint8Array(SENSE_BYTES);
      this.#send(Uint8Array.of(packetCommand.requestSense, 0, 0, 0, SENSE_BYTES));
      return;
    }
    const sense = this.#sense;
    this.#current = undefined;
    this.#sense = undefined;
    request.finish({ sense, moved: this.#moved });
  }

  save(writer: StateWriter): void {
    this.#drive.save(writer);
  }

  prepareLoad(reader: StateReader): () => void {
    const loadDrive = this.#drive.prepareLoad(reader);
    return () => {
      this.abandon();
      loadDrive();
    };
  }
}
