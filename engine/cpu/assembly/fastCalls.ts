/**
 * SYSENTER and SYSEXIT (SDM vol. 2, vol. 3 5.8.7). SYSCALL and SYSRET exist on this vendor's processors in 64-bit code only and are
 * invalid elsewhere.
 */
import { CS, MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP, SS } from "./layout.generated";
import { generalProtection, invalidOpcode } from "./faults";
import { setCpl, setSegment } from "./segments";
import {
  FLAG_IF,
  FLAG_RF,
  FLAG_VM,
  RCX,
  RDX,
  RSP,
  cpl,
  gpr32,
  isProtected,
  setGpr32,
  setRip,
  setSystemFlags,
} from "./state";

/** Flat 4 GiB, present, accessed, 32 bits; code execute-read, data read-write. */
const FLAT_CODE: u32 = 0xc09b;
const FLAT_DATA: u32 = 0xc093;
const DPL_3: u32 = 0x60;

export function sysenter(): void {
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xfffc;
  if (!isProtected() || selector == 0) generalProtection();
  setSystemFlags(FLAG_VM | FLAG_IF | FLAG_RF, 0);
  setCpl(0);
  setSegment(CS, selector, 0, 0xffffffff, FLAT_CODE);
  setSegment(SS, selector + 8, 0, 0xffffffff, FLAT_DATA);
  setGpr32(RSP, load<u32>(MSR_SYSENTER_ESP));
  setRip(load<u32>(MSR_SYSENTER_EIP) as u64);
}

export function sysexit(size: i32): void {
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xfffc;
  if (!isProtected() || cpl() != 0 || selector == 0) generalProtection();
  setCpl(3);
  setSegment(CS, ((selector + 16) & 0xffff) | 3, 0, 0xffffffff, FLAT_CODE | DPL_3);
  setSegment(SS, ((selector + 24) & 0xffff) | 3, 0, 0xffffffff, FLAT_DATA | DPL_3);
  setGpr32(RSP, gpr32(RCX));
  setRip(gpr32(RDX) as u64);
}

export function syscall(): void {
  invalidOpcode();
}

export function sysret(size: i32): void {
  invalidOpcode();
}
