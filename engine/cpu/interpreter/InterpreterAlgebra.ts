import type { FlagWord } from "../emit/FlagEmitter.ts";
import type { HandlerExit } from "../emit/HandlerExit.ts";
import { generalRegister, type SegmentPlace, segmentRow, stateOffset } from "../emit/MemoryEmitter.ts";
import { StackEmitter } from "../emit/StackEmitter.ts";
import { VectorEmitter } from "../emit/VectorEmitter.ts";
import { cpuLayout, segmentFields, segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, Condition, HelperResult, OperandRef, Value, Width } from "../semantics/Algebra.ts";
import { type HelperName, helperSignatures } from "../semantics/helperSignatures.ts";
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

const extendOpcode = { 8: "i64Store8", 16: "i64Store16", 32: "i64Store", 64: "i64Store" } as const;
const registerLoad = { 8: "i32Load8U", 16: "i32Load16U", 32: "i32Load", 64: "i64Load" } as const;

const operandOf = (operand: OperandRef<Width>): RecordOperand => operand as unknown as RecordOperand;

/**
 * The algebra as the interpreter's handlers need it: operands come from the record in local `record`, registers and flags are in the
 * CPU state. Control leaves through `exit`.
 */
export class InterpreterAlgebra extends StackEmitter implements Algebra {
  readonly spec: HandlerSpec;
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  readonly repeat: "none" | "rep" | "repne";
  readonly long: boolean;
  readonly vector: VectorEmitter = new VectorEmitter(this);
  protected readonly flatStack: boolean;
  readonly #record: number;
  readonly #core: CoreFunctions;
  readonly #exit: HandlerExit;
  #refetchAtEnd = false;

  constructor(f: FunctionBuilder, spec: HandlerSpec, record: number, core: CoreFunctions, exit: HandlerExit) {
    super(f);
    this.spec = spec;
    this.operandSize = spec.operandSize;
    this.addressSize = spec.addressSize;
    this.stackSize = spec.stackSize;
    this.repeat = spec.repeat;
    this.long = spec.long;
    this.flatStack = spec.flat;
    this.#record = record;
    this.#core = core;
    this.#exit = exit;
  }

  operands(): OperandRef<Width>[] {
    return this.spec.operands.map((form) => {
      const width = "width" in form ? form.width : this.operandSize;
      return { width, kind: form.kind, form } as unknown as OperandRef<Width>;
    });
  }

  protected helperIndex(name: HelperName): number {
    return this.#core.helper(name);
  }

