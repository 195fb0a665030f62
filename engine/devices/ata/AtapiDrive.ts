/**
 * A CD/DVD-ROM drive on an ATA channel: the PACKET feature set of ATA/ATAPI-6 and the multimedia commands that read a data
 * disc (MMC-3, SFF-8020i). Data leaves by PIO in blocks of at most the byte count the host asked for, or by DMA.
 * A new medium is announced by unit attention and by a media event; a sector the medium cannot deliver is a medium error.
 * Absent: writing, audio play, sub-channels, DVD structures and copy protection, raw sectors.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { Medium, RemovableDrive } from "../../contracts/Medium.ts";
import { AtaDrive } from "./AtaDrive.ts";
import {
  type AtapiDriveState,
  CHUNK_SECTORS,
  powerOnState,
  readAtapiState,
  saveAtapiState,
} from "./AtapiDriveState.ts";
import { FEATURES, SECTOR_COUNT } from "./AtaTaskFile.ts";
import { be16, be32, packetCommand, SENSE_BYTES, type Sense, sense, senseData } from "./atapiCommands.ts";
import { ABRT, ataCommand, DRDY, DSC, ERR, REASON_COMMAND, REASON_TO_HOST } from "./ataRegisters.ts";
import { type DriveIdentity, identifyPacketDevice } from "./identifyData.ts";
import * as replies from "./opticalReplies.ts";
import { readSectors } from "./sectorAccess.ts";
import { selectTransferMode } from "./transferModes.ts";

export interface AtapiDriveOptions {
  readonly medium: Medium | undefined;
  readonly activity: ActivitySink;
  readonly identity: DriveIdentity;
  /** The guest took the medium out; it stays open and belongs to whoever inserted it. */
  readonly onEject: (medium: Medium) => void;
}

const SECTOR_BYTES = 2048;
const PACKET_BYTES = 12;

/** Commands that answer while unit attention is pending and leave it so. */
const attentionExempt: ReadonlySet<number> = new Set([
  packetCommand.inquiry,
  packetCommand.requestSense,
  packetCommand.getConfiguration,
  packetCommand.getEventStatusNotification,
]);

export class AtapiDrive extends AtaDrive implements RemovableDrive {
  protected override readonly signatureCylinder = 0xeb14;
  protected override readonly resetStatus = 0x00;
  readonly #activity: ActivitySink;
  readonly #identity: DriveIdentity;
  readonly #onEject: (medium: Medium) => void;
  #medium: Medium | undefined;
  #state: AtapiDriveState = { ...powerOnState };

  constructor(options: AtapiDriveOptions) {
    super(CHUNK_SECTORS * SECTOR_BYTES);
    this.#medium = options.medium;
    this.#activity = options.activity;
    this.#identity = options.identity;
    this.#onEject = options.onEject;
    this.reset(true);
  }

  get medium(): Medium | undefined {
    return this.#medium;
  }

  insert(medium: Medium | undefined, force = false): boolean {
    const state = this.#state;
    if (state.locked && !force) {
      state.mediaEvent = replies.mediaEvent.ejectRequest;
      return false;
    }
    this.#medium = medium;
    state.locked = false;
    state.trayOpen = false;
    state.mediumAttention = medium !== undefined;
    state.mediaEvent = medium === undefined ? replies.mediaEvent.mediaRemoval : replies.mediaEvent.newMedia;
    return true;
  }

  get #condition(): replies.DriveCondition {
    const { locked, trayOpen } = this.#state;
    return { sectors: this.#sectors, locked, trayOpen };
  }

