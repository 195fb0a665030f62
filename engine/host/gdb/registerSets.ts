/**
 * The registers that GDB is shown, in its own names and order: the features org.gnu.gdb.i386.core, .sse, .avx and .segments (GDB manual,
 * appendix G.5), and the processor's system registers in a feature of our own. Which set a processor gets is decided once, when GDB
 * connects. System registers and selectors can only be looked at: a selector alone does not say what its segment is.
 */
import type { CpuState } from "../../contracts/CpuState.ts";

export interface GdbRegister {
  readonly name: string;
  readonly bits: number;
  readonly type: string;
  readonly group?: string;
  read(state: CpuState): bigint;
  /** Absent for what cannot be changed. */
  write?(state: CpuState, value: bigint): void;
}

export interface GdbFeature {
  readonly name: string;
  readonly registers: readonly GdbRegister[];
}

export interface RegisterSet {
  readonly architecture: "i386" | "i386:x86-64";
  readonly features: readonly GdbFeature[];
  /** In the order of their numbers. */
  readonly registers: readonly GdbRegister[];
}

const LONG_MODE = 1 << 29;
const AVX = 1 << 28;
const EFER_LMA = 0x400n;
const MSR = { efer: 0xc000_0080, kernelGsBase: 0xc000_0102 } as const;
/** Bits of EFLAGS that a debugger may change: all but VM and what is reserved. */
const FLAGS_WRITABLE = 0x3d_7fd5n;
const MXCSR_WRITABLE = 0xffffn;

const names64 = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const order64 = [0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15];
const names32 = "eax ecx edx ebx esp ebp esi edi".split(" ");
/** In CpuState es cs ss ds fs gs; here in GDB's order. */
const selectors: readonly (readonly [string, number])[] = [
  ["cs", 1],
  ["ss", 2],
  ["ds", 3],
  ["es", 0],
  ["fs", 4],
  ["gs", 5],
];

