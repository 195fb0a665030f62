import { ByteWriter } from "./ByteWriter.ts";
import { type MemoryOpcodeName, memoryOpcode, type OpcodeName, opcode, type ValueType, valueType } from "./opcodes.ts";
import { type SimdOpcodeName, simdOpcode } from "./simdOpcodes.ts";

/** A place to branch to; made by `block`, `loop`, `if` and `try`, good until its `end`. */
export interface Label {
  readonly depth: number;
}

/**
 * Writes the body of one function: locals by type with re-use, structured control flow with labels as objects instead
 * of relative depths, and one peephole (a `set` that is followed by a `get` of the same local becomes a `tee`). What is
 * written is not checked here: the engine validates it. Legacy exception opcodes (try 0x06, catch 0x07, throw 0x08) are
 * used because every supported engine has them.
 */
export class FunctionBuilder {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly #code = new ByteWriter();
  readonly #localTypes: ValueType[] = [];
  readonly #free: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #depth = 0;
  /** Where a `local.set` that ends the code so far begins, or -1. */
  #lastSetAt = -1;
  #lastSetLocal = -1;

  constructor(params: readonly ValueType[], results: readonly ValueType[]) {
    this.params = params;
    this.results = results;
  }

  get sizeBytes(): number {
    return this.#code.length;
  }

  // --- locals ---
  /** A local of its own, with an undefined value when it was released before. */
  local(type: ValueType): number {
    const reused = this.#free[type].pop();
    if (reused !== undefined) return reused;
    this.#localTypes.push(type);
    return this.params.length + this.#localTypes.length - 1;
  }

  release(type: ValueType, local: number): void {
    this.#free[type].push(local);
  }

  get(local: number): this {
    if (this.#lastSetLocal === local && this.#lastSetAt >= 0) {
      this.#code.patch(this.#lastSetAt, 0x22);
      this.#lastSetAt = -1;
      this.#lastSetLocal = -1;
      return this;
    }
    this.#code.byte(0x20);
    this.#code.unsigned(local);
    this.#lastSetAt = -1;
    return this;
  }

  set(local: number): this {
    const at = this.#code.length;
    this.#code.byte(0x21);
    this.#code.unsigned(local);
    this.#lastSetAt = at;
    this.#lastSetLocal = local;
    return this;
  }

  tee(local: number): this {
    this.#byte(0x22);
    this.#code.unsigned(local);
    return this;
  }

  // --- plain instructions ---
  #byte(value: number): void {
    this.#lastSetAt = -1;
    this.#code.byte(value);
  }

  i32(value: number): this {
    this.#byte(0x41);
    this.#code.signed(value);
    return this;
  }

  i64(value: bigint | number): this {
    this.#byte(0x42);
    this.#code.signed64(BigInt(value));
    return this;
  }

  op(name: OpcodeName): this {
    const code = opcode[name];
    if (code > 0xff) {
      this.#byte(code >> 8);
      this.#code.unsigned(code & 0xff);
    } else this.#byte(code);
    return this;
  }

  memory(name: MemoryOpcodeName, offset = 0, alignLog2?: number): this {
    const [code, natural] = memoryOpcode[name];
    if (code > 0xff) {
      this.#byte(code >> 8);
      this.#code.unsigned(code & 0xff);
    } else this.#byte(code);
    this.#code.unsigned(alignLog2 ?? natural);
    this.#code.unsigned(offset);
    return this;
  }

  simd(name: SimdOpcodeName): this {
    this.#byte(0xfd);
    this.#code.unsigned(simdOpcode[name]);
    return this;
  }

  /** Extract and replace lane. */
  simdLane(name: SimdOpcodeName, lane: number): this {
    this.simd(name);
    this.#code.byte(lane);
    return this;
  }

  /** i8x16.shuffle; lanes 0..15 of the first, 16..31 of the second operand. */
  shuffle(lanes: readonly number[]): this {
    this.simd("i8x16Shuffle");
    for (const lane of lanes) this.#code.byte(lane);
    return this;
  }

  v128(bytes: Uint8Array): this {
    this.#byte(0xfd);
    this.#code.unsigned(0x0c);
    this.#code.append(bytes.subarray(0, 16));
    return this;
  }

  memoryCopy(): this {
    this.#byte(0xfc);
    for (const byte of [0x0a, 0, 0]) this.#code.byte(byte);
    return this;
  }

  memoryFill(): this {
    this.#byte(0xfc);
    for (const byte of [0x0b, 0]) this.#code.byte(byte);
    return this;
  }

  // --- calls ---
  call(functionIndex: number): this {
    this.#byte(0x10);
    this.#code.unsigned(functionIndex);
    return this;
  }

  returnCall(functionIndex: number): this {
    this.#byte(0x12);
    this.#code.unsigned(functionIndex);
    return this;
  }

  callIndirect(typeIndex: number, table = 0): this {
    this.#byte(0x11);
    this.#code.unsigned(typeIndex);
    this.#code.unsigned(table);
    return this;
  }

  returnCallIndirect(typeIndex: number, table = 0): this {
    this.#byte(0x13);
    this.#code.unsigned(typeIndex);
    this.#code.unsigned(table);
    return this;
  }

  // --- structure ---
  #open(code: number, result?: ValueType): Label {
    this.#byte(code);
    this.#code.byte(result ? valueType[result] : 0x40);
    this.#depth++;
    return { depth: this.#depth };
  }

  block(result?: ValueType): Label {
    return this.#open(0x02, result);
  }

  loop(result?: ValueType): Label {
    return this.#open(0x03, result);
  }

  if(result?: ValueType): Label {
    return this.#open(0x04, result);
  }

  else(): this {
    this.#byte(0x05);
    return this;
  }

  try(result?: ValueType): Label {
    return this.#open(0x06, result);
  }

  catch(tag: number): this {
    this.#byte(0x07);
    this.#code.unsigned(tag);
    return this;
  }

  throw(tag: number): this {
    this.#byte(0x08);
    this.#code.unsigned(tag);
    return this;
  }

  end(): this {
    this.#byte(0x0b);
    this.#depth--;
    return this;
  }

  br(label: Label): this {
    this.#byte(0x0c);
    this.#code.unsigned(this.#depth - label.depth);
    return this;
  }

  brIf(label: Label): this {
    this.#byte(0x0d);
    this.#code.unsigned(this.#depth - label.depth);
    return this;
  }

  brTable(labels: readonly Label[], fallback: Label): this {
    this.#byte(0x0e);
    this.#code.unsigned(labels.length);
    for (const label of [...labels, fallback]) this.#code.unsigned(this.#depth - label.depth);
    return this;
  }

  /** The body as the code section wants it: its size, the local declarations, the code, `end`. */
  finish(): Uint8Array {
    const declarations = new ByteWriter();
    const runs: [count: number, type: ValueType][] = [];
    for (const type of this.#localTypes) {
      const last = runs.at(-1);
      if (last && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    declarations.unsigned(runs.length);
    for (const [count, type] of runs) {
      declarations.unsigned(count);
      declarations.byte(valueType[type]);
    }
    const body = new ByteWriter();
    body.unsigned(declarations.length + this.#code.length + 1);
    body.append(declarations.view());
    body.append(this.#code.view());
    body.byte(0x0b);
    return body.view();
  }
}
