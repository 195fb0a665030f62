import type { Semantics } from "./Algebra.ts";

/** The single source: what each operation does. Files beside this one hold them by kind. */
export const operations = {} satisfies Record<string, Semantics>;
