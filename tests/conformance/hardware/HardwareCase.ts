/**
 * One instruction executed by a real processor: what it was given and what it changed. Inputs are made from a seed by a generator that must
 * never change, so that the files stay small; what an instruction needs on top (addresses, counts) is stored as overrides.
 *
 * File: "GHC1", u8 code size (32 or 64), u32 cases. Case: u8 length, bytes; u32 seed; u8 style; u32 MXCSR; u8 n, n x {u8 register, u64};
 * u8 signal (0: no fault); u8 n, n x {u8 place, value} with places 0..15 general (u64), 16..31 XMM (16 bytes), 32..39 MMX (u64), 64 flags
 * (u16); u16 n, n x {u8 offset, u8 value} of memory. The instruction lies at 0x20000, 256 bytes of memory at 0x30000.
 */
import { StateReader } from "../../../engine/base/StateReader.ts";
import { StateWriter } from "../../../engine/base/StateWriter.ts";

export const codeAddress = 0x2_0000;
export const memoryAddress = 0x3_0000;
export const memoryBytes = 256;

/** What XMM registers and memory are filled with. */
export const styles = { bits: 0, singles: 1, doubles: 2, smallCounts: 3 } as const;

export interface MachineState {
  readonly gpr: bigint[];
  flags: number;
  readonly xmm: Uint8Array;
  readonly mmx: Uint8Array;
  readonly memory: Uint8Array;
}

export interface HardwareCase {
  readonly code: Uint8Array;
  readonly seed: number;
  readonly style: number;
  readonly mxcsr: number;
  readonly overrides: readonly (readonly [register: number, value: bigint])[];
  /** Signal that the operating system turned the fault into; 8 is a divide error. */
  signal: number;
  /** State afterwards; undefined while not yet executed. */
  after: MachineState | undefined;
}

export function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x9e37_79b9) | 0;
    let z = Math.imul(seed ^ (seed >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

const edges = [0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn].concat([
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
]);
const singleEdges = [0, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 1, 0x4f00_0000, 0xcf00_0000, 0x3f00_0000, 0x4020_0000];
const doubleEdges = [0n, 1n << 63n, 0x7ff0n << 48n, 0xfff0n << 48n, 1n, 0x41e0n << 48n, 0xc1e0n << 48n, 0x3fe0n << 48n];

function random64(random: () => number): bigint {
  const kind = random() % 4;
  const wide = (BigInt(random()) << 32n) | BigInt(random());
  if (kind === 0) return edges[random() % edges.length]!;
  return kind === 1 ? wide >> BigInt(random() % 64) : wide;
}

function fill(bytes: Uint8Array, style: number, random: () => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 8) {
    const kind = random() % 10;
    const low = random();
    const high = random();
    const number = ((low % 2_000_000) - 1_000_000) / 2 ** (high % 20);
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
    if (style === styles.smallCounts) view.setBigUint64(at, BigInt(low & (high & 1 ? 15 : 127)), true);
    else if (style === styles.singles && kind > 1) {
      view.setFloat32(at, number, true);
      if (kind === 2) view.setUint32(at + 4, singleEdges[high % singleEdges.length]!, true);
      else if (kind === 3) view.setUint32(at + 4, (high | 0x7f80_0000) >>> 0, true);
      else view.setFloat32(at + 4, number * 3, true);
    } else if (style === styles.doubles && kind > 1) {
      view.setFloat64(at, number * (kind === 4 ? 4096 : 1), true);
      if (kind === 2) view.setBigUint64(at, doubleEdges[high % doubleEdges.length]!, true);
      else if (kind === 3) view.setUint32(at + 4, (high | 0x7ff0_0000) >>> 0, true);
    }
  }
}

const arithmeticFlags = 0x8d5;

/** The state before the instruction. */
export function stateBefore(test: HardwareCase, codeSize: 32 | 64): MachineState {
  const random = generator(test.seed);
  const cut = (value: bigint, i: number): bigint => (i < 8 ? value & 0xffff_ffffn : 0n);
  const wide = Array.from({ length: 16 }, () => random64(random));
  const gpr = codeSize === 32 ? wide.map(cut) : wide;
  gpr[4] = BigInt(memoryAddress + 128);
  const flags = (random() & (arithmeticFlags | 0x400)) | 2;
  const xmm = new Uint8Array(256);
  const mmx = new Uint8Array(64);
  const memory = new Uint8Array(memoryBytes);
  fill(xmm, test.style, random);
  fill(mmx, test.style === styles.smallCounts ? test.style : styles.bits, random);
  fill(memory, test.style, random);
  for (const [register, value] of test.overrides) gpr[register] = value;
  return { gpr, flags, xmm, mmx, memory };
}

const mapWhere = (count: number, pick: (index: number) => boolean): number[] =>
  Array.from({ length: count }, (_, i) => i).filter(pick);
const differs = (a: Uint8Array, b: Uint8Array, from: number, bytes: number): boolean =>
  mapWhere(bytes, (i) => a[from + i] !== b[from + i]).length > 0;
const read64 = (bytes: Uint8Array, at: number): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);

