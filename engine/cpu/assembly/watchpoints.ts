/**
 * Watchpoints of a debugger outside of the guest, which the guest cannot see. Pages that hold one never enter the read and write tags
 * of the TLB, so that everything else runs at full speed. An access that meets one unwinds to the run loop as a page fault would, before
 * anything has changed; the run loop then has the instruction executed with watchpoints passed by, and stops behind it. As with the
 * guest's own data breakpoints, what the processor itself writes while it delivers events is not watched.
 */
import { throwFault } from "./environment";
import { ATTENTION, ATTENTION_DEBUGGER, DELIVERING_VECTOR, FAULT_VECTOR } from "./layout.generated";
import { flushTlbAll } from "./tlb";

/** In FAULT_VECTOR: nothing is to be delivered. */
export const VECTOR_WATCHPOINT: i32 = 0x100;

const SLOTS: u32 = 16;
const SLOT_BYTES: usize = 24;
const LENGTH: usize = 8;
const KINDS: usize = 16;
const slots: usize = memory.data(384, 8);
/** Of a slot: which accesses it is for. */
const KIND_READ: u32 = 1;
const KIND_WRITE: u32 = 2;

let used: u32 = 0;
/** The instruction that met one is under way. */
let passing: bool = false;
/** Slot that was met, and 1 more. */
let met: u32 = 0;

function slot(index: u32): usize {
  return slots + (index as usize) * SLOT_BYTES;
}

/** Watches [address, address + length) for the access kinds; false when there are too many. */
export function watch(address: u64, length: u32, kinds: u32): bool {
  if (used == SLOTS) return false;
  const at = slot(used++);
  store<u64>(at, address);
  store<u64>(at + LENGTH, length as u64);
  store<u32>(at + KINDS, kinds);
  flushTlbAll();
  return true;
}

export function clearWatchpoints(): void {
  used = 0;
  met = 0;
  passing = false;
  flushTlbAll();
}

export function passWatchpoints(pass: i32): void {
  passing = pass != 0;
}

/** In which order of `watch` the one that was met is, counted from 1, and forgets it; 0: none was met. */
export function takeWatchpointHit(): u32 {
  const hit = met;
  met = 0;
  return hit;
}

export function isWatchpointPage(page: u64): bool {
  for (let i: u32 = 0; i < used; i++) {
    const start = load<u64>(slot(i));
    const end = start + load<u64>(slot(i) + LENGTH);
    if (start < page + 0x1000 && page < end) return true;
  }
  return false;
}

/** Call before an access that could still fault: unwinds when it is watched. */
export function meetWatchpoint(linear: u64, size: u32, written: bool): void {
  if (used == 0 || passing || load<u32>(DELIVERING_VECTOR) != 0xffffffff) return;
  for (let i: u32 = 0; i < used; i++) {
    const start = load<u64>(slot(i));
    const end = start + load<u64>(slot(i) + LENGTH);
    if (linear >= end || linear + (size as u64) <= start) continue;
    if (!(load<u32>(slot(i) + KINDS) & (written ? KIND_WRITE : KIND_READ))) continue;
    met = i + 1;
    store<u32>(FAULT_VECTOR, VECTOR_WATCHPOINT);
    store<u32>(ATTENTION, load<u32>(ATTENTION) | ATTENTION_DEBUGGER);
    throwFault();
    unreachable();
  }
}
