/**
 * The irregular operations that every tier calls: exports of the AssemblyScript units, by name. A test compares this table with
 * what the units export. Helpers may raise a guest fault: they set fault* in the CPU state and throw the wasm exception
 * `guestFault`, which unwinds to the run loop; nothing that they changed before may then be visible to the guest.
 *
 * "rip" in a contract below means the state field, which the caller has set to the address of the NEXT instruction before the call; a
 * helper that transfers control stores the new one there. On a fault the run loop itself puts back the address of
 * the faulting instruction.
 */
export type WasmValueType = "i32" | "i64" | "f64" | "v128";

export interface HelperSignature {
  readonly unit: "system" | "fpu";
  readonly params: readonly WasmValueType[];
  readonly result?: WasmValueType;
  /** Control or decoding context may have changed: the caller refetches from `rip` afterwards. */
  readonly endsBlock?: boolean;
}

type SystemHelper<R> = HelperSignature & (R extends WasmValueType ? { readonly result: R } : unknown);

const system = <R extends WasmValueType | undefined = undefined>(
  params: WasmValueType[],
  result?: R,
  endsBlock = false,
): SystemHelper<R> =>
  ({
    unit: "system",
    params,
    ...(result ? { result } : {}),
    ...(endsBlock ? { endsBlock } : {}),
  }) as SystemHelper<R>;

const fpu = (params: WasmValueType[], result?: WasmValueType): HelperSignature => ({
  unit: "fpu",
  params,
  ...(result ? { result } : {}),
});

