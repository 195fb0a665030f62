/**
 * Linear to physical translation (SDM vol. 3, chapter 4): no paging, 32-bit with 4 MiB pages (PSE and PSE-36), PAE with its four
 * registers, and 4-level with pages of 2 MiB and 1 GiB; SMEP and SMAP. Accessed and dirty bits are set once the access is known to be
 * allowed. Process-context identifiers are taken and not used. Protection keys and 5-level paging are absent.
 */
import {
  CR3,
  EXTENDED_FEATURE_EDX,
  FEATURE_EDX,
  PAGE_WALKS,
  PDPTE,
} from "./layout.generated";
import { raiseNonCanonical, raisePageFault } from "./faults";
import { maskA20, physRead32, physRead64, physWrite32, physWrite64 } from "./physical";
import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_NXE,
  FLAG_AC,
  cpl,
  cr0,
  cr4,
  efer,
  flagsSystem,
  isLongMode,
} from "./state";
import { ENTRY_GLOBAL, ENTRY_LARGE, fillTlb, noteOpenPage } from "./tlb";

/** Kinds of access, as bits. A quiet one neither faults nor leaves a trace. */
export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_USER: u32 = 2;
export const ACCESS_FETCH: u32 = 4;
export const ACCESS_QUIET: u32 = 8;

export const NO_PHYSICAL: u64 = 0xffffffffffffffff;

/** MAXPHYADDR. */
export const PHYSICAL_ADDRESS_BITS: u32 = 40;

const ENTRY_P: u64 = 1;
const ENTRY_RW: u64 = 2;
const ENTRY_US: u64 = 4;
const ENTRY_A: u64 = 1 << 5;
const ENTRY_D: u64 = 1 << 6;
const ENTRY_PS: u64 = 1 << 7;
const ENTRY_G: u64 = 1 << 8;
const ENTRY_XD: u64 = 1 << 63;
const PHYSICAL_MASK: u64 = 0xffffffffff;
/** Reserved in 8-byte entries: from MAXPHYADDR to bit 51; in PAE up to bit 62. */
const RESERVED_LONG: u64 = 0x000fffffffffffff & ~PHYSICAL_MASK;
const RESERVED_PAE: u64 = 0x7fffffffffffffff & ~PHYSICAL_MASK;

function pageFaultCode(access: u32, present: bool, reserved: bool): i32 {
  let code: i32 = (access & (ACCESS_WRITE | ACCESS_USER)) << 1;
  // ACCESS_WRITE and ACCESS_USER are bits 0 and 1 here and W/R and U/S bits 1 and 2 there.
  if (present) code |= 1;
  if (reserved) code |= 8;
  if (access & ACCESS_FETCH && ((efer() & EFER_NXE && cr4() & CR4_PAE) || cr4() & CR4_SMEP)) code |= 16;
  return code;
}

function failTranslation(linear: u64, access: u32, present: bool, reserved: bool): u64 {
  if (!(access & ACCESS_QUIET)) raisePageFault(linear, pageFaultCode(access, present, reserved));
  return NO_PHYSICAL;
}

/** Do the combined rights of all levels allow it? */
function isAllowed(rights: u64, access: u32): bool {
  // A debugger may see everything.
  if (access & ACCESS_QUIET) return true;
  if (access & ACCESS_USER && !(rights & ENTRY_US)) return false;
  if (access & ACCESS_WRITE && !(rights & ENTRY_RW) && (access & ACCESS_USER || cr0() & CR0_WP)) return false;
  if (access & ACCESS_FETCH && rights & ENTRY_XD) return false;
  if (access & ACCESS_USER || !(rights & ENTRY_US)) return true;
  // The supervisor on a page of the user.
  if (access & ACCESS_FETCH) return (cr4() & CR4_SMEP) == 0;
  return !isClosed(rights);
}

/**
 * SMAP: may the supervisor not touch this page now? AC opens pages of the user, but not to what the processor does by itself while user code
 * runs.
 */
function isClosed(rights: u64): bool {
  if (!(rights & ENTRY_US) || !(cr4() & CR4_SMAP)) return false;
  return !(flagsSystem() & FLAG_AC) || cpl() == 3;
}

/** Enters the translation into the cache; `rights` are combined, `dirty` the leaf's. */
function remember(linear: u64, phys: u64, access: u32, rights: u64, leaf: u64, large: bool): u64 {
  if (access & ACCESS_QUIET) return phys;
  const user = (access & ACCESS_USER) != 0;
  const writable = (leaf & ENTRY_D) != 0 && ((rights & ENTRY_RW) != 0 || (!user && !(cr0() & CR0_WP)));
  let flags: u32 = large ? ENTRY_LARGE : 0;
  if (leaf & ENTRY_G && cr4() & CR4_PGE) flags |= ENTRY_GLOBAL;
  const closed = !user && isClosed(rights);
  const executable = !(rights & ENTRY_XD) && (user || !(rights & ENTRY_US) || !(cr4() & CR4_SMEP));
  fillTlb(user, linear, phys, writable, executable, closed, flags);
  if (!user && !closed && rights & ENTRY_US && cr4() & CR4_SMAP) noteOpenPage(linear);
  return phys;
}