function bytesAsNumber(bytes: Uint8Array, at: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!);
  return value;
}
function numberAsBytes(bytes: Uint8Array, at: number, count: number, value: bigint): void {
  for (let i = 0; i < count; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

function general(name: string, number: number, bits: 32 | 64): GdbRegister {
  const pointer = number === 4 || number === 5;
  return {
    name,
    bits,
    type: pointer ? "data_ptr" : `int${bits}`,
    read: (state) => state.gpr[number]!,
    write: (state, value) => {
      state.gpr[number] = value;
    },
  };
}

function core(bits: 32 | 64): GdbRegister[] {
  const file =
    bits === 64
      ? names64.map((name, i) => general(name, order64[i]!, 64))
      : names32.map((name, i) => general(name, i, 32));
  return [
    ...file,
    {
      name: bits === 64 ? "rip" : "eip",
      bits,
      type: "code_ptr",
      read: (state) => state.rip,
      write: (state, value) => {
        // Whoever sends the processor elsewhere wants it to go on there.
        if (state.rip !== value) state.halted = false;
        state.rip = value;
      },
    },
    {
      name: "eflags",
      bits: 32,
      type: "i386_eflags",
      read: (state) => state.rflags,
      write: (state, value) => {
        state.rflags = (state.rflags & ~FLAGS_WRITABLE) | (value & FLAGS_WRITABLE);
      },
    },
    ...selectors.map(([name, index]) => ({
      name,
      bits: 32,
      type: "int32",
      read: (state: CpuState) => BigInt(state.segments[index]!.selector),
    })),
    ...Array.from({ length: 8 }, (_, i) => imagePart(`st${i}`, 80, "i387_ext", 32 + 16 * i)),
    ...coprocessor(),
  ];
}

/** A register that lies in the FXSAVE image as it is. */
function imagePart(name: string, bits: number, type: string, at: number, group?: string): GdbRegister {
  return {
    name,
    bits,
    type,
    ...(group === undefined ? {} : { group }),
    read: (state) => bytesAsNumber(state.fxsave, at, bits / 8),
    write: (state, value) => numberAsBytes(state.fxsave, at, bits / 8, value),
  };
}

/** Control and status of the x87, each 32 bits wide for GDB; the image has no selectors in its 64-bit form. */
function coprocessor(): GdbRegister[] {
  const part = (name: string, at: number, bytes: number): GdbRegister => ({
    name,
    bits: 32,
    type: "int",
    group: "float",
    read: (state) => (bytes === 0 ? 0n : bytesAsNumber(state.fxsave, at, bytes)),
    ...(bytes === 0
      ? {}
      : { write: (state: CpuState, value: bigint) => numberAsBytes(state.fxsave, at, bytes, value) }),
  });
  const tags: GdbRegister = { name: "ftag", bits: 32, type: "int", group: "float", read: fullTags };
  return [
    part("fctrl", 0, 2),
    part("fstat", 2, 2),
    tags,
    part("fiseg", 0, 0),
    part("fioff", 8, 4),
    part("foseg", 0, 0),
    part("fooff", 16, 4),
    part("fop", 6, 2),
  ];
}

/** The tag word of FSTENV out of the image's (SDM vol. 1, 8.1.7): 0 valid, 1 zero, 2 special, 3 empty, by physical register. */
function fullTags(state: CpuState): bigint {
  const image = state.fxsave;
  const top = (bytesAsNumber(image, 2, 2) >> 11n) & 7n;
  let tags = 0n;
  for (let physical = 0; physical < 8; physical++) {
    const at = 32 + 16 * ((physical - Number(top)) & 7);
    const exponent = bytesAsNumber(image, at + 8, 2) & 0x7fffn;
    const significand = bytesAsNumber(image, at, 8);
    let tag = exponent === 0x7fffn || significand >> 63n === 0n ? 2n : 0n;
    if (exponent === 0n && significand === 0n) tag = 1n;
    if (!(image[4]! & (1 << physical))) tag = 3n;
    tags |= tag << BigInt(2 * physical);
  }
  return tags;
}

function vectors(bits: 32 | 64): GdbRegister[] {
  return [
    ...Array.from({ length: bits === 64 ? 16 : 8 }, (_, i) => imagePart(`xmm${i}`, 128, "vec128", 160 + 16 * i)),
    {
      name: "mxcsr",
      bits: 32,
      type: "i386_mxcsr",
      group: "vector",
      read: (state) => bytesAsNumber(state.fxsave, 24, 4),
      write: (state, value) => numberAsBytes(state.fxsave, 24, 4, value & MXCSR_WRITABLE),
    },
  ];
}

function upperVectors(bits: 32 | 64): GdbRegister[] {
  return Array.from({ length: bits === 64 ? 16 : 8 }, (_, i) => ({
    name: `ymm${i}h`,
    bits: 128,
    type: "uint128",
    read: (state: CpuState) => (state.ymmHigh === undefined ? 0n : bytesAsNumber(state.ymmHigh, 16 * i, 16)),
    write: (state: CpuState, value: bigint) => {
      if (state.ymmHigh !== undefined) numberAsBytes(state.ymmHigh, 16 * i, 16, value);
    },
  }));
}

function segmentBase(name: string, index: number): GdbRegister {
  return {
    name,
    bits: 64,
    type: "int",
    read: (state) => state.segments[index]!.base,
    write: (state, value) => {
      state.segments[index]!.base = value;
    },
  };
}

function system(bits: 32 | 64): GdbRegister[] {
  const look = (name: string, read: (state: CpuState) => bigint): GdbRegister => ({
    name,
    bits,
    type: `int${bits}`,
    group: "system",
    read,
  });
  const control = [
    look("cr0", (state) => state.cr0),
    look("cr2", (state) => state.cr2),
    look("cr3", (state) => state.cr3),
    look("cr4", (state) => state.cr4),
  ];
  const tables = [
    look("gdt_base", (state) => state.gdtr.base),
    look("idt_base", (state) => state.idtr.base),
    look("tr", (state) => BigInt(state.tr.selector)),
    look("tr_base", (state) => state.tr.base),
    look("ldtr", (state) => BigInt(state.ldtr.selector)),
    ...["es", "cs", "ss", "ds", "fs", "gs"]
      .map((name, i) => look(`${name}_base`, (state) => state.segments[i]!.base))
      // Those two are GDB's own in 64 bits.
      .filter(({ name }) => bits === 32 || (name !== "fs_base" && name !== "gs_base")),
  ];
  const debug = [0, 1, 2, 3, 6, 7].map((number, i) => look(`dr${number}`, (state) => state.dr[i] ?? 0n));
  if (bits === 32) return [...control, ...tables, ...debug];
  return [
    ...control,
    look("cr8", (state) => state.cr8),
    look("efer", (state) => state.msrs.get(MSR.efer) ?? 0n),
    look("k_gs_base", (state) => state.msrs.get(MSR.kernelGsBase) ?? 0n),
    ...tables,
    ...debug,
  ];
}

/** Changed registers as a processor in this mode can have them. */
export function fitToMode(state: CpuState): void {
  if ((state.msrs.get(MSR.efer) ?? 0n) & EFER_LMA) return;
  state.rip = BigInt.asUintN(32, state.rip);
  state.gpr = state.gpr.map((value) => BigInt.asUintN(32, value));
}

/** The set for a processor, by what its CPUID says; `architecture` chooses another. */
export function registerSetFor(state: CpuState, architecture?: "i386"): RegisterSet {
  const leaf = (number: number): readonly number[] => state.cpuid.find((row) => row[0] === number) ?? [];
  const longMode = architecture !== "i386" && ((leaf(0x8000_0001)[5] ?? 0) & LONG_MODE) !== 0;
  const bits = longMode ? 64 : 32;
  const features: GdbFeature[] = [
    { name: "org.gnu.gdb.i386.core", registers: core(bits) },
    { name: "org.gnu.gdb.i386.sse", registers: vectors(bits) },
  ];
  if ((leaf(1)[4] ?? 0) & AVX) features.push({ name: "org.gnu.gdb.i386.avx", registers: upperVectors(bits) });
  if (longMode) {
    const registers = [segmentBase("fs_base", 4), segmentBase("gs_base", 5)];
    features.push({ name: "org.gnu.gdb.i386.segments", registers });
  }
  features.push({ name: "org.guesthouse.system", registers: system(bits) });
  return {
    architecture: longMode ? "i386:x86-64" : "i386",
    features,
    registers: features.flatMap(({ registers }) => registers),
  };
}
