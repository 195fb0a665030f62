import { memoryPlan } from "../layout/memoryPlan.ts";

/**
 * Decoded code of one page of memory in one code mode. The page's 4096 offsets are 64 lines of 64; a line that has records points to a
 * table of 64 record addresses (0 = not decoded here), all others to a table of zeroes. Pages of other modes follow by `next`.
 */
export const codePageLayout = {
  /** u32: the `codeMode` that the records were made for. */
  mode: 0,
  /** u32: the code page of the next mode, or 0. */
  next: 4,
  /** Two u32: bit n = bytes of line n are part of a decoded instruction. */
  decodedLines: 8,
  /** 64 u32: tables of lines. */
  lines: 16,
  sizeBytes: 16 + 64 * 4,
  lineTableBytes: 64 * 4,
  lineBytes: 64,
  /** Absolute place of a u32 that counts how often everything was dropped. */
  generation: memoryPlan.scratch + 0xf000,
  /** Absolute place for records that are executed once: an instruction and what follows. */
  singleRecords: memoryPlan.scratch + 0xf010,
} as const;

/** The pool: a table of zeroes, then whatever was handed out. */
export const zeroLine = memoryPlan.records;
export const poolStart = memoryPlan.records + codePageLayout.lineTableBytes;
