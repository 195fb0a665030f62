/**
 * The one table of where a processor's state lies, relative to `memoryPlan.cpuState`. It generates the offsets that
 * emitted code uses, the constants that the AssemblyScript units are compiled with, save and load, and the debugger's
 * names. Every field is naturally aligned.
 */
export type FieldType = "u8" | "u16" | "u32" | "u64" | "v128";

export interface LayoutField {
  readonly offset: number;
  readonly type: FieldType;
  /** Elements, `strideBytes` apart. */
  readonly count: number;
  readonly strideBytes: number;
}

const sizes = { u8: 1, u16: 2, u32: 4, u64: 8, v128: 16 } as const;

function layOut<Names extends string>(
  fields: Record<Names, readonly [type: FieldType, count?: number, strideBytes?: number]>,
): Record<Names, LayoutField> & { readonly sizeBytes: number } {
  let at = 0;
  const result: Record<string, LayoutField> = {};
  for (const [name, [type, count = 1, strideBytes = sizes[type]]] of Object.entries<
    readonly [FieldType, number?, number?]
  >(fields)) {
    at = Math.ceil(at / sizes[type]) * sizes[type];
    result[name] = { offset: at, type, count, strideBytes };
    at += count * strideBytes;
  }
  return Object.assign(result, { sizeBytes: at }) as Record<Names, LayoutField> & { readonly sizeBytes: number };
}

/** Order in `segment*` fields. LDTR and TR follow the six that instructions can name. */
export const segmentIndex = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, ldtr: 6, tr: 7 } as const;

/**
 * One segment register is a 64-byte row of `segments`. An access of n bytes at offset o is within the segment exactly when
 * `o >= lo && o + n - 1 <= hi` without wrap-around, unsigned; a segment that does not allow the access at all has lo = 1,
 * hi = 0. Expand-down segments have lo = limit + 1. Real mode: lo = 0, hi = limit.
 */
export const segmentFields = {
  base: 0, // u64
  limit: 8, // u32, in bytes, granularity applied
  attributes: 12, // u32: type, S, DPL, P, AVL, L, D/B, G as in bits 8..23 of the high dword, limit nibble zero
  selector: 16, // u32
  readLo: 20, // u32
  readHi: 24, // u32
  writeLo: 28, // u32
  writeHi: 32, // u32
  executeHi: 36, // u32: fetch limit for CS
} as const;
export const segmentStrideBytes = 64;

