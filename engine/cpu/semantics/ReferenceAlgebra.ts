/**
 * Executes semantics directly, one instruction at a time, in the plainest way there is: BigInt values, eager flags, memory behind two
 * functions. It is slow and obviously right, and serves as the oracle that generated code is compared with. Helpers of the units are given
 * by whoever uses it; those it needs for arithmetic are built in. Absent: segment limits, paging, privilege and vectors.
 */
import type { Instruction, MemoryOperand, Operand, RegisterOperand } from "../decode/Instruction.ts";
import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, Condition, ConditionCode, FlagName, HelperResult, OperandRef, Value, Width } from "./Algebra.ts";
import type { HelperName } from "./helperSignatures.ts";
import { operations } from "./operations.ts";
import { GuestFault, type ReferenceHelpers, type ReferenceState } from "./ReferenceState.ts";
import { referenceArithmetic } from "./referenceArithmetic.ts";

interface Bits<W extends Width> extends Value<W> {
  readonly bits: bigint;
}
interface Truth extends Condition {
  readonly truth: boolean;
}
interface Reference<W extends Width> extends OperandRef<W> {
  readonly operand: Operand;
}

const cut = (width: number, bits: bigint): bigint => BigInt.asUintN(width, bits);
const make = <W extends Width>(width: W, bits: bigint): Value<W> => ({ width, bits: cut(width, bits) }) as Bits<W>;
const bitsOf = (value: Value<Width>): bigint => (value as Bits<Width>).bits;
const signedOf = (value: Value<Width>): bigint => BigInt.asIntN(value.width, bitsOf(value));
const truth = (value: boolean): Condition => ({ truth: value }) as Truth;
const isTrue = (condition: Condition): boolean => (condition as Truth).truth;

export class ReferenceAlgebra implements Algebra {
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  readonly repeat: "none" | "rep" | "repne";
  /** Interrupts are held off after this instruction. */
  shadow = false;
  /** A repeated string instruction has more to do. */
  unfinished = false;
  readonly #state: ReferenceState;
  readonly #next: bigint;
  readonly #helpers: ReferenceHelpers;
  readonly #addresses = new Map<MemoryOperand, bigint>();

  /** For the instruction at `state.rip`, which moves on to the next one right away. */
  constructor(state: ReferenceState, instruction: Instruction, helpers: ReferenceHelpers = {}) {
    this.operandSize = instruction.operandSize;
    this.addressSize = instruction.addressSize;
    this.stackSize = state.stackSize;
    this.repeat = instruction.repeat;
    this.#state = state;
    this.#next = cut(state.stackSize === 64 ? 64 : 32, state.rip + BigInt(instruction.length));
    this.#helpers = helpers;
    state.rip = this.#next;
  }

  get vector(): never {
    throw new Error("The reference has no vectors");
  }

  constant<W extends Width>(width: W, value: bigint | number): Value<W> {
    return make(width, BigInt(value));
  }

