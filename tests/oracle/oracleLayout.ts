/**
 * Where a case lies in linear memory, the same for the host's processor and for a guest's, and how cases and their outcomes are laid out in bytes.
 * A case begins at `codeAt` in a page of INT3, so that every way out of it ends in a known exception. It owns two pages of memory with
 * nothing mapped around them. All addresses are below 2 GiB, so that 32-bit code reaches them.
 */
export const pageBytes = 4096;

export const codePage = 0x6000_0000;
export const codeAt = codePage + 0x800;
/** A case's bytes, the end included. */
export const codeBytes = 64;
export const windowAt = 0x6001_0000;
export const windowBytes = 2 * pageBytes;
/** Reserved and inaccessible, the pages above excepted. */
export const reservedAt = 0x5f00_0000;
export const reservedEnd = 0x6100_0000;
/** What the trampoline needs for itself. */
export const harnessAt = 0x7000_0000;
export const harnessBytes = 0x100_0000;
/** Nothing is ever mapped below (vm.mmap_min_addr). */
export const lowestMapped = 0x1_0000;

/** Selectors that Linux gives to user code. */
export const selectors = { code32: 0x23, data: 0x2b, code64: 0x33 } as const;

export type CodeSize = 32 | 64;

/** One case, as the trampoline reads it. `xsave` is XSAVE's standard format with x87, SSE and AVX. */
export const caseLayout = {
  gpr: 0,
  flags: 128,
  fsBase: 136,
  gsBase: 144,
  codeSize: 152,
  code: 192,
  xsave: 320,
  sizeBytes: 1152,
} as const;

export const xsaveLayout = {
  fcw: 0,
  fsw: 2,
  ftw: 4,
  mxcsr: 24,
  st: 32,
  xmm: 160,
  header: 512,
  ymmHigh: 576,
  sizeBytes: 832,
} as const;

/** What came out, in a form that everybody's state is brought into: parts that do not exist in a mode are zero. */
export const outcomeLayout = {
  gpr: 0,
  rip: 128,
  flags: 136,
  vector: 140,
  errorCode: 144,
  mxcsr: 148,
  /** CR2, for page faults. */
  address: 152,
  fcw: 160,
  fsw: 162,
  /** One bit per physical x87 register: not empty. */
  ftw: 164,
  st: 192,
  xmm: 320,
  ymmHigh: 576,
  fsBase: 832,
  gsBase: 840,
  sizeBytes: 896,
} as const;

/** CF PF AF ZF SF TF IF DF OF IOPL NT AC ID: RF is whatever the exception makes of it. */
export const comparedFlags = 0x24_7fd5;

/** Vector with which a case ends well. */
export const breakpoint = 3;

/** What was written to the two pages: pairs of offset (u16) and value (u16). */
export function memoryChanges(before: Uint8Array, after: Uint8Array): Uint16Array {
  if (Buffer.compare(before, after) === 0) return noChanges;
  const changes: number[] = [];
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) changes.push(i, after[i]!);
  return Uint16Array.from(changes);
}
const noChanges = new Uint16Array(0);
