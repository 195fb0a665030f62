import type { Instruction, MemoryOperand, Operand } from "../decode/Instruction.ts";
import type { FlagWord } from "../emit/FlagEmitter.ts";
import { comparisons, conditionOfOrigin, type FlagOrigin } from "../emit/flagOrigin.ts";
import { generalRegister, type SegmentPlace, segmentRow, stateOffset } from "../emit/MemoryEmitter.ts";
import { StackEmitter } from "../emit/StackEmitter.ts";
import { segmentFields } from "../layout/cpuLayout.ts";
import type {
  Algebra,
  Condition,
  ConditionCode,
  FlagName,
  HelperResult,
  OperandRef,
  Value,
  Width,
} from "../semantics/Algebra.ts";
import { type HelperName, helperSignatures } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";

/** What an instruction asks of the region that it is part of. */
export interface RegionExits {
  helper(name: HelperName): number;
  /** Writes a branch to an instruction, inside of the region or out of it. Code behind is dead. */
  goTo(offset: number): void;
}

interface Flags extends FlagOrigin {
  /** Writes the words; may be used more than once. */
  readonly store: () => void;
  /** How many earlier flag settings it rests on. */
  readonly depth: number;
}

type TranslatedOperand = OperandRef<Width> & { readonly operand: Operand; effective?: number; host?: number };
const of = (operand: OperandRef<Width>): TranslatedOperand => operand as TranslatedOperand;

const flagWords = ["flagResult", "flagCarries", "flagAux"] as const;

/**
 * The algebra with operands known when code is written: general registers are in locals, and flags are kept as what they come from
 * until something asks for them, so that most are never computed. Whatever can fault first writes everything back, on its slow
 * path only. For 32-bit flat code; helpers that end a block, repetition, x87 and vectors are the interpreter's.
 */
export class TranslatorAlgebra extends StackEmitter implements Algebra {
  readonly long = false;
  readonly stackSize = 32;
  readonly repeat = "none";
  protected readonly flatStack = true;
  operandSize: 16 | 32 | 64 = 32;
  addressSize: 16 | 32 | 64 = 32;
  readonly #exits: RegionExits;
  readonly #registers: number[];
  readonly #words: Record<(typeof flagWords)[number], number>;
  readonly #tlbBase: number;
  /** A slow store noticed that something wants attention. */
  readonly leave: number;
  #flags: Flags | undefined;
  #operation = "";
  #offset = 0;
  #stored = false;
  #length = 0;

  constructor(f: FunctionBuilder, exits: RegionExits) {
    super(f);
    this.#exits = exits;
    this.#registers = Array.from({ length: 8 }, () => f.local("i32"));
    this.#words = { flagResult: f.local("i64"), flagCarries: f.local("i32"), flagAux: f.local("i32") };
    this.#tlbBase = f.local("i32");
    this.leave = f.local("i32");
  }

  get vector(): never {
    throw new Error("regions hold no vector instructions");
  }

