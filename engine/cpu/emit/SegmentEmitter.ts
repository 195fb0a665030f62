import { cpuLayout, segmentFields, segmentStrideBytes } from "../layout/cpuLayout.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";
import type { Value } from "../semantics/Algebra.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { MemoryOpcodeName } from "../wasm/opcodes.ts";
import { FlagEmitter } from "./FlagEmitter.ts";

/** Absolute place of a state field, for use as the offset of a load or store from address 0. */
export const stateOffset = (field: Exclude<keyof typeof cpuLayout, "sizeBytes">): number =>
  memoryPlan.cpuState + cpuLayout[field].offset;

export const generalRegister = (number: number): number => stateOffset("gpr") + number * 8;
export const segmentRow = (segment: number): number => stateOffset("segments") + segment * segmentStrideBytes;

/** Where a segment's row is: known now, or as an i32 local that holds its address. */
export type SegmentPlace = { readonly number: number } | { readonly rowLocal: number };

/**
 * Processor state in memory, helpers, and the way from an offset in a segment to a linear address: checks by the rows of cpuLayout, bases,
 * and sums that wrap. Linear addresses are i32 in legacy modes, where they wrap, and i64 in long mode, which checks nothing.
 */
export abstract class SegmentEmitter extends FlagEmitter {
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
}