export const helperSignatures = {
  // --- memory: linear addresses, any alignment, page crossing allowed; privilege of the current CPL ---
  loadSlow8: system(["i64"], "i32"),
  loadSlow16: system(["i64"], "i32"),
  loadSlow32: system(["i64"], "i32"),
  loadSlow64: system(["i64"], "i64"),
  storeSlow8: system(["i64", "i32"]),
  storeSlow16: system(["i64", "i32"]),
  storeSlow32: system(["i64", "i32"]),
  storeSlow64: system(["i64", "i64"]),
  /** Checks that `size` bytes at a linear address may be written (page faults as a write), without writing. */
  probeWrite: system(["i64", "i32"]),
  /** Linear address to fetch from -> physical address; raises #PF as an instruction fetch. Fills the execute tag. */
  translateFetch: system(["i64"], "i64"),
  /** Raises #GP(0), or #SS(0) when the segment is SS, for an access outside of its segment. Never returns. */
  segmentFault: system(["i32"]),
  /** raise(vector, errorCode or -1 for none). Never returns. */
  raise: system(["i32", "i32"]),

  // --- flags ---
  /** The full RFLAGS image, lazy flags evaluated. */
  readFlags: system([], "i32"),
  /** PUSHF rules (VM, IOPL, RF/VM cleared): (operand size in bytes) -> image. */
  pushfImage: system(["i32"], "i32"),
  /** POPF rules: (image, operand size in bytes). */
  popf: system(["i32", "i32"], undefined, true),

  // --- segments and control transfer; sizes are operand sizes in bytes; `seg` is segmentIndex ---
  /** MOV/POP/LxS into ES SS DS FS GS: full checks for the current mode. MOV to SS sets the interrupt shadow (caller's business: shadowRip). */
  loadSegment: system(["i32", "i32"], undefined, true),
  farJump: system(["i32", "i64", "i32"], undefined, true), // selector, offset, operand size
  farCall: system(["i32", "i64", "i32"], undefined, true),
  farReturn: system(["i32", "i32"], undefined, true), // operand size, bytes to release
  softwareInterrupt: system(["i32"], undefined, true), // INT n: v86/IOPL and gate DPL checks
  int3: system([], undefined, true),
  into: system([], undefined, true), // called only when OF is set
  int1: system([], undefined, true),
  iret: system(["i32"], undefined, true),
  sysenter: system([], undefined, true),
  sysexit: system(["i32"], undefined, true),
  syscall: system([], undefined, true),
  sysret: system(["i32"], undefined, true),
  enter: system(["i32", "i32", "i32"]), // operand size, frame bytes, nesting level
  lar: system(["i32", "i32"], "i32"), // selector, old value -> new value; sets ZF
  lsl: system(["i32", "i32"], "i32"),
  verr: system(["i32"]),
  verw: system(["i32"]),
  arpl: system(["i32", "i32"], "i32"), // destination, source -> destination; sets ZF
  lldt: system(["i32"]),
  ltr: system(["i32"]),
  sldt: system([], "i32"),
  str: system([], "i32"),
  lgdt: system(["i32", "i64"]), // limit, base
  lidt: system(["i32", "i64"]),
  lmsw: system(["i32"], undefined, true),
  clts: system([]),
  readControl: system(["i32"], "i64"), // CRn, #GP/#UD rules
  writeControl: system(["i32", "i64"], undefined, true),
  readDebug: system(["i32"], "i64"),
  writeDebug: system(["i32", "i64"], undefined, true),
  rdmsr: system([], undefined), // ECX -> EDX:EAX
  wrmsr: system([], undefined, true),
  rdtsc: system([]), // -> EDX:EAX, CR4.TSD
  rdtscp: system([]),
  rdpmc: system([]),
  cpuid: system([]),
  invlpg: system(["i64"], undefined, true),
  wbinvd: system([]), // privilege check only, also INVD
  hlt: system([], undefined, true),
  cli: system([]),
  sti: system([]), // sets IF (or VIF); the caller sets shadowRip when IF was clear
  monitor: system([]),
  mwait: system([], undefined, true),

  /** #GP(0) unless CPL is 0: called before operands are read. */
  requireSupervisor: system([]),
  /** #UD in real and virtual-8086 mode: called before operands are read (LLDT, LTR, SLDT, STR, LAR, LSL, VERR, VERW, ARPL). */
  requireProtected: system([]),
  /** What SGDT, SIDT and SMSW store. */
  gdtrLimit: system([], "i32"),
  gdtrBase: system([], "i64"),
  idtrLimit: system([], "i32"),
  idtrBase: system([], "i64"),
  smsw: system([], "i32"),
  swapgs: system([]),
  /** Bases of FS and GS (segment index), with CR4.FSGSBASE. */
  readSegmentBase: system(["i32"], "i64"),
  writeSegmentBase: system(["i32", "i64"]),
  invpcid: system(["i64", "i64"], undefined, true), // type, linear address of the descriptor
  setAlignmentCheck: system(["i32"]), // STAC 1, CLAC 0
  rdpid: system([], "i64"),
  /** RAX is the call's number and its answer. */
  hypercall: system([]),
  /** 64 random bits, or 0 when there are none. */
  random: system([], "i64"),

  // --- ports: (port, ...) with IOPL and I/O permission bitmap ---
  in8: system(["i32"], "i32"),
  in16: system(["i32"], "i32"),
  in32: system(["i32"], "i32"),
  out8: system(["i32", "i32"], undefined, true),
  out16: system(["i32", "i32"], undefined, true),
  out32: system(["i32", "i32"], undefined, true),

  /**
   * String instructions: (element bytes, address size in bytes, source segment, rep: 0 none, 1 REP/REPE, 2 REPNE). They keep eSI, eDI,
   * eCX and flags right at every point where a fault can happen, and return after at most about 4096 elements with
   * result 1 when work is left (the caller checks for attention and repeats the instruction), else 0.
   */
  movs: system(["i32", "i32", "i32", "i32"], "i32"),
  stos: system(["i32", "i32", "i32", "i32"], "i32"),
  lods: system(["i32", "i32", "i32", "i32"], "i32"),
  cmps: system(["i32", "i32", "i32", "i32"], "i32"),
  scas: system(["i32", "i32", "i32", "i32"], "i32"),
  ins: system(["i32", "i32", "i32", "i32"], "i32"),
  outs: system(["i32", "i32", "i32", "i32"], "i32"),
  bound: system(["i32", "i64", "i32"]), // index (sign-extended), linear address of the bounds, operand size

  // --- 64-bit arithmetic that wasm lacks ---
  mulHighU: system(["i64", "i64"], "i64"),
  mulHighS: system(["i64", "i64"], "i64"),
  /** RDX:RAX / divisor -> RAX, RDX; #DE. */
  div64: system(["i64"]),
  idiv64: system(["i64"]),

  // --- bits and vectors: what WebAssembly has no instructions for; no faults ---
  depositBits: system(["i64", "i64"], "i64"), // value, mask
  extractBits: system(["i64", "i64"], "i64"),
  crc32: system(["i32", "i64", "i32"], "i32"), // checksum, value, bytes of it
  carrylessProduct: system(["i64", "i64"], "v128"),
  aesEncrypt: system(["v128", "v128", "i32"], "v128"), // state, round key, 1 for the last round
  aesDecrypt: system(["v128", "v128", "i32"], "v128"),
  aesInverseMix: system(["v128"], "v128"),
  aesKeyAssist: system(["v128", "i32"], "v128"),
  /** Elements before the first zero: string, control. */
  stringLength: system(["v128", "i32"], "i32"),
  /** First and second string, their lengths (signed), control -> a bit for each element of the second. */
  compareStrings: system(["v128", "v128", "i64", "i64", "i32"], "i32"),
  expandMask: system(["i32", "i32"], "v128"), // bits, control
  smallestWord: system(["v128"], "v128"),
  slidingDifferences: system(["v128", "v128", "i32"], "v128"),

  // --- x87: entry checks (#NM, #MF; without waiting: #NM), then one export a kind of work ---
  fpuEnter: fpu([]),
  fpuEnterNoWait: fpu([]),
  fpuWait: fpu([]),
  fpuLoadF32: fpu(["i32"]),
  fpuLoadF64: fpu(["i64"]),
  fpuLoadF80: fpu(["i64", "i32"]), // significand, sign and exponent
  fpuLoadInt: fpu(["i64"]),
  fpuLoadBcd: fpu(["i64", "i32"]), // low 8 bytes, high 2
  fpuLoadRegister: fpu(["i32"]),
  fpuLoadConstant: fpu(["i32"]), // 0..6 in encoding order of FLD1..FLDZ
  /** Stores give the value of ST(0); `fpuStoreAllowed` then tells whether it may be written (and popped). */
  fpuStoreF32: fpu([], "i32"),
  fpuStoreF64: fpu([], "i64"),
  fpuStoreF80Significand: fpu([], "i64"),
  fpuStoreF80SignExponent: fpu([], "i32"),
  fpuStoreInt: fpu(["i32", "i32"], "i64"), // width in bits, truncate
  fpuStoreBcdLow: fpu([], "i64"),
  fpuStoreBcdHigh: fpu([], "i32"),
  fpuStoreRegister: fpu(["i32"]),
  fpuStoreAllowed: fpu([], "i32"),
  fpuMoveRegister: fpu(["i32", "i32"]),
  fpuCopyTop: fpu(["i32"]),
  fpuPop: fpu([]),
  fpuExchange: fpu(["i32"]),
  fpuFree: fpu(["i32"]),
  fpuMoveTop: fpu(["i32"]), // FINCSTP 1, FDECSTP -1
  /** Operations by reg field: 0 add, 1 multiply, 4 subtract, 5 reversed, 6 divide, 7 reversed; ST(0) op value. */
  fpuArithmeticF32: fpu(["i32", "i32"]),
  fpuArithmeticF64: fpu(["i32", "i64"]),
  fpuArithmeticInt: fpu(["i32", "i64"]),
  fpuArithmeticRegister: fpu(["i32", "i32", "i32", "i32"]), // operation, target, source, pop
  fpuCompareF32: fpu(["i32", "i32"]), // value, pops
  fpuCompareF64: fpu(["i64", "i32"]),
  fpuCompareInt: fpu(["i64", "i32"]),
  fpuCompareRegister: fpu(["i32", "i32", "i32"]), // register, quiet, pops
  fpuCompareFlags: fpu(["i32", "i32", "i32"]),
  fpuTest: fpu([]),
  fpuExamine: fpu([]),
  fpuChangeSign: fpu([]),
  fpuAbsolute: fpu([]),
  fpuSquareRoot: fpu([]),
  fpuRound: fpu([]),
  fpuExp2Minus1: fpu([]),
  fpuYLog2X: fpu([]),
  fpuYLog2XPlus1: fpu([]),
  fpuArctan: fpu([]),
  fpuTrigonometric: fpu(["i32"]), // 0 sine, 1 cosine, 2 both, 3 tangent
  fpuExtract: fpu([]),
  fpuRemainder: fpu(["i32"]), // 1: to nearest
  fpuScale: fpu([]),
  fpuInit: fpu([]),
  fpuClearExceptions: fpu([]),
  fpuLoadControl: fpu(["i32"]),
  fpuReadControl: fpu([], "i32"),
  fpuReadStatus: fpu([], "i32"),
  /** Linear address, operand size in bytes (2 or 4). */
  fpuStoreEnvironment: fpu(["i64", "i32"]),
  fpuLoadEnvironment: fpu(["i64", "i32"]),
  fpuSave: fpu(["i64", "i32"]),
  fpuRestore: fpu(["i64", "i32"]),
  /** Linear address (#GP(0) unless 16-byte aligned), number of XMM registers. */
  fpuFxsave: fpu(["i64", "i32"]),
  fpuFxrstor: fpu(["i64", "i32"]),
  /** Extended state: #UD, #NM and, for the supervisor's kinds (1), #GP first. */
  xsaveEnter: fpu(["i32"]),
  xsave: fpu(["i64", "i32", "i32"]), // linear address, kind (XSAVE, OPT, C, S), number of registers
  xrstor: fpu(["i64", "i32", "i32"]), // linear address, supervisor, number of registers
  xgetbv: fpu([], "i64"),
  xsetbv: fpu([]),
  /** MMX: #UD, #NM, #MF. When nothing can fault any more: TOP = 0 and all tags valid; after a write the register's exponent is all ones, too. */
  mmxEnter: fpu([]),
  mmxStore: fpu([]),
  mmxUsed: fpu([]),
  mmxWritten: fpu(["i32"]),
  fpuEmms: fpu([]),

  /** SSE floating point, the slow path: code (`floatOperations.ts`), operands -> result. Raises #XM, or #UD by CR4.OSXMMEXCPT. */
  simdFloat: fpu(["i32", "v128", "v128", "v128"], "v128"),
} as const satisfies Record<string, HelperSignature>;

export type HelperName = keyof typeof helperSignatures;
