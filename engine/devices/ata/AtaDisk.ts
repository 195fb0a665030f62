/**
 * A hard disk: the general and 48-bit feature sets of ATA/ATAPI-6 (T13/1410D clause 8) with the mandatory commands of
 * older standards, over a BlockDevice of 512-byte sectors. Sectors move in chunks of up to 128 KiB between the block device
 * and the buffer, and in DRQ blocks between the buffer and the host. A sector the block device cannot read or write
 * is reported as UNC at its address, after all sectors before it were moved.
 * TRIM where the disk is said to be solid-state, SMART of a disk in good health. Native queued commands are the port's.
 * Absent: security, self-tests, host protected area beyond READ NATIVE MAX, streaming.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import {
  ACTIVE,
  CHUNK_SECTORS,
  type DiskState,
  MULTIPLE_MAXIMUM,
  powerOnState,
  readDiskState,
  STANDBY,
  saveDiskState,
} from "./AtaDiskState.ts";
import { AtaDrive } from "./AtaDrive.ts";
import { type AtaGeometry, addressedSector, defaultGeometry, geometryFor, storeSector } from "./AtaGeometry.ts";
import { SECTOR_COUNT } from "./AtaTaskFile.ts";
import { ABRT, ataCommand, DRDY, DSC, IDNF, UNC } from "./ataRegisters.ts";
import {
  logDirectory,
  QUEUED_ERROR_LOG,
  queuedErrorLog,
  type SectorRange,
  smartData,
  smartThresholds,
  trimRanges,
} from "./ataReports.ts";
import { type DriveIdentity, identifyDisk, TRIM_SECTORS_MAX } from "./identifyData.ts";
import { readSectors, writeSectors } from "./sectorAccess.ts";
import { type TransferCommand, transferCommands } from "./transferCommands.ts";
import { selectTransferMode } from "./transferModes.ts";

export interface AtaDiskOptions {
  readonly blocks: BlockDevice;
  readonly activity: ActivitySink;
  readonly identity: DriveIdentity;
  /** No rotating platters, and DATA SET MANAGEMENT with TRIM. */
  readonly solidState?: boolean;
  /** Says that it can be taken away. */
  readonly removable?: boolean;
  /** On a serial link, whose port takes queued commands. */
  readonly serial?: boolean;
}

const SECTOR_BYTES = 512;
/** Log 10h without a queued command. */
const NO_TAG = 0x80;
/** The signature of SMART commands. */
const SMART_CYLINDER = 0xc24f;

export class AtaDisk extends AtaDrive {
  protected override readonly signatureCylinder = 0x0000;
  protected override readonly resetStatus = DRDY | DSC;
  readonly #blocks: BlockDevice;
  readonly #activity: ActivitySink;
  readonly #identity: DriveIdentity;
  readonly #sectors: number;
  readonly #serial: boolean;
  readonly #solidState: boolean;
  readonly #removable: boolean;
  /** Log 10h. */
  #queuedError = queuedErrorLog(NO_TAG, 0, 0, 0);
  #state: DiskState = { ...powerOnState };

  constructor(options: AtaDiskOptions) {
    super(CHUNK_SECTORS * SECTOR_BYTES);
    this.#blocks = options.blocks;
    this.#activity = options.activity;
    this.#identity = options.identity;
    this.#serial = options.serial ?? false;
    this.#solidState = options.solidState ?? false;
    this.#removable = options.removable ?? false;
    this.#sectors = Math.floor(options.blocks.sizeBytes / SECTOR_BYTES);
    this.reset(true);
  }