/** A and, for writes to a leaf, D; written only when something changes. */
function markEntry32(at: u64, entry: u32, bits: u32): void {
  if ((entry & bits) != bits) physWrite32(at, entry | bits);
}
function markEntry64(at: u64, entry: u64, bits: u64): void {
  if ((entry & bits) != bits) physWrite64(at, entry | bits);
}

function offersPse36(): bool {
  return (load<u32>(FEATURE_EDX) & (1 << 17)) != 0;
}

function walk32(linear: u64, access: u32): u64 {
  const address = linear as u32;
  const directoryAt = maskA20(((load<u32>(CR3) & 0xfffff000) | ((address >> 20) & 0xffc)) as u64);
  const directoryEntry = physRead32(directoryAt);
  if (!(directoryEntry & (ENTRY_P as u32))) return failTranslation(linear, access, false, false);
  const large = (directoryEntry & (ENTRY_PS as u32)) != 0 && (cr4() & CR4_PSE) != 0;
  let rights = directoryEntry as u64;
  let leaf = directoryEntry;
  let leafAt = directoryAt;
  if (large) {
    if (directoryEntry & (offersPse36() ? 0x00200000 : 0x003fe000)) return failTranslation(linear, access, true, true);
  } else {
    leafAt = maskA20(((directoryEntry & 0xfffff000) | ((address >> 10) & 0xffc)) as u64);
    leaf = physRead32(leafAt);
    if (!(leaf & (ENTRY_P as u32))) return failTranslation(linear, access, false, false);
    rights &= leaf as u64;
  }
  rights &= ENTRY_RW | ENTRY_US;
  if (!isAllowed(rights, access)) return failTranslation(linear, access, true, false);
  const leafBits = (access & ACCESS_WRITE ? ENTRY_A | ENTRY_D : ENTRY_A) as u32;
  if (!(access & ACCESS_QUIET)) {
    if (!large) markEntry32(directoryAt, directoryEntry, ENTRY_A as u32);
    markEntry32(leafAt, leaf, leafBits);
    leaf |= leafBits;
  }
  let phys: u64 = (large ? (leaf & 0xffc00000) | (address & 0x3fffff) : (leaf & 0xfffff000) | (address & 0xfff)) as u64;
  // PSE-36, with MAXPHYADDR of 40: bits 13 to 20 are the address's 32 to 39.
  if (large) phys |= (((leaf >> 13) & 0xff) as u64) << 32;
  return remember(linear, maskA20(phys), access, rights, leaf as u64, large);
}

/** The levels above the page directory in 4-level paging, kept for setting their accessed bits. */
let level4At: u64 = 0;
let level4Entry: u64 = 0;
let level3At: u64 = 0;
let level3Entry: u64 = 0;
/** Of the entry last read: 0 fine, 1 not present, 2 reserved bits. */
let walkProblem: u32 = 0;

function readEntry64(at: u64, reserved: u64): u64 {
  const entry = physRead64(at);
  if (!(entry & ENTRY_P)) walkProblem = 1;
  else if (entry & reserved) walkProblem = 2;
  return entry;
}

function failWalk(linear: u64, access: u32): u64 {
  return failTranslation(linear, access, walkProblem == 2, walkProblem == 2);
}

/** Reads the two upper levels; gives the page directory's address and rights so far through the level variables. */
function walkUpperLevels(linear: u64, reserved: u64): void {
  level4At = maskA20((load<u64>(CR3) & 0x000ffffffffff000 & PHYSICAL_MASK) | ((linear >> 36) & 0xff8));
  level4Entry = readEntry64(level4At, reserved | ENTRY_PS);
  if (walkProblem) return;
  level3At = maskA20((level4Entry & PHYSICAL_MASK & ~0xfff) | ((linear >> 27) & 0xff8));
  const offersGigabyte = (load<u32>(EXTENDED_FEATURE_EDX) & (1 << 26)) != 0;
  level3Entry = readEntry64(level3At, offersGigabyte ? reserved : reserved | ENTRY_PS);
  if (!walkProblem && level3Entry & ENTRY_PS && level3Entry & 0x3fffe000) walkProblem = 2;
}

/** The end of a walk at level 3: a page of 1 GiB. */
function endAtGigabyte(linear: u64, access: u32, noExecute: bool): u64 {
  let rights = level4Entry & level3Entry & (ENTRY_RW | ENTRY_US);
  if (noExecute) rights |= (level4Entry | level3Entry) & ENTRY_XD;
  if (!isAllowed(rights, access)) return failTranslation(linear, access, true, false);
  let leaf = level3Entry;
  if (!(access & ACCESS_QUIET)) {
    const leafBits = access & ACCESS_WRITE ? ENTRY_A | ENTRY_D : ENTRY_A;
    markEntry64(level4At, level4Entry, ENTRY_A);
    markEntry64(level3At, level3Entry, leafBits);
    leaf |= leafBits;
  }
  const phys = (leaf & PHYSICAL_MASK & ~0x3fffffff) | (linear & 0x3fffffff);
  return remember(linear, maskA20(phys), access, rights, leaf, true);
}

