import { generalRegister, segmentRow, stateOffset } from "../emit/SegmentEmitter.ts";
import { VectorEmitter } from "../emit/VectorEmitter.ts";
import { cpuLayout, segmentFields } from "../layout/cpuLayout.ts";
import type { OperandRef, Value, Width } from "../semantics/Algebra.ts";
import type { OperandForm } from "./HandlerSpec.ts";
import { extendOpcode, operandOf, RecordAddressEmitter, registerLoad } from "./RecordAddressEmitter.ts";
import { recordLayout } from "./recordLayout.ts";

/** The operands half of the interpreter's algebra: reading and writing what the record names. */
export abstract class RecordOperandEmitter extends RecordAddressEmitter {
  readonly vector: VectorEmitter = new VectorEmitter(this);

  read<W extends Width>(operand: OperandRef<W>): Value<W> {
    const o = operandOf(operand);
    const { form } = o;
    switch (form.kind) {
      case "register":
        return this.#readRegisterOperand(operand.width, form);
      case "memory":
        return this.loadLinear(operand.width, this.address(o, operand.width / 8, "read"));
      case "immediate":
        return this.#readImmediate(operand.width, form.slot);
      default:
        throw new Error(`an operand of kind ${form.kind} cannot be read`);
    }
  }

  #readRegisterOperand<W extends Width>(width: W, form: Extract<OperandForm, { kind: "register" }>): Value<W> {
    this.pushSlot(form.slot);
    if (form.file === "general") this.f.memory(registerLoad[width], generalRegister(0));
    else if (form.file === "segment") {
      this.f
        .i32(6)
        .op("i32Shl")
        .memory("i32Load16U", segmentRow(0) + segmentFields.selector);
      if (width === 64) this.f.op("i64ExtendI32U");
    } else throw new Error(`registers of the ${form.file} file are not read as values`);
    return this.take(width, true);
  }

  #readImmediate<W extends Width>(width: W, slot: 8 | 12 | "wide"): Value<W> {
    if (width === 64) {
      this.f.get(this.record).memory(slot === "wide" ? "i64Load" : "i64Load32S", slot === "wide" ? 8 : slot);
    } else if (slot === "wide") throw new Error("only 64-bit immediates are wide");
    else this.f.get(this.record).memory(registerLoad[width as 8 | 16 | 32], slot);
    return this.take(width, true);
  }

  readForWrite<W extends Width>(operand: OperandRef<W>): Value<W> {
    const o = operandOf(operand);
    if (o.form.kind !== "memory") return this.read(operand);
    const { value, host } = this.loadForWrite(operand.width, this.address(o, operand.width / 8, "write"));
    o.host = host;
    return value;
  }

  write<W extends Width>(operand: OperandRef<W>, value: Value<NoInfer<W>>): void {
    const o = operandOf(operand);
    const { form } = o;
    if (form.kind === "register" && form.file === "general") {
      this.commitStackPointer();
      this.pushSlot(form.slot);
      this.put(value);
      if (operand.width !== 64) this.f.op("i64ExtendI32U");
      this.f.memory(extendOpcode[operand.width], generalRegister(0));
    } else if (form.kind === "memory") {
      const linear = this.address(o, operand.width / 8, "write");
      if (o.host !== undefined) this.storeAfterLoad(operand.width, linear, o.host, value);
      else this.storeLinear(operand.width, linear, value);
    } else throw new Error(`an operand of kind ${form.kind} cannot be written`);
  }

  probeWrite<W extends Width>(operand: OperandRef<W>): void {
    const o = operandOf(operand);
    if (o.form.kind !== "memory" || o.host !== undefined) return;
    this.probeLinear(this.address(o, operand.width / 8, "write"), operand.width / 8);
  }

  effectiveAddress(operand: OperandRef<Width>): Value<64> {
    this.f.get(this.effective(operandOf(operand)));
    if (!this.long) this.f.op("i64ExtendI32U");
    return this.take(64, true);
  }

  linearAddress(operand: OperandRef<Width>, bytes: number): Value<64> {
    this.pushLinear64(this.address(operandOf(operand), bytes, "read"));
    return this.take(64, true);
  }

  readAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    return this.loadLinear(width, this.addressAt(operandOf(operand), byteOffset, width / 8, "read"));
  }
  readForWriteAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    const linear = this.addressAt(operandOf(operand), byteOffset, width / 8, "write");
    return this.loadForWrite(width, linear).value;
  }
  writeAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.addressAt(operandOf(operand), byteOffset, value.width / 8, "write"), value);
  }

  load<W extends Width>(width: W, segment: number, offset: Value<64>): Value<W> {
    return this.loadLinear(width, this.segmented(segment, offset, width / 8, "read"));
  }
  store<W extends Width>(segment: number, offset: Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.segmented(segment, offset, value.width / 8, "write"), value);
  }

  farPointer(_operand: OperandRef<Width>): { selector: Value<16>; offset: Value<64> } {
    this.pushField(8);
    const selector = this.take(16, true);
    this.f.get(this.record).memory("i64Load32U", 12);
    return { selector, offset: this.take(64, true) };
  }

  recordConstant(operand: OperandRef<Width>): Value<32> {
    const { form } = operandOf(operand);
    if (form.kind === "register") this.pushSlot(form.slot);
    else if (form.kind === "memory") {
      this.pushSlot(form.second ? recordLayout.secondAddressing : recordLayout.addressing);
      this.f.i32(5).op("i32ShrU");
    } else if (form.kind === "immediate" && form.slot !== "wide" && form.width <= 32) {
      this.f.get(this.record).memory(registerLoad[form.width as 8 | 16 | 32], form.slot);
    } else throw new Error(`no constant in an operand of kind ${form.kind}`);
    return this.take(32, true);
  }

  /** Pushes a vector register's distance from the first of its file; returns that one's place. */
  pushVectorRegister(operand: OperandRef<Width>): number {
    const { form } = operandOf(operand);
    if (form.kind !== "register" || (form.file !== "xmm" && form.file !== "mmx")) {
      throw new Error("not a vector register");
    }
    const field = form.file === "xmm" ? "xmm" : "fpuRegister";
    this.pushSlot(form.slot);
    this.f.i32(Math.log2(cpuLayout[field].strideBytes)).op("i32Shl");
    return stateOffset(field);
  }
}
