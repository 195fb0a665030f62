/**
 * MSRs that are places in the state, and the values that they refuse (SDM vol. 4; vol. 3 for PAT 12.12, MTRRs 12.11, machine checks 16.3). A
 * register whose feature CPUID does not show is not there.
 */
import {
  EXTENDED_LM,
  EXTENDED_RDTSCP,
  FEATURE_MCA,
  STRUCTURED_RDPID,
  STRUCTURED_SPEC_CTRL,
} from "./cpuidFeatures";
import { generalProtection } from "./faults";
import {
  EXTENDED_FEATURE_EDX,
  FEATURE_EDX,
  FS,
  GS,
  MSR_BIOS_SIGN_ID,
  MSR_CSTAR,
  MSR_DEBUG_CTL,
  MSR_FEATURE_CONTROL,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_MACHINE_CHECK,
  MSR_MCG,
  MSR_MISC_ENABLE,
  MSR_MTRR,
  MSR_PAT,
  MSR_SPEC_CTRL,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_AUX,
  MSR_XSS,
  SEGMENT_BASE,
  STRUCTURED_FEATURE_ECX,
  STRUCTURED_FEATURE_EDX,
  XSAVE_FEATURES,
} from "./layout.generated";
import { PHYSICAL_ADDRESS_BITS, isCanonical } from "./mmu";
import { segmentRow } from "./state";

export const BIOS_SIGN_ID: u32 = 0x8b;
const FEATURE_CONTROL: u32 = 0x3a;
const SPEC_CTRL: u32 = 0x48;
const SYSENTER_CS: u32 = 0x174;
const SYSENTER_ESP: u32 = 0x175;
const SYSENTER_EIP: u32 = 0x176;
const MCG_STATUS: u32 = 0x17a;
const MISC_ENABLE: u32 = 0x1a0;
const DEBUG_CTL: u32 = 0x1d9;
const MTRR_VARIABLE: u32 = 0x200;
const MTRR_VARIABLE_LAST: u32 = 0x20f;
const PAT: u32 = 0x277;
const MTRR_DEF_TYPE: u32 = 0x2ff;
const MC0_CTL: u32 = 0x400;
/** Four banks of four registers. */
const MC_LAST: u32 = 0x40f;
const XSS: u32 = 0xda0;
const STAR: u32 = 0xc0000081;
const LSTAR: u32 = 0xc0000082;
const CSTAR: u32 = 0xc0000083;
const FMASK: u32 = 0xc0000084;
const FS_BASE: u32 = 0xc0000100;
const GS_BASE: u32 = 0xc0000101;
const KERNEL_GS_BASE: u32 = 0xc0000102;
const TSC_AUX: u32 = 0xc0000103;

const XSAVES: u32 = 1 << 3;

const FEATURE_CONTROL_LOCK: u64 = 1;
/** IBRS, STIBP, SSBD, BHI_DIS_S. */
const SPEC_CTRL_DEFINED: u64 = 0x407;

/** Place of an MTRR register in the state, or 0: eight base and mask pairs, eleven fixed ones, the default type. */
function mtrrPlace(index: u32): usize {
  if (index >= MTRR_VARIABLE && index <= MTRR_VARIABLE_LAST) return MSR_MTRR + (((index - MTRR_VARIABLE) << 3) as usize);
  if (index == 0x250) return MSR_MTRR + 16 * 8;
  if (index == 0x258 || index == 0x259) return MSR_MTRR + (((17 + index - 0x258) << 3) as usize);
  if (index >= 0x268 && index <= 0x26f) return MSR_MTRR + (((19 + index - 0x268) << 3) as usize);
  return index == MTRR_DEF_TYPE ? MSR_MTRR + 27 * 8 : 0;
}

/** Registers that any processor of this family has. */
function plainPlace(index: u32): usize {
  if (index == SYSENTER_CS) return MSR_SYSENTER_CS;
  if (index == SYSENTER_ESP) return MSR_SYSENTER_ESP;
  if (index == SYSENTER_EIP) return MSR_SYSENTER_EIP;
  if (index == PAT) return MSR_PAT;
  if (index == MISC_ENABLE) return MSR_MISC_ENABLE;
  if (index == FEATURE_CONTROL) return MSR_FEATURE_CONTROL;
  if (index == BIOS_SIGN_ID) return MSR_BIOS_SIGN_ID;
  if (index == DEBUG_CTL) return MSR_DEBUG_CTL;
  return mtrrPlace(index);
}