function walk64(linear: u64, access: u32): u64 {
  const long = isLongMode();
  const noExecute = (efer() & EFER_NXE) != 0;
  const reserved = (long ? RESERVED_LONG : RESERVED_PAE) | (noExecute ? 0 : ENTRY_XD);
  walkProblem = 0;
  let rights: u64 = ENTRY_RW | ENTRY_US;
  let forbidden: u64 = 0;
  let upper: u64;
  if (long) {
    walkUpperLevels(linear, reserved);
    if (walkProblem) return failWalk(linear, access);
    if (level3Entry & ENTRY_PS) return endAtGigabyte(linear, access, noExecute);
    upper = level3Entry;
    rights &= level4Entry & level3Entry;
    forbidden = level4Entry | level3Entry;
  } else {
    upper = load<u64>(PDPTE + (((linear >> 30) as usize) & 3) * 8);
    if (!(upper & ENTRY_P)) return failTranslation(linear, access, false, false);
  }
  const directoryAt = maskA20((upper & PHYSICAL_MASK & ~0xfff) | ((linear >> 18) & 0xff8));
  const directoryEntry = readEntry64(directoryAt, reserved);
  if (walkProblem) return failWalk(linear, access);
  const large = (directoryEntry & ENTRY_PS) != 0;
  let leafAt = directoryAt;
  let leaf = directoryEntry;
  if (large) {
    if (directoryEntry & 0x1fe000) return failTranslation(linear, access, true, true);
  } else {
    leafAt = maskA20((directoryEntry & PHYSICAL_MASK & ~0xfff) | ((linear >> 9) & 0xff8));
    leaf = readEntry64(leafAt, reserved);
    if (walkProblem) return failWalk(linear, access);
  }
  rights &= directoryEntry & leaf;
  if (noExecute) rights |= (forbidden | directoryEntry | leaf) & ENTRY_XD;
  if (!isAllowed(rights, access)) return failTranslation(linear, access, true, false);
  if (!(access & ACCESS_QUIET)) {
    if (long) {
      markEntry64(level4At, level4Entry, ENTRY_A);
      markEntry64(level3At, level3Entry, ENTRY_A);
    }
    if (!large) markEntry64(directoryAt, directoryEntry, ENTRY_A);
    const leafBits = access & ACCESS_WRITE ? ENTRY_A | ENTRY_D : ENTRY_A;
    markEntry64(leafAt, leaf, leafBits);
    leaf |= leafBits;
  }
  const phys = large ? (leaf & PHYSICAL_MASK & ~0x1fffff) | (linear & 0x1fffff) : (leaf & PHYSICAL_MASK & ~0xfff) | (linear & 0xfff);
  return remember(linear, maskA20(phys), access, rights, leaf, large);
}

/** True for addresses whose upper bits repeat bit 47. */
export function isCanonical(linear: u64): bool {
  return (((linear as i64) << 16) >> 16) == (linear as i64);
}

/** Linear to physical, with all checks; faults unless quiet, and remembers what the fast path may use from now on. */
export function translate(linear: u64, access: u32): u64 {
  if (!(cr0() & CR0_PG)) {
    const phys = maskA20(linear & 0xffffffff);
    if (!(access & ACCESS_QUIET)) fillTlb((access & ACCESS_USER) != 0, linear, phys, true, true, false, 0);
    return phys;
  }
  store<u64>(PAGE_WALKS, load<u64>(PAGE_WALKS) + 1);
  if (!(cr4() & CR4_PAE)) return walk32(linear, access);
  if (isLongMode() && !isCanonical(linear)) {
    if (access & ACCESS_QUIET) return NO_PHYSICAL;
    raiseNonCanonical(linear);
  }
  return walk64(linear, access);
}

/** Linear to physical without side effects, or all ones: for the debugger. */
export function translateForDebugger(linear: u64): u64 {
  return translate(linear, ACCESS_QUIET);
}

/**
 * Loads the PAE page-directory-pointer registers from the table at `cr3`. False, and nothing changed, when a present one has
 * reserved bits set (the instruction then raises #GP).
 */
export function loadPdptes(cr3: u64): bool {
  const table = maskA20(cr3 & 0xffffffe0);
  for (let i = 0; i < 4; i++) {
    const entry = physRead64(table + ((i << 3) as u64));
    if (entry & ENTRY_P && entry & (0x1e6 | ~PHYSICAL_MASK)) return false;
  }
  for (let i = 0; i < 4; i++) store<u64>(PDPTE + (i << 3), physRead64(table + ((i << 3) as u64)));
  return true;
}
