/**
 * Parses a row's `encoding` text (format in `isa/InstructionRow.ts`) into what the dispatch tables need: opcode map, opcode bytes, which
 * mandatory prefix, and which ModRM bytes belong to the row. `rank` orders rows that share an opcode: the more precise one wins, so
 * that "F3 90" beats "90" and "8E /2" beats "8E /r".
 */
export const opcodeMaps = { oneByte: 0, twoByte: 1, map38: 2, map3A: 3 } as const;

/** Column of the dispatch table; "any" fills all four. */
export const prefixColumns = { NP: 0, "66": 1, F3: 2, F2: 3 } as const;
export type MandatoryPrefix = keyof typeof prefixColumns | "any";

export interface Encoding {
  readonly prefix: MandatoryPrefix;
  readonly rex: "W" | "B" | undefined;
  readonly map: number;
  readonly firstOpcode: number;
  /** 8 when the low three bits are a register. */
  readonly opcodeCount: 1 | 8;
  readonly hasModrm: boolean;
  /** The ModRM bytes that belong to this row; undefined where all do. */
  readonly modrms: readonly number[] | undefined;
  readonly rank: number;
}

interface Draft {
  prefix: MandatoryPrefix;
  rex: "W" | "B" | undefined;
  bytes: number[];
  plusRegister: boolean;
  slash: string | undefined;
  mod: "3" | "memory" | undefined;
}

function readTokens(text: string): Draft {
  const draft: Draft = {
    prefix: "any",
    rex: undefined,
    bytes: [],
    plusRegister: false,
    slash: undefined,
    mod: undefined,
  };
  for (const token of text.split(" ")) {
    if (token === "NP" || (draft.bytes.length === 0 && (token === "66" || token === "F2" || token === "F3"))) {
      draft.prefix = token;
    } else if (token === "REX.W" || token === "REX.B") draft.rex = token === "REX.W" ? "W" : "B";
    else if (token.startsWith("/")) draft.slash = token.slice(1);
    else if (token === "mod=3") draft.mod = "3";
    else if (token === "mod!=3") draft.mod = "memory";
    else if (/^[0-9A-F]{2}(\+r)?$/.test(token)) {
      draft.bytes.push(Number.parseInt(token, 16));
      draft.plusRegister ||= token.endsWith("+r");
    } else throw new Error(`Unknown token ${token} in encoding ${text}`);
  }
  return draft;
}

function splitMap(bytes: readonly number[]): { map: number; rest: readonly number[] } {
  if (bytes[0] !== 0x0f) return { map: opcodeMaps.oneByte, rest: bytes };
  if (bytes[1] === 0x38) return { map: opcodeMaps.map38, rest: bytes.slice(2) };
  if (bytes[1] === 0x3a) return { map: opcodeMaps.map3A, rest: bytes.slice(2) };
  return { map: opcodeMaps.twoByte, rest: bytes.slice(1) };
}

/** Rows share these lists: there are few of them and hundreds of rows. */
const modrmLists: Readonly<Record<string, readonly number[]>> = Object.fromEntries(
  [undefined, 0, 1, 2, 3, 4, 5, 6, 7].flatMap((digit) =>
    [undefined, "3", "memory"].map((mod) => [`${digit}${mod}`, modrmsWith(digit, mod)]),
  ),
);

function modrmsWith(digit: number | undefined, mod: string | undefined): number[] {
  const list: number[] = [];
  const end = mod === "memory" ? 0xc0 : 0x100;
  for (let modrm = mod === "3" ? 0xc0 : 0; modrm < end; modrm++) {
    if (digit === undefined || ((modrm >> 3) & 7) === digit) list.push(modrm);
  }
  return list;
}

function matchingModrms(
  digit: number | undefined,
  mod: Draft["mod"],
  exact: number | undefined,
): readonly number[] | undefined {
  if (exact !== undefined) return [exact];
  if (digit === undefined && mod === undefined) return undefined;
  return modrmLists[`${digit}${mod}`];
}

export function parseEncoding(text: string): Encoding {
  const { prefix, rex, bytes, plusRegister, slash, mod } = readTokens(text);
  const { map, rest } = splitMap(bytes);
  const firstOpcode = rest[0];
  if (firstOpcode === undefined || rest.length > 2) throw new Error(`Encoding ${text} has no opcode`);
  const exact = rest[1];
  const digit = slash !== undefined && slash !== "r" ? Number(slash) : undefined;
  return {
    prefix,
    rex,
    map,
    firstOpcode,
    opcodeCount: plusRegister ? 8 : 1,
    hasModrm: slash !== undefined || exact !== undefined || mod !== undefined,
    modrms: matchingModrms(digit, mod, exact),
    rank:
      (prefix === "any" ? 0 : 16) +
      (exact === undefined ? 0 : 8) +
      (digit === undefined ? 0 : 4) +
      (mod === undefined ? 0 : 2) +
      (plusRegister ? 0 : 1),
  };
}
