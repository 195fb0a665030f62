/**
 * RDMSR and WRMSR (SDM vol. 4): registers in the state (msrStorage.ts), the time-stamp counter and KVM's clock (timeStamp.ts), those of the local
 * APIC, EFER, and what only identifies the processor. A register that does not exist is #GP(0) and counted.
 */
import {
  EXTENDED_LM,
  EXTENDED_NX,
  EXTENDED_SYSCALL,
  FEATURE_HYPERVISOR,
  FEATURE_MCA,
  FEATURE_TSC_DEADLINE,
  FEATURE_X2APIC,
  STRUCTURED_ARCH_CAPABILITIES,
  STRUCTURED_SPEC_CTRL,
  STRUCTURED_TSC_ADJUST,
} from "./cpuidFeatures";
import { msrRead, msrWritten } from "./environment";
import { generalProtection } from "./faults";
import {
  EFER,
  EXTENDED_FEATURE_EDX,
  FEATURE_ECX,
  FEATURE_EDX,
  LAST_UNKNOWN_MSR,
  MSR_APIC_BASE,
  MSR_KVM_SYSTEM_TIME,
  MSR_KVM_WALL_CLOCK,
  MSR_TSC_ADJUST,
  STRUCTURED_FEATURE_EBX,
  STRUCTURED_FEATURE_EDX,
  UNKNOWN_MSRS,
} from "./layout.generated";
import { PHYSICAL_ADDRESS_BITS } from "./mmu";
import { checkMsrValue, keptMsrBits, msrPlace } from "./msrStorage";
import { updateMode } from "./segments";
import {
  CR0_PG,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  RAX,
  RCX,
  RDX,
  cpl,
  cr0,
  efer,
  gpr32,
  setGpr32,
} from "./state";
import {
  readTsc,
  readTscDeadline,
  writeKvmSystemTime,
  writeKvmWallClock,
  writeTsc,
  writeTscAdjust,
  writeTscDeadline,
} from "./timeStamp";
import { flushTlbAll } from "./tlb";

const TSC: u32 = 0x10;
const KVM_WALL_CLOCK_OLD: u32 = 0x11;
const KVM_SYSTEM_TIME_OLD: u32 = 0x12;
const APIC_BASE: u32 = 0x1b;
const TSC_ADJUST: u32 = 0x3b;
const PRED_CMD: u32 = 0x49;
const BIOS_UPDATE_TRIGGER: u32 = 0x79;
const MTRR_CAP: u32 = 0xfe;
const ARCH_CAPABILITIES: u32 = 0x10a;
const MCG_CAP: u32 = 0x179;
const TSC_DEADLINE: u32 = 0x6e0;
const X2APIC_FIRST: u32 = 0x800;
const X2APIC_LAST: u32 = 0x8ff;
const KVM_WALL_CLOCK: u32 = 0x4b564d00;
const KVM_SYSTEM_TIME: u32 = 0x4b564d01;
const EFER_INDEX: u32 = 0xc0000080;

/** Eight variable ranges, fixed ranges, write-combining. */
const MTRR_CAP_VALUE: u64 = 0x508;
/** Four banks, no global control. */
const MCG_CAP_VALUE: u64 = 4;
/**
 * What this processor need not fear: it does not speculate. RDCL, enhanced IBRS, L1TF, SSB, MDS, page size change, TAA, stale MMIO data of three kinds,
 * BHI, PBRSB, GDS, RFDS, ITS.
 */
const ARCH_CAPABILITIES_VALUE: u64 = 0x400000000d10e17b;

const APIC_BASE_X2APIC: u64 = 1 << 10;
const APIC_BASE_ENABLE: u64 = 1 << 11;
const APIC_BASE_MODE: u64 = APIC_BASE_X2APIC | APIC_BASE_ENABLE;

/** Registers that read as a fixed value and swallow writes: platform, power-on options, bus clock, L2 control, performance state, thermal ones. */
function isInert(index: u32): bool {
  return index <= 1 || index == 0x17 || index == 0x2a || index == 0xcd || index == 0x11e || (index >= 0x198 && index <= 0x19c);
}

function noteUnknown(index: u32): void {
  store<u32>(UNKNOWN_MSRS, load<u32>(UNKNOWN_MSRS) + 1);
  store<u32>(LAST_UNKNOWN_MSR, index);
  generalProtection();
}

function hasFeature(word: usize, bit: u32): bool {
  return (load<u32>(word) & bit) != 0;
}

function isX2Apic(): bool {
  return (load<u64>(MSR_APIC_BASE) & APIC_BASE_MODE) == APIC_BASE_MODE;
}

/** Registers that x2APIC mode can read: not end of interrupt, self interrupt, and what has moved into others. */
function isReadableX2(register: u32): bool {
  if (register >= 0x10 && register <= 0x28) return true;
  if (register >= 0x32 && register <= 0x39) return true;
  return (
    register == 0x02 ||
    register == 0x03 ||
    register == 0x08 ||
    register == 0x0a ||
    register == 0x0d ||
    register == 0x0f ||
    register == 0x30 ||
    register == 0x3e
  );
}

function answer(value: u64): void {
  setGpr32(RAX, value as u32);
  setGpr32(RDX, (value >> 32) as u32);
}

