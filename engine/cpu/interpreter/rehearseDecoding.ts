import { Decoder } from "../decode/Decoder.ts";
import { rows } from "../isa/rows.ts";
import { codeModeBits } from "../layout/cpuLayout.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";
import { CodeCache, type Handlers } from "./CodeCache.ts";
import type { FirstHandlers } from "./FirstHandlers.ts";
import { handlerKey } from "./HandlerSpec.ts";

const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 0x1_0000;
const PAGES = 100;
const RUNS_PER_PAGE = 100;
/** Runs begin that far from each other, so that most of their instructions are new. */
const STEP_BYTES = 37;
const longMode = 2 | codeModeBits.bigStack | codeModeBits.flat;

/**
 * Decodes what nobody will execute until the host's compiler has seen enough of the decoder: before that it takes five times as long, and a
 * guest that goes on from a saved state decodes everything anew. Arbitrary bytes do, since most of them are some instruction. Yields after each
 * page, some milliseconds of work.
 */
export function* rehearseDecoding(handlers: FirstHandlers): Generator<undefined> {
  const wasmPages = memoryPlan.ram / WASM_PAGE_BYTES + 1;
  const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
  const cache = new CodeCache(memory.buffer, new Decoder(rows), () => readOnly(handlers), ignore);
  const page = new Uint8Array(memory.buffer, memoryPlan.ram, PAGE_BYTES);
  let random = 1;
  for (let round = 0; round < PAGES; round++) {
    cache.dropAll();
    for (let at = 0; at < PAGE_BYTES; at++) {
      random = Math.imul(random, 1_103_515_245) + 12_345;
      page[at] = random >>> 16;
    }
    for (let run = 0; run < RUNS_PER_PAGE; run++) {
      cache.decodeRun(memoryPlan.ram / PAGE_BYTES, 0, run * STEP_BYTES, longMode);
    }
    yield;
  }
}

/** Handlers that are looked up and never made. */
function readOnly(first: FirstHandlers): Handlers {
  return {
    indexOf: (spec) => first.indices.get(handlerKey(spec)) ?? 0,
    pairOf: (one, other) => first.pairOf(one, other),
    isPair: (index) => first.isPair(index),
    flush: ignore,
  };
}

function ignore(): void {}
