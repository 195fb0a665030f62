import { GuesthouseError } from "../base/GuesthouseError.ts";
import { StateReader } from "../base/StateReader.ts";
import { StateWriter } from "../base/StateWriter.ts";
import type { CpuState, SegmentState } from "../contracts/CpuState.ts";

/**
 * The processor's part of a saved state, version 1: all of `CpuState`, little-endian, in the order below. What an executor holds beyond
 * that (caches, decoded code, lazy flags) is not kept. The features that the guest saw are in it and go on with it.
 */
export const CPU_STATE_VERSION = 1;

const GENERAL_REGISTERS = 16;
const SEGMENTS = 6;
const DEBUG_REGISTERS = 6;
const FXSAVE_BYTES = 512;
const YMM_BYTES = 256;
const PDPTES = 4;
/** More than any table that we write; a length from a damaged file must not make us wait. */
const MOST_ENTRIES = 4096;
const CPUID_WORDS = 6;

export function saveCpuState(state: CpuState): Uint8Array {
  const writer = new StateWriter();
  for (const value of state.gpr) writer.u64(BigInt.asUintN(64, value));
  writer.u64(state.rip).u64(state.rflags);
  for (const segment of [...state.segments, state.ldtr, state.tr]) writeSegment(writer, segment);
  for (const table of [state.gdtr, state.idtr]) writer.u64(table.base).u32(table.limit);
  for (const value of [state.cr0, state.cr2, state.cr3, state.cr4, state.cr8, ...state.dr]) writer.u64(value);
  writer.bytes(state.fxsave).bytes(state.ymmHigh ?? new Uint8Array(YMM_BYTES));
  writer.u64(state.xcr0 ?? 1n);
  const [code, data] = state.fpuSelectors ?? [0, 0];
  writer.u32(code).u32(data);
  writer.bool(state.pdpte !== undefined);
  for (const value of state.pdpte ?? []) writer.u64(value);
  writer.bool(state.a20).bool(state.halted).bool(state.interruptShadow).bool(state.nmiBlocked);
  writer.bool(state.nmiPending ?? false).u32(state.heldDebugTraps ?? 0);
  // By number, so that the same state has the same bytes.
  const msrs = [...state.msrs].sort(([one], [other]) => one - other);
  writer.u32(msrs.length);
  for (const [index, value] of msrs) writer.u32(index).u64(BigInt.asUintN(64, value));
  writer.u32(state.cpuid.length);
  for (const row of state.cpuid) for (const word of row) writer.u32(word >>> 0);
  return writer.finish();
}

/** Throws GuesthouseError for bytes that are no processor's state. */
export function readCpuState(payload: Uint8Array): CpuState {
  const reader = new StateReader(payload);
  const words = (count: number): bigint[] => Array.from({ length: count }, () => reader.u64());
  const gpr = words(GENERAL_REGISTERS);
  const [rip, rflags] = [reader.u64(), reader.u64()];
  const segments = Array.from({ length: SEGMENTS }, () => readSegment(reader));
  const [ldtr, tr] = [readSegment(reader), readSegment(reader)];
  const gdtr = { base: reader.u64(), limit: reader.u32() };
  const idtr = { base: reader.u64(), limit: reader.u32() };
  const [cr0, cr2, cr3, cr4, cr8] = [reader.u64(), reader.u64(), reader.u64(), reader.u64(), reader.u64()];
  const dr = words(DEBUG_REGISTERS);
  const fxsave = sized(reader, FXSAVE_BYTES);
  const ymmHigh = sized(reader, YMM_BYTES);
  const xcr0 = reader.u64();
  const fpuSelectors = [reader.u32(), reader.u32()] as const;
  const pdpte = reader.bool() ? words(PDPTES) : undefined;
  const [a20, halted, interruptShadow, nmiBlocked] = [reader.bool(), reader.bool(), reader.bool(), reader.bool()];
  const [nmiPending, heldDebugTraps] = [reader.bool(), reader.u32()];
  const msrs = new Map(Array.from({ length: count(reader) }, () => [reader.u32(), reader.u64()] as const));
  const cpuid = Array.from({ length: count(reader) }, () => readCpuidRow(reader));
  reader.end();
  return {
    ...{ gpr, rip, rflags, segments, ldtr, tr, gdtr, idtr, cr0, cr2, cr3, cr4, cr8, dr, fxsave, ymmHigh, xcr0 },
    ...{ fpuSelectors, a20, halted, interruptShadow, nmiBlocked, nmiPending, heldDebugTraps, msrs, cpuid },
    ...(pdpte === undefined ? {} : { pdpte }),
  };
}

function writeSegment(writer: StateWriter, segment: SegmentState): void {
  writer.u16(segment.selector).u64(BigInt.asUintN(64, segment.base)).u32(segment.limit);
  writer.u32(segment.attributes).bool(segment.present);
}

function readSegment(reader: StateReader): SegmentState {
  return {
    selector: reader.u16(),
    base: reader.u64(),
    limit: reader.u32(),
    attributes: reader.u32(),
    present: reader.bool(),
  };
}

function readCpuidRow(reader: StateReader): CpuState["cpuid"][number] {
  const row = Array.from({ length: CPUID_WORDS }, () => reader.u32());
  return row as unknown as CpuState["cpuid"][number];
}

function count(reader: StateReader): number {
  const value = reader.u32();
  if (value > MOST_ENTRIES) {
    throw new GuesthouseError("state-invalid", "The saved state of the processor is damaged.", { entries: value });
  }
  return value;
}

function sized(reader: StateReader, bytes: number): Uint8Array {
  const value = reader.bytes();
  if (value.length !== bytes) {
    throw new GuesthouseError("state-invalid", "The saved state of the processor is damaged.", { bytes: value.length });
  }
  return value;
}
