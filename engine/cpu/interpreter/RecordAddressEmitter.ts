import type { FlagWord } from "../emit/FlagEmitter.ts";
import { isHighByte, RegisterEmitter } from "../emit/RegisterEmitter.ts";
import { generalRegister, type SegmentPlace, segmentRow, stateOffset } from "../emit/SegmentEmitter.ts";
import { segmentIndex } from "../layout/cpuLayout.ts";
import type { OperandRef, Value, Width } from "../semantics/Algebra.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { HandlerSpec, OperandForm } from "./HandlerSpec.ts";
import { recordLayout } from "./recordLayout.ts";

type MemoryForm = Extract<OperandForm, { kind: "memory" }>;

/** An operand as semantics see it, with what this executor knows of it. */
export interface RecordOperand {
  readonly width: Width;
  readonly kind: OperandForm["kind"];
  readonly form: OperandForm;
  /** Effective address (an `addressType` local), once computed. */
  effective?: number;
  /** Linear address of the operand's first byte after a check for `checked`. */
  linear?: { readonly local: number; readonly checked: string };
  /** Memory offset that `readForWrite` found, or 0 in the local for the slow path. */
  host?: number;
}

/** Wasm functions of the core that emitted code calls. */
export interface CoreFunctions {
  helper(name: HelperName): number;
  /** () -> record at `rip`. */
  readonly lookUp: number;
  /** (record) -> the record that an in-page branch leads to, remembered in it. */
  readonly link: number;
}

export const extendOpcode = { 8: "i64Store8", 16: "i64Store16", 32: "i64Store", 64: "i64Store" } as const;
export const registerLoad = { 8: "i32Load8U", 16: "i32Load16U", 32: "i32Load", 64: "i64Load" } as const;

export const operandOf = (operand: OperandRef<Width>): RecordOperand => operand as unknown as RecordOperand;

function placeOfGeneral(width: Width, number: number): number {
  return isHighByte(width, number) ? generalRegister(number - 4) + 1 : generalRegister(number);
}

/**
 * What the interpreter's handlers have in common below operands: fields of the record in local `record`, registers and flags in the
 * CPU state, and the addresses of memory operands.
 */
export abstract class RecordAddressEmitter extends RegisterEmitter {
  readonly spec: HandlerSpec;
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  readonly repeat: "none" | "rep" | "repne";
  readonly long: boolean;
  readonly vex: boolean;
  protected readonly flatStack: boolean;
  protected readonly pushesClean = true;
  protected readonly record: number;
  protected readonly core: CoreFunctions;

  constructor(f: FunctionBuilder, spec: HandlerSpec, record: number, core: CoreFunctions) {
    super(f);
    this.spec = spec;
    this.operandSize = spec.operandSize;
    this.addressSize = spec.addressSize;
    this.stackSize = spec.stackSize;
    this.repeat = spec.repeat;
    this.long = spec.long;
    this.vex = spec.unit === "avx";
    this.flatStack = spec.flat;
    this.record = record;
    this.core = core;
  }

  operands(): OperandRef<Width>[] {
    return this.spec.operands.map((form) => {
      const width = "width" in form ? form.width : this.operandSize;
      return { width, kind: form.kind, form } as unknown as OperandRef<Width>;
    });
  }

  protected helperIndex(name: HelperName): number {
    return this.core.helper(name);
  }

  prepareFault(): void {
    this.storeState("i32Store", stateOffset("currentRecord"), () => this.f.get(this.record));
  }

  // --- record fields ---
  protected pushSlot(slot: number): void {
    this.f.get(this.record).memory("i32Load8U", slot);
  }
  protected pushField(field: 8 | 12): void {
    this.f.get(this.record).memory("i32Load", field);
  }

  // --- registers ---
  protected pushGeneral(width: Width, number: number): void {
    this.loadState(registerLoad[width], placeOfGeneral(width, number));
  }
  protected storeGeneral(width: Width, number: number, push: () => void): void {
    this.storeState(width === 32 ? "i64Store" : extendOpcode[width], placeOfGeneral(width, number), () => {
      push();
      if (width !== 64) this.f.op("i64ExtendI32U");
    });
  }

  // --- flags ---
  protected pushFlagWord(word: FlagWord): void {
    this.loadState(word === "flagResult" ? "i64Load" : "i32Load", stateOffset(word));
  }
  protected storeFlagWord(word: FlagWord, push: () => void): void {
    this.storeState(word === "flagResult" ? "i64Store" : "i32Store", stateOffset(word), push);
  }

