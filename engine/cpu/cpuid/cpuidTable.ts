/**
 * What CPUID answers, leaf by leaf (Intel SDM vol. 2, "CPUID"; hypervisor leaves as KVM defines them). The table is data: it lies in the machine's
 * memory, where the system unit looks answers up, and a snapshot carries it, so that a guest goes on seeing what it saw. The few bits that
 * follow from the processor's state (APIC enabled, OSXSAVE, sizes of the XSAVE area in force) are put in by the unit.
 * Absent: performance monitoring, topology beyond one core, MONITOR.
 */
import type { CpuState } from "../../contracts/CpuState.ts";
import { type FeatureWords, featuresOf, wordsOf } from "../isa/features.ts";
import { cpuidRowBytes, cpuidRowsMax, memoryPlan } from "../layout/memoryPlan.ts";
import type { CpuModel } from "./cpuLevels.ts";

export type CpuidTable = CpuState["cpuid"];
type Answer = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** The time-stamp counter and the local APIC's timer run at 1 GHz. */
const FREQUENCY_KHZ = 1_000_000;
const FREQUENCY_MHZ = 1_000;
const anySubleaf = 0xffff_ffff;
/** Leaves that answer by ECX. */
const leavesWithSubleaves = new Set([4, 7, 0x0b, 0x0d]);

/** KVM's paravirtual features: clock source (old and new registers), no I/O delays needed, the clock is stable. */
const KVM_FEATURES = (1 << 0) | (1 << 1) | (1 << 3) | (1 << 24);

/** x87 and SSE state always, AVX state where the processor has it. */
const AVX_STATE = { bytes: 256, offset: 576 } as const;
const LEGACY_AREA_BYTES = 576;

/** CPUID.7.2:EDX, BHI_CTRL and MCDT_NO. */
const BRANCH_HISTORY_CONTROL = (1 << 4) | (1 << 5);

/** Four characters a register, as CPUID spells names. */
function spelled(text: string, registers: number): number[] {
  const bytes = Uint8Array.from({ length: registers * 4 }, (_, i) => text.charCodeAt(i) || 0);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: registers }, (_, i) => view.getUint32(i * 4, true));
}

/** Leaf 4: L1 data and instruction 32 KiB; one unified L2 of 4 MiB, or 256 KiB and 8 MiB of L3. 64-byte lines. */
function cacheAnswers(old: boolean): Answer[] {
  const eightWays = 0x01c0_003f;
  const sixteenWays = 0x03c0_003f;
  const level1: Answer[] = [
    [0x121, eightWays, 63, 0],
    [0x122, eightWays, 63, 0],
  ];
  const none: Answer = [0, 0, 0, 0];
  if (old) return [...level1, [0x143, sixteenWays, 4095, 1], none];
  return [...level1, [0x143, eightWays, 511, 0], [0x163, sixteenWays, 8191, 2], none];
}

/** Leaf 0Dh; EBX of the first two is the unit's to fill in. */
function xsaveAnswers(features: ReadonlySet<string>, words: FeatureWords): Answer[] {
  if (!features.has("xsave")) return [[0, 0, 0, 0]];
  const avx = features.has("avx");
  const bytes = avx ? AVX_STATE.offset + AVX_STATE.bytes : LEGACY_AREA_BYTES;
  const answers: Answer[] = [
    [avx ? 7 : 3, bytes, bytes, 0],
    [words.xsaveEax ?? 0, 0, 0, 0],
  ];
  if (avx) answers.push([AVX_STATE.bytes, AVX_STATE.offset, 0, 0]);
  return answers;
}

/** Leaf 7. Subleaf 2 offers to turn branch history off, which spares guests sequences that clear it. */
function structuredAnswers(features: ReadonlySet<string>, words: Required<FeatureWords>): Answer[] {
  const { structuredEbx, structuredEcx, structuredEdx } = words;
  if (!features.has("spec_ctrl")) return [[0, structuredEbx, structuredEcx, structuredEdx]];
  const none: Answer = [0, 0, 0, 0];
  return [[2, structuredEbx, structuredEcx, structuredEdx], none, [0, 0, 0, BRANCH_HISTORY_CONTROL]];
}

function basicAnswers(model: CpuModel, words: Required<FeatureWords>): Map<number, Answer[]> {
  const vendor = spelled("GenuineIntel", 3);
  const old = model.lastBasicLeaf < 0x0b;
  return new Map<number, Answer[]>([
    [0, [[model.lastBasicLeaf, vendor[0]!, vendor[2]!, vendor[1]!]]],
    [1, [[model.signature, 0x0001_0800, words.basicEcx, words.basicEdx]]],
    // The old way to tell caches, or "see leaf 4".
    [2, [old ? [0x05b0_b101, 0x0056_57f0, 0, 0x2cb4_3049] : [0x00fe_ff01, 0x0000_00f0, 0, 0]]],
    [4, cacheAnswers(old)],
    // The APIC timer does not stop in any power state.
    [6, [[4, 0, 0, 0]]],
    [7, structuredAnswers(model.features, words)],
    [
      0x0b,
      [
        [0, 1, 0x100, 0],
        [0, 1, 0x201, 0],
        [0, 0, 2, 0],
      ],
    ],
    [0x0d, xsaveAnswers(model.features, words)],
    [0x15, [[1, 1, FREQUENCY_KHZ * 1000, 0]]],
    [0x16, [[FREQUENCY_MHZ, FREQUENCY_MHZ, 100, 0]]],
  ]);
}

