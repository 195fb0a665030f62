/**
 * Cases as text, with what the host's processor made of them: `mode`, `code`, then `in` and `out` with the fields that differ from the usual (zero;
 * FLAGS 202h, MXCSR 1F80h, FCW 37Fh) and from `in` respectively. `memory` is offset:byte in the case's two pages. Cases are separated by empty
 * lines; lines that start with # are remarks.
 */
import { outcomeFields } from "./compareOutcomes.ts";
import { type CodeSize, caseLayout, codeBytes, outcomeLayout, windowBytes, xsaveLayout } from "./oracleLayout.ts";

export interface TextCase {
  readonly remark: string;
  readonly codeSize: CodeSize;
  readonly code: Uint8Array;
  /** `caseLayout`. */
  readonly bytes: Uint8Array;
  readonly image: Uint8Array;
  readonly outcome: Uint8Array;
  readonly changes: Uint16Array;
}

/** Where a field of outcomes lies in a case, and its usual value. */
function placeInCase(name: string, at: number): { at: number; usual: string } | undefined {
  const { xsave } = caseLayout;
  if (at < outcomeLayout.rip) return { at: caseLayout.gpr + at, usual: "0" };
  if (name === "flags") return { at: caseLayout.flags, usual: "202" };
  if (name === "fsbase") return { at: caseLayout.fsBase, usual: "0" };
  if (name === "gsbase") return { at: caseLayout.gsBase, usual: "0" };
  if (name === "mxcsr") return { at: xsave + xsaveLayout.mxcsr, usual: "1f80" };
  if (name === "fcw") return { at: xsave + xsaveLayout.fcw, usual: "37f" };
  if (name === "fsw") return { at: xsave + xsaveLayout.fsw, usual: "0" };
  if (name === "ftw") return { at: xsave + xsaveLayout.ftw, usual: "0" };
  if (/^st/.test(name)) return { at: xsave + xsaveLayout.st + at - outcomeLayout.st, usual: "0" };
  if (/^xmm/.test(name)) return { at: xsave + xsaveLayout.xmm + at - outcomeLayout.xmm, usual: "0" };
  if (/^ymmh/.test(name)) return { at: xsave + xsaveLayout.ymmHigh + at - outcomeLayout.ymmHigh, usual: "0" };
  return undefined;
}

function read(bytes: Uint8Array, at: number, count: number): string {
  let text = "";
  for (let i = count - 1; i >= 0; i--) text += bytes[at + i]!.toString(16).padStart(2, "0");
  return text.replace(/^0+(?=.)/, "");
}

function write(bytes: Uint8Array, at: number, count: number, text: string): void {
  let value = BigInt(`0x${text}`);
  for (let i = 0; i < count; i++, value >>= 8n) bytes[at + i] = Number(value & 0xffn);
}

/** Bytes of a field in a case; the tag word and the flags are narrower there. */
const widthInCase = (name: string, bytes: number): number => (name === "ftw" ? 1 : bytes);

const hex = (value: number): string => value.toString(16);

export function formatCase(one: TextCase): string {
  const input: string[] = [];
  const output: string[] = [];
  for (const { name, at, bytes } of outcomeFields) {
    const place = placeInCase(name, at);
    const before = place ? read(one.bytes, place.at, widthInCase(name, bytes)) : "0";
    if (place && before !== place.usual) input.push(`${name}=${before}`);
    const after = read(one.outcome, at, bytes);
    if (after !== expectedBefore(name, before)) output.push(`${name}=${after}`);
  }
  const memory: string[] = [];
  one.image.forEach((value, at) => {
    if (value !== 0) memory.push(`${hex(at)}:${hex(value)}`);
  });
  const changes: string[] = [];
  for (let i = 0; i < one.changes.length; i += 2) changes.push(`${hex(one.changes[i]!)}:${hex(one.changes[i + 1]!)}`);
  const code = [...one.code]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(" ")
    .replace(/( cc)+$/, "");
  const lines = [`# ${one.remark}`, `mode ${one.codeSize}`, `code ${code}`, `in ${input.join(" ")}`.trim()];
  if (memory.length > 0) lines.push(`memory ${memory.join(" ")}`);
  lines.push(`out ${output.join(" ")}`.trim());
  if (changes.length > 0) lines.push(`changes ${changes.join(" ")}`);
  return lines.join("\n");
}

/** Flags are compared without the bit that is always one. */
const expectedBefore = (name: string, before: string): string =>
  name === "flags" ? (Number.parseInt(before, 16) & ~2).toString(16) : before;

export function parseCases(text: string): TextCase[] {
  const blocks = text.split(/\n\s*\n/).map((block) => block.trim().split("\n"));
  return blocks.filter((lines) => lines.some((line) => line.startsWith("code "))).map(parseCase);
}

function parseCase(lines: readonly string[]): TextCase {
  const words = (start: string): string[] => {
    const line = lines.find((candidate) => candidate === start || candidate.startsWith(`${start} `)) ?? start;
    return line
      .slice(start.length)
      .trim()
      .split(" ")
      .filter((word) => word !== "");
  };
  const values = (start: string): Map<string, string> =>
    new Map(words(start).map((word) => word.split("=") as [string, string]));
  const bytes = new Uint8Array(caseLayout.sizeBytes);
  const outcome = new Uint8Array(outcomeLayout.sizeBytes);
  const codeSize = Number(words("mode")[0]) as CodeSize;
  const code = new Uint8Array(codeBytes).fill(0xcc);
  code.set(words("code").map((byte) => Number.parseInt(byte, 16)));
  bytes.set(code, caseLayout.code);
  new DataView(bytes.buffer).setUint32(caseLayout.codeSize, codeSize, true);
  const view = new DataView(bytes.buffer);
  view.setUint32(caseLayout.xsave + xsaveLayout.header, 7, true);
  view.setUint32(caseLayout.xsave + xsaveLayout.mxcsr + 4, 0xffff, true);
  const [input, output] = [values("in"), values("out")];
  for (const { name, at, bytes: count } of outcomeFields) {
    const place = placeInCase(name, at);
    const before = input.get(name) ?? place?.usual ?? "0";
    if (place) write(bytes, place.at, widthInCase(name, count), before);
    write(outcome, at, count, output.get(name) ?? expectedBefore(name, before));
  }
  const image = new Uint8Array(windowBytes);
  for (const [at, value] of pairs(words("memory"))) image[at] = value;
  const changes = Uint16Array.from(pairs(words("changes")).flat());
  return { remark: (lines[0] ?? "").replace(/^# ?/, ""), codeSize, code, bytes, image, outcome, changes };
}

const pairs = (words: readonly string[]): [number, number][] =>
  words.map((word) => word.split(":").map((part) => Number.parseInt(part, 16)) as [number, number]);
