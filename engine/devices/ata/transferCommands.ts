/** The commands that move or check sectors, by how they do it (ATA/ATAPI-6 clause 8). */
import { ataCommand } from "./ataRegisters.ts";

export interface TransferCommand {
  readonly operation: "read" | "write" | "verify";
  /** "sector" and "multiple" are PIO with blocks of one sector or of SET MULTIPLE MODE; "none" moves no data. */
  readonly blocks: "sector" | "multiple" | "dma" | "none";
  /** 48-bit address. */
  readonly extended: boolean;
}

function transfer(
  operation: TransferCommand["operation"],
  blocks: TransferCommand["blocks"],
  extended: boolean,
): TransferCommand {
  return { operation, blocks, extended };
}

export const transferCommands: ReadonlyMap<number, TransferCommand> = new Map([
  [ataCommand.readSectors, transfer("read", "sector", false)],
  [ataCommand.readSectorsNoRetry, transfer("read", "sector", false)],
  [ataCommand.readSectorsExt, transfer("read", "sector", true)],
  [ataCommand.readMultiple, transfer("read", "multiple", false)],
  [ataCommand.readMultipleExt, transfer("read", "multiple", true)],
  [ataCommand.readDma, transfer("read", "dma", false)],
  [ataCommand.readDmaNoRetry, transfer("read", "dma", false)],
  [ataCommand.readDmaExt, transfer("read", "dma", true)],
  [ataCommand.writeSectors, transfer("write", "sector", false)],
  [ataCommand.writeSectorsNoRetry, transfer("write", "sector", false)],
  [ataCommand.writeSectorsExt, transfer("write", "sector", true)],
  [ataCommand.writeMultiple, transfer("write", "multiple", false)],
  [ataCommand.writeMultipleExt, transfer("write", "multiple", true)],
  [ataCommand.writeDma, transfer("write", "dma", false)],
  [ataCommand.writeDmaNoRetry, transfer("write", "dma", false)],
  [ataCommand.writeDmaExt, transfer("write", "dma", true)],
  [ataCommand.readVerify, transfer("verify", "none", false)],
  [ataCommand.readVerifyNoRetry, transfer("verify", "none", false)],
  [ataCommand.readVerifyExt, transfer("verify", "none", true)],
]);
