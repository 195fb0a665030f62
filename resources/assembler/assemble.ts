import { AssemblyError } from "./AssemblyError.ts";
import { encodeInstruction, type Mode, ShortJumpTooFar } from "./encodeInstruction.ts";
import { littleEndian } from "./encodeModrm.ts";
import { evaluateExpression, type LookUp, type Value } from "./evaluateExpression.ts";
import { parseOperand } from "./parseOperand.ts";
import { type SourceLine, splitSource } from "./splitSource.ts";

/**
 * Assembles x86 source in Intel syntax to a flat binary. Passes repeat until no label moves: jumps start short and
 * only ever grow, so that the passes end. Directives: `bits`, `org`, `align n[, fill]`, `times n ...`, `db dw dd dq`,
 * `resb resw resd`, `name equ value`. Labels that start with a dot belong to the label before them. No macros, no sections, no
 * linking: the sources of the built-in guest do not need them.
 */
export interface Assembly {
  readonly bytes: Uint8Array;
  readonly labels: ReadonlyMap<string, bigint>;
  /** Offset and length of each source line's bytes, for listings and tests. */
  readonly lines: readonly { line: number; offset: number; length: number }[];
}

const PREFIXES: Record<string, number> = {
  lock: 0xf0,
  rep: 0xf3,
  repe: 0xf3,
  repz: 0xf3,
  repne: 0xf2,
  repnz: 0xf2,
  o16: 0x66,
  o32: 0x66,
  a16: 0x67,
  a32: 0x67,
};
const DATA_BYTES: Record<string, number> = { db: 1, dw: 2, dd: 4, dq: 8 };
const RESERVE_BYTES: Record<string, number> = { resb: 1, resw: 2, resd: 4, resq: 8 };
const MOST_PASSES = 40;

class Assembler {
  readonly #lines: readonly SourceLine[];
  readonly #near = new Set<string>();
  #labels = new Map<string, Value>();
  #previous = new Map<string, Value>();
  #bytes: number[] = [];
  #mode: Mode = 16;
  #origin = 0n;
  #scope = "";
  #moved = false;
  #passes = 0;

  constructor(source: string) {
    this.#lines = splitSource(source);
  }

  run(): Assembly {
    let lines: Assembly["lines"] = [];
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      lines = this.#pass();
      if (pass > 0 && !this.#moved) {
        const labels = new Map([...this.#labels].map(([name, { value }]) => [name, value]));
        return { bytes: Uint8Array.from(this.#bytes), labels, lines };
      }
    }
    throw new AssemblyError("the label addresses do not settle", 0);
  }

  #pass(): Assembly["lines"] {
    this.#passes++;
    this.#previous = this.#labels;
    this.#labels = new Map();
    this.#bytes = [];
    this.#mode = 16;
    this.#origin = 0n;
    this.#scope = "";
    this.#moved = false;
    const lines: { line: number; offset: number; length: number }[] = [];
    for (const source of this.#lines) {
      const offset = this.#bytes.length;
      try {
        this.#line(source);
      } catch (error) {
        throw new AssemblyError(error instanceof Error ? error.message : String(error), source.number);
      }
      lines.push({ line: source.number, offset, length: this.#bytes.length - offset });
    }
    return lines;
  }

  get #here(): bigint {
    return this.#origin + BigInt(this.#bytes.length);
  }

  readonly #lookUp: LookUp = (symbol) => {
    if (symbol === "$") return { value: this.#here, known: true, relocatable: true };
    if (symbol === "$$") return { value: this.#origin, known: true, relocatable: true };
    const name = symbol.startsWith(".") ? this.#scope + symbol : symbol;
    const found = this.#labels.get(name) ?? this.#previous.get(name);
    if (!found && this.#passes > 1) throw new Error(`unknown symbol "${symbol}"`);
    return found;
  };

  #evaluate(text: string): Value {
    return evaluateExpression(text, this.#lookUp);
  }

  #constant(text: string): bigint {
    return this.#evaluate(text).value;
  }

  #define(label: string, value: Value): void {
    const name = label.startsWith(".") ? this.#scope + label : label;
    if (!label.startsWith(".") && value.relocatable) this.#scope = label;
    if (this.#labels.has(name)) throw new Error(`"${label}" is defined twice`);
    if (this.#previous.get(name)?.value !== value.value) this.#moved = true;
    this.#labels.set(name, value);
  }

  #line(source: SourceLine): void {
    if (source.operation === "equ") {
      this.#define(source.label!, this.#evaluate(source.operands.join(",")));
      return;
    }
    if (source.label !== undefined) this.#define(source.label, { value: this.#here, known: true, relocatable: true });
    if (source.operation !== "") this.#operation(source.operation, source.operands, source.number);
  }

  #operation(operation: string, operands: readonly string[], key: number | string): void {
    if (operation === "times") this.#times(operands, key);
    else if (operation in DATA_BYTES) for (const item of operands) this.#data(item, DATA_BYTES[operation]!);
    else if (operation in RESERVE_BYTES) {
      const count = Number(this.#constant(operands[0] ?? "")) * RESERVE_BYTES[operation]!;
      for (let index = 0; index < count; index++) this.#bytes.push(0);
    } else if (operation === "bits") this.#mode = Number(this.#constant(operands[0] ?? "")) as Mode;
    else if (operation === "org") this.#origin = this.#constant(operands[0] ?? "");
    else if (operation === "align") this.#align(operands);
    else this.#instruction(operation, operands, String(key));
  }

  #times(operands: readonly string[], key: number | string): void {
    const [count, operation, ...rest] = operands;
    const repeat = this.#evaluate(count ?? "");
    if (repeat.known && repeat.value < 0n) throw new Error(`times ${repeat.value}: the code before it is too long`);
    for (let index = 0; index < Number(repeat.known ? repeat.value : 0n); index++) {
      this.#operation(operation ?? "", rest, `${key}.${index}`);
    }
  }

  #align(operands: readonly string[]): void {
    const size = Number(this.#constant(operands[0] ?? ""));
    const fill = operands[1] === undefined ? 0x90 : Number(this.#constant(operands[1]));
    while (this.#bytes.length % size !== 0) this.#bytes.push(fill);
  }

  #data(item: string, width: number): void {
    const text = /^\s*(["'])(.*)\1\s*$/s.exec(item);
    if (text && (text[1] === '"' || text[2]!.length > width)) {
      const characters = [...text[2]!].map((character) => character.charCodeAt(0));
      while (characters.length % width !== 0) characters.push(0);
      this.#bytes.push(...characters);
      return;
    }
    this.#bytes.push(...littleEndian(this.#constant(item), width));
  }

  #instruction(mnemonic: string, operands: readonly string[], key: string): void {
    if (mnemonic in PREFIXES) {
      this.#bytes.push(PREFIXES[mnemonic]!);
      const [next, ...rest] = operands;
      if (next !== undefined) this.#operation(next, rest, key);
      return;
    }
    const parsed = operands.map((operand) => parseOperand(operand, this.#lookUp));
    const context = { mode: this.#mode, here: this.#here, shortAllowed: !this.#near.has(key) };
    try {
      this.#bytes.push(...encodeInstruction(mnemonic, parsed, context));
    } catch (error) {
      if (!(error instanceof ShortJumpTooFar)) throw error;
      const target = parsed[0];
      const settled = target?.kind === "immediate" && target.value.known;
      if (settled && (!context.shortAllowed || target.distance === "short")) throw error;
      if (settled) this.#near.add(key);
      this.#moved = true;
      this.#bytes.push(0, 0);
    }
  }
}

export function assemble(source: string): Assembly {
  return new Assembler(source).run();
}
