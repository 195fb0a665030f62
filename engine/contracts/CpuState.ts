/** A segment register with its hidden part. `attributes` are bits 8..23 of the descriptor's high dword, limit nibble zeroed. */
export interface SegmentState {
  selector: number;
  base: bigint;
  limit: number;
  attributes: number;
  /** False for a null or otherwise unusable segment. */
  present: boolean;
}

/**
 * The architectural state of one processor, independent of what executes it: a snapshot taken under one backend
 * restores under the other.
 */
export interface CpuState {
  /** rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
  gpr: bigint[];
  rip: bigint;
  rflags: bigint;
  /** es cs ss ds fs gs */
  segments: SegmentState[];
  ldtr: SegmentState;
  tr: SegmentState;
  gdtr: { base: bigint; limit: number };
  idtr: { base: bigint; limit: number };
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  cr8: bigint;
  /** dr0..dr3, dr6, dr7 */
  dr: bigint[];
  /** FXSAVE image in the 64-bit layout, 512 bytes: x87, MMX, XMM, MXCSR. */
  fxsave: Uint8Array;
  /** Upper halves of YMM0..15, 256 bytes. Absent in states of processors without AVX: zeros. */
  ymmHigh?: Uint8Array;
  /** Which state XSAVE manages. Absent in states of processors without XSAVE: x87 alone. */
  xcr0?: bigint;
  /** By index, those the backend implements. */
  msrs: Map<number, bigint>;
  a20: boolean;
  halted: boolean;
  /** STI or MOV SS just executed. */
  interruptShadow: boolean;
  nmiBlocked: boolean;
  /** An NMI that has not been taken. Absent: none. */
  nmiPending?: boolean;
  /** PAE: the page-directory-pointer registers, as loaded with CR3. Absent: the processor loads them anew. */
  pdpte?: bigint[];
  /** CS and DS of the last x87 instruction, which the 64-bit FXSAVE layout has no place for. */
  fpuSelectors?: readonly [code: number, data: number];
  /** DR6 bits of debug traps that MOV SS holds off. Absent: none. */
  heldDebugTraps?: number;
  /** The CPUID the guest saw: leaf, subleaf, eax, ebx, ecx, edx. */
  cpuid: readonly (readonly [number, number, number, number, number, number])[];
}
