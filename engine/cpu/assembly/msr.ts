/**
 * Model-specific registers (SDM vol. 4) and the time-stamp counter. Those that exist are kept in the state; all others raise #GP(0)
 * and are counted. Reserved bits raise #GP(0) where guests rely on it.
 */
import { hostTsc, msrWritten } from "./environment";
import {
  EFER,
  EXTENDED_FEATURE_EDX,
  FS,
  GS,
  LAST_UNKNOWN_MSR,
  MSR_APIC_BASE,
  MSR_BIOS_SIGN_ID,
  MSR_CSTAR,
  MSR_DEBUG_CTL,
  MSR_FEATURE_CONTROL,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_MCG,
  MSR_MISC_ENABLE,
  MSR_MTRR,
  MSR_PAT,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_AUX,
  SEGMENT_BASE,
  TSC_OFFSET,
  UNKNOWN_MSRS,
} from "./layout.generated";
import { generalProtection, invalidOpcode } from "./faults";
import { PHYSICAL_ADDRESS_BITS, isCanonical } from "./mmu";
import { updateMode } from "./segments";
import {
  CR0_PG,
  CR4_PCE,
  CR4_TSD,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  RAX,
  RCX,
  RDX,
  cpl,
  cr0,
  cr4,
  efer,
  gpr32,
  segmentRow,
  setGpr32,
} from "./state";
import { flushTlbAll } from "./tlb";

const TSC: u32 = 0x10;
const APIC_BASE: u32 = 0x1b;
const BIOS_UPDATE_TRIGGER: u32 = 0x79;
const BIOS_SIGN_ID: u32 = 0x8b;
const MTRR_CAP: u32 = 0xfe;
const MTRR_VARIABLE: u32 = 0x200;
const MTRR_VARIABLE_LAST: u32 = 0x20f;
const MTRR_DEF_TYPE: u32 = 0x2ff;
const PAT: u32 = 0x277;
const EFER_INDEX: u32 = 0xc0000080;
const FS_BASE: u32 = 0xc0000100;
const GS_BASE: u32 = 0xc0000101;
/** Eight variable ranges, fixed ranges, write-combining. */
const MTRR_CAP_VALUE: u64 = 0x508;
const EXTENDED_SYSCALL: u32 = 1 << 11;
const EXTENDED_NX: u32 = 1 << 20;
const EXTENDED_RDTSCP: u32 = 1 << 27;
const EXTENDED_LM: u32 = 1 << 29;

function longModeOffered(): bool {
  return (load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_LM) != 0;
}

/** Place of an MTRR register in the state, or 0: eight base and mask pairs, eleven fixed ones, the default type. */
function mtrrPlace(index: u32): usize {
  if (index >= MTRR_VARIABLE && index <= MTRR_VARIABLE_LAST) return MSR_MTRR + (((index - MTRR_VARIABLE) << 3) as usize);
  if (index == 0x250) return MSR_MTRR + 16 * 8;
  if (index == 0x258 || index == 0x259) return MSR_MTRR + (((17 + index - 0x258) << 3) as usize);
  if (index >= 0x268 && index <= 0x26f) return MSR_MTRR + (((19 + index - 0x268) << 3) as usize);
  return index == MTRR_DEF_TYPE ? MSR_MTRR + 27 * 8 : 0;
}

/** Place of a register that is simply kept, or 0. */
function plainPlace(index: u32): usize {
  if (index == 0x174) return MSR_SYSENTER_CS;
  if (index == 0x175) return MSR_SYSENTER_ESP;
  if (index == 0x176) return MSR_SYSENTER_EIP;
  if (index == PAT) return MSR_PAT;
  if (index == 0x1a0) return MSR_MISC_ENABLE;
  if (index == 0x3a) return MSR_FEATURE_CONTROL;
  if (index == BIOS_SIGN_ID) return MSR_BIOS_SIGN_ID;
  if (index == 0x1d9) return MSR_DEBUG_CTL;
  if (index >= 0x179 && index <= 0x17b) return MSR_MCG + (((index - 0x179) << 3) as usize);
  return mtrrPlace(index);
}

/** The registers of SYSCALL and long mode, or 0. */
function longPlace(index: u32): usize {
  if (!longModeOffered()) return 0;
  if (index == 0xc0000081) return MSR_STAR;
  if (index == 0xc0000082) return MSR_LSTAR;
  if (index == 0xc0000083) return MSR_CSTAR;
  if (index == 0xc0000084) return MSR_FMASK;
  if (index == FS_BASE) return segmentRow(FS) + SEGMENT_BASE;
  if (index == GS_BASE) return segmentRow(GS) + SEGMENT_BASE;
  if (index == 0xc0000102) return MSR_KERNEL_GS_BASE;
  return 0;
}

/** Registers that read as a fixed value and swallow writes: platform, power-on options, bus clock, L2 control, performance state, thermal ones. */
function isInert(index: u32): bool {
  return index == 0x17 || index == 0x2a || index == 0xcd || index == 0x11e || (index >= 0x198 && index <= 0x19c);
}

