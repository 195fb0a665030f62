import type { Value, Width } from "../semantics/Algebra.ts";
import { type HelperName, helperSignatures } from "../semantics/helperSignatures.ts";
import { SegmentEmitter, stateOffset } from "./SegmentEmitter.ts";

const tagOffset = { read: 0, write: 8 } as const;
const addendOffset = 24;

const loadOpcode = { 8: "i32Load8U", 16: "i32Load16U", 32: "i32Load", 64: "i64Load" } as const;
const storeOpcode = { 8: "i32Store8", 16: "i32Store16", 32: "i32Store", 64: "i64Store" } as const;

/**
 * Guest memory as emitted code reaches it by linear addresses: the inline TLB look-up of memoryPlan with the system unit's helpers behind
 * a miss. Linear addresses are i32 in legacy modes, where they wrap and where the low half of a
 * tag decides, and i64 in long mode.
 */
export abstract class MemoryEmitter extends SegmentEmitter {
  // --- TLB ---
  /** Leaves 1 or 0: whether the tag admits the access; the entry's address is in `entry` then. */
  #pushHit(linear: number, bytes: number, access: "read" | "write", entry: number): void {
    const wide = this.long ? "i64" : "i32";
    this.pushLow32(linear);
    this.f.i32(7).op("i32ShrU").i32(0x7fe0).op("i32And");
    this.pushTlbBase();
    this.f.op("i32Add").tee(entry);
    this.f.memory(this.long ? "i64Load" : "i32Load", tagOffset[access]);
    this.f.get(linear);
    if (this.long) {
      if (bytes > 1) this.f.i64(bytes - 1).op("i64Add");
      this.f.i64(-4096);
    } else {
      if (bytes > 1) this.f.i32(bytes - 1).op("i32Add");
      this.f.i32(-4096);
    }
    this.f.op(`${wide}And`).op(`${wide}Eq`);
  }

  protected pushTlbBase(): void {
    this.loadState("i32Load", stateOffset("tlbBase"));
  }

  #pushHost(linear: number, entry: number): void {
    this.pushLow32(linear);
    this.f.get(entry).memory("i32Load", addendOffset).op("i32Add");
  }

  loadLinear<W extends Width>(width: W, linear: number): Value<W> {
    const entry = this.newLocal("i32");
    this.#pushHit(linear, width / 8, "read", entry);
    this.f.if(this.wasmType(width));
    this.#pushHost(linear, entry);
    this.f.memory(loadOpcode[width]).else();
    this.prepareFault();
    this.pushLinear64(linear);
    this.callHelper(`loadSlow${width}`);
    this.f.end();
    return this.take(width, true);
  }

  storeLinear(width: Width, linear: number, value: Value<Width>): void {
    const entry = this.newLocal("i32");
    this.#pushHit(linear, width / 8, "write", entry);
    this.f.if();
    this.#pushHost(linear, entry);
    this.put(value);
    this.f.memory(storeOpcode[width]).else();
    this.#storeSlow(width, linear, value);
    this.f.end();
  }

  /** Written on the way that is taken seldom: nothing computed here is known to be there behind it. */
  #storeSlow(width: Width, linear: number, value: Value<Width>): void {
    this.prepareFault();
    this.pushLinear64(linear);
    this.arm(() => this.putZeroExtended(value));
    this.callHelper(`storeSlow${width}`);
    this.afterSlowStore();
  }

  /** A store by the slow path may have met code or a device. */
  protected afterSlowStore(): void {}

  // --- sixteen or thirty-two bytes at once: helpers take them eight at a time ---
  #pushPart64(linear: number, byteOffset: number): void {
    this.pushLinear64(linear);
    if (byteOffset === 0) return;
    this.f.i64(byteOffset).op("i64Add");
    if (!this.long) this.f.i64(0xffff_ffff).op("i64And");
  }

  #loadSlow128(linear: number, byteOffset: number): void {
    this.#pushPart64(linear, byteOffset);
    this.callHelper("loadSlow64");
    this.f.simd("i64x2Splat");
    this.#pushPart64(linear, byteOffset + 8);
    this.callHelper("loadSlow64");
    this.f.simdLane("i64x2ReplaceLane", 1);
  }

  #storeSlow128(linear: number, byteOffset: number, vectorLocal: number): void {
    for (const lane of [0, 1]) {
      this.#pushPart64(linear, byteOffset + 8 * lane);
      this.f.get(vectorLocal).simdLane("i64x2ExtractLane", lane);
      this.callHelper("storeSlow64");
    }
  }

  #probeSlow(linear: number, bytes: number): void {
    this.prepareFault();
    this.pushLinear64(linear);
    this.f.i32(bytes);
    this.callHelper("probeWrite");
  }

  /** Leaves a v128 on the stack. */
  loadLinear128(linear: number): void {
    const entry = this.newLocal("i32");
    this.#pushHit(linear, 16, "read", entry);
    this.f.if("v128");
    this.#pushHost(linear, entry);
    this.f.memory("v128Load").else();
    this.prepareFault();
    this.#loadSlow128(linear, 0);
    this.f.end();
  }

  storeLinear128(linear: number, vectorLocal: number): void {
    const entry = this.newLocal("i32");
    this.#pushHit(linear, 16, "write", entry);
    this.f.if();
    this.#pushHost(linear, entry);
    this.f.get(vectorLocal).memory("v128Store").else();
    this.#probeSlow(linear, 16);
    this.#storeSlow128(linear, 0, vectorLocal);
    this.f.end();
  }

  /** Locals of the lower and the upper sixteen bytes. */
  loadLinear256(linear: number): readonly [number, number] {
    const entry = this.newLocal("i32");
    const low = this.newLocal("v128");
    const high = this.newLocal("v128");
    this.#pushHit(linear, 32, "read", entry);
    this.f.if();
    this.#pushHost(linear, entry);
    this.f.tee(entry).memory("v128Load").set(low);
    this.f.get(entry).memory("v128Load", 16).set(high).else();
    this.prepareFault();
    this.#loadSlow128(linear, 0);
    this.f.set(low);
    this.#loadSlow128(linear, 16);
    this.f.set(high).end();
    return [low, high];
  }

  storeLinear256(linear: number, low: number, high: number): void {
    const entry = this.newLocal("i32");
    this.#pushHit(linear, 32, "write", entry);
    this.f.if();
    this.#pushHost(linear, entry);
    this.f.tee(entry).get(low).memory("v128Store");
    this.f.get(entry).get(high).memory("v128Store", 16).else();
    this.#probeSlow(linear, 32);
    this.#storeSlow128(linear, 0, low);
    this.#storeSlow128(linear, 16, high);
    this.f.end();
  }

  /** Reads what will be written next; the result also holds where (0: the slow path). */
  loadForWrite<W extends Width>(width: W, linear: number): { value: Value<W>; host: number } {
    const entry = this.newLocal("i32");
    const host = this.newLocal("i32");
    this.#pushHit(linear, width / 8, "write", entry);
    this.f.if(this.wasmType(width));
    this.#pushHost(linear, entry);
    this.f.tee(host).memory(loadOpcode[width]).else();
    this.f.i32(0).set(host);
    this.prepareFault();
    this.pushLinear64(linear);
    this.f.i32(width / 8);
    this.callHelper("probeWrite");
    this.pushLinear64(linear);
    this.callHelper(`loadSlow${width}`);
    this.f.end();
    return { value: this.take(width, true), host };
  }

  storeAfterLoad(width: Width, linear: number, host: number, value: Value<Width>): void {
    this.f.get(host).if();
    this.f.get(host);
    this.put(value);
    this.f.memory(storeOpcode[width]).else();
    this.#storeSlow(width, linear, value);
    this.f.end();
  }

  probeLinear(linear: number, bytes: number): void {
    const entry = this.newLocal("i32");
    this.#pushHit(linear, bytes, "write", entry);
    this.f.op("i32Eqz").if();
    this.prepareFault();
    this.pushLinear64(linear);
    this.f.i32(bytes);
    this.callHelper("probeWrite");
    this.f.end();
  }

  // --- helpers with arguments ---
  /** The values are the helper's parameters from number `from` on. */
  pushArguments(name: HelperName, values: readonly (Value<Width> | number)[], from = 0): void {
    const params: readonly string[] = helperSignatures[name].params;
    values.forEach((value, at) => {
      const i = from + at;
      if (typeof value === "number") {
        if (params[i] === "i64") this.f.i64(value);
        else this.f.i32(value);
      } else if (params[i] === "i64") this.put64(value);
      else this.putZeroExtended(value);
    });
  }
}
