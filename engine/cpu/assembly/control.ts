/**
 * Control and debug registers, descriptor table registers, and the instructions that only the supervisor may use (SDM vol. 3, 2.5 and
 * 2.8). Reserved bits and forbidden combinations raise #GP(0) before anything changes. Bits of features that are not offered are
 * reserved.
 */
import { checkDebugAccess, storeDebugRegister } from "./debug";
import {
  ACTIVITY,
  CODE_MODE,
  CODE_MODE_CODE_SIZE_MASK,
  CR0,
  CR2,
  CR3,
  CR4,
  CR8,
  CS,
  DR,
  EFER,
  FEATURE_EDX,
  FEATURE_ECX,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  MSR_KERNEL_GS_BASE,
  SEGMENT_BASE,
  STRUCTURED_FEATURE_EBX,
  STRUCTURED_FEATURE_ECX,
} from "./layout.generated";
import { entropy, setTaskPriority, taskPriority } from "./environment";
import { generalProtection, invalidOpcode } from "./faults";
import { readLinear64 } from "./memoryAccess";
import { isCanonical, loadPdptes, PHYSICAL_ADDRESS_BITS } from "./mmu";
import { updateMode } from "./segments";
import {
  ACTIVITY_HALTED,
  ATTR_L,
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_OSXSAVE,
  CR4_PAE,
  CR4_PCE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_PVI,
  CR4_SMAP,
  CR4_SMEP,
  CR4_TSD,
  CR4_UMIP,
  CR4_VME,
  EFER_LMA,
  EFER_LME,
  FLAG_AC,
  cpl,
  cr0,
  cr4,
  efer,
  isLongMode,
  isProtected,
  isVirtual8086,
  segmentAttributes,
  segmentRow,
  setSystemFlags,
  updateAttention,
} from "./state";
import { flushTlbAll, flushTlbNonGlobal, flushTlbPage } from "./tlb";

const CR0_DEFINED: u32 =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;

/** #GP(0) unless CPL is 0. */
export function requireSupervisor(): void {
  if (cpl() != 0) generalProtection();
}

/** #UD in real and virtual-8086 mode. */
export function requireProtected(): void {
  if (!isProtected() || isVirtual8086()) invalidOpcode();
}

export function readControl(register: i32): u64 {
  requireSupervisor();
  if (register == 0) return load<u64>(CR0);
  if (register == 2) return load<u64>(CR2);
  if (register == 3) return load<u64>(CR3);
  if (register == 4) return load<u64>(CR4);
  if (register == 8) {
    const priority = taskPriority();
    return priority < 0 ? load<u64>(CR8) : (priority as u64);
  }
  invalidOpcode();
  return 0;
}

/** Paging goes on: the conditions, and what long mode makes of it. */
function checkPagingStart(): void {
  if (efer() & EFER_LME) {
    if (!(cr4() & CR4_PAE) || segmentAttributes(CS) & ATTR_L) generalProtection();
  } else if (cr4() & CR4_PAE) {
    if (!loadPdptes(load<u64>(CR3))) generalProtection();
  }
}

function writeCr0(value: u32): void {
  const old = cr0();
  const next = (value & CR0_DEFINED) | CR0_ET;
  if (next & CR0_PG && !(next & CR0_PE)) generalProtection();
  if (next & CR0_NW && !(next & CR0_CD)) generalProtection();
  const pagingChanges = ((old ^ next) & CR0_PG) != 0;
  if (pagingChanges && next & CR0_PG) checkPagingStart();
  if (pagingChanges && !(next & CR0_PG)) {
    if ((load<u32>(CODE_MODE) & CODE_MODE_CODE_SIZE_MASK) == 2 || cr4() & CR4_PCIDE) generalProtection();
  }
  store<u64>(CR0, next as u64);
  if (pagingChanges && efer() & EFER_LME) {
    const mode = efer();
    store<u64>(EFER, (next & CR0_PG ? mode | EFER_LMA : mode & ~EFER_LMA) as u64);
  }
  if ((old ^ next) & (CR0_PE | CR0_PG | CR0_WP)) flushTlbAll();
  if ((old ^ next) & (CR0_PE | CR0_PG)) updateMode();
}

/** Bit 63 of the value, with process-context identifiers: keep what is cached. Keeping less is always allowed. */
const CR3_KEEP_TLB: u64 = 1 << 63;

