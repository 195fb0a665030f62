import type { Instruction, MemoryOperand, Operand } from "../decode/Instruction.ts";
import type { HandlerSpec, OperandForm } from "./HandlerSpec.ts";
import { recordLayout, specialHandler } from "./recordLayout.ts";

/** What an absent base or index register reads: `zero` lies behind the sixteen registers. */
const zeroRegister = 16 * 8;

/** Where an instruction lies in its page. */
export interface RecordPlace {
  /** Offset of its first byte, 0..4095. */
  readonly start: number;
  readonly length: number;
}

/**
 * Writes records: the handler's index and the operands where the handler's spec says they are. Every field is written,
 * since records are made in used memory.
 */
export class RecordEncoder {
  readonly #view: DataView;

  constructor(buffer: ArrayBufferLike) {
    this.#view = new DataView(buffer);
  }

  #begin(at: number, handler: number, place: RecordPlace): void {
    const view = this.#view;
    view.setUint16(at + recordLayout.handler, handler, true);
    view.setUint16(at + recordLayout.place, place.start | (place.length << 12), true);
    view.setInt32(at + 4, 0, true);
    view.setInt32(at + recordLayout.displacement, 0, true);
    view.setInt32(at + recordLayout.immediate, 0, true);
  }

  /** Decode what lies at `offset` of the page when it is reached. */
  resolve(at: number, offset: number): void {
    this.#begin(at, specialHandler.resolve, { start: offset, length: 0 });
  }

  follow(at: number, offset: number, target: number): void {
    this.#begin(at, specialHandler.follow, { start: offset, length: 0 });
    this.#view.setInt32(at + recordLayout.displacement, target, true);
  }

  /** Go on at an offset from the page's start that may lie behind its end. */
  refetch(at: number, offset: number): void {
    this.#begin(at, specialHandler.refetch, { start: offset & 0xfff, length: 0 });
    this.#view.setInt32(at + recordLayout.immediate, offset, true);
  }

  leave(at: number, offset: number): void {
    this.#begin(at, specialHandler.leave, { start: offset & 0xfff, length: 0 });
    this.#view.setInt32(at + recordLayout.immediate, offset, true);
  }

  /** The record behind this one stands for an instruction that ends in memory page `nextPage`. */
  crossing(at: number, place: RecordPlace, nextPage: number): void {
    this.#begin(at, specialHandler.crossing, place);
    this.#view.setInt32(at + recordLayout.displacement, nextPage, true);
  }

  /** `errorCode` -1: none. */
  raise(at: number, place: RecordPlace, vector: number, errorCode: number): void {
    this.#begin(at, specialHandler.raise, place);
    this.#view.setInt32(at + recordLayout.displacement, errorCode, true);
    this.#view.setInt32(at + recordLayout.immediate, vector, true);
  }

  instruction(at: number, handler: number, spec: HandlerSpec, instruction: Instruction, place: RecordPlace): void {
    this.#begin(at, handler, place);
    const end = place.start + place.length;
    for (let i = 0; i < spec.operands.length; i++) this.#operand(at, spec.operands[i]!, instruction.operands[i]!, end);
  }

  #operand(at: number, form: OperandForm, operand: Operand, end: number): void {
    const view = this.#view;
    if (form.kind === "register" && operand.kind === "register") {
      const offset = operand.file !== "general" ? operand.number : operand.number * 8 + (operand.high ? 1 : 0);
      view.setUint8(at + form.slot, offset);
    } else if (form.kind === "memory" && operand.kind === "memory") {
      this.#memory(at, form, operand, end);
    } else if (form.kind === "immediate" && operand.kind === "immediate") {
      if (form.slot === "wide") view.setBigInt64(at + recordLayout.displacement, operand.value, true);
      else if (form.width === 8) view.setInt8(at + form.slot, Number(BigInt.asIntN(8, operand.value)));
      else view.setInt32(at + form.slot, Number(BigInt.asIntN(32, operand.value)), true);
    } else if (form.kind === "relative" && operand.kind === "relative") {
      const value = form.inPage ? end + operand.displacement : operand.displacement;
      view.setInt32(at + recordLayout.immediate, value, true);
    } else if (form.kind === "far" && operand.kind === "far") {
      view.setInt32(at + recordLayout.displacement, operand.selector, true);
      view.setInt32(at + recordLayout.immediate, operand.offset, true);
    } else throw new Error(`an operand of kind ${operand.kind} in the form ${form.kind}`);
  }

  #memory(at: number, form: Extract<OperandForm, { kind: "memory" }>, operand: MemoryOperand, end: number): void {
    const view = this.#view;
    if (form.second) {
      view.setUint8(at + recordLayout.secondBase, operand.base * 8);
      view.setUint8(at + recordLayout.secondAddressing, operand.segment << 5);
      return;
    }
    view.setUint8(at + recordLayout.base, operand.base < 0 ? zeroRegister : operand.base * 8);
    view.setUint8(at + recordLayout.index, operand.index < 0 ? zeroRegister : operand.index * 8);
    view.setUint8(at + recordLayout.addressing, (operand.segment << 5) | operand.scaleShift);
    if (form.wide) view.setBigInt64(at + recordLayout.displacement, operand.displacement, true);
    else {
      const displacement = Number(BigInt.asIntN(32, operand.displacement)) + (form.ripRelative ? end : 0);
      view.setInt32(at + recordLayout.displacement, displacement, true);
    }
  }
}