/** Registers with a meaning of their own. False when there is no such register. */
function readSpecial(index: u32): bool {
  if (index == TSC) answer(readTsc());
  else if (index == APIC_BASE) answer(load<u64>(MSR_APIC_BASE));
  else if (index == EFER_INDEX) answer(load<u64>(EFER));
  else if (index == MTRR_CAP) answer(MTRR_CAP_VALUE);
  else if (index == MCG_CAP && hasFeature(FEATURE_EDX, FEATURE_MCA)) answer(MCG_CAP_VALUE);
  else if (index == TSC_ADJUST && hasFeature(STRUCTURED_FEATURE_EBX, STRUCTURED_TSC_ADJUST)) answer(load<u64>(MSR_TSC_ADJUST));
  else if (index == TSC_DEADLINE && hasFeature(FEATURE_ECX, FEATURE_TSC_DEADLINE)) answer(readTscDeadline());
  else if (index >= X2APIC_FIRST && index <= X2APIC_LAST && isX2Apic() && isReadableX2(index - X2APIC_FIRST)) answer(msrRead(index));
  else if (index == ARCH_CAPABILITIES && hasFeature(STRUCTURED_FEATURE_EDX, STRUCTURED_ARCH_CAPABILITIES)) answer(ARCH_CAPABILITIES_VALUE);
  else if (isInert(index)) answer(0);
  else return hasFeature(FEATURE_ECX, FEATURE_HYPERVISOR) && readKvm(index);
  return true;
}

function readKvm(index: u32): bool {
  if (index == KVM_WALL_CLOCK || index == KVM_WALL_CLOCK_OLD) answer(load<u64>(MSR_KVM_WALL_CLOCK));
  else if (index == KVM_SYSTEM_TIME || index == KVM_SYSTEM_TIME_OLD) answer(load<u64>(MSR_KVM_SYSTEM_TIME));
  else return false;
  return true;
}

/** ECX -> EDX:EAX */
export function rdmsr(): void {
  if (cpl() != 0) generalProtection();
  const index = gpr32(RCX);
  const place = msrPlace(index);
  if (place) answer(load<u64>(place));
  else if (!readSpecial(index)) noteUnknown(index);
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

/** The bootstrap bit stays. x2APIC mode is only left by disabling the APIC, and only entered from xAPIC mode (SDM vol. 3, 11.12.5). */
function writeApicBase(value: u64): void {
  const old = load<u64>(MSR_APIC_BASE);
  const next = (value & ~0x100) | (old & 0x100);
  if (next & 0x2ff || next >> (PHYSICAL_ADDRESS_BITS as u64)) generalProtection();
  if (next & APIC_BASE_X2APIC) {
    if (!hasFeature(FEATURE_ECX, FEATURE_X2APIC) || !(next & APIC_BASE_ENABLE) || !(old & APIC_BASE_ENABLE)) generalProtection();
  } else if (old & APIC_BASE_X2APIC && next & APIC_BASE_ENABLE) {
    generalProtection();
  }
  store<u64>(MSR_APIC_BASE, next);
  msrWritten(APIC_BASE, next as u32, (next >> 32) as u32);
}

/** As `readSpecial`. */
function writeSpecial(index: u32, value: u64): bool {
  if (index == TSC) writeTsc(value);
  else if (index == APIC_BASE) writeApicBase(value);
  else if (index == EFER_INDEX) writeEfer(value);
  else if (index == TSC_ADJUST && hasFeature(STRUCTURED_FEATURE_EBX, STRUCTURED_TSC_ADJUST)) writeTscAdjust(value);
  else if (index == TSC_DEADLINE && hasFeature(FEATURE_ECX, FEATURE_TSC_DEADLINE)) writeTscDeadline(value);
  else if (index >= X2APIC_FIRST && index <= X2APIC_LAST && isX2Apic()) {
    if (!msrWritten(index, value as u32, (value >> 32) as u32)) generalProtection();
  } else if (index == PRED_CMD && hasFeature(STRUCTURED_FEATURE_EDX, STRUCTURED_SPEC_CTRL)) {
    if (value & ~1) generalProtection();
  } else if (index != BIOS_UPDATE_TRIGGER && !isInert(index)) {
    return hasFeature(FEATURE_ECX, FEATURE_HYPERVISOR) && writeKvm(index, value);
  }
  return true;
}

function writeKvm(index: u32, value: u64): bool {
  if (index == KVM_WALL_CLOCK || index == KVM_WALL_CLOCK_OLD) writeKvmWallClock(value);
  else if (index == KVM_SYSTEM_TIME || index == KVM_SYSTEM_TIME_OLD) writeKvmSystemTime(value);
  else return false;
  return true;
}

/** EDX:EAX -> ECX */
export function wrmsr(): void {
  if (cpl() != 0) generalProtection();
  const index = gpr32(RCX);
  const value = ((gpr32(RDX) as u64) << 32) | (gpr32(RAX) as u64);
  const place = msrPlace(index);
  if (place) {
    checkMsrValue(index, value);
    store<u64>(place, value | keptMsrBits(index));
  } else if (!writeSpecial(index, value)) {
    noteUnknown(index);
  }
}
