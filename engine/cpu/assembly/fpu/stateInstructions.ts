// Control and status words, the environment, FSAVE and FXSAVE. Source: Intel SDM vol. 1, 8.1.10 and 10.5, and the instruction pages of vol. 2.
// Absent: the last instruction and operand pointers (they read as zero) and the opcode register, as on processors that report
// FCS/FDS deprecated.
import { FPU_CONTROL, FPU_REGISTER, FPU_STATUS, FPU_TAG, FPU_TOP, MXCSR, XMM } from "../layout.generated";
import * as st from "./stack";
import { raise, loadSlow16, loadSlow32, loadSlow64, storeSlow16, storeSlow32, storeSlow64, probeWrite } from "./systemCalls";

const GP: i32 = 13;

export function fpuInit(): void {
  store<u32>(FPU_CONTROL, 0x37f);
  store<u32>(FPU_STATUS, 0);
  store<u32>(FPU_TOP, 0);
  store<u32>(FPU_TAG, 0xffff);
}

export function fpuClearExceptions(): void {
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & 0x7f00);
}

export function fpuLoadControl(value: i32): void {
  store<u32>(FPU_CONTROL, (value & 0x1f3f) | 0x40);
  st.updateSummary();
}

export function fpuReadControl(): i32 {
  return load<u32>(FPU_CONTROL);
}

export function fpuReadStatus(): i32 {
  return load<u32>(FPU_STATUS) | (load<u32>(FPU_TOP) << 11);
}

function writeStatus(value: u32): void {
  store<u32>(FPU_STATUS, value & ~(<u32>0x3800) & 0xffff);
  store<u32>(FPU_TOP, (value >> 11) & 7);
  st.updateSummary();
}

/** Tag word as FSTENV shows it: recomputed from the contents. */
function tagWord(): u32 {
  let word: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const shift = i * 2;
    if (((load<u32>(FPU_TAG) >> shift) & 3) == 3) word |= (<u32>3) << shift;
    else {
      const at = FPU_REGISTER + i * 16;
      word |= st.tagOf(load<u16>(at, 8) & 0x7fff, load<u64>(at)) << shift;
    }
  }
  return word;
}

/** FNSTENV: 14 or 28 bytes by operand size. All exceptions are masked afterwards. */
export function fpuStoreEnvironment(address: i64, size: i32): void {
  writeEnvironment(address, size);
  store<u32>(FPU_CONTROL, load<u32>(FPU_CONTROL) | 0x3f);
  st.updateSummary();
}

function writeEnvironment(address: i64, size: i32): void {
  probeWrite(address, size * 7);
  if (size == 2) {
    storeSlow16(address, load<u32>(FPU_CONTROL));
    storeSlow16(address + 2, fpuReadStatus());
    storeSlow16(address + 4, tagWord());
    for (let i = 6; i < 14; i += 2) storeSlow16(address + i, 0);
  } else {
    storeSlow32(address, load<u32>(FPU_CONTROL) | 0xffff_0000);
    storeSlow32(address + 4, fpuReadStatus() | 0xffff_0000);
    storeSlow32(address + 8, tagWord() | 0xffff_0000);
    for (let i = 12; i < 24; i += 4) storeSlow32(address + i, 0);
    storeSlow32(address + 24, 0xffff_0000);
  }
}

export function fpuLoadEnvironment(address: i64, size: i32): void {
  const control = loadSlow16(address);
  const status = loadSlow16(address + size);
  const tags = loadSlow16(address + size * 2);
  loadSlow16(address + size * 7 - 2);
  store<u32>(FPU_CONTROL, (control & 0x1f3f) | 0x40);
  store<u32>(FPU_TAG, tags);
  writeStatus(status);
}

/** FNSAVE: environment and registers in stack order, then FNINIT. */
export function fpuSave(address: i64, size: i32): void {
  const registers = address + size * 7;
  probeWrite(address, size * 7 + 80);
  writeEnvironment(address, size);
  for (let i = 0; i < 8; i++) {
    st.fetch(i);
    storeSlow64(registers + i * 10, st.sSig);
    storeSlow16(registers + i * 10 + 8, (st.sSign << 15) | st.sExp);
  }
  fpuInit();
}

export function fpuRestore(address: i64, size: i32): void {
  const registers = address + size * 7;
  // The ends first: of two faults the one of the first byte is reported, then the one of the last.
  loadSlow16(address);
  for (let i = 7; i >= 0; i--) loadSlow16(registers + i * 10 + 8);
  fpuLoadEnvironment(address, size);
  const top = load<u32>(FPU_TOP);
  for (let i: u32 = 0; i < 8; i++) {
    const at = FPU_REGISTER + ((top + i) & 7) * 16;
    store<u64>(at, loadSlow64(registers + i * 10));
    store<u16>(at, <u16>loadSlow16(registers + i * 10 + 8), 8);
  }
}

/** Abridged tag byte: one bit a register, set when it is not empty. */
function abridgedTags(): u32 {
  let byte: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((load<u32>(FPU_TAG) >> (i * 2)) & 3) != 3) byte |= 1 << i;
  return byte;
}

/** FXSAVE, 512 bytes (SDM vol. 1, 10.5.1); `xmmCount` is 8, or 16 in 64-bit mode. The XMM part is there whatever CR4.OSFXSR says. */
export function fpuFxsave(address: i64, xmmCount: i32): void {
  if ((address & 15) != 0) raise(GP, 0);
  probeWrite(address, 512);
  storeSlow16(address, load<u32>(FPU_CONTROL));
  storeSlow16(address + 2, fpuReadStatus());
  storeSlow16(address + 4, abridgedTags());
  storeSlow16(address + 6, 0);
  storeSlow64(address + 8, 0);
  storeSlow64(address + 16, 0);
  storeSlow32(address + 24, load<u32>(MXCSR));
  storeSlow32(address + 28, 0xffff);
  for (let i = 0; i < 8; i++) {
    st.fetch(i);
    storeSlow64(address + 32 + i * 16, st.sSig);
    storeSlow64(address + 40 + i * 16, (st.sSign << 15) | st.sExp);
  }
  for (let i = 0; i < xmmCount; i++) {
    storeSlow64(address + 160 + i * 16, load<u64>(XMM + i * 32));
    storeSlow64(address + 168 + i * 16, load<u64>(XMM + i * 32, 8));
  }
}

export function fpuFxrstor(address: i64, xmmCount: i32): void {
  if ((address & 15) != 0) raise(GP, 0);
  loadSlow64(address + 504);
  const mxcsr = loadSlow32(address + 24);
  if ((mxcsr & 0xffff_0000) != 0) raise(GP, 0);
  const control = loadSlow16(address);
  const status = loadSlow16(address + 2);
  const tags = loadSlow16(address + 4);
  store<u32>(FPU_CONTROL, (control & 0x1f3f) | 0x40);
  let full: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((tags >> i) & 1) == 0) full |= (<u32>3) << (i * 2);
  store<u32>(FPU_TAG, full);
  writeStatus(status);
  const top = load<u32>(FPU_TOP);
  for (let i: u32 = 0; i < 8; i++) {
    const at = FPU_REGISTER + ((top + i) & 7) * 16;
    store<u64>(at, loadSlow64(address + 32 + i * 16));
    store<u16>(at, <u16>loadSlow16(address + 40 + i * 16), 8);
  }
  store<u32>(MXCSR, mxcsr);
  for (let i = 0; i < xmmCount; i++) {
    store<u64>(XMM + i * 32, loadSlow64(address + 160 + i * 16));
    store<u64>(XMM + i * 32, loadSlow64(address + 168 + i * 16), 8);
  }
}
