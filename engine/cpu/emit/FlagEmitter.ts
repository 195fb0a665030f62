import type { Condition, ConditionCode, FlagName, Value, Width } from "../semantics/Algebra.ts";
import { ArithmeticEmitter } from "./ArithmeticEmitter.ts";

/** The three words of lazy flags (`flagResult`, `flagCarries`, `flagAux` of cpuLayout) and the system flags. */
export type FlagWord = "flagResult" | "flagCarries" | "flagAux" | "flagsSystem";

/**
 * The flags half of the algebra over the lazy representation of cpuLayout: an arithmetic instruction leaves its result and its
 * vector of carries, and single flags are worked out when asked for. Where the words live (memory, locals) is the
 * subclass's business.
 */
export abstract class FlagEmitter extends ArithmeticEmitter {
  /** Pushes a word: i64 for flagResult, i32 for the others. */
  protected abstract pushFlagWord(word: FlagWord): void;
  /** Stores what `push` pushes. */
  protected abstract storeFlagWord(word: FlagWord, push: () => void): void;

  flagsAdd<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    const differ = this.xor(a, b);
    // Carry out of a bit: a where the operands agree, not r where they differ.
    const carries = this.xor(a, this.and(differ, this.not(this.xor(a, r))));
    this.#storeArithmetic(r, differ, () => this.#pushJustified(carries));
  }

  flagsSub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    const differ = this.xor(a, b);
    // Borrow out of a bit: r where the operands agree, b where they differ.
    const borrows = this.xor(r, this.and(differ, this.xor(b, r)));
    this.#storeArithmetic(r, differ, () => this.#pushJustified(borrows));
  }

  flagsAddKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    const differ = this.xor(a, b);
    const carries = this.xor(a, this.and(differ, this.not(this.xor(a, r))));
    this.#storeArithmetic(r, differ, () => this.#pushKeepingCarry(carries));
  }

  flagsSubKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    const differ = this.xor(a, b);
    const borrows = this.xor(r, this.and(differ, this.xor(b, r)));
    this.#storeArithmetic(r, differ, () => this.#pushKeepingCarry(borrows));
  }

  flagsLogic<W extends Width>(r: Value<W>): void {
    this.storeFlagWord("flagResult", () => this.putSigned64(r));
    this.storeFlagWord("flagCarries", () => this.f.i32(0));
    this.storeFlagWord("flagAux", () => this.f.i32(0));
  }

  flagsResult<W extends Width>(r: Value<W>, carry: Condition, overflow: Condition, adjust?: Condition): void {
    this.storeFlagWord("flagResult", () => this.putSigned64(r));
    this.storeFlagWord("flagCarries", () => {
      this.putCondition(carry);
      this.f.i32(31).op("i32Shl");
      this.putCondition(carry);
      this.putCondition(overflow);
      this.f.op("i32Xor").i32(30).op("i32Shl").op("i32Or");
    });
    this.storeFlagWord("flagAux", () => {
      if (!adjust) {
        this.f.i32(0);
        return;
      }
      this.putCondition(adjust);
      this.f.i32(4).op("i32Shl");
    });
  }

  /** Carries left-justified in 32 bits. */
  #pushJustified(carries: Value<Width>): void {
    this.put(carries);
    if (carries.width === 64) this.f.i64(32).op("i64ShrU").op("i32WrapI64");
    else if (carries.width !== 32) this.f.i32(32 - carries.width).op("i32Shl");
  }

  /** CF (bit 31) as it was, and bit 30 such that their difference is the new OF. */
  #pushKeepingCarry(carries: Value<Width>): void {
    const fresh = this.newLocal("i32");
    this.#pushJustified(carries);
    this.f.set(fresh);
    const old = this.newLocal("i32");
    this.pushFlagWord("flagCarries");
    this.f.i32(-0x8000_0000).op("i32And").tee(old);
    this.f.get(old).get(fresh).get(fresh).i32(1).op("i32Shl").op("i32Xor").op("i32Xor");
    this.f.i32(1).op("i32ShrU").i32(0x4000_0000).op("i32And").op("i32Or");
  }

  #storeArithmetic(r: Value<Width>, differ: Value<Width>, pushCarries: () => void): void {
    this.storeFlagWord("flagCarries", pushCarries);
    this.storeFlagWord("flagAux", () => {
      this.put(this.xor(differ, r));
      if (r.width === 64) this.f.op("i32WrapI64");
      this.f.i32(0x10).op("i32And");
    });
    this.storeFlagWord("flagResult", () => this.putSigned64(r));
  }

  // --- single flags; each leaves 0 or 1 on the stack ---
  #pushCf(): void {
    this.pushFlagWord("flagCarries");
    this.f.i32(31).op("i32ShrU");
  }
  #pushOf(): void {
    const carries = this.newLocal("i32");
    this.pushFlagWord("flagCarries");
    this.f.tee(carries).get(carries).i32(1).op("i32Shl").op("i32Xor").i32(31).op("i32ShrU");
  }
  #pushZf(): void {
    this.pushFlagWord("flagResult");
    this.f.op("i64Eqz");
  }
  #pushAuxBit(bit: number): void {
    this.pushFlagWord("flagAux");
    this.f.i32(bit).op("i32ShrU").i32(1).op("i32And");
  }
  #pushResultNegative(): void {
    this.pushFlagWord("flagResult");
    this.f.i64(63).op("i64ShrU").op("i32WrapI64");
  }
  #pushSf(): void {
    this.#pushResultNegative();
    this.#pushAuxBit(9);
    this.f.op("i32Xor");
  }
  /** 1 when the low byte of the result has an odd number of ones. */
  #pushResultOdd(): void {
    this.pushFlagWord("flagResult");
    this.f.op("i32WrapI64").i32(0xff).op("i32And").op("i32Popcnt").i32(1).op("i32And");
  }
  #pushPf(): void {
    this.#pushResultOdd();
    this.#pushAuxBit(8);
    this.f.op("i32Xor").i32(1).op("i32Xor");
  }
  #pushSystemBit(bit: number): void {
    this.pushFlagWord("flagsSystem");
    this.f.i32(bit).op("i32ShrU").i32(1).op("i32And");
  }

  protected pushFlag(name: FlagName): void {
    switch (name) {
      case "CF":
        return this.#pushCf();
      case "PF":
        return this.#pushPf();
      case "AF":
        return this.#pushAuxBit(4);
      case "ZF":
        return this.#pushZf();
      case "SF":
        return this.#pushSf();
      case "OF":
        return this.#pushOf();
      case "DF":
        return this.#pushSystemBit(10);
      case "IF":
        return this.#pushSystemBit(9);
    }
  }

  getFlag(name: FlagName): Condition {
    this.pushFlag(name);
    return this.takeCondition();
  }

  /** Pushes `word` with bit `bit` replaced by what `pushBit` pushes (0 or 1). */
  #replaceBit(word: FlagWord, bit: number, pushBit: () => void): void {
    const fresh = this.newLocal("i32");
    pushBit();
    this.f.i32(bit).op("i32Shl").set(fresh);
    this.storeFlagWord(word, () => {
      this.pushFlagWord(word);
      this.f
        .i32(~(1 << bit))
        .op("i32And")
        .get(fresh)
        .op("i32Or");
    });
  }

  setFlag(name: FlagName, value: Condition): void {
    switch (name) {
      case "CF":
      case "OF":
        return this.#setCarryOrOverflow(name, value);
      case "ZF":
        return this.#setZf(value);
      case "SF":
        return this.#replaceBit("flagAux", 9, () => {
          this.#pushResultNegative();
          this.putCondition(value);
          this.f.op("i32Xor");
        });
      case "PF":
        return this.#replaceBit("flagAux", 8, () => {
          this.#pushResultOdd();
          this.putCondition(value);
          this.f.op("i32Xor").i32(1).op("i32Xor");
        });
      case "AF":
        return this.#replaceBit("flagAux", 4, () => this.putCondition(value));
      case "DF":
        return this.#replaceBit("flagsSystem", 10, () => this.putCondition(value));
      case "IF":
        return this.#replaceBit("flagsSystem", 9, () => this.putCondition(value));
    }
  }

  #setCarryOrOverflow(name: "CF" | "OF", value: Condition): void {
    const carry = this.newLocal("i32");
    const overflow = this.newLocal("i32");
    if (name === "CF") this.putCondition(value);
    else this.#pushCf();
    this.f.set(carry);
    if (name === "OF") this.putCondition(value);
    else this.#pushOf();
    this.f.set(overflow);
    this.storeFlagWord("flagCarries", () => {
      this.f.get(carry).i32(31).op("i32Shl");
      this.f.get(carry).get(overflow).op("i32Xor").i32(30).op("i32Shl").op("i32Or");
    });
  }

  /** A result of 0 or 1 that says so, with SF and PF kept by their correction bits. */
  #setZf(value: Condition): void {
    const aux = this.newLocal("i32");
    this.#pushAuxBit(4);
    this.f.i32(4).op("i32Shl");
    this.#pushSf();
    this.f.i32(9).op("i32Shl").op("i32Or");
    this.#pushPf();
    this.putCondition(value);
    this.f.op("i32Xor").i32(8).op("i32Shl").op("i32Or").set(aux);
    this.storeFlagWord("flagAux", () => this.f.get(aux));
    this.storeFlagWord("flagResult", () => {
      this.putCondition(value);
      this.f.op("i32Eqz").op("i64ExtendI32U");
    });
  }

  condition(code: ConditionCode): Condition {
    switch (code >> 1) {
      case 0:
        this.#pushOf();
        break;
      case 1:
        this.#pushCf();
        break;
      case 2:
        this.#pushZf();
        break;
      case 3:
        this.#pushCf();
        this.#pushZf();
        this.f.op("i32Or");
        break;
      case 4:
        this.#pushSf();
        break;
      case 5:
        this.#pushPf();
        break;
      case 6:
        this.#pushSf();
        this.#pushOf();
        this.f.op("i32Xor");
        break;
      default:
        this.#pushSf();
        this.#pushOf();
        this.f.op("i32Xor");
        this.#pushZf();
        this.f.op("i32Or");
    }
    if (code & 1) this.f.op("i32Eqz");
    return this.takeCondition();
  }
}