function machineCheckPlace(index: u32): usize {
  if (!(load<u32>(FEATURE_EDX) & FEATURE_MCA)) return 0;
  if (index == MCG_STATUS) return MSR_MCG + 8;
  return index >= MC0_CTL && index <= MC_LAST ? MSR_MACHINE_CHECK + (((index - MC0_CTL) << 3) as usize) : 0;
}

/** The registers of SYSCALL and long mode. */
function longPlace(index: u32): usize {
  if (!(load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_LM)) return 0;
  if (index == STAR) return MSR_STAR;
  if (index == LSTAR) return MSR_LSTAR;
  if (index == CSTAR) return MSR_CSTAR;
  if (index == FMASK) return MSR_FMASK;
  if (index == FS_BASE) return segmentRow(FS) + SEGMENT_BASE;
  if (index == GS_BASE) return segmentRow(GS) + SEGMENT_BASE;
  return index == KERNEL_GS_BASE ? MSR_KERNEL_GS_BASE : 0;
}

function newerPlace(index: u32): usize {
  if (index == TSC_AUX) {
    const offered = load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_RDTSCP || load<u32>(STRUCTURED_FEATURE_ECX) & STRUCTURED_RDPID;
    return offered ? MSR_TSC_AUX : 0;
  }
  if (index == SPEC_CTRL) return load<u32>(STRUCTURED_FEATURE_EDX) & STRUCTURED_SPEC_CTRL ? MSR_SPEC_CTRL : 0;
  if (index == XSS) return load<u32>(XSAVE_FEATURES) & XSAVES ? MSR_XSS : 0;
  return 0;
}

/** Where the state keeps a register, or 0 when it keeps no such register. */
export function msrPlace(index: u32): usize {
  if (index >= 0xc0000000) {
    const long = longPlace(index);
    return long ? long : newerPlace(index);
  }
  let place = plainPlace(index);
  if (!place) place = machineCheckPlace(index);
  return place ? place : newerPlace(index);
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

/** The status of a bank can only be cleared; its control is all or nothing; its address and miscellaneous registers hold anything. */
function checkMachineCheck(index: u32, value: u64): void {
  if (value == 0) return;
  if (index == MCG_STATUS) {
    if (value & ~7) generalProtection();
  } else if ((index & 3) == 1 || ((index & 3) == 0 && value != 0xffffffffffffffff)) {
    generalProtection();
  }
}

function isLinearAddress(index: u32): bool {
  return (
    index == LSTAR ||
    index == CSTAR ||
    index == FS_BASE ||
    index == GS_BASE ||
    index == KERNEL_GS_BASE ||
    index == SYSENTER_ESP ||
    index == SYSENTER_EIP
  );
}

/** #GP(0) for a value that the register does not take. */
export function checkMsrValue(index: u32, value: u64): void {
  if (mtrrPlace(index)) checkMtrr(index, value);
  else if (machineCheckPlace(index)) checkMachineCheck(index, value);
  else if (index == PAT) checkPat(value);
  else if (isLinearAddress(index)) {
    if (!isCanonical(value)) generalProtection();
  } else if (index == TSC_AUX) {
    if (value >> 32) generalProtection();
  } else if (index == SPEC_CTRL) {
    if (value & ~SPEC_CTRL_DEFINED) generalProtection();
  } else if (index == XSS) {
    // No supervisor state components are offered.
    if (value) generalProtection();
  } else if (index == FEATURE_CONTROL) {
    if (load<u64>(MSR_FEATURE_CONTROL) & FEATURE_CONTROL_LOCK) generalProtection();
  }
}

/** Bits of MISC_ENABLE that say what the processor lacks cannot be changed: branch trace store, event-based sampling. */
export function keptMsrBits(index: u32): u64 {
  return index == MISC_ENABLE ? 0x1800 : 0;
}