function writeCr3(value: u64): void {
  if (isLongMode()) {
    if (cr4() & CR4_PCIDE) value &= ~CR3_KEEP_TLB;
    if (value >> (PHYSICAL_ADDRESS_BITS as u64)) generalProtection();
  } else {
    value &= 0xffffffff;
    if (cr0() & CR0_PG && cr4() & CR4_PAE && !loadPdptes(value)) generalProtection();
  }
  store<u64>(CR3, value);
  flushTlbNonGlobal();
}

/** CR4 bits of newer features. */
function newerCr4(): u32 {
  const basic = load<u32>(FEATURE_ECX);
  const structured = load<u32>(STRUCTURED_FEATURE_EBX);
  let bits: u32 = 0;
  if (load<u32>(STRUCTURED_FEATURE_ECX) & (1 << 2)) bits |= CR4_UMIP;
  if (structured & 1) bits |= CR4_FSGSBASE;
  if (basic & (1 << 17)) bits |= CR4_PCIDE;
  if (basic & (1 << 26)) bits |= CR4_OSXSAVE;
  if (structured & (1 << 7)) bits |= CR4_SMEP;
  if (structured & (1 << 20)) bits |= CR4_SMAP;
  return bits;
}

/** CR4 bits that exist, by the CPUID features on offer. */
function definedCr4(): u32 {
  const features = load<u32>(FEATURE_EDX);
  let bits = CR4_PCE | newerCr4();
  if (features & (1 << 1)) bits |= CR4_VME | CR4_PVI;
  if (features & (1 << 4)) bits |= CR4_TSD;
  if (features & (1 << 2)) bits |= CR4_DE;
  if (features & (1 << 3)) bits |= CR4_PSE;
  if (features & (1 << 6)) bits |= CR4_PAE;
  if (features & (1 << 7)) bits |= CR4_MCE;
  if (features & (1 << 13)) bits |= CR4_PGE;
  if (features & (1 << 24)) bits |= CR4_OSFXSR;
  if (features & (1 << 25)) bits |= CR4_OSXMMEXCPT;
  return bits;
}

function writeCr4(value: u64): void {
  if (value & ~(definedCr4() as u64)) generalProtection();
  const old = cr4();
  const next = value as u32;
  if (isLongMode() && !(next & CR4_PAE)) generalProtection();
  if (next & ~old & CR4_PCIDE && (!isLongMode() || load<u64>(CR3) & 0xfff)) generalProtection();
  const reloads = ((old ^ next) & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP)) != 0;
  const flushes = reloads || ((old ^ next) & (CR4_SMAP | CR4_PCIDE)) != 0;
  if (reloads && next & CR4_PAE && cr0() & CR0_PG && !isLongMode() && !loadPdptes(load<u64>(CR3))) generalProtection();
  store<u64>(CR4, value);
  if (flushes) flushTlbAll();
}

export function writeControl(register: i32, value: u64): void {
  requireSupervisor();
  if (register == 0) {
    if (value >> 32) generalProtection();
    writeCr0(value as u32);
  } else if (register == 2) {
    store<u64>(CR2, value);
  } else if (register == 3) {
    writeCr3(value);
  } else if (register == 4) {
    writeCr4(value);
  } else if (register == 8) {
    if (value >> 4) generalProtection();
    store<u64>(CR8, value);
    setTaskPriority(value as i32);
  } else {
    invalidOpcode();
  }
}

/** SGDT, SIDT, SLDT, SMSW and STR with user-mode instruction prevention: #GP(0) above level 0. */
export function checkUserModeInstruction(): void {
  if (cr4() & CR4_UMIP && cpl() != 0) generalProtection();
}

export function smsw(): u32 {
  checkUserModeInstruction();
  return cr0();
}

/** LMSW: PE MP EM TS; PE cannot be cleared. */
export function lmsw(value: u32): void {
  requireSupervisor();
  const kept = cr0() & ~(CR0_MP | CR0_EM | CR0_TS);
  writeCr0(kept | (value & (CR0_PE | CR0_MP | CR0_EM | CR0_TS)));
}

export function clts(): void {
  requireSupervisor();
  store<u64>(CR0, load<u64>(CR0) & ~(CR0_TS as u64));
}

export function readDebug(register: i32): u64 {
  requireSupervisor();
  return load<u64>(DR + (checkDebugAccess(register) << 3));
}

