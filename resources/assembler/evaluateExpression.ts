/**
 * Integer expressions of the assembler: numbers (decimal, 0x, 0b, 'c'), symbols, `$` (here) and `$$` (origin), unary
 * `- + ~`, binary `* / % + - << >> & ^ |` with C's precedences, parentheses. Values are BigInt, so that 64-bit data such
 * as descriptors can be written as one number.
 */
export interface Value {
  readonly value: bigint;
  /** False when a symbol was not known yet (a forward reference in the first pass): `value` is then a guess. */
  readonly known: boolean;
  /** True when the value depends on where code lies, so that its encoding must not shrink with it. */
  readonly relocatable: boolean;
}

export type LookUp = (symbol: string) => Value | undefined;

const TOKEN = /\s*(0[xX][0-9a-fA-F_]+|0[bB][01_]+|\d[\d_]*|'(?:[^'])+'|\$\$|\$|[.A-Za-z_][\w.]*|<<|>>|[-+*/%&^|~()])/y;

const PRECEDENCE: Record<string, number> = {
  "*": 6,
  "/": 6,
  "%": 6,
  "+": 5,
  "-": 5,
  "<<": 4,
  ">>": 4,
  "&": 3,
  "^": 2,
  "|": 1,
};

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`cannot read the expression "${text.trim()}"`);
    tokens.push(match[1]!);
  }
  return tokens;
}

function characters(literal: string): bigint {
  return [...literal].reduceRight((sum, character) => (sum << 8n) | BigInt(character.charCodeAt(0) & 0xff), 0n);
}

function apply(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "*":
      return left * right;
    case "/":
      return right === 0n ? 0n : left / right;
    case "%":
      return right === 0n ? 0n : left % right;
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "<<":
      return left << right;
    case ">>":
      return left >> right;
    case "&":
      return left & right;
    case "^":
      return left ^ right;
    default:
      return left | right;
  }
}

export function evaluateExpression(text: string, lookUp: LookUp): Value {
  const tokens = tokenize(text);
  let at = 0;
  let known = true;
  let relocatable = false;

  function primary(): bigint {
    const token = tokens[at++];
    if (token === undefined) throw new Error(`the expression "${text.trim()}" ends too early`);
    if (token === "-") return -primary();
    if (token === "+") return primary();
    if (token === "~") return ~primary();
    if (token === "(") {
      const inner = binary(0);
      if (tokens[at++] !== ")") throw new Error(`a ) is missing in "${text.trim()}"`);
      return inner;
    }
    if (/^\d/.test(token)) return BigInt(token.replaceAll("_", ""));
    if (token.startsWith("'")) return characters(token.slice(1, -1));
    if (!/^[.$A-Za-z_]/.test(token)) throw new Error(`"${token}" is out of place in "${text.trim()}"`);
    const symbol = lookUp(token);
    if (!symbol?.known) known = false;
    if (!symbol || symbol.relocatable) relocatable = true;
    return symbol?.value ?? 0n;
  }

  function binary(minimum: number): bigint {
    let left = primary();
    for (;;) {
      const precedence = PRECEDENCE[tokens[at] ?? ""] ?? 0;
      if (precedence === 0 || precedence <= minimum) return left;
      const operator = tokens[at++]!;
      left = apply(operator, left, binary(precedence));
    }
  }

  const value = binary(0);
  if (at !== tokens.length) throw new Error(`"${tokens[at]}" is out of place in "${text.trim()}"`);
  return { value, known, relocatable };
}
