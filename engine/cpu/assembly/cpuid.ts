/**
 * CPUID (SDM vol. 2): a family 6 processor of the Core 2 class that has what this engine has and no more. Feature words come from the state, so
 * that a machine can hide features and a snapshot keeps what its guest saw. No hypervisor leaves.
 */
import {
  EXTENDED_FEATURE_ECX,
  EXTENDED_FEATURE_EDX,
  FEATURE_ECX,
  FEATURE_EDX,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
} from "./layout.generated";
import { RAX, RBX, RCX, RDX, gpr32, setGpr32 } from "./state";

/** Family 6, model 15, stepping 11. */
export const SIGNATURE: u32 = 0x000006fb;

/** FPU VME DE PSE TSC MSR PAE CX8 APIC SEP MTRR PGE CMOV PAT CLFSH MMX FXSR SSE SSE2 */
export const DEFAULT_FEATURE_EDX: u32 = 0x0789bb7f;
export const DEFAULT_FEATURE_ECX: u32 = 0;
/** NX */
export const DEFAULT_EXTENDED_FEATURE_EDX: u32 = 1 << 20;
export const DEFAULT_EXTENDED_FEATURE_ECX: u32 = 0;

const FEATURE_EDX_APIC: u32 = 1 << 9;
const EXTENDED_LM: u32 = 1 << 29;
const MISC_ENABLE_LIMIT_CPUID: u64 = 1 << 22;
const APIC_GLOBAL_ENABLE: u64 = 1 << 11;
const LAST_BASIC_LEAF: u32 = 10;
const LAST_EXTENDED_LEAF: u32 = 0x80000008;

function answer(eax: u32, ebx: u32, ecx: u32, edx: u32): void {
  setGpr32(RAX, eax);
  setGpr32(RBX, ebx);
  setGpr32(RCX, ecx);
  setGpr32(RDX, edx);
}

function featureEdx(): u32 {
  const features = load<u32>(FEATURE_EDX);
  return load<u64>(MSR_APIC_BASE) & APIC_GLOBAL_ENABLE ? features : features & ~FEATURE_EDX_APIC;
}

/** Leaf 4: 32 KiB L1 data and instruction, 4 MiB shared L2; 64-byte lines. */
function cacheLeaf(index: u32): void {
  if (index == 0) answer(0x00000121, 0x01c0003f, 63, 1);
  else if (index == 1) answer(0x00000122, 0x01c0003f, 63, 1);
  else if (index == 2) answer(0x00000143, 0x03c0003f, 4095, 1);
  else answer(0, 0, 0, 0);
}

function basicLeaf(leaf: u32, subleaf: u32): void {
  const limited = (load<u64>(MSR_MISC_ENABLE) & MISC_ENABLE_LIMIT_CPUID) != 0;
  // "GenuineIntel"
  if (leaf == 0) answer(limited ? 3 : LAST_BASIC_LEAF, 0x756e6547, 0x6c65746e, 0x49656e69);
  else if (leaf == 1) answer(SIGNATURE, 0x00010800, load<u32>(FEATURE_ECX), featureEdx());
  // 4 KiB and 4 MiB TLBs, 32 KiB L1, 4 MiB L2.
  else if (leaf == 2) answer(0x05b0b101, 0x005657f0, 0, 0x2cb43049);
  else if (leaf == 4) cacheLeaf(subleaf);
  else if (leaf == 5 && load<u32>(FEATURE_ECX) & 8) answer(64, 64, 3, 0);
  else answer(0, 0, 0, 0);
}

/** "Guesthouse Virtual CPU", 48 bytes in three leaves. */
function brandLeaf(part: u32): void {
  if (part == 0) answer(0x73657547, 0x756f6874, 0x56206573, 0x75747269);
  else if (part == 1) answer(0x43206c61, 0x00005550, 0, 0);
  else answer(0, 0, 0, 0);
}

function extendedLeaf(leaf: u32): void {
  const edx = load<u32>(EXTENDED_FEATURE_EDX);
  if (leaf == 0x80000000) answer(LAST_EXTENDED_LEAF, 0, 0, 0);
  else if (leaf == 0x80000001) answer(0, 0, load<u32>(EXTENDED_FEATURE_ECX), edx);
  else if (leaf <= 0x80000004) brandLeaf(leaf - 0x80000002);
  else if (leaf == 0x80000006) answer(0, 0, 0x10008040, 0);
  else if (leaf == 0x80000008) answer(edx & EXTENDED_LM ? 0x3024 : 0x2024, 0, 0, 0);
  else answer(0, 0, 0, 0);
}

export function cpuid(): void {
  const leaf = gpr32(RAX);
  if (leaf >= 0x80000000 && leaf <= LAST_EXTENDED_LEAF) extendedLeaf(leaf);
  else basicLeaf(min<u32>(leaf, LAST_BASIC_LEAF), gpr32(RCX));
}
