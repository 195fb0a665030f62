import { gunzipSync } from "node:zlib";

/**
 * Reader of MOO files: instruction tests recorded from real processors (SingleStepTests, format version 1). Only what the 286
 * set uses: 16-bit registers, RAM as address and byte pairs, exceptions, hashes. Bus cycles are skipped.
 */
export const registerNames = [
  "ax",
  "bx",
  "cx",
  "dx",
  "cs",
  "ss",
  "ds",
  "es",
  "sp",
  "bp",
  "si",
  "di",
  "ip",
  "flags",
] as const;
export type RegisterName = (typeof registerNames)[number];

export interface MooState {
  readonly registers: Partial<Record<RegisterName, number>>;
  readonly ram: readonly (readonly [address: number, value: number])[];
}

export interface MooTest {
  readonly index: number;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly initial: MooState;
  readonly final: MooState;
  /** Vector and physical address of the pushed flags. */
  readonly exception?: { readonly vector: number; readonly flagsAt: number };
  readonly hash: string;
}

interface Chunk {
  readonly tag: string;
  readonly view: DataView;
}

function* chunks(view: DataView): Generator<Chunk> {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const tag = String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)));
    const length = view.getUint32(at + 4, true);
    yield { tag, view: new DataView(view.buffer, view.byteOffset + at + 8, length) };
    at += 8 + length;
  }
}

function readState(view: DataView): MooState {
  const registers: Partial<Record<RegisterName, number>> = {};
  const ram: [number, number][] = [];
  for (const chunk of chunks(view)) {
    if (chunk.tag === "REGS") {
      const mask = chunk.view.getUint16(0, true);
      let at = 2;
      registerNames.forEach((name, bit) => {
        if (!(mask & (1 << bit))) return;
        registers[name] = chunk.view.getUint16(at, true);
        at += 2;
      });
    } else if (chunk.tag === "RAM ") {
      const count = chunk.view.getUint32(0, true);
      for (let i = 0; i < count; i++) ram.push([chunk.view.getUint32(4 + i * 5, true), chunk.view.getUint8(8 + i * 5)]);
    }
  }
  return { registers, ram };
}

function text(view: DataView, at: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
}

function readTest(view: DataView): MooTest {
  const none: MooState = { registers: {}, ram: [] };
  let name = "";
  let bytes = new Uint8Array(0);
  let initial = none;
  let final = none;
  let exception: MooTest["exception"];
  let hash = "";
  const rest = new DataView(view.buffer, view.byteOffset + 4, view.byteLength - 4);
  for (const { tag, view: part } of chunks(rest)) {
    if (tag === "NAME") name = text(part, 4, part.getUint32(0, true));
    else if (tag === "BYTS")
      bytes = new Uint8Array(part.buffer as ArrayBuffer, part.byteOffset + 4, part.getUint32(0, true));
    else if (tag === "INIT") initial = readState(part);
    else if (tag === "FINA") final = readState(part);
    else if (tag === "EXCP") exception = { vector: part.getUint8(0), flagsAt: part.getUint32(1, true) };
    else if (tag === "HASH") {
      hash = [...new Uint8Array(part.buffer, part.byteOffset, part.byteLength)]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
    }
  }
  return { index: view.getUint32(0, true), name, bytes, initial, final, hash, ...(exception ? { exception } : {}) };
}

export function readMoo(compressed: Uint8Array): MooTest[] {
  const bytes = gunzipSync(compressed);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [...chunks(view)].filter((chunk) => chunk.tag === "TEST").map((chunk) => readTest(chunk.view));
}
