import type { Semantics } from "./Algebra.ts";
import { aes } from "./aes.ts";
import { arithmetic } from "./arithmetic.ts";
import { avxMemory } from "./avxMemory.ts";
import { avxPermutations } from "./avxPermutations.ts";
import { bitManipulation } from "./bitManipulation.ts";
import { bits } from "./bits.ts";
import { branches } from "./branches.ts";
import { decimal } from "./decimal.ts";
import { flags } from "./flags.ts";
import { io } from "./io.ts";
import { moves } from "./moves.ts";
import { multiply } from "./multiply.ts";
import { sha } from "./sha.ts";
import { shifts } from "./shifts.ts";
import { simdBlends } from "./simdBlends.ts";
import { simdExtensions } from "./simdExtensions.ts";
import { simdFloat } from "./simdFloat.ts";
import { simdFloatConvert } from "./simdFloatConvert.ts";
import { simdFused } from "./simdFused.ts";
import { simdInteger } from "./simdInteger.ts";
import { simdMoves } from "./simdMoves.ts";
import { simdShuffles } from "./simdShuffles.ts";
import { simdStrings } from "./simdStrings.ts";
import { stack } from "./stack.ts";
import { strings } from "./strings.ts";
import { system } from "./system.ts";
import { systemExtensions } from "./systemExtensions.ts";
import { x87Operations } from "./x87.ts";

/** The single source: what each operation does. Files beside this one hold them by kind. */
export const operations = {
  ...moves,
  ...arithmetic,
  ...branches,
  ...stack,
  ...shifts,
  ...bits,
  ...bitManipulation,
  ...multiply,
  ...flags,
  ...strings,
  ...io,
  ...system,
  ...systemExtensions,
  ...decimal,
  ...x87Operations,
  ...simdMoves,
  ...simdInteger,
  ...simdFloat,
  ...simdShuffles,
  ...simdBlends,
  ...simdExtensions,
  ...simdStrings,
  ...avxPermutations,
  ...avxMemory,
  ...aes,
  ...sha,
  ...simdFloatConvert,
  ...simdFused,
} satisfies Record<string, Semantics>;