export function writeDebug(register: i32, value: u64): void {
  requireSupervisor();
  const meant = checkDebugAccess(register);
  if (meant >= 6 && value >> 32) generalProtection();
  storeDebugRegister(meant, value);
}

export function gdtrLimit(): u32 {
  checkUserModeInstruction();
  return load<u32>(GDTR_LIMIT);
}
export function gdtrBase(): u64 {
  return load<u64>(GDTR_BASE);
}
export function idtrLimit(): u32 {
  checkUserModeInstruction();
  return load<u32>(IDTR_LIMIT);
}
export function idtrBase(): u64 {
  return load<u64>(IDTR_BASE);
}
export function lgdt(limit: u32, base: u64): void {
  requireSupervisor();
  if (!isCanonical(base)) generalProtection();
  store<u32>(GDTR_LIMIT, limit & 0xffff);
  store<u64>(GDTR_BASE, base);
}
export function lidt(limit: u32, base: u64): void {
  requireSupervisor();
  if (!isCanonical(base)) generalProtection();
  store<u32>(IDTR_LIMIT, limit & 0xffff);
  store<u64>(IDTR_BASE, base);
}

export function invlpg(linear: u64): void {
  requireSupervisor();
  flushTlbPage(linear);
}

const STRUCTURED_INVPCID: u32 = 1 << 10;

/**
 * INVPCID: the type, and the linear address of its descriptor (identifier, then an address). Identifiers are not cached, so that each type drops at
 * least what it should.
 */
export function invpcid(type: u64, descriptor: u64): void {
  if (!(load<u32>(STRUCTURED_FEATURE_EBX) & STRUCTURED_INVPCID)) invalidOpcode();
  requireSupervisor();
  const identifier = readLinear64(descriptor, false);
  const address = readLinear64(descriptor + 8, false);
  if (type > 3 || identifier >> 12) generalProtection();
  if (type <= 1 && identifier && !(cr4() & CR4_PCIDE)) generalProtection();
  if (type == 0 && !isCanonical(address)) generalProtection();
  if (type == 0) flushTlbPage(address);
  else if (type == 2) flushTlbAll();
  else flushTlbNonGlobal();
}

/** STAC and CLAC: EFLAGS.AC, which lets the supervisor touch pages of the user under SMAP. */
export function setAlignmentCheck(set: i32): void {
  if (!(load<u32>(STRUCTURED_FEATURE_EBX) & (1 << 20)) || cpl() != 0) invalidOpcode();
  setSystemFlags(set ? 0 : FLAG_AC, set ? FLAG_AC : 0);
}

/** WBINVD and INVD: the caches of this processor are always coherent. */
export function wbinvd(): void {
  requireSupervisor();
}

export function hlt(): void {
  requireSupervisor();
  store<u32>(ACTIVITY, ACTIVITY_HALTED);
  updateAttention();
}

const FEATURE_ECX_MONITOR: u32 = 1 << 3;

export function monitor(): void {
  if (!(load<u32>(FEATURE_ECX) & FEATURE_ECX_MONITOR) || cpl() != 0) invalidOpcode();
}

/** MWAIT may end for any reason; it waits for an interrupt like HLT. */
export function mwait(): void {
  monitor();
  hlt();
}

/** RDFSBASE and RDGSBASE. */
export function readSegmentBase(segment: i32): u64 {
  if (!(cr4() & CR4_FSGSBASE)) invalidOpcode();
  return load<u64>(segmentRow(segment) + SEGMENT_BASE);
}

/** WRFSBASE and WRGSBASE. */
export function writeSegmentBase(segment: i32, base: u64): void {
  if (!(cr4() & CR4_FSGSBASE)) invalidOpcode();
  if (!isCanonical(base)) generalProtection();
  store<u64>(segmentRow(segment) + SEGMENT_BASE, base);
}

/** 64 random bits, or 0 when there are none. */
export function random(): u64 {
  return entropy();
}

export function swapgs(): void {
  if ((load<u32>(CODE_MODE) & CODE_MODE_CODE_SIZE_MASK) != 2) invalidOpcode();
  requireSupervisor();
  const row = segmentRow(GS);
  const base = load<u64>(row + SEGMENT_BASE);
  store<u64>(row + SEGMENT_BASE, load<u64>(MSR_KERNEL_GS_BASE));
  store<u64>(MSR_KERNEL_GS_BASE, base);
}
