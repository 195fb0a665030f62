import { segmentFields } from "../layout/cpuLayout.ts";
import type { Value, Width } from "../semantics/Algebra.ts";
import { segmentRow } from "./SegmentEmitter.ts";
import { StackEmitter } from "./StackEmitter.ts";

const stackPointer = 4;

/** Implied registers of 8 bits, without REX: 4 to 7 are AH, CH, DH and BH, the second bytes of the first four. */
export const isHighByte = (width: Width, number: number): boolean => width === 8 && number >= 4 && number < 8;

/** The register half of the algebra, for implied registers and selectors, wherever `pushGeneral` and `storeGeneral` keep them. */
export abstract class RegisterEmitter extends StackEmitter {
  /** What `pushGeneral` leaves has nothing above the register's width. */
  protected abstract readonly pushesClean: boolean;

  readRegister<W extends Width>(width: W, number: number): Value<W> {
    const pending = number === stackPointer ? this.pendingStackPointer(width) : undefined;
    if (pending) return pending as Value<W>;
    this.pushGeneral(width, number);
    return this.take(width, this.pushesClean);
  }

  writeRegister<W extends Width>(width: W, number: number, value: Value<NoInfer<W>>): void {
    this.commitStackPointer();
    this.storeGeneral(width, number, () => this.put(value));
  }

  readSegmentSelector(segment: number): Value<16> {
    this.loadState("i32Load16U", segmentRow(segment) + segmentFields.selector);
    return this.take(16, true);
  }
}
