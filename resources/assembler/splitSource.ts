/**
 * Cuts assembly source into lines of label, operation and operands. Comments start with a semicolon; quoted text may hold
 * any character but its own quote. `times` and prefixes keep the operation they apply to as further operands.
 */
export interface SourceLine {
  readonly number: number;
  readonly label: string | undefined;
  /** Lower case; empty for a line with a label alone. */
  readonly operation: string;
  readonly operands: readonly string[];
}

/** Splits at `separator` outside of quotes and brackets; stops at a comment. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quote = "";
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote) {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "[" || character === "(") depth++;
    else if (character === "]" || character === ")") depth--;
    else if (character === separator && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

function withoutComment(text: string): string {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote) {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === ";") return text.slice(0, at);
  }
  return text;
}

const PREFIX = /^(lock|rep|repe|repz|repne|repnz|o16|o32|a16|a32)$/;

function splitOperation(text: string): string[] {
  const match = /^(\S+)\s*(.*)$/s.exec(text.trim());
  if (!match) return [];
  const operation = match[1]!.toLowerCase();
  const rest = match[2]!.trim();
  if (operation === "times") {
    const inner = /^(.+?)\s+(?=[a-z])(.*)$/is.exec(rest);
    return inner ? ["times", inner[1]!, ...splitOperation(inner[2]!)] : ["times", rest];
  }
  if (PREFIX.test(operation)) return [operation, ...splitOperation(rest)];
  return rest === "" ? [operation] : [operation, ...splitOutside(rest, ",").map((operand) => operand.trim())];
}

export function splitSource(source: string): SourceLine[] {
  const lines: SourceLine[] = [];
  source.split("\n").forEach((raw, index) => {
    let text = withoutComment(raw).trim();
    if (text === "") return;
    let label: string | undefined;
    const labelled = /^([.A-Za-z_][\w.]*):(?!\S*:)\s*/.exec(text);
    const constant = /^([.A-Za-z_][\w.]*)\s+equ\s/i.exec(text);
    if (labelled) {
      label = labelled[1]!;
      text = text.slice(labelled[0].length);
    } else if (constant) {
      label = constant[1]!;
      text = text.slice(label.length);
    }
    const [operation = "", ...operands] = splitOperation(text);
    lines.push({ number: index + 1, label, operation, operands });
  });
  return lines;
}