const fields = layOut({
  /** rax rcx rdx rbx rsp rbp rsi rdi r8..r15. A 32-bit write stores the zero-extended value in all modes. */
  gpr: ["u64", 16],
  /** Always zero: what an absent base or index register reads. */
  zero: ["u64"],
  /** Instruction pointer, offset in CS. Exact only outside of `run` and in helpers that end a block. */
  rip: ["u64"],
  segments: ["u64", 8, segmentStrideBytes],
  /**
   * Lazy arithmetic flags. Result sign-extended from the operand's width: ZF = (result == 0), SF = (result < 0) ^ bit 9 of aux,
   * PF = even parity of the low byte ^ bit 8 of aux. Carries left-justified in 32 bits: CF = bit 31, OF = bit 31 ^ bit 30.
   * AF = bit 4 of aux. All other bits of aux are zero.
   */
  flagResult: ["u64"],
  flagCarries: ["u32"],
  flagAux: ["u32"],
  /** RFLAGS without CF PF AF ZF SF OF, bits in place; bit 1 is set. */
  flagsSystem: ["u32"],
  /** Current privilege level, 0..3 (3 in virtual-8086 mode). */
  cpl: ["u32"],
  /** `codeModeBits`: what decoded records depend on; kept up to date by segment, CR0, EFER and VM changes. */
  codeMode: ["u32"],
  /** Offset in memory of the TLB in use: supervisor or user. */
  tlbBase: ["u32"],
  /** Non-zero: emitted code leaves its loop at the next block boundary and asks `attend`. Bits: `attentionBits`. */
  attention: ["u32"],
  /** Instructions left in this `run`; signed. */
  budget: ["u32"],
  /** Record of the instruction being executed (interpreter). */
  currentRecord: ["u32"],
  /** Linear address of the page that `currentRecord` lies in, minus CS.base: rip = this + offset in page. */
  pageRip: ["u64"],
  /** rip of the instruction after which interrupts are still held off (STI, MOV SS, POP SS), or all ones. */
  shadowRip: ["u64"],
  /** A fault on its way: vector, error code, whether it has one. Set by `raise`. */
  faultVector: ["u32"],
  faultErrorCode: ["u32"],
  faultHasErrorCode: ["u32"],
  /** Vector being delivered while delivering (double-fault rules), or 0xFFFF_FFFF. */
  deliveringVector: ["u32"],
  /** 0 running, 1 halted, 2 shut down (triple fault). */
  activity: ["u32"],
  cr0: ["u64"],
  cr2: ["u64"],
  cr3: ["u64"],
  cr4: ["u64"],
  cr8: ["u64"],
  efer: ["u64"],
  dr: ["u64", 8],
  gdtrBase: ["u64"],
  gdtrLimit: ["u32"],
  idtrLimit: ["u32"],
  idtrBase: ["u64"],
  /** Physical address mask of the A20 gate: 0xFFFF_FFFF or 0xFFEF_FFFF for the low dword. */
  a20Mask: ["u32"],
  nmiPending: ["u32"],
  nmiBlocked: ["u32"],
  interruptPin: ["u32"],
  /** Named MSRs; `rdmsr`/`wrmsr` helpers map indices to these. */
  msrSysenterCs: ["u64"],
  msrSysenterEsp: ["u64"],
  msrSysenterEip: ["u64"],
  msrApicBase: ["u64"],
  msrPat: ["u64"],
  msrMiscEnable: ["u64"],
  msrMtrr: ["u64", 32],
  msrStar: ["u64"],
  msrLstar: ["u64"],
  msrCstar: ["u64"],
  msrFmask: ["u64"],
  msrKernelGsBase: ["u64"],
  msrTscAux: ["u64"],
  tscOffset: ["u64"],
  msrBiosSignId: ["u64"],
  msrFeatureControl: ["u64"],
  msrDebugCtl: ["u64"],
  msrMcg: ["u64", 4],
  /** x87: eight registers, 16 bytes apart: u64 significand, then u16 sign and exponent. Physical R0..R7, not ST(i). */
  fpuRegister: ["u64", 8, 16],
  fpuControl: ["u32"],
  /** Status word without TOP. */
  fpuStatus: ["u32"],
  fpuTop: ["u32"],
  /** Full tag word, two bits per physical register. */
  fpuTag: ["u32"],
  fpuOpcode: ["u32"],
  fpuCs: ["u32"],
  fpuDs: ["u32"],
  mxcsr: ["u32"],
  fpuIp: ["u64"],
  fpuDp: ["u64"],
  /** 32 bytes apart: the low half is XMM, the whole is YMM (`ymmHigh` is the other half). */
  xmm: ["v128", 16, 32],
  /** Statistics. */
  instructions: ["u64"],
  pageWalks: ["u64"],
  mmioExits: ["u64"],
  /** PAE: the page-directory-pointer registers, loaded with CR3. */
  pdpte: ["u64", 4],
  /**
   * Non-zero while an event is being delivered or a task switch has passed its point of no return: `rip` is then already what a fault
   * must push, and the run loop leaves it alone. Otherwise the run loop puts back the address of the faulting instruction.
   */
  faultKeepsRip: ["u32"],
  /** EFLAGS.TF was set when the current instruction began. */
  stepArmed: ["u32"],
  /** DR6 bits of debug traps that wait for the end of the instruction. */
  pendingDebug: ["u32"],
  /** MOV SS or POP SS just executed: debug traps wait for one more instruction. */
  stackSegmentShadow: ["u32"],
  /** CPUID policy: feature words of leaves 1 and 80000001h as the guest sees them. */
  featureEdx: ["u32"],
  featureEcx: ["u32"],
  extendedFeatureEdx: ["u32"],
  extendedFeatureEcx: ["u32"],
  /** Reads and writes of MSRs that do not exist, and the last index. */
  unknownMsrs: ["u32"],
  lastUnknownMsr: ["u32"],
  /** CPUID policy, continued: EBX, ECX and EDX of leaf 7, EAX of leaf 0Dh subleaf 1. All of them follow from the table at `memoryPlan.cpuid`. */
  structuredFeatureEbx: ["u32"],
  structuredFeatureEcx: ["u32"],
  structuredFeatureEdx: ["u32"],
  xsaveFeatures: ["u32"],
  /** Extended control register 0 and IA32_XSS: which state XSAVE knows. Bit 0 of XCR0 is always set. */
  xcr0: ["u64"],
  msrXss: ["u64"],
  msrTscAdjust: ["u64"],
  msrSpecCtrl: ["u64"],
  /** KVM's clock: guest physical addresses, bit 0 of the system time's says that it is in use. */
  msrKvmWallClock: ["u64"],
  msrKvmSystemTime: ["u64"],
  /** Machine check banks: CTL, STATUS, ADDR, MISC of each. */
  msrMachineCheck: ["u64", 16],
});

export const cpuLayout = {
  ...fields,
  /** Upper halves of the YMM registers: each lies behind the lower half, which is `xmm`. */
  ymmHigh: { ...fields.xmm, offset: fields.xmm.offset + sizes.v128 },
} as const;

/** What decoded records depend on besides the bytes. */
export const codeModeBits = {
  /** 0 = 16-bit code, 1 = 32-bit, 2 = 64-bit. */
  codeSizeMask: 3,
  /** The stack is 32 bits wide (SS.B), or 64 in 64-bit code. */
  bigStack: 4,
  /** ES, CS, SS, DS have base 0 and limit 4 GiB, readable and writable as needed: no checks on them. */
  flat: 8,
  /** Single step, breakpoints or another reason to stop after every instruction: no caching shortcuts. */
  stepping: 16,
} as const;

/** Why `attention` is set. */
export const attentionBits = {
  /** INTR or NMI is pending and may be deliverable. */
  interrupt: 1,
  /** `kick` was called. */
  kick: 2,
  /** Decoded code of the running page was invalidated, or the translation of the running page changed. */
  refetch: 4,
  /** HLT, shutdown. */
  stop: 8,
  /** EFLAGS.TF or an armed code breakpoint. */
  debug: 16,
  /** A debugger outside of the guest steps, or something that it waits for was met. */
  debugger: 32,
} as const;