function noteUnknown(index: u32): void {
  store<u32>(UNKNOWN_MSRS, load<u32>(UNKNOWN_MSRS) + 1);
  store<u32>(LAST_UNKNOWN_MSR, index);
  generalProtection();
}

/** The counter as the guest sees it. */
export function readTsc(): u64 {
  return (hostTsc() as u64) + load<u64>(TSC_OFFSET);
}

export function setTsc(value: u64): void {
  store<u64>(TSC_OFFSET, value - (hostTsc() as u64));
}

function answer(value: u64): void {
  setGpr32(RAX, value as u32);
  setGpr32(RDX, (value >> 32) as u32);
}

/** ECX -> EDX:EAX */
export function rdmsr(): void {
  if (cpl() != 0) generalProtection();
  const index = gpr32(RCX);
  let place = plainPlace(index);
  if (!place) place = longPlace(index);
  if (place) return answer(load<u64>(place));
  if (index == TSC) return answer(readTsc());
  if (index == APIC_BASE) return answer(load<u64>(MSR_APIC_BASE));
  if (index == MTRR_CAP) return answer(MTRR_CAP_VALUE);
  if (index == EFER_INDEX) return answer(load<u64>(EFER));
  if (index == 0xc0000103 && load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_RDTSCP) return answer(load<u64>(MSR_TSC_AUX));
  if (isInert(index)) return answer(0);
  noteUnknown(index);
}

function isMemoryType(type: u64): bool {
  return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

/** PAT: eight memory types; 7 is UC-. */
function checkPat(value: u64): void {
  for (let i: u64 = 0; i < 64; i += 8) {
    const type = (value >> i) & 0xff;
    if (!isMemoryType(type) && type != 7) generalProtection();
  }
}

function checkMtrr(index: u32, value: u64): void {
  if (index == MTRR_DEF_TYPE) {
    if (value & ~0xcff || !isMemoryType(value & 0xff)) generalProtection();
  } else if (index <= MTRR_VARIABLE_LAST) {
    if (value >> (PHYSICAL_ADDRESS_BITS as u64)) generalProtection();
    if (!(index & 1) && (value & 0xf00 || !isMemoryType(value & 0xff))) generalProtection();
    if (index & 1 && value & 0x7ff) generalProtection();
  } else {
    for (let i: u64 = 0; i < 64; i += 8) if (!isMemoryType((value >> i) & 0xff)) generalProtection();
  }
}

function writeEfer(value: u64): void {
  const offered = load<u32>(EXTENDED_FEATURE_EDX);
  let defined: u32 = 0;
  if (offered & EXTENDED_SYSCALL) defined |= EFER_SCE;
  if (offered & EXTENDED_NX) defined |= EFER_NXE;
  if (offered & EXTENDED_LM) defined |= EFER_LME | EFER_LMA;
  if (value & ~(defined as u64)) generalProtection();
  const old = efer();
  if ((old ^ (value as u32)) & EFER_LME && cr0() & CR0_PG) generalProtection();
  store<u64>(EFER, (((value as u32) & ~EFER_LMA) | (old & EFER_LMA)) as u64);
  flushTlbAll();
  updateMode();
}

function writeApicBase(value: u64): void {
  if (value & 0x6ff || value >> (PHYSICAL_ADDRESS_BITS as u64)) generalProtection();
  store<u64>(MSR_APIC_BASE, value);
  msrWritten(APIC_BASE, value as u32, (value >> 32) as u32);
}

/** EDX:EAX -> ECX */
export function wrmsr(): void {
  if (cpl() != 0) generalProtection();
  const index = gpr32(RCX);
  const value = ((gpr32(RDX) as u64) << 32) | (gpr32(RAX) as u64);
  let place = plainPlace(index);
  if (place) {
    if (index == 0x179) generalProtection();
    if (mtrrPlace(index)) checkMtrr(index, value);
    if (index == PAT) checkPat(value);
    store<u64>(place, value);
    return;
  }
  place = longPlace(index);
  if (place) {
    const isAddress = index != 0xc0000081 && index != 0xc0000084;
    if (isAddress && !isCanonical(value)) generalProtection();
    store<u64>(place, value);
    return;
  }
  if (index == TSC) setTsc(value);
  else if (index == APIC_BASE) writeApicBase(value & ~0x100 | (load<u64>(MSR_APIC_BASE) & 0x100));
  else if (index == EFER_INDEX) writeEfer(value);
  else if (index == 0xc0000103 && load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_RDTSCP) store<u64>(MSR_TSC_AUX, value & 0xffffffff);
  else if (index != BIOS_UPDATE_TRIGGER && !isInert(index)) noteUnknown(index);
}

export function rdtsc(): void {
  if (cr4() & CR4_TSD && cpl() != 0) generalProtection();
  answer(readTsc());
}

export function rdtscp(): void {
  if (!(load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_RDTSCP)) invalidOpcode();
  rdtsc();
  setGpr32(RCX, load<u32>(MSR_TSC_AUX));
}

/** Performance counters stand still. */
export function rdpmc(): void {
  if (!(cr4() & CR4_PCE) && cpl() != 0) generalProtection();
  if ((gpr32(RCX) & 0x3fffffff) > 1) generalProtection();
  answer(0);
}
