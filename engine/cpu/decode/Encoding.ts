/**
 * Parses a row's `encoding` text (format in `isa/InstructionRow.ts`) into what the dispatch tables need: opcode map, opcode bytes, which
 * mandatory prefix, and which ModRM bytes belong to the row. `rank` orders rows that share an opcode: the more precise one wins, so
 * that "F3 90" beats "90" and "8E /2" beats "8E /r".
 */
export const opcodeMaps = { oneByte: 0, twoByte: 1, map38: 2, map3A: 3 } as const;
/** With VEX each of the maps has four parts, by L and W; they lie behind the maps without. */
export const vexMap = (map: number, long256: number, w: number): number => map * 4 + long256 * 2 + w;
export const mapCount = 16;

/** Column of the dispatch table; "any" fills all four. */
export const prefixColumns = { NP: 0, "66": 1, F3: 2, F2: 3 } as const;
export type MandatoryPrefix = keyof typeof prefixColumns | "any";

export interface Encoding {
  readonly prefix: MandatoryPrefix;
  readonly rex: "W" | "B" | undefined;
  /** More than one where VEX.L or VEX.W does not matter. */
  readonly maps: readonly number[];
  /** Bits of vectors whose width follows VEX.L; undefined without VEX. */
  readonly vexBits: 128 | 256 | undefined;
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
  vex: { length: string; map: number; w: string } | undefined;
  bytes: number[];
  plusRegister: boolean;
  slash: string | undefined;
  mod: "3" | "memory" | undefined;
}

const vexToken = /^VEX\.(128|256|LIG|LZ)\.(?:(NP|66|F3|F2)\.)0F(|38|3A)\.(W0|W1|WIG)$/;
const vexMaps: Readonly<Record<string, number>> = {
  "": opcodeMaps.twoByte,
  "38": opcodeMaps.map38,
  "3A": opcodeMaps.map3A,
};

function readVex(token: string, draft: Draft): void {
  const [, length, prefix, map, w] = vexToken.exec(token)!;
  draft.prefix = prefix as MandatoryPrefix;
  draft.vex = { length: length!, map: vexMaps[map!]!, w: w! };
}

function readTokens(text: string): Draft {
  const draft: Draft = {
    prefix: "any",
    rex: undefined,
    vex: undefined,
    bytes: [],
    plusRegister: false,
    slash: undefined,
    mod: undefined,
  };
  for (const token of text.split(" ")) {
    if (vexToken.test(token)) readVex(token, draft);
    else if (
      token === "NP" ||
      (!draft.vex && draft.bytes.length === 0 && (token === "66" || token === "F2" || token === "F3"))
    ) {
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

function splitMap({ vex, bytes }: Draft): { maps: readonly number[]; rest: readonly number[] } {
  if (vex) return { maps: mapsOfVex(vex), rest: bytes };
  if (bytes[0] !== 0x0f) return { maps: [opcodeMaps.oneByte], rest: bytes };
  if (bytes[1] === 0x38) return { maps: [opcodeMaps.map38], rest: bytes.slice(2) };
  if (bytes[1] === 0x3a) return { maps: [opcodeMaps.map3A], rest: bytes.slice(2) };
  return { maps: [opcodeMaps.twoByte], rest: bytes.slice(1) };
}

function mapsOfVex({ length, map, w }: NonNullable<Draft["vex"]>): number[] {
  const lengths = length === "LIG" ? [0, 1] : [length === "256" ? 1 : 0];
  const ws = w === "WIG" ? [0, 1] : [w === "W1" ? 1 : 0];
  return lengths.flatMap((l) => ws.map((bit) => vexMap(map, l, bit)));
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
  const draft = readTokens(text);
  const { prefix, rex, vex, plusRegister, slash, mod } = draft;
  const { maps, rest } = splitMap(draft);
  const firstOpcode = rest[0];
  if (firstOpcode === undefined || rest.length > 2) throw new Error(`Encoding ${text} has no opcode`);
  const exact = rest[1];
  const digit = slash !== undefined && slash !== "r" ? Number(slash) : undefined;
  return {
    prefix,
    rex,
    maps,
    vexBits: vex && (vex.length === "256" ? 256 : 128),
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