function writeU64(writer: StateWriter, value: bigint): void {
  writer.u64(BigInt.asUintN(64, value));
}

export function writeCases(codeSize: 32 | 64, cases: readonly HardwareCase[]): Uint8Array {
  const writer = new StateWriter();
  for (const letter of "GHC1") writer.u8(letter.charCodeAt(0));
  writer.u8(codeSize).u32(cases.length);
  for (const test of cases) writeCase(writer, test, stateBefore(test, codeSize));
  return writer.finish();
}

function writeCase(writer: StateWriter, test: HardwareCase, before: MachineState): void {
  const after = test.after!;
  writer.u8(test.code.length);
  for (const byte of test.code) writer.u8(byte);
  writer.u32(test.seed).u8(test.style).u32(test.mxcsr).u8(test.overrides.length);
  for (const [register, value] of test.overrides) {
    writer.u8(register);
    writeU64(writer, value);
  }
  writer.u8(test.signal);
  const general = mapWhere(16, (i) => before.gpr[i] !== after.gpr[i]);
  const xmm = mapWhere(16, (i) => differs(before.xmm, after.xmm, i * 16, 16));
  const mmx = mapWhere(8, (i) => differs(before.mmx, after.mmx, i * 8, 8));
  const flags = before.flags === after.flags ? 0 : 1;
  writer.u8(general.length + xmm.length + mmx.length + flags);
  for (const i of general) writeU64(writer.u8(i), after.gpr[i]!);
  for (const i of xmm) {
    writer.u8(16 + i);
    for (let byte = 0; byte < 16; byte++) writer.u8(after.xmm[i * 16 + byte]!);
  }
  for (const i of mmx) writeU64(writer.u8(32 + i), read64(after.mmx, i * 8));
  if (flags) writer.u8(64).u16(after.flags);
  const changed = mapWhere(memoryBytes, (i) => before.memory[i] !== after.memory[i]);
  writer.u16(changed.length);
  for (const i of changed) writer.u8(i).u8(after.memory[i]!);
}

export function readCases(bytes: Uint8Array): { codeSize: 32 | 64; cases: HardwareCase[] } {
  const reader = new StateReader(bytes);
  const magic = String.fromCharCode(...Array.from({ length: 4 }, () => reader.u8()));
  if (magic !== "GHC1") throw new Error(`Not a file of instruction cases: ${magic}`);
  const codeSize = reader.u8() as 32 | 64;
  const cases = Array.from({ length: reader.u32() }, () => readCase(reader, codeSize));
  reader.end();
  return { codeSize, cases };
}

function readCase(reader: StateReader, codeSize: 32 | 64): HardwareCase {
  const code = Uint8Array.from({ length: reader.u8() }, () => reader.u8());
  const seed = reader.u32();
  const style = reader.u8();
  const mxcsr = reader.u32();
  const overrides = Array.from({ length: reader.u8() }, () => [reader.u8(), reader.u64()] as const);
  const test: HardwareCase = { code, seed, style, mxcsr, overrides, signal: reader.u8(), after: undefined };
  const after = stateBefore(test, codeSize);
  for (let left = reader.u8(); left > 0; left--) readChange(reader, after);
  for (let left = reader.u16(); left > 0; left--) {
    const offset = reader.u8();
    after.memory[offset] = reader.u8();
  }
  test.after = after;
  return test;
}

function readChange(reader: StateReader, after: MachineState): void {
  const place = reader.u8();
  if (place === 64) after.flags = reader.u16();
  else if (place < 16) after.gpr[place] = reader.u64();
  else if (place < 32) for (let byte = 0; byte < 16; byte++) after.xmm[(place - 16) * 16 + byte] = reader.u8();
  else new DataView(after.mmx.buffer).setBigUint64((place - 32) * 8, reader.u64(), true);
}
