import { cpuLayout, segmentFields, segmentStrideBytes } from "../layout/cpuLayout.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";
import type { Value, Width } from "../semantics/Algebra.ts";
import { type HelperName, helperSignatures } from "../semantics/helperSignatures.ts";
import type { MemoryOpcodeName } from "../wasm/opcodes.ts";
import { FlagEmitter } from "./FlagEmitter.ts";

/** Absolute place of a state field, for use as the offset of a load or store from address 0. */
export const stateOffset = (field: Exclude<keyof typeof cpuLayout, "sizeBytes">): number =>
  memoryPlan.cpuState + cpuLayout[field].offset;

export const generalRegister = (number: number): number => stateOffset("gpr") + number * 8;
export const segmentRow = (segment: number): number => stateOffset("segments") + segment * segmentStrideBytes;

const tagOffset = { read: 0, write: 8 } as const;
const addendOffset = 24;

const loadOpcode = { 8: "i32Load8U", 16: "i32Load16U", 32: "i32Load", 64: "i64Load" } as const;
const storeOpcode = { 8: "i32Store8", 16: "i32Store16", 32: "i32Store", 64: "i64Store" } as const;

/** Where a segment's row is: known now, or as an i32 local that holds its address. */
export type SegmentPlace = { readonly number: number } | { readonly rowLocal: number };

/**
 * Guest memory as emitted code reaches it: segment checks by the rows of cpuLayout, and the inline TLB look-up of memoryPlan with
 * the system unit's helpers behind a miss. Linear addresses are i32 in legacy modes, where they wrap and where the low half of a
 * tag decides, and i64 in long mode.
 */
export abstract class MemoryEmitter extends FlagEmitter {
  /** 64-bit code: linear addresses are 64 bits wide. */
  abstract readonly long: boolean;
  /** Wasm function index of a helper. */
  protected abstract helperIndex(name: HelperName): number;
  /** Writes what the run loop needs when a helper faults: the place of the instruction. */
  abstract prepareFault(): void;

  get addressType(): "i32" | "i64" {
    return this.long ? "i64" : "i32";
  }

  loadState(opcode: MemoryOpcodeName, offset: number): this {
    this.f.i32(0).memory(opcode, offset);
    return this;
  }

  storeState(opcode: MemoryOpcodeName, offset: number, push: () => void): void {
    this.f.i32(0);
    push();
    this.f.memory(opcode, offset);
  }

  callHelper(name: HelperName): void {
    this.f.call(this.helperIndex(name));
  }

  /** Calls `raise`; the code behind it is dead. */
  raise(vector: number, errorCode?: number): void {
    this.prepareFault();
    this.f.i32(vector).i32(errorCode ?? -1);
    this.callHelper("raise");
    this.f.op("unreachable");
  }

  pushLinear64(linear: number): void {
    this.f.get(linear);
    if (!this.long) this.f.op("i64ExtendI32U");
  }

  protected pushLow32(linear: number): void {
    this.f.get(linear);
    if (this.long) this.f.op("i32WrapI64");
  }

  #pushSegmentWord(place: SegmentPlace, field: number): void {
    if ("number" in place) this.loadState("i32Load", segmentRow(place.number) + field);
    else this.f.get(place.rowLocal).memory("i32Load", field);
  }

  /** Faults unless `bytes` bytes at the offset (an i32 local) lie within the segment. */
  checkSegment(place: SegmentPlace, offset: number, bytes: number, access: "read" | "write"): void {
    const [lo, hi] =
      access === "read" ? [segmentFields.readLo, segmentFields.readHi] : [segmentFields.writeLo, segmentFields.writeHi];
    const high = this.newLocal("i32");
    this.#pushSegmentWord(place, hi);
    this.f.set(high).get(offset).get(high).op("i32GtU");
    this.f.get(offset);
    this.#pushSegmentWord(place, lo);
    this.f.op("i32LtU").op("i32Or");
    if (bytes > 1) {
      this.f
        .get(high)
        .get(offset)
        .op("i32Sub")
        .i32(bytes - 1)
        .op("i32LtU")
        .op("i32Or");
    }
    this.f.if();
    this.prepareFault();
    if ("number" in place) this.f.i32(place.number);
    else this.f.get(place.rowLocal).i32(segmentRow(0)).op("i32Sub").i32(Math.log2(segmentStrideBytes)).op("i32ShrU");
    this.callHelper("segmentFault");
    this.f.op("unreachable").end();
  }

  /** Linear address of an offset (a local) within a segment, after the check that 64-bit code does without. */
  protected linearIn(place: SegmentPlace, offset: number, bytes: number, access: "read" | "write"): number {
    if (!this.long) this.checkSegment(place, offset, bytes, access);
    this.f.get(offset);
    return this.addSegmentBase(place);
  }

  /** Some bytes on from an effective address (a local), wrapped at the address size, in a new local. */
  protected offsetBeyond(effective: number, byteOffset: number | Value<64>, addressSize: 16 | 32 | 64): number {
    const { f, long } = this;
    const local = this.newLocal(this.addressType);
    f.get(effective);
    if (typeof byteOffset !== "number") {
      this.put(byteOffset);
      if (!long) f.op("i32WrapI64");
    } else if (long) f.i64(byteOffset);
    else f.i32(byteOffset);
    f.op(long ? "i64Add" : "i32Add");
    const mask = addressSize === 16 ? 0xffff : 0xffff_ffff;
    if (long && addressSize !== 64) f.i64(mask).op("i64And");
    else if (addressSize === 16) f.i32(mask).op("i32And");
    f.set(local);
    return local;
  }

  /** An offset of 64 bits as a local of `addressType`. */
  protected takeOffset(offset: Value<64>): number {
    const local = this.newLocal(this.addressType);
    this.put(offset);
    if (!this.long) this.f.op("i32WrapI64");
    this.f.set(local);
    return local;
  }

  /** Base plus the offset on the stack (address type) into a new local. */
  addSegmentBase(place: SegmentPlace): number {
    const opcode = this.long ? "i64Load" : "i32Load";
    if ("number" in place) this.loadState(opcode, segmentRow(place.number) + segmentFields.base);
    else this.f.get(place.rowLocal).memory(opcode, segmentFields.base);
    const linear = this.newLocal(this.addressType);
    this.f.op(this.long ? "i64Add" : "i32Add").set(linear);
    return linear;
  }

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
