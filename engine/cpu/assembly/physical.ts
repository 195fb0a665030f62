/**
 * Guest physical memory as the processor's own accesses see it. physMap says per page whether memory answers; everything else goes
 * to devices in naturally aligned pieces of at most 4 bytes. Writes keep decoded code and the dirty tracker true. Addresses have the A20
 * gate applied by the caller (`maskA20`); an access here never crosses a page.
 */
import { bringPage, codeWritten, mmioRead, mmioWrite, preservePage } from "./environment";
import {
  A20_MASK,
  MMIO_EXITS,
  PAGE_ABSENT,
  PAGE_FROZEN,
  PAGE_HAS_CODE,
  PAGE_READABLE,
  PAGE_TRACK_DIRTY,
  PAGE_WRITABLE,
  PHYS_PAGES,
  PLAN_DIRTY_MAP,
  PLAN_PHYS_MAP,
} from "./layout.generated";

/** physMap entry of the page of a physical address, whose content is there then; 0 beyond the map. */
export function physEntry(phys: u64): u32 {
  const page = phys >> 12;
  if (page >= (PHYS_PAGES as u64)) return 0;
  const at = PLAN_PHYS_MAP + ((page as usize) << 2);
  const entry = load<u32>(at);
  if (!(entry & PAGE_ABSENT)) return entry;
  bringPage(page as u32);
  return load<u32>(at);
}

export function maskA20(phys: u64): u64 {
  return phys & (0xffffffff00000000 | (load<u32>(A20_MASK) as u64));
}

function place(entry: u32, phys: u64): usize {
  return ((entry & 0xfffff000) | ((phys as u32) & 0xfff)) as usize;
}

function deviceRead(phys: u64, size: i32): u32 {
  store<u64>(MMIO_EXITS, load<u64>(MMIO_EXITS) + 1);
  const low = phys as u32;
  const high = (phys >> 32) as u32;
  if ((low & (size - 1)) == 0) return mmioRead(low, high, size);
  if (size == 4 && (low & 1) == 0) return (mmioRead(low, high, 2) & 0xffff) | (mmioRead(low + 2, high, 2) << 16);
  let value: u32 = 0;
  for (let i = 0; i < size; i++) value |= (mmioRead(low + i, high, 1) & 0xff) << (i << 3);
  return value;
}

function deviceWrite(phys: u64, size: i32, value: u32): void {
  store<u64>(MMIO_EXITS, load<u64>(MMIO_EXITS) + 1);
  const low = phys as u32;
  const high = (phys >> 32) as u32;
  if ((low & (size - 1)) == 0) {
    mmioWrite(low, high, size, value);
  } else if (size == 4 && (low & 1) == 0) {
    mmioWrite(low, high, 2, value & 0xffff);
    mmioWrite(low + 2, high, 2, value >> 16);
  } else {
    for (let i = 0; i < size; i++) mmioWrite(low + i, high, 1, (value >> (i << 3)) & 0xff);
  }
}

export function physRead8(phys: u64): u32 {
  const entry = physEntry(phys);
  if (entry & PAGE_READABLE) return load<u8>(place(entry, phys));
  return deviceRead(phys, 1) & 0xff;
}
export function physRead16(phys: u64): u32 {
  const entry = physEntry(phys);
  if (entry & PAGE_READABLE) return load<u16>(place(entry, phys));
  return deviceRead(phys, 2) & 0xffff;
}
export function physRead32(phys: u64): u32 {
  const entry = physEntry(phys);
  if (entry & PAGE_READABLE) return load<u32>(place(entry, phys));
  return deviceRead(phys, 4);
}
export function physRead64(phys: u64): u64 {
  const entry = physEntry(phys);
  if (entry & PAGE_READABLE) return load<u64>(place(entry, phys));
  return (deviceRead(phys, 4) as u64) | ((deviceRead(phys + 4, 4) as u64) << 32);
}

/** Tells the trackers about a write to RAM. */
function noteWrite(entry: u32, phys: u64, size: u32): void {
  const page = (phys >> 12) as u32;
  if (entry & PAGE_TRACK_DIRTY) {
    store<u8>(PLAN_DIRTY_MAP + (page as usize), 1);
    const at = PLAN_PHYS_MAP + ((page as usize) << 2);
    store<u32>(at, load<u32>(at) & ~PAGE_TRACK_DIRTY);
  }
  if (entry & PAGE_HAS_CODE) codeWritten(page, (phys as u32) & 0xfff, size);
}

export function physWrite8(phys: u64, value: u32): void {
  const entry = physEntry(phys);
  if (!(entry & PAGE_WRITABLE)) return deviceWrite(phys, 1, value & 0xff);
  if (entry & PAGE_FROZEN) preservePage((phys >> 12) as u32);
  store<u8>(place(entry, phys), value as u8);
  if (entry & (PAGE_HAS_CODE | PAGE_TRACK_DIRTY)) noteWrite(entry, phys, 1);
}
export function physWrite16(phys: u64, value: u32): void {
  const entry = physEntry(phys);
  if (!(entry & PAGE_WRITABLE)) return deviceWrite(phys, 2, value & 0xffff);
  if (entry & PAGE_FROZEN) preservePage((phys >> 12) as u32);
  store<u16>(place(entry, phys), value as u16);
  if (entry & (PAGE_HAS_CODE | PAGE_TRACK_DIRTY)) noteWrite(entry, phys, 2);
}
export function physWrite32(phys: u64, value: u32): void {
  const entry = physEntry(phys);
  if (!(entry & PAGE_WRITABLE)) return deviceWrite(phys, 4, value);
  if (entry & PAGE_FROZEN) preservePage((phys >> 12) as u32);
  store<u32>(place(entry, phys), value);
  if (entry & (PAGE_HAS_CODE | PAGE_TRACK_DIRTY)) noteWrite(entry, phys, 4);
}
export function physWrite64(phys: u64, value: u64): void {
  const entry = physEntry(phys);
  if (!(entry & PAGE_WRITABLE)) {
    deviceWrite(phys, 4, value as u32);
    deviceWrite(phys + 4, 4, (value >> 32) as u32);
    return;
  }
  if (entry & PAGE_FROZEN) preservePage((phys >> 12) as u32);
  store<u64>(place(entry, phys), value);
  if (entry & (PAGE_HAS_CODE | PAGE_TRACK_DIRTY)) noteWrite(entry, phys, 8);
}

/** For the decoder and the debugger: physical bytes, addresses as halves. */
export function readPhysical8(low: u32, high: u32): u32 {
  return physRead8((low as u64) | ((high as u64) << 32));
}