function hypervisorAnswers(): Map<number, Answer[]> {
  const name = spelled("KVMKVMKVM", 3);
  return new Map<number, Answer[]>([
    [0x4000_0000, [[0x4000_0010, name[0]!, name[1]!, name[2]!]]],
    [0x4000_0001, [[KVM_FEATURES, 0, 0, 0]]],
    [0x4000_0010, [[FREQUENCY_KHZ, FREQUENCY_KHZ, 0, 0]]],
  ]);
}

function extendedAnswers(model: CpuModel, words: Required<FeatureWords>): Map<number, Answer[]> {
  const brand = spelled(model.brand, 12);
  const brandAnswer = (part: number): Answer[] => {
    const [a = 0, b = 0, c = 0, d = 0] = brand.slice(part * 4);
    return [[a, b, c, d]];
  };
  const old = model.lastBasicLeaf < 0x0b;
  const linearBits = model.features.has("lm") ? 48 : 32;
  const invariantTsc = 1 << 8;
  return new Map<number, Answer[]>([
    [0x8000_0000, [[0x8000_0008, 0, 0, 0]]],
    [0x8000_0001, [[0, 0, words.extendedEcx, words.extendedEdx]]],
    [0x8000_0002, brandAnswer(0)],
    [0x8000_0003, brandAnswer(1)],
    [0x8000_0004, brandAnswer(2)],
    [0x8000_0006, [[0, 0, old ? 0x1000_8040 : 0x0100_6040, 0]]],
    [0x8000_0007, [[0, 0, 0, invariantTsc]]],
    [0x8000_0008, [[(linearBits << 8) | physicalAddressBits, 0, 0, 0]]],
  ]);
}

/** MAXPHYADDR, as the page walk knows it. */
const physicalAddressBits = 40;

/** Every answer that is not all zeros, and the last of each leaf with subleaves. */
export function cpuidTable(model: CpuModel): CpuidTable {
  const words = wordsOf(model.features);
  const groups = [
    basicAnswers(model, words),
    model.features.has("hypervisor") ? hypervisorAnswers() : new Map<number, Answer[]>(),
    extendedAnswers(model, words),
  ];
  const table: [number, number, number, number, number, number][] = [];
  for (const [leaf, answers] of groups.flatMap((group) => [...group])) {
    if (leaf < 0x4000_0000 && leaf > model.lastBasicLeaf) continue;
    for (const [subleaf, answer] of answers.entries()) table.push([leaf, subleaf, ...answer]);
  }
  return table;
}

/** The feature words in a table, which may come from a snapshot of another engine. */
export function featureWordsOf(table: CpuidTable): Required<FeatureWords> {
  const find = (leaf: number, subleaf: number): readonly number[] =>
    table.find((row) => row[0] === leaf && row[1] === subleaf) ?? [0, 0, 0, 0, 0, 0];
  const [basic, structured, extended] = [find(1, 0), find(7, 0), find(0x8000_0001, 0)];
  return {
    basicEcx: basic[4]!,
    basicEdx: basic[5]!,
    extendedEcx: extended[4]!,
    extendedEdx: extended[5]!,
    structuredEbx: structured[3]!,
    structuredEcx: structured[4]!,
    structuredEdx: structured[5]!,
    xsaveEax: find(0x0d, 1)[2]!,
  };
}

/** Names of the instruction features in a table. */
export const featuresIn = (table: CpuidTable): ReadonlySet<string> => featuresOf(featureWordsOf(table));

/** Puts a table where the system unit looks answers up; rows beyond what fits are left out. */
export function writeCpuidTable(buffer: ArrayBufferLike, table: CpuidTable): void {
  const view = new DataView(buffer, memoryPlan.cpuid, cpuidRowBytes * (cpuidRowsMax + 1));
  const rows = table.slice(0, cpuidRowsMax);
  view.setUint32(0, rows.length, true);
  for (const [index, [leaf, subleaf, ...registers]] of rows.entries()) {
    const at = (index + 1) * cpuidRowBytes;
    view.setUint32(at, leaf, true);
    view.setUint32(at + 4, leavesWithSubleaves.has(leaf) ? subleaf : anySubleaf, true);
    for (const [i, value] of registers.entries()) view.setUint32(at + 8 + i * 4, value >>> 0, true);
  }
}

/** The table in force, as written. */
export function readCpuidTable(buffer: ArrayBufferLike): CpuidTable {
  const view = new DataView(buffer, memoryPlan.cpuid, cpuidRowBytes * (cpuidRowsMax + 1));
  return Array.from({ length: Math.min(view.getUint32(0, true), cpuidRowsMax) }, (_, index) => {
    const word = (offset: number): number => view.getUint32((index + 1) * cpuidRowBytes + offset, true);
    const subleaf = word(4);
    return [word(0), subleaf === anySubleaf ? 0 : subleaf, word(8), word(12), word(16), word(20)] as const;
  });
}
