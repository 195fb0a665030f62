import { avxMap } from "./avx.ts";
import { avxFloatMap } from "./avxFloat.ts";
import { avxOwnMap } from "./avxOwn.ts";
import { bitManipulationMap } from "./bitManipulation.ts";
import { cryptoMap } from "./crypto.ts";
import type { InstructionRow } from "./InstructionRow.ts";
import { mmxMap } from "./mmx.ts";
import { oneByteMap } from "./oneByteMap.ts";
import { sseMap } from "./sse.ts";
import { sse4Map } from "./sse4.ts";
import { sseFloatMap } from "./sseFloat.ts";
import { systemExtensionsMap } from "./systemExtensions.ts";
import { twoByteMap } from "./twoByteMap.ts";
import { x87Map } from "./x87.ts";

/** Every encoding there is. */
export const rows: readonly InstructionRow[] = [
  ...oneByteMap,
  ...twoByteMap,
  ...systemExtensionsMap,
  ...x87Map,
  ...mmxMap,
  ...sseMap,
  ...sseFloatMap,
  ...sse4Map,
  ...cryptoMap,
  ...bitManipulationMap,
  ...avxMap,
  ...avxOwnMap,
  ...avxFloatMap,
];
