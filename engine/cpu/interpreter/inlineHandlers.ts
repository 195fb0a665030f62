/**
 * The handlers that are part of the dispatch loop instead of functions of their own, by `handlerKey`: the most frequent ones as measured
 * with `tests/bench/handlerProfile.ts`. Each costs machine code in one large function; the order does not matter.
 */
export const inlineHandlerKeys: readonly string[] = [];
