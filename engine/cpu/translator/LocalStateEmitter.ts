import type { FlagWord } from "../emit/FlagEmitter.ts";
import { comparisons, conditionOfOrigin, type FlagOrigin } from "../emit/flagOrigin.ts";
import { isHighByte, RegisterEmitter } from "../emit/RegisterEmitter.ts";
import { generalRegister, stateOffset } from "../emit/SegmentEmitter.ts";
import type { Condition, ConditionCode, FlagName, Value, Width } from "../semantics/Algebra.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";

interface Flags extends FlagOrigin {
  /** Writes the words; may be used more than once. */
  readonly store: () => void;
  /** How many earlier flag settings it rests on. */
  readonly depth: number;
}

const flagWords = ["flagResult", "flagCarries", "flagAux"] as const;

/** Which general registers a region reads or writes, and which of them it writes; the others need no local. */
export interface RegisterUse {
  readonly used: ReadonlySet<number>;
  readonly written: ReadonlySet<number>;
}

/**
 * Processor state while a region runs: general registers in locals, and flags as what they come from until something asks for
 * them, so that most are never computed. For flat code of 32 bits, whose registers are i32, and of 64 bits (`long`), where they are i64.
 */
export abstract class LocalStateEmitter extends RegisterEmitter {
  readonly long: boolean;
  readonly stackSize: 32 | 64;
  protected readonly flatStack = true;
  protected readonly pushesClean = false;
  readonly #registers = new Map<number, number>();
  /** What has been asked for so far. */
  readonly #used = new Set<number>();
  readonly #written = new Set<number>();
  /** Address of the page's first byte as an offset in CS. */
  protected readonly pageRip: number;
  readonly #words: Record<(typeof flagWords)[number], number>;
  readonly #tlbBase: number;
  #flags: Flags | undefined;
  /** What the instruction at hand does, for flags that depend on it. */
  protected operation = "";

  /** Without `use` every register has a local. */
  constructor(f: FunctionBuilder, long: boolean, use?: RegisterUse) {
    super(f);
    this.long = long;
    this.stackSize = long ? 64 : 32;
    const all = Array.from({ length: long ? 16 : 8 }, (_, number) => number);
    for (const number of use?.used ?? all) this.#registers.set(number, f.local(this.addressType));
    for (const number of use?.written ?? []) this.#written.add(number);
    this.#words = { flagResult: f.local("i64"), flagCarries: f.local("i32"), flagAux: f.local("i32") };
    this.#tlbBase = f.local("i32");
    this.pageRip = f.local(this.addressType);
  }

  get registerUse(): RegisterUse {
    return { used: this.#used, written: this.#written };
  }

  /** The local of a register that is read, or written to whole or in part. */
  protected register(number: number, written = false): number {
    const local = this.#registers.get(number);
    if (local === undefined) throw new Error(`register ${number} has no local in this region`);
    this.#used.add(number);
    if (written) this.#written.add(number);
    return local;
  }

  // --- entering and leaving ---
  loadAll(): void {
    const opcode = this.long ? "i64Load" : "i32Load";
    for (const [number, local] of this.#registers) {
      this.loadState(opcode, generalRegister(number));
      this.f.set(local);
    }
    this.loadState(opcode, stateOffset("pageRip"));
    this.f.set(this.pageRip);
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
    for (const [number, local] of this.#registers) {
      if (!this.#written.has(number)) continue;
      this.storeState("i64Store", generalRegister(number), () => this.pushLinear64(local));
    }
    for (const word of flagWords) {
      const opcode = word === "flagResult" ? "i64Store" : "i32Store";
      this.storeState(opcode, stateOffset(word), () => this.f.get(this.#words[word]));
    }
  }

  storeRip(offset: number): void {
    this.storeState("i64Store", stateOffset("rip"), () => {
      this.pushInPage(offset);
    });
    this.storeState("i32Store", stateOffset("currentRecord"), () => this.f.i32(0));
  }

  /** Offset in CS of a place in the page or near it, as i64. */
  protected pushInPage(offset: number): void {
    if (this.long) this.f.get(this.pageRip).i64(offset).op("i64Add");
    else this.f.get(this.pageRip).i32(offset).op("i32Add").op("i64ExtendI32U");
  }

  protected override pushTlbBase(): void {
    this.f.get(this.#tlbBase);
  }

  // --- registers ---
  /** Implied registers: of 8 bits, 4 to 7 are AH, CH, DH and BH. */
  protected pushGeneral(width: Width, number: number): void {
    const high = isHighByte(width, number);
    this.pushPart(width, high ? number - 4 : number, high);
  }
  protected storeGeneral(width: Width, number: number, push: () => void): void {
    const high = isHighByte(width, number);
    this.storePart(width, high ? number - 4 : number, high, push);
  }
  protected pushPart(width: Width, number: number, high: boolean): void {
    this.f.get(this.register(number));
    if (this.long && width !== 64) this.f.op("i32WrapI64");
    if (high) this.f.i32(8).op("i32ShrU");
  }
  protected storePart(width: Width, number: number, high: boolean, push: () => void): void {
    const register = this.register(number, true);
    if (width >= 32) {
      push();
      if (this.long && width === 32) this.f.op("i64ExtendI32U");
      this.f.set(register);
      return;
    }
    const mask = width === 16 ? 0xffff : high ? 0xff00 : 0xff;
    push();
    if (high) this.f.i32(8).op("i32Shl");
    this.f.i32(mask).op("i32And");
    if (this.long) this.f.op("i64ExtendI32U").get(register).i64(~mask).op("i64And").op("i64Or").set(register);
    else this.f.get(register).i32(~mask).op("i32And").op("i32Or").set(register);
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
    const kind = comparisons.has(this.operation) ? "sub" : "other";
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
}
