// The system unit: what `semantics/helperSignatures.ts` lists under "system", and what the run loop calls besides.
export { div64, idiv64, mulHighS, mulHighU } from "./arithmetic";
export {
  clts,
  gdtrBase,
  gdtrLimit,
  hlt,
  idtrBase,
  idtrLimit,
  invlpg,
  invpcid,
  lgdt,
  lidt,
  lmsw,
  monitor,
  mwait,
  readControl,
  random,
  readDebug,
  readSegmentBase,
  requireProtected,
  requireSupervisor,
  setAlignmentCheck,
  smsw,
  swapgs,
  wbinvd,
  writeControl,
  writeDebug,
  writeSegmentBase,
} from "./control";
export { cpuid, definedXcr0, refreshFeatures } from "./cpuid";
export { debugAfterInstruction, debugBeforeInstruction } from "./debug";
export { loadSegment } from "./descriptors";
export { farCall, farJump, farReturn } from "./farTransfer";
export { syscall, sysenter, sysexit, sysret } from "./fastCalls";
export { raise, segmentFault } from "./faults";
export { cli, popf, pushfImage, readFlags, setArithmeticFlags, sti } from "./flags";
export { bound, enter } from "./frames";
export { hypercall } from "./hypercall";
export { iret } from "./interruptReturn";
export { deliverFault, deliverInterrupt, deliverNmi, int1, int3, into, softwareInterrupt, takeInterrupt } from "./interrupts";
export {
  loadSlow16,
  loadSlow32,
  loadSlow64,
  loadSlow8,
  peekLinear8,
  probeWrite,
  storeSlow16,
  storeSlow32,
  storeSlow64,
  storeSlow8,
  translateFetch,
} from "./memoryAccess";
export { translateForDebugger } from "./mmu";
export { rdmsr, wrmsr } from "./msr";
export { readPhysical8 } from "./physical";
export { in16, in32, in8, out16, out32, out8 } from "./ports";
export { initCpu, resetCpu, setA20 } from "./reset";
export { updateMode } from "./segments";
export { arpl, lar, lldt, lsl, ltr, sldt, str, verr, verw } from "./selectors";
export { updateAttention } from "./state";
export { ins, outs } from "./stringPorts";
export { cmps, lods, movs, scas, stos } from "./strings";
export { rdpid, rdpmc, rdtsc, rdtscp, reviseKvmClock } from "./timeStamp";
export { flushTlb, flushTlbNonGlobal, flushTlbPage, protectPage, protectWrites } from "./tlb";
export { aesDecrypt, aesEncrypt, aesInverseMix, aesKeyAssist } from "./vector/aes";
export { carrylessProduct, crc32, depositBits, extractBits } from "./vector/bitFields";
export { compareStrings, expandMask, stringLength } from "./vector/stringCompare";
export { slidingDifferences, smallestWord } from "./vector/wordSearch";
export { clearWatchpoints, passWatchpoints, takeWatchpointHit, watch } from "./watchpoints";