  get #sectors(): number | undefined {
    return this.#medium === undefined ? undefined : Math.floor(this.#medium.blocks.sizeBytes / SECTOR_BYTES);
  }

  protected override resetDrive(power: boolean): void {
    if (power) this.#state = { ...powerOnState, trayOpen: false };
    else Object.assign(this.#state, { operation: "none", working: false, length: 0, sense: sense.none });
  }

  // ATA commands.

  protected override execute(command: number): void {
    this.#state.operation = "none";
    this.#state.working = false;
    switch (command) {
      case ataCommand.packet:
        return this.#acceptPacket();
      case ataCommand.identifyPacketDevice:
        return this.#identify();
      case ataCommand.deviceReset:
        return this.reset(false);
      case ataCommand.identifyDevice:
      case ataCommand.readSectors:
        this.taskFile.setSignature(this.signatureCylinder);
        return this.abortCommand();
      case ataCommand.setFeatures:
        return this.#setFeatures();
      case ataCommand.checkPowerMode:
        this.taskFile.set(SECTOR_COUNT, 0xff);
        return this.finish();
      case ataCommand.idleImmediate:
      case ataCommand.idle:
      case ataCommand.standbyImmediate:
      case ataCommand.standby:
      case ataCommand.sleep:
        return this.finish();
      default:
        return this.abortCommand();
    }
  }

  #identify(): void {
    const state = this.#state;
    const data = identifyPacketDevice({ ...this.#identity, ...state });
    this.buffer.set(data);
    state.operation = "identify";
    state.length = data.length;
    this.startTransfer("toHost", data.length, true);
  }

  #setFeatures(): void {
    const { features, sectorCount } = this.taskFile;
    const accepted = [0x02, 0x82, 0x55, 0xaa, 0x66, 0xcc].includes(features);
    if (features !== 0x03) return accepted ? this.finish() : this.abortCommand();
    const mode = selectTransferMode(this.#state, sectorCount);
    if (mode === undefined) return this.abortCommand();
    this.#state.multiwordDma = mode.multiwordDma;
    this.#state.ultraDma = mode.ultraDma;
    this.finish();
  }

  #acceptPacket(): void {
    const state = this.#state;
    // OVL and queueing are not offered.
    if ((this.taskFile.features & 0x02) !== 0) return this.abortCommand();
    state.operation = "packet";
    state.length = PACKET_BYTES;
    state.byteLimit = Math.max(2, (this.taskFile.cylinder || 0xfffe) & 0xfffe);
    this.taskFile.set(SECTOR_COUNT, REASON_COMMAND);
    this.startTransfer("fromHost", PACKET_BYTES, false);
  }

  // Phases of a packet command.

  protected override transferDone(): void {
    const state = this.#state;
    switch (state.operation) {
      case "packet":
        return this.#executePacket(this.buffer.slice(0, PACKET_BYTES));
      case "reply":
        return this.position < state.length ? this.#offerBlock() : this.#complete();
      case "read":
        return this.position < state.length ? this.#offerBlock() : this.#readOn();
      default:
        state.operation = "none";
        return this.finish(false);
    }
  }

  /** The next DRQ block of what is in the buffer. Whole sectors as far as the host's limit allows. */
  #offerBlock(): void {
    const { byteLimit, length, operation } = this.#state;
    const left = length - this.position;
    if (this.dma) return this.startTransfer("toHost", left, false);
    const sectors = operation === "read" && byteLimit >= SECTOR_BYTES;
    const limit = sectors ? byteLimit - (byteLimit % SECTOR_BYTES) : byteLimit;
    const bytes = Math.min(left, limit);
    this.taskFile.setCylinder(bytes);
    this.taskFile.set(SECTOR_COUNT, REASON_TO_HOST);
    this.startTransfer("toHost", bytes, true);
  }

  #reply(data: Uint8Array, allocationLength: number): void {
    const state = this.#state;
    state.length = Math.min(data.length, allocationLength);
    if (state.length === 0) return this.#complete();
    this.buffer.set(data.subarray(0, state.length));
    state.operation = "reply";
    this.position = 0;
    this.#offerBlock();
  }

  #complete(): void {
    this.#state.operation = "none";
    this.#state.sense = sense.none;
    this.taskFile.set(SECTOR_COUNT, REASON_COMMAND | REASON_TO_HOST);
    this.finish();
  }

  #checkCondition(condition: Sense): void {
    const state = this.#state;
    state.operation = "none";
    state.working = false;
    state.sense = condition;
    this.taskFile.set(SECTOR_COUNT, REASON_COMMAND | REASON_TO_HOST);
    this.fail((condition.key << 4) | (condition === sense.invalidOperationCode ? ABRT : 0));
    this.status = DRDY | DSC | ERR;
  }

  // Packet commands.

  #executePacket(packet: Uint8Array): void {
    this.dma = (this.taskFile.read(FEATURES, false) & 0x01) !== 0;
    this.position = 0;
    const attention = this.#takeAttention(packet[0]!);
    if (attention !== undefined) return this.#checkCondition(attention);
    if (!this.#executeWithoutMedium(packet) && !this.#executeWithMedium(packet)) {
      this.#checkCondition(sense.invalidOperationCode);
    }
  }

  #takeAttention(operationCode: number): Sense | undefined {
    const state = this.#state;
    if (attentionExempt.has(operationCode)) return undefined;
    if (state.resetAttention) {
      state.resetAttention = false;
      return sense.powerOnOrReset;
    }
    if (state.mediumAttention) {
      state.mediumAttention = false;
      return sense.mediumMayHaveChanged;
    }
    return undefined;
  }

  #executeWithoutMedium(packet: Uint8Array): boolean {
    switch (packet[0]) {
      case packetCommand.requestSense:
        this.#requestSense(packet[4]!);
        return true;
      case packetCommand.inquiry:
        this.#inquiry(packet);
        return true;
      case packetCommand.modeSense6:
        this.#modeSense(packet, packet[4]!, false);
        return true;
      case packetCommand.modeSense10:
        this.#modeSense(packet, be16(packet, 7), true);
        return true;
      case packetCommand.startStopUnit:
        this.#startStopUnit(packet[4]!);
        return true;
      case packetCommand.preventAllowMediumRemoval:
        this.#state.locked = (packet[4]! & 1) !== 0;
        this.#complete();
        return true;
      case packetCommand.getConfiguration:
        this.#reply(replies.configurationData(packet[1]! & 3, be16(packet, 2), this.#condition), be16(packet, 7));
        return true;
      case packetCommand.getEventStatusNotification:
        this.#getEventStatus(packet);
        return true;
      case packetCommand.mechanismStatus:
        this.#reply(replies.mechanismStatusData(), be16(packet, 8));
        return true;
      default:
        return false;
    }
  }

  #executeWithMedium(packet: Uint8Array): boolean {
    const sectors = this.#sectors;
    const execute = this.#mediumCommands[packet[0]!];
    if (execute === undefined) return false;
    if (sectors === undefined) this.#checkCondition(sense.mediumNotPresent);
    else execute(packet, sectors);
    return true;
  }

  readonly #mediumCommands: Readonly<Record<number, (packet: Uint8Array, sectors: number) => void>> = {
    [packetCommand.testUnitReady]: () => this.#complete(),
    [packetCommand.readCapacity]: (_packet, sectors) => this.#reply(replies.capacityData(sectors), 8),
    [packetCommand.read10]: (packet) => this.#read(be32(packet, 2), be16(packet, 7)),
    [packetCommand.read12]: (packet) => this.#read(be32(packet, 2), be32(packet, 6)),
    [packetCommand.seek10]: (packet, sectors) => {
      if (be32(packet, 2) < sectors) this.#complete();
      else this.#checkCondition(sense.addressOutOfRange);
    },
    [packetCommand.readToc]: (packet, sectors) => this.#readToc(packet, sectors),
    [packetCommand.readDiscInformation]: (packet) => this.#reply(replies.discInformation(), be16(packet, 7)),
    [packetCommand.readCd]: (packet) => this.#readCd(packet),
  };

  #requestSense(allocationLength: number): void {
    const state = this.#state;
    const current =
      state.sense.key === 0 ? (this.#takeAttention(packetCommand.testUnitReady) ?? sense.none) : state.sense;
    this.#reply(senseData(current), Math.min(allocationLength, SENSE_BYTES));
    state.sense = sense.none;
  }

  #inquiry(packet: Uint8Array): void {
    // Vital product data is not offered.
    if ((packet[1]! & 1) !== 0 || packet[2] !== 0) return this.#checkCondition(sense.invalidFieldInCommand);
    const { model, firmwareRevision } = this.#identity;
    const [vendor = "", ...product] = model.split(" ");
    this.#reply(replies.inquiryData(vendor, product.join(" "), firmwareRevision), be16(packet, 3));
  }

  #modeSense(packet: Uint8Array, allocationLength: number, longHeader: boolean): void {
    const pageControl = packet[2]! >> 6;
    if (pageControl === 3) return this.#checkCondition(sense.savingParametersNotSupported);
    const pages = replies.modePages(packet[2]! & 0x3f, pageControl === 1, this.#condition);
    if (pages === undefined) return this.#checkCondition(sense.invalidFieldInCommand);
    this.#reply(replies.modeSenseData(pages, longHeader, this.#condition), allocationLength);
  }

  #startStopUnit(control: number): void {
    const state = this.#state;
    const loadEject = (control & 0x02) !== 0;
    const start = (control & 0x01) !== 0;
    if (loadEject && !start) {
      if (state.locked) return this.#checkCondition(sense.mediumRemovalPrevented);
      const medium = this.#medium;
      this.#medium = undefined;
      state.trayOpen = true;
      state.mediumAttention = false;
      if (medium !== undefined) {
        state.mediaEvent = replies.mediaEvent.mediaRemoval;
        this.#onEject(medium);
      }
    } else if (loadEject) state.trayOpen = false;
    this.#complete();
  }

  #getEventStatus(packet: Uint8Array): void {
    const state = this.#state;
    // Only polling: the drive cannot send notifications on its own.
    if ((packet[1]! & 1) === 0) return this.#checkCondition(sense.invalidFieldInCommand);
    const data = replies.eventStatus(packet[4]!, state.mediaEvent, this.#condition);
    if ((packet[4]! & 0x10) !== 0) state.mediaEvent = replies.mediaEvent.none;
    this.#reply(data, be16(packet, 7));
  }

  #readToc(packet: Uint8Array, sectors: number): void {
    // SFF-8020i has the format in the top bits of the control byte.
    const format = packet[2]! & 0x0f || packet[9]! >> 6;
    const data = replies.tocData(format, packet[6]!, (packet[1]! & 2) !== 0, sectors);
    if (data === undefined) this.#checkCondition(sense.invalidFieldInCommand);
    else this.#reply(data, be16(packet, 7));
  }

  #readCd(packet: Uint8Array): void {
    const { sector, count, data } = replies.readCdRequest(packet);
    const expectedType = (packet[1]! >> 2) & 7;
    if (expectedType !== 0 && expectedType !== 2) return this.#checkCondition(sense.illegalModeForThisTrack);
    if (data === "other") return this.#checkCondition(sense.invalidFieldInCommand);
    if (data === "none") return this.#complete();
    this.#read(sector, count);
  }

  #read(sector: number, count: number): void {
    const state = this.#state;
    if (count === 0) return this.#complete();
    if (sector + count > this.#sectors!) return this.#checkCondition(sense.addressOutOfRange);
    state.operation = "read";
    state.sector = sector;
    state.remaining = count;
    this.#fetchChunk();
  }

  #fetchChunk(): void {
    const state = this.#state;
    const medium = this.#medium;
    if (medium === undefined) return this.#checkCondition(sense.mediumNotPresent);
    const { sector } = state;
    const target = this.buffer.subarray(0, Math.min(state.remaining, CHUNK_SECTORS) * SECTOR_BYTES);
    state.working = true;
    this.startWork(
      () => readSectors(medium.blocks, sector, SECTOR_BYTES, target),
      (good) => {
        state.working = false;
        if (good === 0) return this.#checkCondition(sense.unrecoveredReadError);
        this.#activity.read(good * SECTOR_BYTES);
        state.length = good * SECTOR_BYTES;
        this.position = 0;
        this.#offerBlock();
      },
    );
  }

  #readOn(): void {
    const state = this.#state;
    const done = state.length / SECTOR_BYTES;
    state.sector += done;
    state.remaining = Math.max(0, state.remaining - done);
    if (state.remaining > 0) this.#fetchChunk();
    else this.#complete();
  }

  override save(writer: StateWriter): void {
    const state = this.#state;
    this.saveDrive(writer, state.operation === "none" ? 0 : Math.max(state.length, this.limit));
    saveAtapiState(writer, state);
  }

  /** The medium itself is the owner's to bring back, before the load. */
  override prepareLoad(reader: StateReader): () => void {
    const loadDrive = this.prepareLoadDrive(reader);
    const state = readAtapiState(reader);
    return () => {
      loadDrive();
      this.#state = state;
      if (state.working && state.operation === "read") this.#fetchChunk();
    };
  }
}
