import type { Decoder } from "../decode/Decoder.ts";
import type { Interpreter } from "../interpreter/Interpreter.ts";
import { codeModeBits } from "../layout/cpuLayout.ts";
import { findLoopHead, findRegion } from "./findRegion.ts";
import { translateRegion } from "./translateRegion.ts";

/** What regions are written for: flat code of 32 bits with a 32-bit stack, and 64-bit code. */
export const translatedModes = {
  32: 1 | codeModeBits.bigStack | codeModeBits.flat,
  64: 2 | codeModeBits.bigStack | codeModeBits.flat,
} as const;

const samplesUntilHot = 3;
const mostSamples = 4096;
/** After so many samples every address may be looked at again: code may have changed, and regions may have been dropped. */
const samplesUntilReview = 1024;
/** A loop that is rewritten again and again is not worth more translations than this. */
const mostAttempts = 3;
/** Each region is a module of its own; many at once would crowd each other out of the processor's caches. */
const mostRegions = 512;

/**
 * Puts a translated region in the place of a record. Regions are asked for by address, or found by `sample`: where the guest is when a
 * slice of its time ends is most often in its hottest loops.
 */
export class Translator {
  readonly #interpreter: Interpreter;
  readonly #decoder: Decoder;
  readonly #samples = new Map<bigint, number>();
  /** Addresses that need no second look for now: no loop, or one that is translated. */
  readonly #settled = new Set<bigint>();
  #untilReview = samplesUntilReview;
  readonly #attempts = new Map<bigint, number>();
  /** Statistics. */
  regions = 0;

  constructor(interpreter: Interpreter, decoder: Decoder) {
    this.#interpreter = interpreter;
    this.#decoder = decoder;
  }

  /** Translates the region that starts at a linear address in flat code. Gives its size in wasm bytes, or undefined when there is none. */
  translate(linear: number | bigint, bits: 32 | 64 = 32): number | undefined {
    const { cache } = this.#interpreter;
    const mode = translatedModes[bits];
    const handlers = this.#interpreter.handlersOf(mode);
    const code = this.#interpreter.codePage(BigInt(linear));
    if (!code) return undefined;
    const offset = Number(BigInt(linear) & 0xfffn);
    const region = findRegion(code.bytes, offset, this.#decoder, bits);
    if (region.blocks[0]?.start !== offset) return undefined;
    if (region.blocks.some((block) => block.instructions.some((placed) => cache.isKeptOut(placed.offset))))
      return undefined;
    const f = translateRegion(region, handlers.core, bits === 64);
    const record = f && cache.decodeRun(code.memoryPage, code.physPage, offset, mode);
    if (!f || record === undefined) return undefined;
    for (const { start, end } of region.blocks) cache.markDecoded(code.memoryPage, start, end, mode);
    cache.installRegion(code.memoryPage, record, handlers.add(f));
    this.regions++;
    return f.sizeBytes;
  }

  /** The guest is at this address between two slices: notes it, and translates the loop around it when it is seen often. */
  sample(linear: bigint, codeMode: number): void {
    const bits = codeMode === translatedModes[32] ? 32 : codeMode === translatedModes[64] ? 64 : undefined;
    if (bits === undefined) return;
    if (--this.#untilReview === 0) {
      this.#untilReview = samplesUntilReview;
      this.#settled.clear();
    }
    if (this.#settled.has(linear)) return;
    const seen = (this.#samples.get(linear) ?? 0) + 1;
    this.#samples.set(linear, seen);
    if (seen < samplesUntilHot) {
      if (this.#samples.size > mostSamples) this.#samples.clear();
      return;
    }
    this.#samples.delete(linear);
    this.#settled.add(linear);
    this.#translateAround(linear, bits);
  }

  #translateAround(linear: bigint, bits: 32 | 64): void {
    const { cache } = this.#interpreter;
    const code = this.#interpreter.codePage(linear);
    const offset = Number(linear & 0xfffn);
    const head = code && findLoopHead(code.bytes, offset, this.#decoder, bits);
    if (!code || head === undefined) return;
    if (cache.hasRegion(code.memoryPage, head)) return;
    const start = linear - BigInt(offset - head);
    const attempts = this.#attempts.get(start) ?? 0;
    if (attempts >= mostAttempts || this.regions >= mostRegions) return;
    this.#attempts.set(start, attempts + 1);
    this.translate(start, bits);
  }
}
