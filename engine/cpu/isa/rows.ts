import type { InstructionRow } from "./InstructionRow.ts";
import { oneByteMap } from "./oneByteMap.ts";
import { twoByteMap } from "./twoByteMap.ts";
import { x87Map } from "./x87.ts";

/** Every encoding there is. */
export const rows: readonly InstructionRow[] = [...oneByteMap, ...twoByteMap, ...x87Map];
