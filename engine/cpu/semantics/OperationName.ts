import type { operations } from "./operations.ts";

/** Every operation there is: a row that names one without semantics does not compile. */
export type OperationName = keyof typeof operations;