  read<W extends Width>(operand: OperandRef<W>): Value<W> {
    const source = (operand as Reference<W>).operand;
    if (source.kind === "register") return make(operand.width, this.#readOperandRegister(source));
    if (source.kind === "immediate") return make(operand.width, source.value);
    return this.readAt(operand, 0, operand.width);
  }
  readForWrite<W extends Width>(operand: OperandRef<W>): Value<W> {
    this.probeWrite(operand);
    return this.read(operand);
  }
  write<W extends Width>(operand: OperandRef<W>, value: Value<NoInfer<W>>): void {
    const target = (operand as Reference<W>).operand;
    if (operand.width !== value.width) throw new Error(`${value.width} bits written to ${operand.width}`);
    if (target.kind === "register") this.#writeGeneral(operand.width, target.number, target.high, bitsOf(value));
    else this.writeAt(operand, 0, value);
  }
  probeWrite<W extends Width>(operand: OperandRef<W>): void {
    if ((operand as Reference<W>).operand.kind === "memory") this.writeAt(operand, 0, this.read(operand));
  }

  effectiveAddress(operand: OperandRef<Width>): Value<64> {
    return make(64, this.#offset((operand as Reference<Width>).operand as MemoryOperand, 0n));
  }
  linearAddress(operand: OperandRef<Width>, _bytes: number): Value<64> {
    const memory = (operand as Reference<Width>).operand as MemoryOperand;
    return make(64, this.#linear(memory.segment, this.#offset(memory, 0n)));
  }
  readAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    const memory = (operand as Reference<Width>).operand as MemoryOperand;
    return this.load(width, memory.segment, make(64, this.#offset(memory, this.#byteOffset(byteOffset))));
  }
  readForWriteAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W> {
    const value = this.readAt(operand, byteOffset, width);
    this.writeAt(operand, byteOffset, value);
    return value;
  }
  writeAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, value: Value<W>): void {
    const memory = (operand as Reference<Width>).operand as MemoryOperand;
    this.store(memory.segment, make(64, this.#offset(memory, this.#byteOffset(byteOffset))), value);
  }
  readRegister<W extends Width>(width: W, number: number): Value<W> {
    const high = width === 8 && number >= 4;
    return make(width, this.#readGeneral(high ? number - 4 : number, high));
  }
  writeRegister<W extends Width>(width: W, number: number, value: Value<NoInfer<W>>): void {
    const high = width === 8 && number >= 4;
    this.#writeGeneral(width, high ? number - 4 : number, high, bitsOf(value));
  }
  readSegmentSelector(segment: number): Value<16> {
    return make(16, this.#state.segments[segment]!.selector);
  }
  load<W extends Width>(width: W, segment: number, offset: Value<64>): Value<W> {
    const linear = this.#linear(segment, bitsOf(offset));
    let bits = 0n;
    for (let byte = width / 8 - 1; byte >= 0; byte--) {
      bits = (bits << 8n) | BigInt(this.#state.readByte(this.#wrap(linear + BigInt(byte))));
    }
    return make(width, bits);
  }
  store<W extends Width>(segment: number, offset: Value<64>, value: Value<W>): void {
    const linear = this.#linear(segment, bitsOf(offset));
    for (let byte = 0; byte < value.width / 8; byte++) {
      const octet = Number((bitsOf(value) >> BigInt(8 * byte)) & 0xffn);
      this.#state.writeByte(this.#wrap(linear + BigInt(byte)), octet);
    }
  }

  // --- arithmetic ---
  #binary<W extends Width>(a: Value<W>, b: Value<Width>, compute: (a: bigint, b: bigint) => bigint): Value<W> {
    if (a.width !== b.width) throw new Error(`${a.width} and ${b.width} bits in one operation`);
    return make(a.width, compute(bitsOf(a), bitsOf(b)));
  }
  add<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p + q);
  }
  sub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p - q);
  }
  mul<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p * q);
  }
  and<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p & q);
  }
  or<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p | q);
  }
  xor<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p ^ q);
  }
  not<W extends Width>(a: Value<W>): Value<W> {
    return make(a.width, ~bitsOf(a));
  }
  neg<W extends Width>(a: Value<W>): Value<W> {
    return make(a.width, -bitsOf(a));
  }
  #shiftCount(a: Value<Width>, count: Value<8>): bigint {
    if (bitsOf(count) >= BigInt(a.width)) throw new Error(`Shift of ${a.width} bits by ${bitsOf(count)}`);
    return bitsOf(count);
  }
  shiftLeft<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    return make(a.width, bitsOf(a) << this.#shiftCount(a, count));
  }
  shiftRight<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    return make(a.width, bitsOf(a) >> this.#shiftCount(a, count));
  }
  shiftRightSigned<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    return make(a.width, signedOf(a) >> this.#shiftCount(a, count));
  }
  rotateLeft<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    const places = bitsOf(count) % BigInt(a.width);
    return make(a.width, (bitsOf(a) << places) | (bitsOf(a) >> (BigInt(a.width) - places)));
  }
  rotateRight<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    const places = bitsOf(count) % BigInt(a.width);
    return make(a.width, (bitsOf(a) >> places) | (bitsOf(a) << (BigInt(a.width) - places)));
  }
  divU<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p / q);
  }
  remU<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary(a, b, (p, q) => p % q);
  }
  divS<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return make(a.width, signedOf(a) / signedOf(b));
  }
  remS<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return make(a.width, signedOf(a) % signedOf(b));
  }
  countLeadingZeros<W extends Width>(a: Value<W>): Value<W> {
    return make(a.width, BigInt(a.width - bitsOf(a).toString(2).length + (bitsOf(a) === 0n ? 1 : 0)));
  }
  countTrailingZeros<W extends Width>(a: Value<W>): Value<W> {
    let count = 0;
    while (count < a.width && ((bitsOf(a) >> BigInt(count)) & 1n) === 0n) count++;
    return make(a.width, BigInt(count));
  }
  popCount<W extends Width>(a: Value<W>): Value<W> {
    return make(a.width, BigInt(bitsOf(a).toString(2).replaceAll("0", "").length));
  }
  zeroExtend<W extends Width>(a: Value<Width>, width: W): Value<W> {
    return make(width, bitsOf(a));
  }
  signExtend<W extends Width>(a: Value<Width>, width: W): Value<W> {
    return make(width, signedOf(a));
  }
  truncate<W extends Width>(a: Value<Width>, width: W): Value<W> {
    return make(width, bitsOf(a));
  }

  // --- conditions ---
  equal<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return truth(bitsOf(a) === bitsOf(b));
  }
  notEqual<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return truth(bitsOf(a) !== bitsOf(b));
  }
  lessU<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return truth(bitsOf(a) < bitsOf(b));
  }
  lessS<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return truth(signedOf(a) < signedOf(b));
  }
  isZero<W extends Width>(a: Value<W>): Condition {
    return truth(bitsOf(a) === 0n);
  }
  isNegative<W extends Width>(a: Value<W>): Condition {
    return truth(signedOf(a) < 0n);
  }
  bit<W extends Width>(a: Value<W>, index: number | Value<8>): Condition {
    const place = typeof index === "number" ? BigInt(index) : bitsOf(index);
    if (place >= BigInt(a.width)) throw new Error(`Bit ${place} of ${a.width}`);
    return truth(((bitsOf(a) >> place) & 1n) === 1n);
  }
  and2(a: Condition, b: Condition): Condition {
    return truth(isTrue(a) && isTrue(b));
  }
  or2(a: Condition, b: Condition): Condition {
    return truth(isTrue(a) || isTrue(b));
  }
  xor2(a: Condition, b: Condition): Condition {
    return truth(isTrue(a) !== isTrue(b));
  }
  not2(a: Condition): Condition {
    return truth(!isTrue(a));
  }
  constantCondition(value: boolean): Condition {
    return truth(value);
  }
  fromCondition<W extends Width>(a: Condition, width: W): Value<W> {
    return make(width, isTrue(a) ? 1n : 0n);
  }
  select<W extends Width>(condition: Condition, ifTrue: Value<W>, ifFalse: Value<NoInfer<W>>): Value<W> {
    return isTrue(condition) ? ifTrue : ifFalse;
  }

  // --- flags ---
  #flagsSum(a: Value<Width>, b: Value<Width>, r: Value<Width>, keepCarry: boolean, subtract: boolean): void {
    const [p, q, s] = [bitsOf(a), bitsOf(b), bitsOf(r)];
    // The carry out of every place: of the sum, or of the sum that a subtraction undoes (p = s + q).
    const carries = subtract ? (~p & q) | ((~p | q) & s) : (p & q) | ((p | q) & ~s);
    const at = (place: number): boolean => ((carries >> BigInt(place)) & 1n) === 1n;
    this.flagsResult(
      r,
      keepCarry ? this.getFlag("CF") : truth(at(r.width - 1)),
      truth(at(r.width - 1) !== at(r.width - 2)),
      truth(at(3)),
    );
  }
  flagsAdd<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#flagsSum(a, b, r, false, false);
  }
  flagsSub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#flagsSum(a, b, r, false, true);
  }
  flagsAddKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#flagsSum(a, b, r, true, false);
  }
  flagsSubKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    this.#flagsSum(a, b, r, true, true);
  }
  flagsLogic<W extends Width>(r: Value<W>): void {
    this.flagsResult(r, truth(false), truth(false));
  }
  flagsResult<W extends Width>(r: Value<W>, carry: Condition, overflow: Condition, adjust?: Condition): void {
    const flags = this.#state.flags;
    flags.SF = signedOf(r) < 0n;
    flags.ZF = bitsOf(r) === 0n;
    flags.PF = (bitsOf(r) & 0xffn).toString(2).replaceAll("0", "").length % 2 === 0;
    flags.CF = isTrue(carry);
    flags.OF = isTrue(overflow);
    flags.AF = adjust !== undefined && isTrue(adjust);
  }
  getFlag(name: FlagName): Condition {
    return truth(this.#state.flags[name]);
  }
  setFlag(name: FlagName, value: Condition): void {
    this.#state.flags[name] = isTrue(value);
  }
  condition(code: ConditionCode): Condition {
    const { CF, PF, ZF, SF, OF } = this.#state.flags;
    const positive = [OF, CF, ZF, CF || ZF, SF, PF, SF !== OF, ZF || SF !== OF][code >> 1]!;
    return truth(positive !== ((code & 1) === 1));
  }

  // --- stack ---
  #stackOffset(bytes: bigint): Value<64> {
    return make(64, cut(this.stackSize, this.#state.gpr[4]! + bytes));
  }
  push<W extends 16 | 32 | 64>(value: Value<W>): void {
    const bytes = BigInt(value.width / 8);
    this.store(segmentIndex.ss, this.#stackOffset(-bytes), value);
    this.releaseStack(Number(-bytes));
  }
  peekStack<W extends 16 | 32 | 64>(width: W, byteOffset = 0): Value<W> {
    return this.load(width, segmentIndex.ss, this.#stackOffset(BigInt(byteOffset)));
  }
  releaseStack(bytes: number | Value<64>): void {
    this.#writeGeneral(this.stackSize, 4, false, bitsOf(this.#stackOffset(this.#byteOffset(bytes))));
  }

  // --- control ---
  when(condition: Condition, then: () => void, otherwise?: () => void): void {
    if (isTrue(condition)) then();
    else otherwise?.();
  }
  raise(vector: number, errorCode?: number): void {
    throw new GuestFault(vector, errorCode);
  }
  nextInstruction(): Value<64> {
    return make(64, cut(this.operandSize, this.#next));
  }
  jump(target: Value<64>): void {
    this.#state.rip = cut(this.operandSize, bitsOf(target));
  }
  jumpRelative(operand: OperandRef<Width>): void {
    const target = (operand as Reference<Width>).operand;
    if (target.kind !== "relative") throw new Error(`A relative jump to an operand of kind ${target.kind}`);
    this.#state.rip = cut(this.operandSize, this.#next + BigInt(target.displacement));
  }
  jumpRelativeIf(condition: Condition, operand: OperandRef<Width>): void {
    if (isTrue(condition)) this.jumpRelative(operand);
  }
  farPointer(operand: OperandRef<Width>): { selector: Value<16>; offset: Value<64> } {
    const target = (operand as Reference<Width>).operand;
    if (target.kind !== "far") throw new Error(`A far pointer from an operand of kind ${target.kind}`);
    return { selector: make(16, BigInt(target.selector)), offset: make(64, BigInt(target.offset)) };
  }
  recordConstant(operand: OperandRef<Width>): Value<32> {
    const known = (operand as Reference<Width>).operand;
    if (known.kind === "immediate") return make(32, cut(known.width, known.value));
    if (known.kind === "register") return make(32, BigInt(known.number));
    if (known.kind === "memory") return make(32, BigInt(known.segment));
    throw new Error(`Nothing constant in an operand of kind ${known.kind}`);
  }
  helper<N extends HelperName>(name: N, ...args: readonly (Value<Width> | number)[]): HelperResult<N> {
    const given = this.#helpers[name] ?? referenceArithmetic[name];
    if (!given) throw new Error(`The reference has no helper ${name}`);
    const bits = args.map((arg) => (typeof arg === "number" ? BigInt(arg) : bitsOf(arg)));
    const result = given(this.#state, ...bits);
    const width = resultWidths[name];
    return (result === undefined || !width ? undefined : make(width, result)) as HelperResult<N>;
  }
  interruptShadow(): void {
    this.shadow = true;
  }
  repeatUnless(done: Condition): void {
    this.unfinished = !isTrue(done);
  }

  // --- registers and addresses ---
  #readOperandRegister(source: RegisterOperand): bigint {
    if (source.file === "segment") return this.#state.segments[source.number]!.selector;
    if (source.file !== "general") throw new Error(`The reference has no ${source.file} registers`);
    return this.#readGeneral(source.number, source.high);
  }
  #readGeneral(number: number, high: boolean): bigint {
    return high ? this.#state.gpr[number]! >> 8n : this.#state.gpr[number]!;
  }
  #writeGeneral(width: number, number: number, high: boolean, bits: bigint): void {
    const old = this.#state.gpr[number]!;
    const place = high ? 8n : 0n;
    const mask = ((1n << BigInt(width)) - 1n) << place;
    // A 32-bit write clears the upper half.
    this.#state.gpr[number] = width >= 32 ? bits : (old & ~mask) | (bits << place);
  }
  #byteOffset(offset: number | Value<64>): bigint {
    return typeof offset === "number" ? BigInt(offset) : bitsOf(offset);
  }
  /** An operand's address is computed once, before its base or index may change. */
  #offset(memory: MemoryOperand, byteOffset: bigint): bigint {
    let start = this.#addresses.get(memory);
    if (start === undefined) {
      start = this.#startOf(memory);
      this.#addresses.set(memory, start);
    }
    return cut(memory.addressSize, start + byteOffset);
  }
  #startOf(memory: MemoryOperand): bigint {
    const base = memory.base < 0 ? 0n : this.#state.gpr[memory.base]!;
    const index = memory.index < 0 ? 0n : this.#state.gpr[memory.index]! << BigInt(memory.scaleShift);
    const place = memory.ripRelative ? this.#next : 0n;
    return base + index + place + memory.displacement;
  }
  #linear(segment: number, offset: bigint): bigint {
    return this.#wrap(this.#state.segments[segment]!.base + offset);
  }
  #wrap(linear: bigint): bigint {
    return cut(this.#state.stackSize === 64 ? 64 : 32, linear);
  }
}

const resultWidths: Partial<Record<HelperName, 32 | 64>> = {
  mulHighU: 64,
  mulHighS: 64,
  depositBits: 64,
  extractBits: 64,
  crc32: 32,
  readFlags: 32,
  pushfImage: 32,
  in8: 32,
  in16: 32,
  in32: 32,
};

/** Executes one decoded instruction whose first byte is at `state.rip`; faults are thrown, with `rip` put back. */
export function executeReference(
  state: ReferenceState,
  instruction: Instruction,
  helpers?: ReferenceHelpers,
): ReferenceAlgebra {
  const before = state.rip;
  const algebra = new ReferenceAlgebra(state, instruction, helpers);
  const references = instruction.operands.map(
    (operand) =>
      ({
        kind: operand.kind,
        width: "width" in operand ? operand.width : instruction.operandSize,
        operand,
      }) as Reference<Width>,
  );
  try {
    operations[instruction.row.operation](algebra, references);
  } catch (fault) {
    state.rip = before;
    throw fault;
  }
  return algebra;
}
