/**
 * The two translation caches that emitted code looks into (supervisor and user; layout in memoryPlan.ts). Entries hold only what
 * the fast path may use: a tag is set when the access needs no further thought. The journal lists entries that may hold something, so that
 * a flush costs what was filled, not what could be.
 */
import {
  CPL,
  PAGE_FROZEN,
  PAGE_HAS_CODE,
  PAGE_READABLE,
  PAGE_TRACK_DIRTY,
  PAGE_WRITABLE,
  PLAN_PHYS_MAP,
  PLAN_TLB,
  PLAN_TLB_JOURNAL,
  TLB_BASE,
  TLB_ENTRIES,
  TLB_ENTRY_BYTES,
} from "./layout.generated";
import { isWatchedPage } from "./debug";
import { physEntry } from "./physical";

const READ_TAG: usize = 0;
const WRITE_TAG: usize = 8;
const EXECUTE_TAG: usize = 16;
const ADDEND: usize = 24;
const FLAGS: usize = 28;
const NO_TAG: u64 = 0xffffffffffffffff;

export const ENTRY_GLOBAL: u32 = 1;
const ENTRY_JOURNALLED: u32 = 2;
export const ENTRY_LARGE: u32 = 4;

export const TLB_SUPERVISOR: usize = PLAN_TLB;
export const TLB_USER: usize = PLAN_TLB + ((TLB_ENTRIES * TLB_ENTRY_BYTES) as usize);
const ALL_ENTRIES: u32 = 2 * TLB_ENTRIES;

let journalLength: u32 = 0;

export function tlbEntry(base: usize, linear: u64): usize {
  return base + ((((linear >> 12) as usize) & ((TLB_ENTRIES - 1) as usize)) * (TLB_ENTRY_BYTES as usize));
}

/** The caches follow the privilege level. */
export function selectTlb(): void {
  store<u32>(TLB_BASE, (load<u32>(CPL) == 3 ? TLB_USER : TLB_SUPERVISOR) as u32);
}

function clearTags(entry: usize): void {
  store<u64>(entry + READ_TAG, NO_TAG);
  store<u64>(entry + WRITE_TAG, NO_TAG);
  store<u64>(entry + EXECUTE_TAG, NO_TAG);
}

function nextJournalEntry(position: u32): usize {
  return PLAN_TLB + (load<u16>(PLAN_TLB_JOURNAL + ((position as usize) << 1)) as usize) * (TLB_ENTRY_BYTES as usize);
}

/**
 * Remembers a translation: what may be done from now on without a walk. `writable` says that the page tables allow writes at this
 * privilege and that the dirty bit is set; `closed` that only fetches may go on without a walk.
 */
export function fillTlb(user: bool, linear: u64, phys: u64, writable: bool, executable: bool, closed: bool, flags: u32): void {
  const map = physEntry(phys);
  if (map == 0) return;
  const page = linear & ~0xfff;
  const entry = tlbEntry(user ? TLB_USER : TLB_SUPERVISOR, linear);
  const addend = (map & 0xfffff000) - (page as u32);
  let state = load<u32>(entry + FLAGS);
  if (!(state & ENTRY_JOURNALLED)) {
    store<u16>(PLAN_TLB_JOURNAL + ((journalLength as usize) << 1), ((entry - PLAN_TLB) / (TLB_ENTRY_BYTES as usize)) as u16);
    journalLength++;
  }
  clearTags(entry);
  store<u32>(entry + ADDEND, addend);
  store<u32>(entry + FLAGS, flags | ENTRY_JOURNALLED);
  if (map & PAGE_READABLE && executable) store<u64>(entry + EXECUTE_TAG, page);
  if (closed || isWatchedPage(page)) return;
  if (map & PAGE_READABLE) store<u64>(entry + READ_TAG, page);
  if (writable && (map & (PAGE_WRITABLE | PAGE_HAS_CODE | PAGE_TRACK_DIRTY | PAGE_FROZEN)) == PAGE_WRITABLE) {
    store<u64>(entry + WRITE_TAG, page);
  }
}

