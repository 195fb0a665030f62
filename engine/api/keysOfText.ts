/**
 * Text to keystrokes of a US keyboard, as USB HID usages (HID Usage Tables, page 7). Special keys stand in braces, with
 * modifiers joined by "-": `{enter}`, `{ctrl-alt-del}`, `{shift-f3}`; `{{}` and `{}}` are the braces themselves. Characters
 * that a US keyboard does not have are refused.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";

/** Usages held down together, in the order of pressing. */
export type KeyStroke = readonly number[];

const SHIFT = 0xe1;

const modifiers: Readonly<Record<string, number>> = {
  ctrl: 0xe0,
  shift: SHIFT,
  alt: 0xe2,
  win: 0xe3,
  altgr: 0xe6,
};

const named: Readonly<Record<string, number>> = {
  enter: 0x28,
  return: 0x28,
  esc: 0x29,
  escape: 0x29,
  backspace: 0x2a,
  bs: 0x2a,
  tab: 0x2b,
  space: 0x2c,
  capslock: 0x39,
  print: 0x46,
  scrolllock: 0x47,
  pause: 0x48,
  ins: 0x49,
  insert: 0x49,
  home: 0x4a,
  pgup: 0x4b,
  pageup: 0x4b,
  del: 0x4c,
  delete: 0x4c,
  end: 0x4d,
  pgdn: 0x4e,
  pagedown: 0x4e,
  right: 0x4f,
  left: 0x50,
  down: 0x51,
  up: 0x52,
  numlock: 0x53,
  menu: 0x65,
  ...modifiers,
};

/** Plain and shifted characters by usage. */
const printable: readonly (readonly [usage: number, plain: string, shifted: string])[] = [
  ...[..."abcdefghijklmnopqrstuvwxyz"].map((c, i) => [0x04 + i, c, c.toUpperCase()] as const),
  ...[..."1234567890"].map((c, i) => [0x1e + i, c, "!@#$%^&*()".charAt(i)] as const),
  [0x28, "\n", ""],
  [0x2b, "\t", ""],
  [0x2c, " ", ""],
  [0x2d, "-", "_"],
  [0x2e, "=", "+"],
  [0x2f, "[", "{"],
  [0x30, "]", "}"],
  [0x31, "\\", "|"],
  [0x33, ";", ":"],
  [0x34, "'", '"'],
  [0x35, "`", "~"],
  [0x36, ",", "<"],
  [0x37, ".", ">"],
  [0x38, "/", "?"],
];

const strokeOfCharacter = new Map<string, KeyStroke>(
  printable.flatMap(([usage, plain, shifted]) => [
    [plain, [usage]] as const,
    ...(shifted === "" ? [] : [[shifted, [SHIFT, usage]] as const]),
  ]),
);

/** Throws "unknown-key". */
export function keysOfText(text: string): KeyStroke[] {
  const strokes: KeyStroke[] = [];
  // A brace that closes at once is the brace itself.
  for (const [token] of text.replaceAll("\r\n", "\n").matchAll(/\{\{\}|\{\}\}|\{[^{}]+\}|./gsu)) {
    strokes.push(token.length > 1 && token.startsWith("{") ? strokeOfName(token.slice(1, -1)) : strokeOf(token));
  }
  return strokes;
}

function strokeOf(character: string): KeyStroke {
  const stroke = strokeOfCharacter.get(character);
  if (stroke === undefined) {
    throw new GuesthouseError("unknown-key", `A US keyboard has no key for “${character}”.`, { key: character });
  }
  return stroke;
}

function strokeOfName(name: string): KeyStroke {
  if (strokeOfCharacter.has(name)) return strokeOf(name);
  const parts = name.toLowerCase().split("-");
  const last = parts.pop() ?? "";
  const held = parts.map((part) => modifiers[part]);
  const key = usageOfName(last);
  if (key === undefined || held.includes(undefined)) {
    throw new GuesthouseError("unknown-key", `There is no key named {${name}}.`, { key: name });
  }
  return [...(held as number[]), ...key];
}

function usageOfName(name: string): KeyStroke | undefined {
  const usage = Object.hasOwn(named, name) ? named[name] : undefined;
  if (usage !== undefined) return [usage];
  const functionKey = /^f([1-9]|1[0-2])$/.exec(name)?.[1];
  if (functionKey !== undefined) return [0x3a + Number(functionKey) - 1];
  return strokeOfCharacter.get(name);
}
