import type { Decoder } from "../decode/Decoder.ts";
import type { Interpreter } from "../interpreter/Interpreter.ts";
import { codeModeBits } from "../layout/cpuLayout.ts";
import { findRegion } from "./findRegion.ts";
import { translateRegion } from "./translateRegion.ts";

/** 32-bit flat code with a 32-bit stack: what regions are written for. */
const translatedMode = 1 | codeModeBits.bigStack | codeModeBits.flat;

/**
 * Puts a translated region in the place of a record: the proof that the same semantics serve both executors. Regions are asked for by
 * address; finding hot ones by itself is a later matter.
 */
export class Translator {
  readonly #interpreter: Interpreter;
  readonly #decoder: Decoder;

  constructor(interpreter: Interpreter, decoder: Decoder) {
    this.#interpreter = interpreter;
    this.#decoder = decoder;
  }

  /** Translates the region that starts at a linear address in flat 32-bit code. Gives its size in wasm bytes, or undefined. */
  translate(linear: number): number | undefined {
    const { cache, handlers } = this.#interpreter;
    const code = this.#interpreter.codePage(linear);
    if (!code) return undefined;
    const offset = linear & 0xfff;
    const record = cache.decodeRun(code.memoryPage, code.physPage, offset, translatedMode);
    if (record === undefined) return undefined;
    const region = findRegion(code.bytes, offset, this.#decoder, 32);
    for (const { start, end } of region.blocks) cache.markDecoded(code.memoryPage, start, end, translatedMode);
    const f = translateRegion(region, handlers.core);
    if (!f) return undefined;
    cache.installRegion(code.memoryPage, record, handlers.add(f));
    return f.sizeBytes;
  }
}
