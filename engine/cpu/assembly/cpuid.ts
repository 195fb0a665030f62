/**
 * CPUID (SDM vol. 2): looks answers up in the table that `cpuid/cpuidTable.ts` wrote, and adds the bits that follow from the processor's
 * state. Leaves beyond the last basic one answer as that one does. The feature words in the state are copies for whoever asks often.
 */
import {
  CR4,
  EXTENDED_FEATURE_ECX,
  EXTENDED_FEATURE_EDX,
  FEATURE_ECX,
  FEATURE_EDX,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
  MSR_XSS,
  PLAN_CPUID,
  STRUCTURED_FEATURE_EBX,
  STRUCTURED_FEATURE_ECX,
  STRUCTURED_FEATURE_EDX,
  XCR0,
  XSAVE_FEATURES,
} from "./layout.generated";
import { RAX, RBX, RCX, RDX, gpr32, setGpr32 } from "./state";

const ROW_BYTES: usize = 32;
const ROW_SUBLEAF: usize = 4;
const ROW_EAX: usize = 8;
const ROW_EBX: usize = 12;
const ROW_ECX: usize = 16;
const ROW_EDX: usize = 20;
const ANY_SUBLEAF: u32 = 0xffffffff;

export const FEATURE_EDX_APIC: u32 = 1 << 9;
const FEATURE_ECX_OSXSAVE: u32 = 1 << 27;
const CR4_OSXSAVE: u64 = 1 << 18;
const MISC_ENABLE_LIMIT_CPUID: u64 = 1 << 22;
const APIC_GLOBAL_ENABLE: u64 = 1 << 11;
const HYPERVISOR_LEAF: u32 = 0x40000000;
const EXTENDED_LEAF: u32 = 0x80000000;
const XSAVE_LEAF: u32 = 0x0d;

/** The row of a leaf and subleaf, or 0. */
function findRow(leaf: u32, subleaf: u32): usize {
  const count = load<u32>(PLAN_CPUID);
  let row = PLAN_CPUID;
  for (let i: u32 = 0; i < count; i++) {
    row += ROW_BYTES;
    if (load<u32>(row) != leaf) continue;
    const own = load<u32>(row + ROW_SUBLEAF);
    if (own == ANY_SUBLEAF || own == subleaf) return row;
  }
  return 0;
}

function word(leaf: u32, subleaf: u32, register: usize): u32 {
  const row = findRow(leaf, subleaf);
  return row ? load<u32>(row + register) : 0;
}

/** Family, model and stepping: what EDX holds after reset. */
export function cpuSignature(): u32 {
  return word(1, 0, ROW_EAX);
}

/** Brings the feature words up to date with the table. */
export function refreshFeatures(): void {
  store<u32>(FEATURE_ECX, word(1, 0, ROW_ECX));
  store<u32>(FEATURE_EDX, word(1, 0, ROW_EDX));
  store<u32>(EXTENDED_FEATURE_ECX, word(0x80000001, 0, ROW_ECX));
  store<u32>(EXTENDED_FEATURE_EDX, word(0x80000001, 0, ROW_EDX));
  store<u32>(STRUCTURED_FEATURE_EBX, word(7, 0, ROW_EBX));
  store<u32>(STRUCTURED_FEATURE_ECX, word(7, 0, ROW_ECX));
  store<u32>(STRUCTURED_FEATURE_EDX, word(7, 0, ROW_EDX));
  store<u32>(XSAVE_FEATURES, word(XSAVE_LEAF, 1, ROW_EAX));
}

/** Which bits of XCR0 exist. */
export function definedXcr0(): u32 {
  return word(XSAVE_LEAF, 0, ROW_EAX);
}

/** Bytes of an XSAVE area with these components: by their fixed places, or packed. */
export function xsaveBytes(components: u64, compacted: bool): u32 {
  let end: u32 = 576;
  for (let component: u32 = 2; component < 63; component++) {
    if (!((components >> (component as u64)) & 1)) continue;
    const size = word(XSAVE_LEAF, component, ROW_EAX);
    end = compacted ? end + size : max<u32>(end, word(XSAVE_LEAF, component, ROW_EBX) + size);
  }
  return end;
}

/** Bits that no table can know. */
function adjust(leaf: u32, subleaf: u32): void {
  if (leaf == 0) {
    if (load<u64>(MSR_MISC_ENABLE) & MISC_ENABLE_LIMIT_CPUID) setGpr32(RAX, min<u32>(gpr32(RAX), 3));
  } else if (leaf == 1) {
    // The words in the state count, not the table: a machine may withhold features by them.
    const edx = load<u32>(FEATURE_EDX);
    setGpr32(RDX, load<u64>(MSR_APIC_BASE) & APIC_GLOBAL_ENABLE ? edx : edx & ~FEATURE_EDX_APIC);
    setGpr32(RCX, load<u32>(FEATURE_ECX) | (load<u64>(CR4) & CR4_OSXSAVE ? FEATURE_ECX_OSXSAVE : 0));
  } else if (leaf == XSAVE_LEAF && gpr32(RAX) | gpr32(RCX)) {
    if (subleaf == 0) setGpr32(RBX, xsaveBytes(load<u64>(XCR0), false));
    else if (subleaf == 1) setGpr32(RBX, xsaveBytes(load<u64>(XCR0) | load<u64>(MSR_XSS), true));
  } else if (leaf == 0x80000001) {
    setGpr32(RCX, load<u32>(EXTENDED_FEATURE_ECX));
    setGpr32(RDX, load<u32>(EXTENDED_FEATURE_EDX));
  }
}

/** The leaf that answers: those beyond the last one of their range answer as the last basic one. */
function meantLeaf(leaf: u32): u32 {
  const lastBasic = word(0, 0, ROW_EAX);
  if (leaf <= lastBasic) return leaf;
  if (leaf >= HYPERVISOR_LEAF && leaf <= word(HYPERVISOR_LEAF, 0, ROW_EAX)) return leaf;
  if (leaf >= EXTENDED_LEAF && leaf <= word(EXTENDED_LEAF, 0, ROW_EAX)) return leaf;
  return lastBasic;
}

export function cpuid(): void {
  const leaf = meantLeaf(gpr32(RAX));
  const subleaf = gpr32(RCX);
  const row = findRow(leaf, subleaf);
  setGpr32(RAX, row ? load<u32>(row + ROW_EAX) : 0);
  setGpr32(RBX, row ? load<u32>(row + ROW_EBX) : 0);
  setGpr32(RCX, row ? load<u32>(row + ROW_ECX) : leaf == 0x0b ? subleaf & 0xff : 0);
  setGpr32(RDX, row ? load<u32>(row + ROW_EDX) : 0);
  if (row) adjust(leaf, subleaf);
}