  /** For queued commands. */
  get queueTarget(): { blocks: BlockDevice; activity: ActivitySink; sectors: number } {
    return { blocks: this.#blocks, activity: this.#activity, sectors: this.#sectors };
  }

  /** The port says which queued command failed, for log 10h. */
  noteQueuedError(tag: number, status: number, error: number, sector: number): void {
    this.#queuedError = queuedErrorLog(tag, status, error, sector);
  }

  get #geometry(): AtaGeometry {
    return geometryFor(this.#sectors, this.#state.heads, this.#state.sectorsPerTrack);
  }

  protected override resetDrive(power: boolean): void {
    if (power) this.#state = { ...powerOnState };
    else Object.assign(this.#state, { operation: "none", working: false, multiple: 0, power: ACTIVE });
  }

  protected override execute(command: number): void {
    this.#state.operation = "none";
    this.#state.working = false;
    const transfer = transferCommands.get(command);
    if (transfer !== undefined) this.#begin(transfer);
    else this.#executeControl(command);
  }

  #executeControl(command: number): void {
    switch (command) {
      case ataCommand.identifyDevice:
        return this.#identify();
      case ataCommand.initializeDeviceParameters:
        return this.#initializeDeviceParameters();
      case ataCommand.setMultipleMode:
        return this.#setMultipleMode();
      case ataCommand.setFeatures:
        return this.#setFeatures();
      case ataCommand.flushCache:
      case ataCommand.flushCacheExt:
        return this.#flush();
      case ataCommand.readNativeMax:
        this.taskFile.setLba28(Math.min(this.#sectors, 0x1000_0000) - 1);
        return this.finish();
      case ataCommand.readNativeMaxExt:
        this.taskFile.setLba48(this.#sectors - 1);
        return this.finish();
      case ataCommand.dataSetManagement:
        return this.#acceptTrimList();
      case ataCommand.smart:
        return this.#executeSmart();
      case ataCommand.readLogExt:
        return this.#readLog();
      default:
        return this.#executePowerOrSeek(command);
    }
  }

  #executePowerOrSeek(command: number): void {
    // 94h-99h are the codes of ATA-1 for E0h-E6h.
    const code = command >= 0x94 && command <= 0x99 ? [0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6][command - 0x94]! : command;
    switch (code) {
      case ataCommand.standbyImmediate:
      case ataCommand.standby:
      case ataCommand.sleep:
        // The write cache must be empty before the spindle stops.
        this.#state.power = STANDBY;
        return this.#flush();
      case ataCommand.idleImmediate:
      case ataCommand.idle:
        this.#state.power = ACTIVE;
        return this.finish();
      case ataCommand.checkPowerMode:
        this.taskFile.set(SECTOR_COUNT, this.#state.power);
        return this.finish();
      default:
        break;
    }
    const family = command & 0xf0;
    if (family === 0x10) return this.finish(); // RECALIBRATE
    if (family === 0x70) return this.#seek();
    this.abortCommand();
  }

  #begin({ operation, blocks, extended }: TransferCommand): void {
    const { taskFile } = this;
    const count = extended ? taskFile.sectorCount16 || 0x10000 : taskFile.sectorCount || 0x100;
    const sector = extended ? taskFile.lba48 : addressedSector(taskFile, this.#geometry);
    const block = blocks === "multiple" ? this.#state.multiple : 1;
    if (block === 0 || (operation === "write" && this.#blocks.readOnly)) return this.abortCommand();
    if (sector === undefined || sector >= this.#sectors) return this.fail(IDNF);
    Object.assign(this.#state, { operation, block, extended, sector, remaining: count, power: ACTIVE });
    this.dma = blocks === "dma";
    if (operation === "write") this.#acceptChunk(false);
    else this.#fetchChunk();
  }

  /** Sectors of the next chunk that exist; 0 when the command runs off the end of the disk. */
  #nextChunk(): number {
    const { remaining, sector } = this.#state;
    return Math.min(remaining, CHUNK_SECTORS, this.#sectors - sector);
  }

  #fetchChunk(): void {
    const state = this.#state;
    state.chunk = this.#nextChunk();
    if (state.chunk <= 0) return this.#failAt(state.sector, IDNF);
    const { sector } = state;
    const target = this.buffer.subarray(0, state.chunk * SECTOR_BYTES);
    state.working = true;
    this.startWork(
      () => readSectors(this.#blocks, sector, SECTOR_BYTES, target),
      (good) => this.#fetched(good),
    );
  }

  #fetched(good: number): void {
    const state = this.#state;
    state.working = false;
    if (good === 0) return this.#failAt(state.sector, UNC);
    state.chunk = good;
    this.#activity.read(good * SECTOR_BYTES);
    if (state.operation === "verify") return this.#advance();
    this.position = 0;
    this.#offerBlock("toHost", true);
  }

  #acceptChunk(interrupt: boolean): void {
    const state = this.#state;
    state.chunk = this.#nextChunk();
    if (state.chunk <= 0) return this.#failAt(state.sector, IDNF);
    this.position = 0;
    this.#offerBlock("fromHost", interrupt);
  }

  #offerBlock(direction: "toHost" | "fromHost", interrupt: boolean): void {
    const left = this.#state.chunk * SECTOR_BYTES - this.position;
    const bytes = this.dma ? left : Math.min(left, this.#state.block * SECTOR_BYTES);
    this.startTransfer(direction, bytes, interrupt);
  }

  protected override transferDone(): void {
    const state = this.#state;
    const chunkDone = this.position >= state.chunk * SECTOR_BYTES;
    switch (state.operation) {
      case "read":
        if (chunkDone) this.#advance();
        else this.#offerBlock("toHost", true);
        return;
      case "write":
        if (chunkDone) this.#storeChunk();
        else this.#offerBlock("fromHost", true);
        return;
      case "trim":
        return this.#trim();
      default:
        state.operation = "none";
        this.finish(false);
    }
  }

  #storeChunk(): void {
    const state = this.#state;
    const { sector } = state;
    const source = this.buffer.subarray(0, state.chunk * SECTOR_BYTES);
    state.working = true;
    this.startWork(
      () => writeSectors(this.#blocks, sector, SECTOR_BYTES, source),
      (good) => {
        state.working = false;
        this.#activity.write(good * SECTOR_BYTES);
        if (good < state.chunk) this.#failAt(state.sector + good, UNC);
        else this.#advance();
      },
    );
  }

  /** The chunk is done: on to the next one, or the end of the command. */
  #advance(): void {
    const state = this.#state;
    state.sector += state.chunk;
    state.remaining -= state.chunk;
    if (state.remaining > 0) {
      if (state.operation === "write") this.#acceptChunk(true);
      else this.#fetchChunk();
      return;
    }
    // The last DRQ block of a PIO read was announced already; no interrupt follows it.
    const interrupt = state.operation !== "read" || this.dma;
    storeSector(this.taskFile, this.#geometry, state.sector - 1, state.extended);
    this.taskFile.set(SECTOR_COUNT, 0);
    state.operation = "none";
    this.finish(interrupt);
  }

  #failAt(sector: number, error: number): void {
    const state = this.#state;
    storeSector(this.taskFile, this.#geometry, sector, state.extended);
    state.operation = "none";
    state.working = false;
    this.fail(error);
  }

  #identify(): void {
    const state = this.#state;
    const facts = {
      ...this.#identity,
      ...state,
      sectors: this.#sectors,
      defaultGeometry: defaultGeometry(this.#sectors),
      geometry: this.#geometry,
      multipleMaximum: MULTIPLE_MAXIMUM,
      serial: this.#serial,
      solidState: this.#solidState,
      removable: this.#removable,
    };
    this.#report(identifyDisk(facts));
  }

  #report(data: Uint8Array): void {
    this.#state.operation = "identify";
    this.buffer.set(data);
    this.startTransfer("toHost", SECTOR_BYTES, true);
  }

  #executeSmart(): void {
    const { features, cylinder } = this.taskFile;
    if (cylinder !== SMART_CYLINDER) return this.abortCommand();
    if (features === 0xd0) return this.#report(smartData());
    if (features === 0xd1) return this.#report(smartThresholds());
    // Autosave, enable, disable, and "return status": the cylinder stays as it is while all is well.
    if ([0xd2, 0xd8, 0xd9, 0xda, 0xdb].includes(features)) return this.finish();
    this.abortCommand();
  }

  #readLog(): void {
    const { sectorNumber, sectorCount16 } = this.taskFile;
    if (!this.#serial || sectorCount16 !== 1) return this.abortCommand();
    if (sectorNumber === 0) return this.#report(logDirectory([QUEUED_ERROR_LOG]));
    if (sectorNumber !== QUEUED_ERROR_LOG) return this.abortCommand();
    this.#report(this.#queuedError);
  }

  #acceptTrimList(): void {
    const { features, sectorCount16 } = this.taskFile;
    const isTrim = (features & 1) !== 0 && sectorCount16 >= 1 && sectorCount16 <= TRIM_SECTORS_MAX;
    if (!this.#solidState || this.#blocks.readOnly || !isTrim) return this.abortCommand();
    this.#state.operation = "trim";
    this.dma = true;
    this.startTransfer("fromHost", sectorCount16 * SECTOR_BYTES, false);
  }

  #trim(): void {
    const state = this.#state;
    const ranges = trimRanges(this.buffer.subarray(0, this.limit));
    if (ranges.some(({ sector, sectors }) => sector + sectors > this.#sectors)) {
      state.operation = "none";
      return this.fail(IDNF | ABRT);
    }
    state.working = true;
    this.startWork(
      () => discardRanges(this.#blocks, ranges),
      (done) => {
        state.working = false;
        state.operation = "none";
        if (done) this.finish();
        else this.abortCommand();
      },
    );
  }

  #initializeDeviceParameters(): void {
    const sectorsPerTrack = this.taskFile.sectorCount;
    if (sectorsPerTrack === 0) return this.abortCommand();
    this.#state.heads = (this.taskFile.device & 0x0f) + 1;
    this.#state.sectorsPerTrack = sectorsPerTrack;
    this.finish();
  }

  #setMultipleMode(): void {
    const count = this.taskFile.sectorCount;
    if (count > MULTIPLE_MAXIMUM || (count & (count - 1)) !== 0) return this.abortCommand();
    this.#state.multiple = count;
    this.finish();
  }

  #setFeatures(): void {
    const state = this.#state;
    switch (this.taskFile.features) {
      case 0x02:
        state.writeCache = true;
        break;
      case 0x82:
        state.writeCache = false;
        break;
      case 0xaa:
        state.lookAhead = true;
        break;
      case 0x55:
        state.lookAhead = false;
        break;
      case 0x66: // Keep settings over a software reset,
      case 0xcc: // or revert to power-on defaults: they are kept in either case.
        break;
      case 0x03:
        if (!this.#selectTransferMode()) return this.abortCommand();
        break;
      default:
        return this.abortCommand();
    }
    this.finish();
  }

  #selectTransferMode(): boolean {
    const mode = selectTransferMode(this.#state, this.taskFile.sectorCount);
    if (mode === undefined) return false;
    this.#state.multiwordDma = mode.multiwordDma;
    this.#state.ultraDma = mode.ultraDma;
    return true;
  }

  #seek(): void {
    const sector = addressedSector(this.taskFile, this.#geometry);
    if (sector === undefined || sector >= this.#sectors) this.fail(IDNF);
    else this.finish();
  }

  #flush(): void {
    const state = this.#state;
    state.operation = "flush";
    state.working = true;
    this.startWork(
      () =>
        this.#blocks.flush().then(
          () => true,
          () => false,
        ),
      (flushed) => {
        state.working = false;
        state.operation = "none";
        if (flushed) this.finish();
        else this.fail(ABRT | UNC);
      },
    );
  }

  override save(writer: StateWriter): void {
    const state = this.#state;
    const hasData = state.operation !== "none" && state.operation !== "flush";
    this.saveDrive(writer, hasData ? Math.max(this.limit, state.chunk * SECTOR_BYTES) : 0);
    saveDiskState(writer, state);
  }

  override prepareLoad(reader: StateReader): () => void {
    const loadDrive = this.prepareLoadDrive(reader);
    const state = readDiskState(reader, this.#sectors);
    return () => {
      loadDrive();
      this.#state = state;
      if (state.working) this.#resumeWork();
    };
  }

  /** Starts the block device's work anew that was under way when the state was saved: it can be repeated. */
  #resumeWork(): void {
    switch (this.#state.operation) {
      case "read":
      case "verify":
        return this.#fetchChunk();
      case "write":
        return this.#storeChunk();
      case "flush":
        return this.#flush();
      case "trim":
        return this.#trim();
      default:
        this.#state.working = false;
    }
  }
}

async function discardRanges(blocks: BlockDevice, ranges: readonly SectorRange[]): Promise<boolean> {
  try {
    for (const { sector, sectors } of ranges) await blocks.discard(sector * SECTOR_BYTES, sectors * SECTOR_BYTES);
    return true;
  } catch {
    return false;
  }
}
