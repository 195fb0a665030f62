/**
 * EFLAGS between its lazy form (cpuLayout: flagResult, flagCarries, flagAux) and the image that PUSHF, POPF, interrupts and IRET move.
 * POPF and PUSHF follow SDM vol. 2 with the virtual-8086 extensions; CLI and STI vol. 3, 6.8 and 20.3.
 */
import { FLAG_AUX, FLAG_CARRIES, FLAG_RESULT } from "./layout.generated";
import { generalProtection } from "./faults";
import {
  CR4_PVI,
  CR4_VME,
  FLAGS_ARITHMETIC,
  FLAG_AC,
  FLAG_AF,
  FLAG_CF,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_OF,
  FLAG_PF,
  FLAG_RF,
  FLAG_SF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAG_ZF,
  cpl,
  cr4,
  flagsSystem,
  iopl,
  isProtected,
  isVirtual8086,
  setSystemFlags,
} from "./state";

/** 1 when the low byte has an even number of ones. */
function evenParity(value: u32): u32 {
  return (~popcnt<u32>(value & 0xff)) & 1;
}

function arithmeticFlags(): u32 {
  const result = load<i64>(FLAG_RESULT);
  const carries = load<u32>(FLAG_CARRIES);
  const aux = load<u32>(FLAG_AUX);
  let flags: u32 = aux & FLAG_AF;
  flags |= carries >> 31;
  flags |= ((carries ^ (carries << 1)) >> 31) << 11;
  if (result == 0) flags |= FLAG_ZF;
  flags |= (((result < 0 ? 1 : 0) as u32) ^ ((aux >> 9) & 1)) << 7;
  flags |= (evenParity(result as u32) ^ ((aux >> 8) & 1)) << 2;
  return flags;
}

/** The full RFLAGS image. */
export function readFlags(): u32 {
  return flagsSystem() | arithmeticFlags();
}

/** Sets CF PF AF ZF SF OF from an image. */
export function setArithmeticFlags(image: u32): void {
  const result: u64 = image & FLAG_ZF ? 0 : 1;
  const carry = image & FLAG_CF;
  const overflow = (image & FLAG_OF) >> 11;
  const signAux = ((image & FLAG_SF) >> 7) << 9;
  const parityAux = (((image & FLAG_PF) >> 2) ^ evenParity(result as u32)) << 8;
  store<u64>(FLAG_RESULT, result);
  store<u32>(FLAG_CARRIES, (carry << 31) | ((carry ^ overflow) << 30));
  store<u32>(FLAG_AUX, (image & FLAG_AF) | signAux | parityAux);
}

export function setZeroFlag(value: bool): void {
  const image = arithmeticFlags();
  setArithmeticFlags(value ? image | FLAG_ZF : image & ~FLAG_ZF);
}

/** The arithmetic flags from an image, and those system flags that `mask` lets change. VM's consequences are the caller's. */
export function writeFlags(image: u32, mask: u32): void {
  if (mask & FLAGS_ARITHMETIC) setArithmeticFlags(image);
  const system = mask & ~FLAGS_ARITHMETIC;
  setSystemFlags(system, image & system);
}

/** What PUSHF pushes. */
export function pushfImage(size: i32): u32 {
  const image = readFlags();
  if (isVirtual8086() && iopl() < 3) {
    if (!(cr4() & CR4_VME) || size != 2) generalProtection();
    const virtualIf: u32 = image & FLAG_VIF ? FLAG_IF : 0;
    return (image & ~FLAG_IF & 0xffff) | FLAG_IOPL | virtualIf;
  }
  return size == 2 ? image & 0xffff : image & ~(FLAG_VM | FLAG_RF);
}

const POPF_ALWAYS: u32 = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;

/** POPF. RF is cleared; VM, VIF and VIP stay. */
export function popf(image: u32, size: i32): void {
  let mask = POPF_ALWAYS | FLAG_RF;
  if (size != 2) mask |= FLAG_AC | FLAG_ID;
  if (!isProtected() || (!isVirtual8086() && cpl() == 0)) {
    mask |= FLAG_IF | FLAG_IOPL;
  } else if (!isVirtual8086()) {
    if (cpl() <= iopl()) mask |= FLAG_IF;
  } else if (iopl() == 3) {
    mask |= FLAG_IF;
  } else {
    if (!(cr4() & CR4_VME) || size != 2) generalProtection();
    popfToVirtualInterruptFlag(image);
    return;
  }
  writeFlags(image & ~FLAG_RF, mask);
}

/** 16-bit POPF in virtual-8086 mode with VME and IOPL < 3: IF of the image goes to VIF. */
function popfToVirtualInterruptFlag(image: u32): void {
  if (image & FLAG_TF || (image & FLAG_IF && flagsSystem() & FLAG_VIP)) generalProtection();
  const withVif = (image & ~FLAG_VIF) | (image & FLAG_IF ? FLAG_VIF : 0);
  writeFlags(withVif & ~FLAG_RF, POPF_ALWAYS | FLAG_RF | FLAG_VIF);
}

/** Who may not touch IF may have a virtual one. */
function hasVirtualInterruptFlag(): bool {
  if (isVirtual8086()) return (cr4() & CR4_VME) != 0;
  return cpl() == 3 && (cr4() & CR4_PVI) != 0;
}

function mayChangeInterruptFlag(): bool {
  return !isProtected() || (isVirtual8086() ? iopl() == 3 : cpl() <= iopl());
}

export function cli(): void {
  if (mayChangeInterruptFlag()) setSystemFlags(FLAG_IF, 0);
  else if (hasVirtualInterruptFlag()) setSystemFlags(FLAG_VIF, 0);
  else generalProtection();
}

/** STI; the caller sets shadowRip when IF was clear. */
export function sti(): void {
  if (mayChangeInterruptFlag()) {
    setSystemFlags(0, FLAG_IF);
  } else if (hasVirtualInterruptFlag()) {
    if (flagsSystem() & FLAG_VIP) generalProtection();
    setSystemFlags(0, FLAG_VIF);
  } else {
    generalProtection();
  }
}