  // --- addresses ---
  /** Effective address of a memory operand in a local of `addressType`. */
  protected effective(o: RecordOperand): number {
    if (o.effective !== undefined) return o.effective;
    const form = o.form as MemoryForm;
    const local = this.newLocal(this.addressType);
    if (form.addressSize === 64) this.#pushAddress64(form);
    else {
      this.#pushAddress32(form);
      if (form.addressSize === 16) this.f.i32(0xffff).op("i32And");
      if (this.long) this.f.op("i64ExtendI32U");
    }
    this.f.set(local);
    o.effective = local;
    return local;
  }

  #pushAddress32(form: MemoryForm): void {
    if (form.ripRelative) this.loadState("i32Load", stateOffset("pageRip"));
    else {
      this.pushSlot(form.second ? recordLayout.secondBase : recordLayout.base);
      this.f.memory("i32Load", generalRegister(0));
    }
    if (form.second) return;
    if (form.indexed) {
      this.pushSlot(recordLayout.index);
      this.f.memory("i32Load", generalRegister(0));
      if (form.addressSize !== 16) {
        this.pushSlot(recordLayout.addressing);
        this.f.op("i32Shl"); // the count is taken modulo 32: the segment's bits do not matter
      }
      this.f.op("i32Add");
    }
    this.pushField(8);
    this.f.op("i32Add");
  }

  #pushAddress64(form: MemoryForm): void {
    if (form.wide) {
      this.f.get(this.record).memory("i64Load", 8);
      return;
    }
    if (form.ripRelative) this.loadState("i64Load", stateOffset("pageRip"));
    else {
      this.pushSlot(form.second ? recordLayout.secondBase : recordLayout.base);
      this.f.memory("i64Load", generalRegister(0));
    }
    if (form.second) return;
    if (form.indexed) {
      this.pushSlot(recordLayout.index);
      this.f.memory("i64Load", generalRegister(0));
      this.pushSlot(recordLayout.addressing);
      this.f.i32(3).op("i32And").op("i64ExtendI32U").op("i64Shl").op("i64Add");
    }
    this.f.get(this.record).memory("i64Load32S", 8).op("i64Add");
  }

  /** The row of the segment that the record names. */
  #segmentPlace(form: MemoryForm): SegmentPlace {
    const rowLocal = this.newLocal("i32");
    this.pushSlot(form.second ? recordLayout.secondAddressing : recordLayout.addressing);
    this.f.i32(0xe0).op("i32And").i32(1).op("i32Shl").i32(segmentRow(0)).op("i32Add").set(rowLocal);
    return { rowLocal };
  }

  /** Linear address of `bytes` bytes at an offset within the operand's segment. */
  #linearOf(form: MemoryForm, offset: number, bytes: number, access: "read" | "write"): number {
    if (form.flat) return offset;
    return this.linearIn(this.#segmentPlace(form), offset, bytes, access);
  }

  protected address(o: RecordOperand, bytes: number, access: "read" | "write"): number {
    const checked = `${bytes}${access}`;
    if (o.linear && (o.linear.checked === checked || (o.form as MemoryForm).flat)) return o.linear.local;
    const local = this.#linearOf(o.form as MemoryForm, this.effective(o), bytes, access);
    o.linear = { local, checked };
    return local;
  }

  /** Local with the linear address of a memory operand after the check of its segment. */
  operandAddress(operand: OperandRef<Width>, bytes: number, access: "read" | "write"): number {
    return this.address(operandOf(operand), bytes, access);
  }

  /** Linear address some bytes on from a memory operand; the sum wraps at the address size. */
  protected addressAt(
    o: RecordOperand,
    byteOffset: number | Value<64>,
    bytes: number,
    access: "read" | "write",
  ): number {
    const form = o.form as MemoryForm;
    const offset = this.offsetBeyond(this.effective(o), byteOffset, form.addressSize);
    return this.#linearOf(form, offset, bytes, access);
  }

  protected segmented(segment: number, offset: Value<64>, bytes: number, access: "read" | "write"): number {
    const local = this.takeOffset(offset);
    if (segment <= segmentIndex.ds && this.spec.flat) return local;
    return this.linearIn({ number: segment }, local, bytes, access);
  }
}