  prepareFault(): void {
    this.storeState("i32Store", stateOffset("currentRecord"), () => this.f.get(this.#record));
  }

  // --- record fields ---
  #pushSlot(slot: number): void {
    this.f.get(this.#record).memory("i32Load8U", slot);
  }
  #pushField(field: 8 | 12): void {
    this.f.get(this.#record).memory("i32Load", field);
  }

  // --- registers ---
  protected pushGeneral(width: Width, number: number): void {
    const high = width === 8 && number >= 4 && number < 8;
    this.loadState(registerLoad[width], high ? generalRegister(number - 4) + 1 : generalRegister(number));
  }
  protected storeGeneral(width: Width, number: number, push: () => void): void {
    const high = width === 8 && number >= 4 && number < 8;
    const offset = high ? generalRegister(number - 4) + 1 : generalRegister(number);
    this.storeState(width === 32 ? "i64Store" : extendOpcode[width], offset, () => {
      push();
      if (width !== 64) this.f.op("i64ExtendI32U");
    });
  }
  readRegister<W extends Width>(width: W, number: number): Value<W> {
    const pending = number === 4 ? this.pendingStackPointer(width) : undefined;
    if (pending) return pending as Value<W>;
    this.pushGeneral(width, number);
    return this.take(width, true);
  }
  writeRegister<W extends Width>(width: W, number: number, value: Value<NoInfer<W>>): void {
    this.commitStackPointer();
    this.storeGeneral(width, number, () => this.put(value));
  }
  readSegmentSelector(segment: number): Value<16> {
    this.loadState("i32Load16U", segmentRow(segment) + segmentFields.selector);
    return this.take(16, true);
  }

  // --- flags ---
  protected pushFlagWord(word: FlagWord): void {
    this.loadState(word === "flagResult" ? "i64Load" : "i32Load", stateOffset(word));
  }
  protected storeFlagWord(word: FlagWord, push: () => void): void {
    this.storeState(word === "flagResult" ? "i64Store" : "i32Store", stateOffset(word), push);
  }

  // --- operands ---
  read<W extends Width>(operand: OperandRef<W>): Value<W> {
    const o = operandOf(operand);
    const { form } = o;
    switch (form.kind) {
      case "register":
        return this.#readRegisterOperand(operand.width, form);
      case "memory":
        return this.loadLinear(operand.width, this.#address(o, operand.width / 8, "read"));
      case "immediate":
        return this.#readImmediate(operand.width, form.slot);
      default:
        throw new Error(`an operand of kind ${form.kind} cannot be read`);
    }
  }

  #readRegisterOperand<W extends Width>(width: W, form: Extract<OperandForm, { kind: "register" }>): Value<W> {
    this.#pushSlot(form.slot);
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
      this.f.get(this.#record).memory(slot === "wide" ? "i64Load" : "i64Load32S", slot === "wide" ? 8 : slot);
    } else if (slot === "wide") throw new Error("only 64-bit immediates are wide");
    else this.f.get(this.#record).memory(registerLoad[width as 8 | 16 | 32], slot);
    return this.take(width, true);
  }

  readForWrite<W extends Width>(operand: OperandRef<W>): Value<W> {
    const o = operandOf(operand);
    if (o.form.kind !== "memory") return this.read(operand);
    const { value, host } = this.loadForWrite(operand.width, this.#address(o, operand.width / 8, "write"));
    o.host = host;
    return value;
  }

  write<W extends Width>(operand: OperandRef<W>, value: Value<NoInfer<W>>): void {
    const o = operandOf(operand);
    const { form } = o;
    if (form.kind === "register" && form.file === "general") {
      this.commitStackPointer();
      this.#pushSlot(form.slot);
      this.put(value);
      if (operand.width !== 64) this.f.op("i64ExtendI32U");
      this.f.memory(extendOpcode[operand.width], generalRegister(0));
    } else if (form.kind === "memory") {
      const linear = this.#address(o, operand.width / 8, "write");
      if (o.host !== undefined) this.storeAfterLoad(operand.width, linear, o.host, value);
      else this.storeLinear(operand.width, linear, value);
    } else throw new Error(`an operand of kind ${form.kind} cannot be written`);
  }

  probeWrite<W extends Width>(operand: OperandRef<W>): void {
    const o = operandOf(operand);
    if (o.form.kind !== "memory" || o.host !== undefined) return;
    this.probeLinear(this.#address(o, operand.width / 8, "write"), operand.width / 8);
  }

  // --- addresses ---
  /** Effective address of a memory operand in a local of `addressType`. */
  #effective(o: RecordOperand): number {
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
      this.#pushSlot(form.second ? recordLayout.secondBase : recordLayout.base);
      this.f.memory("i32Load", generalRegister(0));
    }
    if (form.second) return;
    if (form.indexed) {
      this.#pushSlot(recordLayout.index);
      this.f.memory("i32Load", generalRegister(0));
      if (form.addressSize !== 16) {
        this.#pushSlot(recordLayout.addressing);
        this.f.op("i32Shl"); // the count is taken modulo 32: the segment's bits do not matter
      }
      this.f.op("i32Add");
    }
    this.#pushField(8);
    this.f.op("i32Add");
  }

  #pushAddress64(form: MemoryForm): void {
    if (form.wide) {
      this.f.get(this.#record).memory("i64Load", 8);
      return;
    }
    if (form.ripRelative) this.loadState("i64Load", stateOffset("pageRip"));
    else {
      this.#pushSlot(form.second ? recordLayout.secondBase : recordLayout.base);
      this.f.memory("i64Load", generalRegister(0));
    }
    if (form.second) return;
    if (form.indexed) {
      this.#pushSlot(recordLayout.index);
      this.f.memory("i64Load", generalRegister(0));
      this.#pushSlot(recordLayout.addressing);
      this.f.i32(3).op("i32And").op("i64ExtendI32U").op("i64Shl").op("i64Add");
    }
    this.f.get(this.#record).memory("i64Load32S", 8).op("i64Add");
  }

  /** The row of the segment that the record names. */
  #segmentPlace(form: MemoryForm): SegmentPlace {
    const rowLocal = this.newLocal("i32");
    this.#pushSlot(form.second ? recordLayout.secondAddressing : recordLayout.addressing);
    this.f.i32(0xe0).op("i32And").i32(1).op("i32Shl").i32(segmentRow(0)).op("i32Add").set(rowLocal);
    return { rowLocal };
  }

  /** Linear address of `bytes` bytes at an offset within the operand's segment. */
  #linearOf(form: MemoryForm, offset: number, bytes: number, access: "read" | "write"): number {
    if (form.flat) return offset;
    const place = this.#segmentPlace(form);
    if (!this.long) this.checkSegment(place, offset, bytes, access);
    this.f.get(offset);
    return this.addSegmentBase(place);
  }

  #address(o: RecordOperand, bytes: number, access: "read" | "write"): number {
    const checked = `${bytes}${access}`;
    if (o.linear && (o.linear.checked === checked || (o.form as MemoryForm).flat)) return o.linear.local;
    const local = this.#linearOf(o.form as MemoryForm, this.#effective(o), bytes, access);
    o.linear = { local, checked };
    return local;
  }

  /** Local with the linear address of a memory operand after the check of its segment. */
  operandAddress(operand: OperandRef<Width>, bytes: number, access: "read" | "write"): number {
    return this.#address(operandOf(operand), bytes, access);
  }

  /** Pushes a vector register's distance from the first of its file; returns that one's place. */
  pushVectorRegister(operand: OperandRef<Width>): number {
    const { form } = operandOf(operand);
    if (form.kind !== "register" || (form.file !== "xmm" && form.file !== "mmx")) {
      throw new Error("not a vector register");
    }
    const field = form.file === "xmm" ? "xmm" : "fpuRegister";
    this.#pushSlot(form.slot);
    this.f.i32(Math.log2(cpuLayout[field].strideBytes)).op("i32Shl");
    return stateOffset(field);
  }

  effectiveAddress(operand: OperandRef<Width>): Value<64> {
    this.f.get(this.#effective(operandOf(operand)));
    if (!this.long) this.f.op("i64ExtendI32U");
    return this.take(64, true);
  }

  linearAddress(operand: OperandRef<Width>, bytes: number): Value<64> {
    this.pushLinear64(this.#address(operandOf(operand), bytes, "read"));
    return this.take(64, true);
  }

  /** Linear address some bytes on from a memory operand; the sum wraps at the address size. */
  #addressAt(o: RecordOperand, byteOffset: number | Value<64>, bytes: number, access: "read" | "write"): number {
    const form = o.form as MemoryForm;
    const base = this.#effective(o);
    const offset = this.newLocal(this.addressType);
    this.f.get(base);
    if (typeof byteOffset === "number") {
      if (this.long) this.f.i64(byteOffset).op("i64Add");
      else this.f.i32(byteOffset).op("i32Add");
    } else {
      this.put(byteOffset);
      if (this.long) this.f.op("i64Add");
      else this.f.op("i32WrapI64").op("i32Add");
    }
    if (form.addressSize === 16) {
      if (this.long) this.f.i64(0xffff).op("i64And");
      else this.f.i32(0xffff).op("i32And");
    } else if (this.long && form.addressSize === 32) this.f.i64(0xffff_ffff).op("i64And");
    this.f.set(offset);
    return this.#linearOf(form, offset, bytes, access);
  }

  readAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    return this.loadLinear(width, this.#addressAt(operandOf(operand), byteOffset, width / 8, "read"));
  }
  readForWriteAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    const linear = this.#addressAt(operandOf(operand), byteOffset, width / 8, "write");
    return this.loadForWrite(width, linear).value;
  }
  writeAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.#addressAt(operandOf(operand), byteOffset, value.width / 8, "write"), value);
  }

