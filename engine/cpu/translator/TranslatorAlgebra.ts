import type { Instruction, MemoryOperand, Operand } from "../decode/Instruction.ts";
import { stateOffset } from "../emit/SegmentEmitter.ts";
import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, Condition, HelperResult, OperandRef, Value, Width } from "../semantics/Algebra.ts";
import { type HelperName, helperSignatures } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import { LocalStateEmitter, type RegisterUse } from "./LocalStateEmitter.ts";

/** What an instruction asks of the region that it is part of. */
export interface RegionExits {
  helper(name: HelperName): number;
  /** Writes a branch to an instruction, inside of the region or out of it. Code behind is dead. */
  goTo(offset: number): void;
}

type TranslatedOperand = OperandRef<Width> & { readonly operand: Operand; effective?: number; host?: number };
const of = (operand: OperandRef<Width>): TranslatedOperand => operand as TranslatedOperand;

/**
 * The algebra with operands known when code is written. Whatever can fault first writes everything back, on its slow path only.
 * Helpers that end a block, repetition, x87 and vectors are the interpreter's.
 */
export class TranslatorAlgebra extends LocalStateEmitter implements Algebra {
  readonly repeat = "none";
  operandSize: 16 | 32 | 64 = 32;
  addressSize: 16 | 32 | 64 = 32;
  readonly #exits: RegionExits;
  /** A slow store noticed that something wants attention. */
  readonly leave: number;
  #offset = 0;
  #stored = false;
  #length = 0;

  constructor(f: FunctionBuilder, exits: RegionExits, long: boolean, use?: RegisterUse) {
    super(f, long, use);
    this.#exits = exits;
    this.leave = f.local("i32");
  }

  get vector(): never {
    throw new Error("regions hold no vector instructions");
  }

  /** The instruction at hand stores to memory, so that `leave` may have been set. */
  get stored(): boolean {
    return this.#stored;
  }

  /** The instruction that semantics are about to be asked for; gives its operands. */
  begin(offset: number, instruction: Instruction): OperandRef<Width>[] {
    this.#offset = offset;
    this.#stored = false;
    this.#length = instruction.length;
    this.operation = instruction.row.operation;
    this.operandSize = instruction.operandSize;
    this.addressSize = instruction.addressSize;
    return instruction.operands.map((operand) => {
      const width = "width" in operand ? operand.width : this.operandSize;
      return { width, kind: operand.kind, operand } as unknown as OperandRef<Width>;
    });
  }

  finish(): void {
    this.commitStackPointer();
  }