/** Memory offset for a linear address that the read (or write) tag admits for `size` bytes, else 0. */
export function fastRead(user: bool, linear: u64, size: u32): usize {
  const entry = tlbEntry(user ? TLB_USER : TLB_SUPERVISOR, linear);
  if (load<u64>(entry + READ_TAG) != ((linear + ((size - 1) as u64)) & ~0xfff)) return 0;
  return ((linear as u32) + load<u32>(entry + ADDEND)) as usize;
}
export function fastWrite(user: bool, linear: u64, size: u32): usize {
  const entry = tlbEntry(user ? TLB_USER : TLB_SUPERVISOR, linear);
  if (load<u64>(entry + WRITE_TAG) != ((linear + ((size - 1) as u64)) & ~0xfff)) return 0;
  return ((linear as u32) + load<u32>(entry + ADDEND)) as usize;
}

/** Entries of the supervisor's cache that only EFLAGS.AC admits (SMAP); when there are more than fit, all are looked at. */
const OPEN_PAGES: i32 = 32;
const openPages: usize = memory.data(128, 4);
let openCount: i32 = 0;

/** The entry for a linear address in the supervisor's cache holds a user page, for as long as AC is set. */
export function noteOpenPage(linear: u64): void {
  if (openCount < OPEN_PAGES) store<u32>(openPages + ((openCount as usize) << 2), tlbEntry(TLB_SUPERVISOR, linear) as u32);
  openCount++;
}

/** AC was cleared: the supervisor may no longer read and write user pages. */
export function dropUserPages(): void {
  if (openCount == 0) return;
  if (openCount > OPEN_PAGES) {
    flushExcept(0);
  } else {
    for (let i = 0; i < openCount; i++) {
      const entry = load<u32>(openPages + ((i as usize) << 2)) as usize;
      store<u64>(entry + READ_TAG, NO_TAG);
      store<u64>(entry + WRITE_TAG, NO_TAG);
    }
  }
  openCount = 0;
}

/** Forgets everything; also makes the memory of the caches valid in the first place. */
export function flushTlb(): void {
  for (let i: u32 = 0; i < ALL_ENTRIES; i++) {
    const entry = PLAN_TLB + ((i * TLB_ENTRY_BYTES) as usize);
    clearTags(entry);
    store<u32>(entry + FLAGS, 0);
  }
  journalLength = 0;
}

/** Forgets entries of which no flag in `keep` is set. */
function flushExcept(keep: u32): void {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < journalLength; i++) {
    const entry = nextJournalEntry(i);
    if (load<u32>(entry + FLAGS) & keep) {
      store<u16>(PLAN_TLB_JOURNAL + ((kept as usize) << 1), load<u16>(PLAN_TLB_JOURNAL + ((i as usize) << 1)));
      kept++;
    } else {
      clearTags(entry);
      store<u32>(entry + FLAGS, 0);
    }
  }
  journalLength = kept;
}

/** What a control register write that changes paging does. */
export function flushTlbAll(): void {
  flushExcept(0);
}

/** What MOV to CR3 does. */
export function flushTlbNonGlobal(): void {
  flushExcept(ENTRY_GLOBAL);
}

/** What INVLPG does. Parts of large pages all go, since one of them may be the page meant. */
export function flushTlbPage(linear: u64): void {
  const page = linear & ~0xfff;
  for (let i: u32 = 0; i < journalLength; i++) {
    const entry = nextJournalEntry(i);
    const same = load<u64>(entry + READ_TAG) == page || load<u64>(entry + EXECUTE_TAG) == page || load<u64>(entry + WRITE_TAG) == page;
    if (same || load<u32>(entry + FLAGS) & ENTRY_LARGE) clearTags(entry);
  }
}

/** Drops all write tags: the dirty tracker wants to see first writes again. */
export function protectWrites(): void {
  for (let i: u32 = 0; i < journalLength; i++) store<u64>(nextJournalEntry(i) + WRITE_TAG, NO_TAG);
}

/** Drops the write tags that reach one physical page (it has gained code, or is tracked again). */
export function protectPage(physPage: u32): void {
  const memoryPage = load<u32>(PLAN_PHYS_MAP + ((physPage as usize) << 2)) & 0xfffff000;
  for (let i: u32 = 0; i < journalLength; i++) {
    const entry = nextJournalEntry(i);
    const tag = load<u64>(entry + WRITE_TAG);
    if (tag != NO_TAG && (tag as u32) + load<u32>(entry + ADDEND) == memoryPage) store<u64>(entry + WRITE_TAG, NO_TAG);
  }
}
