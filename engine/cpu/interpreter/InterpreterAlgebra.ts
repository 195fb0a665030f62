import type { HandlerExit } from "../emit/HandlerExit.ts";
import { segmentRow, stateOffset } from "../emit/SegmentEmitter.ts";
import { segmentFields, segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, Condition, HelperResult, OperandRef, Value, Width } from "../semantics/Algebra.ts";
import { type HelperName, helperSignatures } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { HandlerSpec } from "./HandlerSpec.ts";
import { type CoreFunctions, operandOf } from "./RecordAddressEmitter.ts";
import { RecordOperandEmitter } from "./RecordOperandEmitter.ts";
import { recordLayout } from "./recordLayout.ts";

/**
 * The algebra as the interpreter's handlers need it. Operands are the base class's; this half transfers control, which leaves through
 * `exit`, and calls helpers, after which the place of execution may be another.
 */
export class InterpreterAlgebra extends RecordOperandEmitter implements Algebra {
  readonly #exit: HandlerExit;
  #refetchAtEnd = false;

  constructor(f: FunctionBuilder, spec: HandlerSpec, record: number, core: CoreFunctions, exit: HandlerExit) {
    super(f, spec, record, core);
    this.#exit = exit;
  }

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
    this.f.get(this.record).memory("i32Load16U", recordLayout.place).tee(place);
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

  /** #GP(0) unless the offset is canonical, or within the limit of CS. */
  #checkTarget(target: Value<64>): void {
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
    this.#checkTarget(target);
    this.commitStackPointer();
    this.storeState("i64Store", stateOffset("rip"), () => this.put(target));
    this.#fetchAndTransfer();
  }

  /** `rip` is stored; faults from here on are its own. */
  #fetchAndTransfer(): void {
    this.storeState("i32Store", stateOffset("currentRecord"), () => this.f.i32(0));
    this.f.call(this.core.lookUp);
    this.#exit.transfer();
  }

  jumpRelative(operand: OperandRef<Width>): void {
    const { form } = operandOf(operand);
    const inPage = form.kind === "relative" && form.inPage;
    if (inPage) this.#jumpWithinPage();
    else {
      this.#pushRip(() => {
        this.#pushEnd();
        this.pushField(12);
        this.f.op("i32Add");
      });
      this.jump(this.take(64, true));
    }
  }

  #jumpWithinPage(): void {
    if (this.operandSize === 16) {
      // IP wraps at 64 KiB, which may lie within a page when CS does not start at one.
      this.loadState("i32Load", stateOffset("pageRip"));
      this.pushField(12);
      this.f.op("i32Add").i32(-0x1_0000).op("i32And").if();
      this.arm(() => {
        this.#pushRip(() => this.pushField(12));
        this.jump(this.take(64, true));
      });
      this.f.end();
    }
    this.commitStackPointer();
    const target = this.newLocal("i32");
    this.pushField(8);
    this.f.tee(target).op("i32Eqz").if();
    this.f.get(this.record).call(this.core.link).set(target).end();
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
    this.f.get(this.record);
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
