import { evaluateExpression, type LookUp, type Value } from "./evaluateExpression.ts";
import { type Register, registers } from "./registers.ts";

/**
 * One operand of an instruction in Intel syntax: a register, a memory reference `size [segment:base+index*scale+disp]`,
 * `segment:offset`, or an immediate expression with an optional `short`, `near`, `far` or size word before it.
 */
export type Operand =
  | { readonly kind: "register"; readonly register: Register }
  | { readonly kind: "immediate"; readonly value: Value; readonly bits: number; readonly distance: Distance }
  | { readonly kind: "far"; readonly segment: Value; readonly offset: Value; readonly bits: number }
  | MemoryOperand;

export type Distance = "short" | "near" | "far" | undefined;

export interface MemoryOperand {
  readonly kind: "memory";
  /** 0 when the source did not say. */
  readonly bits: number;
  readonly segment: Register | undefined;
  readonly base: Register | undefined;
  readonly index: Register | undefined;
  readonly scale: number;
  readonly displacement: Value;
  readonly relative: boolean;
  readonly distance: Distance;
}

const SIZES: Record<string, number> = { byte: 8, word: 16, dword: 32, qword: 64, tword: 80, oword: 128 };
const ZERO: Value = { value: 0n, known: true, relocatable: false };

function generalRegister(text: string): Register | undefined {
  const register = registers.get(text.trim().toLowerCase());
  return register?.kind === "general" ? register : undefined;
}

/** Splits at the top-level plus and minus signs; each term keeps its sign. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if ((character === "+" || character === "-") && depth === 0 && text.slice(from, at).trim() !== "") {
      terms.push(text.slice(from, at));
      from = at;
    }
  }
  terms.push(text.slice(from));
  return terms;
}

interface AddressParts {
  base: Register | undefined;
  index: Register | undefined;
  scale: number;
  rest: string;
}

function addRegister(parts: AddressParts, register: Register, scale: number): void {
  if (scale === 1 && !parts.base) parts.base = register;
  else if (!parts.index) {
    parts.index = register;
    parts.scale = scale;
  } else throw new Error("an address has at most two registers");
}

function addressParts(text: string): AddressParts {
  const parts: AddressParts = { base: undefined, index: undefined, scale: 1, rest: "" };
  for (const term of splitTerms(text)) {
    const positive = term.trim().replace(/^\+\s*/, "");
    const scaled = /^(\w+)\s*\*\s*(\w+)$/.exec(positive);
    const left = scaled && generalRegister(scaled[1]!);
    const right = scaled && generalRegister(scaled[2]!);
    const plain = generalRegister(positive);
    if (plain) addRegister(parts, plain, 1);
    else if (left) addRegister(parts, left, Number(scaled[2]));
    else if (right) addRegister(parts, right, Number(scaled[1]));
    else parts.rest += /^[-+]/.test(term.trim()) ? ` ${term.trim()}` : ` + ${term.trim()}`;
  }
  // ESP cannot be an index: as the second plain register it trades places with the base.
  if (parts.index && parts.index.number === 4 && parts.index.bits > 16 && parts.scale === 1) {
    [parts.base, parts.index] = [parts.index, parts.base];
  }
  return parts;
}

function parseMemory(inner: string, bits: number, distance: Distance, lookUp: LookUp): MemoryOperand {
  let text = inner.trim();
  let segment: Register | undefined;
  const prefix = /^([c-gs]s)\s*:/i.exec(text);
  if (prefix) {
    segment = registers.get(prefix[1]!.toLowerCase());
    text = text.slice(prefix[0].length);
  }
  const relative = /^rel\s/i.test(text);
  if (relative) text = text.slice(4);
  const parts = addressParts(text);
  const displacement = parts.rest === "" ? ZERO : evaluateExpression(parts.rest, lookUp);
  const { base, index, scale } = parts;
  return { kind: "memory", bits, segment, base, index, scale, displacement, relative, distance };
}

export function parseOperand(text: string, lookUp: LookUp): Operand {
  let rest = text.trim();
  let bits = 0;
  let distance: Distance;
  for (;;) {
    const word = /^([a-z]+)(?=[\s[])\s*/i.exec(rest);
    const name = (word?.[1] ?? "").toLowerCase();
    if (name in SIZES) bits = SIZES[name]!;
    else if (name === "short" || name === "near" || name === "far") distance = name;
    else if (name !== "strict") break;
    rest = rest.slice(word![0].length);
  }
  const memory = /^\[(.*)\]$/s.exec(rest);
  if (memory) return parseMemory(memory[1]!, bits, distance, lookUp);
  const register = registers.get(rest.toLowerCase());
  if (register) return { kind: "register", register };
  const far = /^([^:']+):([^:']+)$/.exec(rest);
  if (far) {
    const segment = evaluateExpression(far[1]!, lookUp);
    return { kind: "far", segment, offset: evaluateExpression(far[2]!, lookUp), bits };
  }
  return { kind: "immediate", value: evaluateExpression(rest, lookUp), bits, distance };
}