  #segmented(segment: number, offset: Value<64>, bytes: number, access: "read" | "write"): number {
    const local = this.newLocal(this.addressType);
    this.put(offset);
    if (!this.long) this.f.op("i32WrapI64");
    this.f.set(local);
    if (segment <= segmentIndex.ds && this.spec.flat) return local;
    const place = { number: segment };
    if (!this.long) this.checkSegment(place, local, bytes, access);
    this.f.get(local);
    return this.addSegmentBase(place);
  }
  load<W extends Width>(width: W, segment: number, offset: Value<64>): Value<W> {
    return this.loadLinear(width, this.#segmented(segment, offset, width / 8, "read"));
  }
  store<W extends Width>(segment: number, offset: Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.#segmented(segment, offset, value.width / 8, "write"), value);
  }

  farPointer(_operand: OperandRef<Width>): { selector: Value<16>; offset: Value<64> } {
    this.#pushField(8);
    const selector = this.take(16, true);
    this.f.get(this.#record).memory("i64Load32U", 12);
    return { selector, offset: this.take(64, true) };
  }

  recordConstant(operand: OperandRef<Width>): Value<32> {
    const { form } = operandOf(operand);
    if (form.kind === "register") this.#pushSlot(form.slot);
    else if (form.kind === "memory") {
      this.#pushSlot(form.second ? recordLayout.secondAddressing : recordLayout.addressing);
      this.f.i32(5).op("i32ShrU");
    } else if (form.kind === "immediate" && form.slot !== "wide" && form.width <= 32) {
      this.f.get(this.#record).memory(registerLoad[form.width as 8 | 16 | 32], form.slot);
    } else throw new Error(`no constant in an operand of kind ${form.kind}`);
    return this.take(32, true);
  }

  // --- control ---
  /** Offset in CS of the byte `field` pages-bytes on: pageRip plus what is on the stack (i32), as the operand size wants it. */
  #pushRip(pushOffset: () => void): void {
    if (this.long) {
      this.loadState("i64Load", stateOffset("pageRip"));
      pushOffset();
      this.f.op("i64ExtendI32S").op("i64Add");
      if (this.operandSize === 16) this.f.i64(0xffff).op("i64And");
      return;
    }
    this.loadState("i32Load", stateOffset("pageRip"));
    pushOffset();
    this.f.op("i32Add");
    if (this.operandSize === 16) this.f.i32(0xffff).op("i32And");
    this.f.op("i64ExtendI32U");
  }

  /** Offset in the page just behind the instruction. */
  #pushEnd(): void {
    const place = this.newLocal("i32");
    this.f.get(this.#record).memory("i32Load16U", recordLayout.place).tee(place);
    this.f.i32(0xfff).op("i32And").get(place).i32(12).op("i32ShrU").op("i32Add");
  }

  nextInstruction(): Value<64> {
    this.#pushRip(() => this.#pushEnd());
    return this.take(64, true);
  }

  /** The address of the next instruction as execution reaches it: not cut to the operand size. */
  #pushNextRip(): void {
    this.loadState("i64Load", stateOffset("pageRip"));
    this.#pushEnd();
    this.f.op("i64ExtendI32U").op("i64Add");
    if (!this.long) this.f.i64(0xffff_ffff).op("i64And");
  }

  checkTarget(target: Value<64>): void {
    if (this.long) {
      this.put(target);
      this.f.i64(16).op("i64Shl").i64(16).op("i64ShrS");
      this.put(target);
      this.f.op("i64Ne");
    } else if (this.spec.flat) return;
    else {
      this.put(target);
      this.loadState("i64Load32U", segmentRow(segmentIndex.cs) + segmentFields.executeHi);
      this.f.op("i64GtU");
    }
    this.f.if();
    this.raise(13, 0);
    this.f.end();
  }

  jump(target: Value<64>): void {
    this.checkTarget(target);
    this.commitStackPointer();
    this.storeState("i64Store", stateOffset("rip"), () => this.put(target));
    this.#fetchAndTransfer();
  }

  /** `rip` is stored; faults from here on are its own. */
  #fetchAndTransfer(): void {
    this.storeState("i32Store", stateOffset("currentRecord"), () => this.f.i32(0));
    this.f.call(this.#core.lookUp);
    this.#exit.transfer();
  }

  jumpRelative(operand: OperandRef<Width>): void {
    const { form } = operandOf(operand);
    const inPage = form.kind === "relative" && form.inPage;
    if (inPage) this.#jumpWithinPage();
    else {
      this.#pushRip(() => {
        this.#pushEnd();
        this.#pushField(12);
        this.f.op("i32Add");
      });
      this.jump(this.take(64, true));
    }
  }

  #jumpWithinPage(): void {
    if (this.operandSize === 16) {
      // IP wraps at 64 KiB, which may lie within a page when CS does not start at one.
      this.loadState("i32Load", stateOffset("pageRip"));
      this.#pushField(12);
      this.f.op("i32Add").i32(-0x1_0000).op("i32And").if();
      this.arm(() => {
        this.#pushRip(() => this.#pushField(12));
        this.jump(this.take(64, true));
      });
      this.f.end();
    }
    this.commitStackPointer();
    const target = this.newLocal("i32");
    this.#pushField(8);
    this.f.tee(target).op("i32Eqz").if();
    this.f.get(this.#record).call(this.#core.link).set(target).end();
    this.f.get(target);
    this.#exit.transfer();
  }

  jumpRelativeIf(condition: Condition, operand: OperandRef<Width>): void {
    this.when(condition, () => this.jumpRelative(operand));
  }

  helper<N extends HelperName>(name: N, ...args: readonly (Value<Width> | number)[]): HelperResult<N> {
    const signature = helperSignatures[name] as { result?: "i32" | "i64"; endsBlock?: boolean };
    this.prepareFault();
    if (signature.endsBlock) {
      this.storeState("i64Store", stateOffset("rip"), () => this.#pushNextRip());
      this.#refetchAtEnd = true;
    }
    this.pushArguments(name, args);
    this.callHelper(name);
    if (!signature.result) return undefined as HelperResult<N>;
    return this.take(signature.result === "i64" ? 64 : 32, true) as unknown as HelperResult<N>;
  }

  interruptShadow(): void {
    this.storeState("i64Store", stateOffset("rip"), () => this.#pushNextRip());
    this.storeState("i64Store", stateOffset("shadowRip"), () => this.loadState("i64Load", stateOffset("rip")));
    this.#refetchAtEnd = true;
  }

  repeatUnless(done: Condition): void {
    this.putCondition(done);
    this.f.op("i32Eqz").if();
    this.f.get(this.#record);
    this.#exit.transfer();
    this.f.end();
  }

  /** A helper that ends the block inside of a conditional ends it there. */
  protected override writeArm(body: () => void): void {
    const before = this.#refetchAtEnd;
    super.writeArm(body);
    if (this.#refetchAtEnd && !before) this.#refetch();
    this.#refetchAtEnd = before;
  }

  /** Ends the handler. Leaves the code dead when it transferred, else tells that the next record follows. */
  finish(): "advance" | "transferred" {
    this.commitStackPointer();
    if (!this.#refetchAtEnd) return "advance";
    this.#refetch();
    return "transferred";
  }

  #refetch(): void {
    this.loadState("i32Load", stateOffset("attention"));
    this.f.if();
    this.f.i32(0);
    this.#exit.transfer();
    this.f.end();
    this.#fetchAndTransfer();
  }
}