  // --- entering and leaving ---
  loadAll(): void {
    this.#registers.forEach((local, number) => {
      this.loadState("i32Load", generalRegister(number));
      this.f.set(local);
    });
    for (const word of flagWords) {
      this.loadState(word === "flagResult" ? "i64Load" : "i32Load", stateOffset(word));
      this.f.set(this.#words[word]);
    }
    this.loadState("i32Load", stateOffset("tlbBase"));
    this.f.set(this.#tlbBase);
  }

  /** Registers and flags into the state. Flags that are not worked out yet are so here; they stay so elsewhere. */
  storeAll(): void {
    this.#flags?.store();
    this.#registers.forEach((local, number) => {
      this.storeState("i64Store", generalRegister(number), () => this.f.get(local).op("i64ExtendI32U"));
    });
    for (const word of flagWords) {
      const opcode = word === "flagResult" ? "i64Store" : "i32Store";
      this.storeState(opcode, stateOffset(word), () => this.f.get(this.#words[word]));
    }
  }

  storeRip(offset: number): void {
    this.storeState("i64Store", stateOffset("rip"), () => {
      this.loadState("i32Load", stateOffset("pageRip"));
      this.f.i32(offset).op("i32Add").op("i64ExtendI32U");
    });
    this.storeState("i32Store", stateOffset("currentRecord"), () => this.f.i32(0));
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
    this.#operation = instruction.row.operation;
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

  protected override pushTlbBase(): void {
    this.f.get(this.#tlbBase);
  }

  protected override afterSlowStore(): void {
    this.#stored = true;
    this.loadState("i32Load", stateOffset("attention"));
    this.f.set(this.leave);
  }

  // --- registers ---
  protected pushGeneral(width: Width, number: number): void {
    const high = width === 8 && number >= 4;
    this.f.get(this.#registers[high ? number - 4 : number]!);
    if (high) this.f.i32(8).op("i32ShrU");
  }
  protected storeGeneral(width: Width, number: number, push: () => void): void {
    const high = width === 8 && number >= 4;
    const register = this.#registers[high ? number - 4 : number]!;
    if (width >= 32) {
      push();
      this.f.set(register);
      return;
    }
    const mask = width === 16 ? 0xffff : high ? 0xff00 : 0xff;
    push();
    if (high) this.f.i32(8).op("i32Shl");
    this.f.i32(mask).op("i32And").get(register).i32(~mask).op("i32And").op("i32Or").set(register);
  }
  readRegister<W extends Width>(width: W, number: number): Value<W> {
    const pending = number === 4 ? this.pendingStackPointer(width) : undefined;
    if (pending) return pending as Value<W>;
    this.pushGeneral(width, number);
    return this.take(width, false);
  }
  writeRegister<W extends Width>(width: W, number: number, value: Value<NoInfer<W>>): void {
    this.commitStackPointer();
    this.storeGeneral(width, number, () => this.put(value));
  }
  readSegmentSelector(segment: number): Value<16> {
    this.loadState("i32Load16U", segmentRow(segment) + segmentFields.selector);
    return this.take(16, true);
  }

  // --- operands ---
  read<W extends Width>(operand: OperandRef<W>): Value<W> {
    const { operand: known } = of(operand);
    if (known.kind === "immediate") return this.constant(operand.width, known.value);
    if (known.kind === "memory")
      return this.loadLinear(operand.width, this.#address(operand, operand.width / 8, "read"));
    if (known.kind !== "register") throw new Error(`an operand of kind ${known.kind} cannot be read`);
    if (known.file === "segment") return this.zeroExtend(this.readSegmentSelector(known.number), operand.width);
    return this.readRegister(operand.width, known.high ? known.number + 4 : known.number);
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
      this.writeRegister(operand.width, target.operand.number + (target.operand.high ? 4 : 0), value);
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
    const local = this.newLocal("i32");
    this.f.i32(Number(BigInt.asIntN(32, memory.displacement)));
    if (memory.base >= 0) this.f.get(this.#registers[memory.base]!).op("i32Add");
    if (memory.index >= 0) {
      this.f.get(this.#registers[memory.index]!);
      if (memory.scaleShift > 0) this.f.i32(memory.scaleShift).op("i32Shl");
      this.f.op("i32Add");
    }
    if (memory.addressSize === 16) this.f.i32(0xffff).op("i32And");
    this.f.set(local);
    o.effective = local;
    return local;
  }
  #linear(segment: number, offset: number, bytes: number, access: "read" | "write"): number {
    if (segment < 4) return offset;
    const place: SegmentPlace = { number: segment };
    this.checkSegment(place, offset, bytes, access);
    this.f.get(offset);
    return this.addSegmentBase(place);
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
    const offset = this.newLocal("i32");
    this.f.get(this.#effective(operand));
    if (typeof byteOffset === "number") this.f.i32(byteOffset);
    else {
      this.put(byteOffset);
      this.f.op("i32WrapI64");
    }
    this.f.op("i32Add");
    if (memory.addressSize === 16) this.f.i32(0xffff).op("i32And");
    this.f.set(offset);
    return this.#linear(memory.segment, offset, bytes, access);
  }
  effectiveAddress(operand: OperandRef<Width>): Value<64> {
    this.f.get(this.#effective(operand)).op("i64ExtendI32U");
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
    const local = this.newLocal("i32");
    this.put(offset);
    this.f.op("i32WrapI64").set(local);
    return this.#linear(segment, local, bytes, access);
  }
  load<W extends Width>(width: W, segment: number, offset: Value<64>): Value<W> {
    return this.loadLinear(width, this.#segmented(segment, offset, width / 8, "read"));
  }
  store<W extends Width>(segment: number, offset: Value<64>, value: Value<W>): void {
    this.storeLinear(value.width, this.#segmented(segment, offset, value.width / 8, "write"), value);
  }

  // --- flags ---
  protected pushFlagWord(word: FlagWord): void {
    if (word === "flagsSystem") this.loadState("i32Load", stateOffset(word));
    else this.f.get(this.#words[word]);
  }
  protected storeFlagWord(word: FlagWord, push: () => void): void {
    if (word === "flagsSystem") {
      this.storeState("i32Store", stateOffset(word), push);
      return;
    }
    push();
    this.f.set(this.#words[word]);
  }
  /** Works out what is pending, for good. */
  settleFlags(): void {
    this.#flags?.store();
    this.#flags = undefined;
  }
  /** Nothing reads them any more. */
  dropFlags(): void {
    this.#flags = undefined;
  }
  /** Runs `body` for code that is left by a branch, so that what is pending before it still is behind it. */
  keepingFlags(body: () => void): void {
    const before = this.#flags;
    body();
    this.#flags = before;
  }
  protected override writeArm(body: () => void): void {
    const before = this.#flags;
    super.writeArm(() => {
      body();
      if (this.#flags !== before) this.settleFlags();
    });
    this.#flags = before;
  }
  override when(condition: Condition, then: () => void, otherwise?: () => void): void {
    if (this.isConstant(condition)) super.when(condition, then, otherwise);
    else {
      this.settleFlags();
      super.when(condition, then, otherwise);
    }
  }
  override flagsAdd<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#flags = { kind: "other", r, depth: 0, store: () => super.flagsAdd(a, b, r) };
  }
  override flagsSub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    const kind = comparisons.has(this.#operation) ? "sub" : "other";
    this.#flags = { kind, a, b, r, depth: 0, store: () => super.flagsSub(a, b, r) };
  }
  override flagsLogic<W extends Width>(r: Value<W>): void {
    this.#flags = { kind: "logic", r, depth: 0, store: () => super.flagsLogic(r) };
  }
  override flagsResult<W extends Width>(r: Value<W>, carry: Condition, overflow: Condition, adjust?: Condition): void {
    this.#flags = { kind: "other", r, depth: 0, store: () => super.flagsResult(r, carry, overflow, adjust) };
  }
  override flagsAddKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#keepCarry(r, () => super.flagsAddKeepCarry(a, b, r));
  }
  override flagsSubKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#keepCarry(r, () => super.flagsSubKeepCarry(a, b, r));
  }
  #keepCarry(r: Value<Width>, own: () => void): void {
    if (this.#flags && this.#flags.depth > 2) this.settleFlags();
    const before = this.#flags;
    const store = (): void => {
      before?.store();
      own();
    };
    this.#flags = { kind: "other", r, depth: (before?.depth ?? 0) + 1, store };
  }
  override getFlag(name: FlagName): Condition {
    const code = ({ CF: 2, ZF: 4, SF: 8 } as const)[name as "CF" | "ZF" | "SF"] as ConditionCode | undefined;
    const direct = code === undefined || !this.#flags ? undefined : conditionOfOrigin(this, this.#flags, code);
    if (direct) return direct;
    if (name !== "DF" && name !== "IF") this.settleFlags();
    return super.getFlag(name);
  }
  override setFlag(name: FlagName, value: Condition): void {
    if (name !== "DF" && name !== "IF") this.settleFlags();
    super.setFlag(name, value);
  }
  override condition(code: ConditionCode): Condition {
    const direct = this.#flags && conditionOfOrigin(this, this.#flags, code);
    if (direct) return direct;
    this.settleFlags();
    return super.condition(code);
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
    this.loadState("i32Load", stateOffset("pageRip"));
    this.f
      .i32(this.#offset + this.#length)
      .op("i32Add")
      .op("i64ExtendI32U");
    return this.take(64, true);
  }
  checkTarget(): void {}
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
