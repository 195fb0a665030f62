// What every x87 and MMX instruction asks first: may it run, does an exception wait (#NM, #UD, #MF or IRQ 13), and what MMX makes of the
// register stack. Source: Intel SDM vol. 1, 8.6 and 9.5; vol. 3, 2.5.
import { CR0, FPU_REGISTER, FPU_STATUS, FPU_TAG, FPU_TOP } from "../layout.generated";
import * as st from "./stack";
import { raise, fpuError } from "./systemCalls";

const CR0_MP: u32 = 2;
const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;
const CR0_NE: u32 = 32;
const NM: i32 = 7;
const MF: i32 = 16;

export function fpuEnterNoWait(): void {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) != 0) raise(NM, -1);
}

export function fpuEnter(): void {
  fpuEnterNoWait();
  checkPending();
}

export function fpuWait(): void {
  const cr0 = load<u32>(CR0);
  if ((cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) raise(NM, -1);
  checkPending();
}

/** MMX instructions: as fpuEnter. What they do to TOP and tags waits until nothing can fault any more. */
export function mmxEnter(): void {
  const cr0 = load<u32>(CR0);
  if ((cr0 & CR0_EM) != 0) raise(6, -1);
  if ((cr0 & CR0_TS) != 0) raise(NM, -1);
  checkPending();
}

/** An MMX register goes to memory: TOP = 0 whether that faults or not. */
export function mmxStore(): void {
  store<u32>(FPU_TOP, 0);
}

/** An MMX instruction is through: TOP = 0, all registers are valid. */
export function mmxUsed(): void {
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0);
}

/** ... and wrote a register: the exponent part becomes all ones. */
export function mmxWritten(register: i32): void {
  mmxUsed();
  store<u16>(FPU_REGISTER + register * 16, 0xffff, 8);
}

export function fpuEmms(): void {
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0xffff);
}

function checkPending(): void {
  if ((load<u32>(FPU_STATUS) & st.ES) == 0) return;
  if ((load<u32>(CR0) & CR0_NE) != 0) raise(MF, -1);
  fpuError();
}
