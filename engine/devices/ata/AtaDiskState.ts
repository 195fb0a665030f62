/**
 * What an AtaDisk holds besides the registers and the buffer: the command under way and the settings. Kept apart so
 * that its saved form stands in one place.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

/** Sectors that move between the block device and the buffer at once. */
export const CHUNK_SECTORS = 256;
/** The largest DRQ block of READ and WRITE MULTIPLE. */
export const MULTIPLE_MAXIMUM = 16;

/** What goes on. "identify" and the others without sectors end with their transfer or work. */
const operations = ["none", "identify", "read", "write", "verify", "flush", "trim"] as const;
type Operation = (typeof operations)[number];

export const ACTIVE = 0xff;
export const STANDBY = 0x00;

export interface DiskState {
  operation: Operation;
  /** The block device works on the present chunk. */
  working: boolean;
  extended: boolean;
  /** First sector of the present chunk, sectors of the command from there on, sectors of the chunk in the buffer. */
  sector: number;
  remaining: number;
  chunk: number;
  /** Sectors in one DRQ block of this command. */
  block: number;
  multiple: number;
  heads: number;
  sectorsPerTrack: number;
  writeCache: boolean;
  lookAhead: boolean;
  multiwordDma: number;
  ultraDma: number;
  /** As CHECK POWER MODE reports it. */
  power: number;
}

export const powerOnState: Readonly<DiskState> = {
  operation: "none",
  working: false,
  extended: false,
  sector: 0,
  remaining: 0,
  chunk: 0,
  block: 1,
  multiple: 0,
  heads: 16,
  sectorsPerTrack: 63,
  writeCache: true,
  lookAhead: true,
  multiwordDma: 0x04,
  ultraDma: 0,
  power: ACTIVE,
};

export function saveDiskState(writer: StateWriter, state: DiskState): void {
  writer.u8(operations.indexOf(state.operation)).bool(state.working).bool(state.extended);
  writer.f64(state.sector).u32(state.remaining).u32(state.chunk).u32(state.block).u8(state.multiple);
  writer.u8(state.heads).u8(state.sectorsPerTrack).bool(state.writeCache).bool(state.lookAhead);
  writer.u8(state.multiwordDma).u8(state.ultraDma).u8(state.power);
}

/** Throws "state-invalid" for what no disk of `sectors` sectors can be in. */
export function readDiskState(reader: StateReader, sectors: number): DiskState {
  const operation = operations[reader.u8()];
  const state = {
    working: reader.bool(),
    extended: reader.bool(),
    sector: reader.f64(),
    remaining: reader.u32(),
    chunk: reader.u32(),
    block: reader.u32(),
    multiple: reader.u8(),
    heads: reader.u8(),
    sectorsPerTrack: reader.u8(),
    writeCache: reader.bool(),
    lookAhead: reader.bool(),
    multiwordDma: reader.u8(),
    ultraDma: reader.u8(),
    power: reader.u8(),
  };
  const sane =
    operation !== undefined &&
    Number.isSafeInteger(state.sector) &&
    state.sector >= 0 &&
    state.sector + state.chunk <= sectors &&
    state.chunk <= CHUNK_SECTORS &&
    state.block >= 1 &&
    state.block <= CHUNK_SECTORS &&
    state.multiple <= MULTIPLE_MAXIMUM &&
    state.heads >= 1 &&
    state.heads <= 16 &&
    state.sectorsPerTrack >= 1;
  if (!sane) throw new GuesthouseError("state-invalid", "The saved state of a disk is damaged.");
  return { ...state, operation };
}
