/**
 * SYSENTER, SYSEXIT, SYSCALL and SYSRET (SDM vol. 2, vol. 3 5.8.7 and 5.8.8). After SYSCALL and SYSRET the new TF decides whether a single-step trap
 * follows, not the one that they began with, so that a debugger sees a system call as one step. SYSCALL and SYSRET exist on this vendor's processors in 64-bit code
 * only.
 */
import { CS, MSR_FMASK, MSR_LSTAR, MSR_STAR, MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP, SS } from "./layout.generated";
import { rearmStep } from "./debug";
import { generalProtection, invalidOpcode } from "./faults";
import { readFlags, writeFlags } from "./flags";
import { isCanonical } from "./mmu";
import { setCpl, setSegment } from "./segments";
import {
  EFER_SCE,
  FLAGS_ARITHMETIC,
  FLAG_IF,
  FLAG_RF,
  FLAG_VM,
  RCX,
  RDX,
  RSP,
  cpl,
  efer,
  gpr32,
  gpr64,
  isCode64,
  isLongMode,
  isProtected,
  rip,
  setGpr32,
  setGpr64,
  setRip,
  setSystemFlags,
} from "./state";

/** Flat 4 GiB, present, accessed; code execute-read of 32 or 64 bits, data read-write. */
const FLAT_CODE: u32 = 0xc09b;
const FLAT_LONG_CODE: u32 = 0xa09b;
const FLAT_DATA: u32 = 0xc093;
const DPL_3: u32 = 0x60;
const R11: i32 = 11;
/** RFLAGS bits that SYSRET takes from R11. */
const SYSRET_FLAGS: u32 = 0x3c7fd7;

function enterFlat(level: u32, selector: u32, stackSelector: u32, code: u32): void {
  const rights = level == 3 ? DPL_3 : 0;
  setCpl(level);
  setSegment(CS, (selector & 0xfffc) | level, 0, 0xffffffff, code | rights);
  setSegment(SS, (stackSelector & 0xfffc) | level, 0, 0xffffffff, FLAT_DATA | rights);
}

export function sysenter(): void {
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xfffc;
  if (!isProtected() || selector == 0) generalProtection();
  setSystemFlags(FLAG_VM | FLAG_IF | FLAG_RF, 0);
  enterFlat(0, selector, selector + 8, isLongMode() ? FLAT_LONG_CODE : FLAT_CODE);
  const mask: u64 = isLongMode() ? 0xffffffffffffffff : 0xffffffff;
  setGpr64(RSP, load<u64>(MSR_SYSENTER_ESP) & mask);
  setRip(load<u64>(MSR_SYSENTER_EIP) & mask);
}

export function sysexit(size: i32): void {
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xfffc;
  if (!isProtected() || cpl() != 0 || selector == 0) generalProtection();
  if (size == 8) {
    if (!isCanonical(gpr64(RCX)) || !isCanonical(gpr64(RDX))) generalProtection();
    enterFlat(3, selector + 32, selector + 40, FLAT_LONG_CODE);
    setGpr64(RSP, gpr64(RCX));
    setRip(gpr64(RDX));
    return;
  }
  enterFlat(3, selector + 16, selector + 24, FLAT_CODE);
  setGpr32(RSP, gpr32(RCX));
  setRip(gpr32(RDX) as u64);
}

function requireSyscall(): void {
  if (!isCode64() || !(efer() & EFER_SCE)) invalidOpcode();
}

export function syscall(): void {
  requireSyscall();
  const selector = (load<u64>(MSR_STAR) >> 32) as u32;
  setGpr64(RCX, rip());
  setGpr64(R11, (readFlags() & ~FLAG_RF) as u64);
  const cleared = load<u32>(MSR_FMASK) | FLAG_RF;
  writeFlags(readFlags() & ~cleared, cleared | FLAGS_ARITHMETIC);
  enterFlat(0, selector, selector + 8, FLAT_LONG_CODE);
  setRip(load<u64>(MSR_LSTAR));
  rearmStep();
}

export function sysret(size: i32): void {
  requireSyscall();
  if (cpl() != 0) generalProtection();
  const target = size == 8 ? gpr64(RCX) : gpr64(RCX) & 0xffffffff;
  if (!isCanonical(target)) generalProtection();
  const selector = (load<u64>(MSR_STAR) >> 48) as u32;
  if (size == 8) enterFlat(3, selector + 16, selector + 8, FLAT_LONG_CODE);
  else enterFlat(3, selector, selector + 8, FLAT_CODE);
  writeFlags((gpr64(R11) as u32) & SYSRET_FLAGS, 0x3fffff & ~FLAG_VM);
  setRip(target);
  rearmStep();
}