  prepareFault(): void {
    this.storeAll();
    this.storeRip(this.#offset);
  }

  protected helperIndex(name: HelperName): number {
    return this.#exits.helper(name);
  }

  protected override afterSlowStore(): void {
    this.#stored = true;
    this.loadState("i32Load", stateOffset("attention"));
    this.f.set(this.leave);
  }

  // --- operands ---
  read<W extends Width>(operand: OperandRef<W>): Value<W> {
    const { operand: known } = of(operand);
    if (known.kind === "immediate") return this.constant(operand.width, known.value);
    if (known.kind === "memory")
      return this.loadLinear(operand.width, this.#address(operand, operand.width / 8, "read"));
    if (known.kind !== "register") throw new Error(`an operand of kind ${known.kind} cannot be read`);
    if (known.file === "segment") return this.zeroExtend(this.readSegmentSelector(known.number), operand.width);
    if (operand.width === 8) {
      this.pushPart(8, known.number, known.high);
      return this.take(operand.width, false);
    }
    return this.readRegister(operand.width, known.number);
  }
  readForWrite<W extends Width>(operand: OperandRef<W>): Value<W> {
    if (operand.kind !== "memory") return this.read(operand);
    const { value, host } = this.loadForWrite(operand.width, this.#address(operand, operand.width / 8, "write"));
    of(operand).host = host;
    return value;
  }
  write<W extends Width>(operand: OperandRef<W>, value: Value<NoInfer<W>>): void {
    const target = of(operand);
    if (target.operand.kind === "register") {
      const { number, high } = target.operand;
      this.commitStackPointer();
      this.storePart(operand.width, number, high, () => this.put(value));
      return;
    }
    const linear = this.#address(operand, operand.width / 8, "write");
    if (target.host !== undefined) this.storeAfterLoad(operand.width, linear, target.host, value);
    else this.storeLinear(operand.width, linear, value);
  }
  probeWrite<W extends Width>(operand: OperandRef<W>): void {
    if (operand.kind !== "memory" || of(operand).host !== undefined) return;
    this.probeLinear(this.#address(operand, operand.width / 8, "write"), operand.width / 8);
  }

  // --- addresses ---
  #effective(operand: OperandRef<Width>): number {
    const o = of(operand);
    if (o.effective !== undefined) return o.effective;
    const memory = o.operand as MemoryOperand;
    const local = this.newLocal(this.addressType);
    if (memory.addressSize === 64) this.#pushAddress64(memory);
    else {
      this.#pushAddress32(memory);
      if (memory.addressSize === 16) this.f.i32(0xffff).op("i32And");
      if (this.long) this.f.op("i64ExtendI32U");
    }
    this.f.set(local);
    o.effective = local;
    return local;
  }
  #pushAddress64(memory: MemoryOperand): void {
    if (memory.ripRelative) {
      this.f
        .get(this.pageRip)
        .i64(memory.displacement + BigInt(this.#offset + this.#length))
        .op("i64Add");
      return;
    }
    this.f.i64(memory.displacement);
    if (memory.base >= 0) this.f.get(this.register(memory.base)).op("i64Add");
    if (memory.index < 0) return;
    this.f.get(this.register(memory.index));
    if (memory.scaleShift > 0) this.f.i64(memory.scaleShift).op("i64Shl");
    this.f.op("i64Add");
  }
  #pushAddress32(memory: MemoryOperand): void {
    const pushRegister = (local: number): void => {
      this.f.get(local);
      if (this.long) this.f.op("i32WrapI64");
    };
    const behind = memory.ripRelative ? this.#offset + this.#length : 0;
    this.f.i32(Number(BigInt.asIntN(32, memory.displacement)) + behind);
    if (memory.ripRelative) pushRegister(this.pageRip);
    if (memory.base >= 0) pushRegister(this.register(memory.base));
    if (memory.ripRelative || memory.base >= 0) this.f.op("i32Add");
    if (memory.index < 0) return;
    pushRegister(this.register(memory.index));
    if (memory.scaleShift > 0) this.f.i32(memory.scaleShift).op("i32Shl");
    this.f.op("i32Add");
  }
  #linear(segment: number, offset: number, bytes: number, access: "read" | "write"): number {
    // A flat CS may not be written, so accesses by way of it are checked.
    if (segment < 4 && (this.long || segment !== segmentIndex.cs)) return offset;
    return this.linearIn({ number: segment }, offset, bytes, access);
  }
  #address(operand: OperandRef<Width>, bytes: number, access: "read" | "write"): number {
    const { segment } = of(operand).operand as MemoryOperand;
    return this.#linear(segment, this.#effective(operand), bytes, access);
  }
  #addressAt(
    operand: OperandRef<Width>,
    byteOffset: number | Value<64>,
    bytes: number,
    access: "read" | "write",
  ): number {
    const memory = of(operand).operand as MemoryOperand;
    const offset = this.offsetBeyond(this.#effective(operand), byteOffset, memory.addressSize);
    return this.#linear(memory.segment, offset, bytes, access);
  }
  effectiveAddress(operand: OperandRef<Width>): Value<64> {
    this.pushLinear64(this.#effective(operand));
    return this.take(64, true);
  }
  linearAddress(operand: OperandRef<Width>, bytes: number): Value<64> {
    this.pushLinear64(this.#address(operand, bytes, "read"));
    return this.take(64, true);
  }
  readAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    return this.loadLinear(width, this.#addressAt(operand, byteOffset, width / 8, "read"));
  }
  readForWriteAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    return this.loadForWrite(width, this.#addressAt(operand, byteOffset, width / 8, "write")).value;
  }
  writeAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.#addressAt(operand, byteOffset, value.width / 8, "write"), value);
  }
  #segmented(segment: number, offset: Value<64>, bytes: number, access: "read" | "write"): number {
    return this.#linear(segment, this.takeOffset(offset), bytes, access);
  }
  load<W extends Width>(width: W, segment: number, offset: Value<64>): Value<W> {
    return this.loadLinear(width, this.#segmented(segment, offset, width / 8, "read"));
  }
  store<W extends Width>(segment: number, offset: Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.#segmented(segment, offset, value.width / 8, "write"), value);
  }

  // --- control ---
  farPointer(): never {
    throw new Error("regions hold no far transfers");
  }
  recordConstant(operand: OperandRef<Width>): Value<32> {
    const { operand: known } = of(operand);
    if (known.kind === "immediate") return this.constant(32, BigInt.asUintN(known.width, known.value));
    if (known.kind === "register") return this.constant(32, known.number);
    if (known.kind === "memory") return this.constant(32, known.segment);
    throw new Error(`no constant in an operand of kind ${known.kind}`);
  }
  nextInstruction(): Value<64> {
    this.pushInPage(this.#offset + this.#length);
    return this.take(64, true);
  }
  jump(): never {
    throw new Error("regions hold no indirect transfers");
  }
  jumpRelative(operand: OperandRef<Width>): void {
    const { operand: known } = of(operand);
    if (known.kind !== "relative") throw new Error("not a relative branch");
    this.commitStackPointer();
    this.keepingFlags(() => this.#exits.goTo(this.#offset + this.#length + known.displacement));
  }
  jumpRelativeIf(condition: Condition, operand: OperandRef<Width>): void {
    this.putCondition(condition);
    this.f.if();
    this.arm(() => this.jumpRelative(operand));
    this.f.end();
  }
  helper<N extends HelperName>(name: N, ...args: readonly (Value<Width> | number)[]): HelperResult<N> {
    const signature = helperSignatures[name] as { result?: "i32" | "i64" };
    this.settleFlags();
    this.prepareFault();
    this.pushArguments(name, args);
    this.callHelper(name);
    const result = signature.result ? this.take(signature.result === "i64" ? 64 : 32, true) : undefined;
    this.loadAll();
    return result as unknown as HelperResult<N>;
  }
  interruptShadow(): never {
    throw new Error("regions hold no instruction with an interrupt shadow");
  }
  repeatUnless(): never {
    throw new Error("regions hold no repeated instructions");
  }
}
