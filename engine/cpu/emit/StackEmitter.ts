import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Value, Width } from "../semantics/Algebra.ts";
import { MemoryEmitter } from "./MemoryEmitter.ts";
import { generalRegister } from "./SegmentEmitter.ts";
import { asValue } from "./ValueEmitter.ts";

const stackPointer = 4;

/**
 * The stack half of the algebra. The new stack pointer is kept aside until nothing of the instruction can fault any more
 * (`commitStackPointer`), so that a fault in a later push or in the checks of a transfer leaves it untouched.
 */
export abstract class StackEmitter extends MemoryEmitter {
  abstract readonly stackSize: 16 | 32 | 64;
  /** SS has base 0 and no limit. */
  protected abstract readonly flatStack: boolean;
  /** The stack pointer to be, in a local of `addressType`. */
  #pending: number | undefined;

  /** Reads and writes of general registers at constant places; subclasses may keep them in locals. */
  protected abstract pushGeneral(width: Width, number: number): void;
  protected abstract storeGeneral(width: Width, number: number, push: () => void): void;

  #pushStackPointer(): void {
    if (this.#pending !== undefined) {
      this.f.get(this.#pending);
      return;
    }
    this.pushGeneral(this.stackSize, stackPointer);
    if (this.long && this.stackSize !== 64) this.f.op("i64ExtendI32U");
  }

  /** Masks the sum on the stack to the width of the stack pointer, into a new local. */
  #takeStackOffset(): number {
    const local = this.newLocal(this.addressType);
    if (this.stackSize === 16) this.f.i32(0xffff).op("i32And");
    this.f.set(local);
    return local;
  }

  #offset(bytes: number): number {
    this.#pushStackPointer();
    if (bytes !== 0) {
      if (this.long) this.f.i64(bytes).op("i64Add");
      else this.f.i32(bytes).op("i32Add");
    }
    return this.#takeStackOffset();
  }

  #linear(offset: number, bytes: number, access: "read" | "write"): number {
    if (this.flatStack) return offset;
    const place = { number: segmentIndex.ss };
    this.checkSegment(place, offset, bytes, access);
    this.f.get(offset);
    return this.addSegmentBase(place);
  }

  push<W extends 16 | 32 | 64>(value: Value<W>): void {
    const bytes = value.width / 8;
    const offset = this.#offset(-bytes);
    this.storeLinear(value.width, this.#linear(offset, bytes, "write"), value);
    this.#pending = offset;
  }

  peekStack<W extends 16 | 32 | 64>(width: W, byteOffset = 0): Value<W> {
    const offset = this.#offset(byteOffset);
    return this.loadLinear(width, this.#linear(offset, width / 8, "read"));
  }

  releaseStack(bytes: number | Value<64>): void {
    if (typeof bytes === "number") {
      this.#pending = this.#offset(bytes);
      return;
    }
    this.#pushStackPointer();
    this.put(bytes);
    if (this.long) this.f.op("i64Add");
    else this.f.op("i32WrapI64").op("i32Add");
    this.#pending = this.#takeStackOffset();
  }

  /** Makes the new stack pointer visible. */
  commitStackPointer(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.storeGeneral(this.stackSize, stackPointer, () => {
      this.f.get(pending);
      if (this.long && this.stackSize !== 64) this.f.op("i32WrapI64");
    });
  }

  protected override writeArm(body: () => void): void {
    const before = this.#pending;
    body();
    if (this.#pending !== before) this.commitStackPointer();
    this.#pending = before;
  }

  /** The pending pointer as a value, for semantics that ask for the register after a push. */
  protected pendingStackPointer(width: Width): Value<Width> | undefined {
    if (this.#pending === undefined || width !== this.stackSize) return undefined;
    return asValue({ width, local: this.#pending, clean: true });
  }

  protected get stackPointerRegister(): number {
    return generalRegister(stackPointer);
  }
}
