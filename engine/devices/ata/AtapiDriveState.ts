/** What an AtapiDrive holds besides the registers, the buffer and the medium, and its saved form. */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { type Sense, sense, senseFrom } from "./atapiCommands.ts";
import { powerOnTransferMode } from "./transferModes.ts";

/** Sectors of 2048 bytes in the buffer at once. */
export const CHUNK_SECTORS = 32;

/** "packet" collects the command, "reply" returns what is in the buffer, "identify" does so without a packet. */
const operations = ["none", "packet", "reply", "identify", "read"] as const;
export type PacketOperation = (typeof operations)[number];

export interface AtapiDriveState {
  operation: PacketOperation;
  /** The medium is being read for the present chunk. */
  working: boolean;
  /** Bytes of a reply, or of the present chunk. */
  length: number;
  /** The largest DRQ block, from the byte count of PACKET. */
  byteLimit: number;
  sector: number;
  remaining: number;
  sense: Sense;
  /** Unit attention to report, the reset before the medium. */
  resetAttention: boolean;
  mediumAttention: boolean;
  mediaEvent: number;
  locked: boolean;
  trayOpen: boolean;
  multiwordDma: number;
  ultraDma: number;
}

export const powerOnState: Readonly<AtapiDriveState> = {
  operation: "none",
  working: false,
  length: 0,
  byteLimit: 0xfffe,
  sector: 0,
  remaining: 0,
  sense: sense.none,
  resetAttention: true,
  mediumAttention: false,
  mediaEvent: 0,
  locked: false,
  trayOpen: false,
  ...powerOnTransferMode,
};

export function saveAtapiState(writer: StateWriter, state: AtapiDriveState): void {
  writer.u8(operations.indexOf(state.operation)).bool(state.working).u32(state.length).u32(state.byteLimit);
  writer.u32(state.sector).u32(state.remaining).u8(state.sense.key).u8(state.sense.additionalCode);
  writer.bool(state.resetAttention).bool(state.mediumAttention).u8(state.mediaEvent);
  writer.bool(state.locked).bool(state.trayOpen).u8(state.multiwordDma).u8(state.ultraDma);
}

export function readAtapiState(reader: StateReader): AtapiDriveState {
  const operation = operations[reader.u8()];
  const state = {
    working: reader.bool(),
    length: reader.u32(),
    byteLimit: reader.u32(),
    sector: reader.u32(),
    remaining: reader.u32(),
    sense: senseFrom(reader.u8(), reader.u8()),
    resetAttention: reader.bool(),
    mediumAttention: reader.bool(),
    mediaEvent: reader.u8(),
    locked: reader.bool(),
    trayOpen: reader.bool(),
    multiwordDma: reader.u8(),
    ultraDma: reader.u8(),
  };
  const blockless = state.byteLimit < 2 && operation !== "none";
  if (operation === undefined || state.length > CHUNK_SECTORS * 2048 || state.byteLimit > 0xfffe || blockless) {
    throw new GuesthouseError("state-invalid", "The saved state of an optical drive is damaged.");
  }
  return { ...state, operation };
}
