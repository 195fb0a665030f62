/**
 * Hardware task switching (SDM vol. 3, chapter 7) between 16- and 32-bit task state segments by JMP, CALL, IRET, interrupts and exceptions:
 * busy bits, links, NT, CR3, the debug trap bit. Everything that may fault in the old task comes before the first change; what fails
 * after that fails in the new task (`faultKeepsRip`).
 */
import {
  attributesOf,
  baseOf,
  checkDataSegment,
  checkStackSegment,
  descriptorAddress,
  dplOf,
  fetchDescriptor,
  isCodeSegment,
  isConforming,
  isNull,
  isPresent,
  isWithinTable,
  limitOf,
  markAccessed,
  rplOf,
  setSegmentFrom,
  systemTypeOf,
  TYPE_LDT,
  TYPE_TSS16,
  TYPE_TSS32,
} from "./descriptors";
import { noteTaskSwitchTrap, refreshBreakpoints } from "./debug";
import { CR0, CR3, CS, DR, DS, ES, FAULT_KEEPS_RIP, FS, GS, LDTR, SEGMENT_ATTRIBUTES, SS, TR } from "./layout.generated";
import { VECTOR_GP, VECTOR_NP, VECTOR_TS, generalProtection, raiseSelector } from "./faults";
import { setArithmeticFlags } from "./flags";
import {
  probeLinearWrite,
  readLinear16,
  readLinear32,
  readLinear8,
  writeLinear16,
  writeLinear32,
  writeLinear8,
} from "./memoryAccess";
import { loadPdptes } from "./mmu";
import { refreshCodeMode, refreshSegment, setCpl, setNullSegment, setSegment, setVirtual8086Segment } from "./segments";
import { commitStackPointer, push, useCurrentStack } from "./stack";
import {
  CR0_PG,
  CR0_TS,
  CR4_PAE,
  FLAGS_ARITHMETIC,
  FLAG_NT,
  FLAG_VM,
  cr0,
  cr4,
  flagsSystem,
  gpr32,
  rip,
  segmentAttributes,
  segmentBase,
  segmentLimit,
  segmentRow,
  segmentSelector,
  setGpr16,
  setGpr32,
  setRip,
  setSystemFlags,
} from "./state";
import { readFlags } from "./flags";
import { flushTlbNonGlobal } from "./tlb";

export const SWITCH_JUMP: i32 = 0;
export const SWITCH_CALL: i32 = 1;
export const SWITCH_INTERRUPT: i32 = 2;
export const SWITCH_RETURN: i32 = 3;

const BUSY: u32 = 2;
const TSS32_LAST_BYTE: u32 = 0x67;
const TSS16_LAST_BYTE: u32 = 0x2b;

/** The TSS descriptor a task gate names, checked. */
export function taskGateTarget(selector: u32): u64 {
  if (selector & 4 || isNull(selector)) raiseSelector(VECTOR_GP, selector);
  const descriptor = fetchDescriptor(selector, VECTOR_GP);
  const type = systemTypeOf(descriptor);
  if (type != TYPE_TSS16 && type != TYPE_TSS32) raiseSelector(VECTOR_GP, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
  return descriptor;
}

/** Puts the outgoing task's registers into its TSS; the pages have been probed. */
function saveTask(base: u64, wide: bool, flags: u32): void {
  if (wide) {
    writeLinear32(base + 0x20, rip() as u32, false);
    writeLinear32(base + 0x24, flags, false);
    for (let i = 0; i < 8; i++) writeLinear32(base + 0x28 + ((i << 2) as u64), gpr32(i), false);
    for (let i = 0; i < 6; i++) writeLinear16(base + 0x48 + ((i << 2) as u64), segmentSelector(i), false);
  } else {
    writeLinear16(base + 0x0e, rip() as u32, false);
    writeLinear16(base + 0x10, flags, false);
    for (let i = 0; i < 8; i++) writeLinear16(base + 0x12 + ((i << 1) as u64), gpr32(i), false);
    for (let i = 0; i < 4; i++) writeLinear16(base + 0x22 + ((i << 1) as u64), segmentSelector(i), false);
  }
}

function setBusy(selector: u32, busy: bool): void {
  const at = descriptorAddress(selector & 0xfff8) + 5;
  const type = readLinear8(at, false);
  writeLinear8(at, busy ? type | BUSY : type & ~BUSY, false);
}

/** All that can fault while the old task is still the one to blame. */
function probeSwitch(selector: u32, base: u64, wide: bool, source: i32): void {
  const last = wide ? TSS32_LAST_BYTE : TSS16_LAST_BYTE;
  for (let i: u32 = 0; i <= last; i++) readLinear8(base + (i as u64), false);
  const oldBase = segmentBase(TR);
  const oldWide = (segmentAttributes(TR) & 8) != 0;
  probeLinearWrite(oldBase + (oldWide ? 0x20 : 0x0e), oldWide ? 0x40 : 0x1c, false);
  if (source == SWITCH_CALL || source == SWITCH_INTERRUPT) probeLinearWrite(base, 2, false);
  if (source != SWITCH_RETURN) probeLinearWrite(descriptorAddress(selector & 0xfff8) + 5, 1, false);
  if (source == SWITCH_JUMP || source == SWITCH_RETURN) {
    probeLinearWrite(descriptorAddress(segmentSelector(TR) & 0xfff8) + 5, 1, false);
  }
}

/**
 * Switches to the task of an available (for SWITCH_RETURN: busy) TSS. `flags` is the outgoing image; an error code goes onto the new
 * task's stack.
 */
export function enterTask(selector: u32, descriptor: u64, source: i32, flags: u32, hasErrorCode: bool, errorCode: u32): void {
  const base = baseOf(descriptor);
  const wide = (attributesOf(descriptor) & 8) != 0;
  if (limitOf(descriptor) < (wide ? TSS32_LAST_BYTE : TSS16_LAST_BYTE)) raiseSelector(VECTOR_TS, selector);
  probeSwitch(selector, base, wide, source);
  const oldSelector = segmentSelector(TR);
  const nested = source == SWITCH_CALL || source == SWITCH_INTERRUPT;
  saveTask(segmentBase(TR), (segmentAttributes(TR) & 8) != 0, source == SWITCH_RETURN ? flags & ~FLAG_NT : flags);
  if (!nested) setBusy(oldSelector, false);
  if (nested) writeLinear16(base, oldSelector, false);
  if (source != SWITCH_RETURN) setBusy(selector, true);
  store<u32>(FAULT_KEEPS_RIP, 1);
  store<u64>(CR0, load<u64>(CR0) | (CR0_TS as u64));
  setSegment(TR, selector, base, limitOf(descriptor), attributesOf(descriptor) | BUSY);
  loadTask(base, wide, nested);
  store<u64>(DR + 56, load<u64>(DR + 56) & ~0x155);
  refreshBreakpoints();
  refreshCodeMode();
  if (wide && readLinear16(base + 0x64, false) & 1) noteTaskSwitchTrap();
  if (hasErrorCode) {
    useCurrentStack();
    push(errorCode as u64, wide ? 4 : 2);
    commitStackPointer();
  }
  if (rip() > (segmentLimit(CS) as u64)) generalProtection();
  store<u32>(FAULT_KEEPS_RIP, 0);
}

/** Takes the incoming task's registers from its TSS. From here on faults belong to the new task. */
function loadTask(base: u64, wide: bool, nested: bool): void {
  const flags = wide ? readLinear32(base + 0x24, false) : readLinear16(base + 0x10, false);
  const selectorsAt: u64 = base + (wide ? 0x48 : 0x22);
  const selectorStep: u64 = wide ? 4 : 2;
  const ldt = readLinear16(base + (wide ? 0x60 : 0x2a), false);
  const cr3 = wide ? readLinear32(base + 0x1c, false) : 0;
  setRip((wide ? readLinear32(base + 0x20, false) : readLinear16(base + 0x0e, false)) as u64);
  for (let i = 0; i < 8; i++) {
    if (wide) setGpr32(i, readLinear32(base + 0x28 + ((i << 2) as u64), false));
    else setGpr16(i, readLinear16(base + 0x12 + ((i << 1) as u64), false));
  }
  const es = readLinear16(selectorsAt, false);
  const cs = readLinear16(selectorsAt + selectorStep, false);
  const ss = readLinear16(selectorsAt + 2 * selectorStep, false);
  const ds = readLinear16(selectorsAt + 3 * selectorStep, false);
  const fs = wide ? readLinear16(selectorsAt + 4 * selectorStep, false) : 0;
  const gs = wide ? readLinear16(selectorsAt + 5 * selectorStep, false) : 0;
  // The link and T bit are read again later through the new page tables, as hardware does after it loaded CR3.
  setArithmeticFlags(flags);
  const system = ~FLAGS_ARITHMETIC & 0x3fffff;
  setSystemFlags(system, (flags & 0x3f7fd7 & system) | (nested ? FLAG_NT : 0));
  setNullSegment(ES, es);
  setNullSegment(CS, cs);
  setNullSegment(SS, ss);
  setNullSegment(DS, ds);
  setNullSegment(FS, fs);
  setNullSegment(GS, gs);
  setNullSegment(LDTR, ldt);
  setCpl(flags & FLAG_VM ? 3 : rplOf(cs));
  if (wide && cr0() & CR0_PG) {
    store<u64>(CR3, cr3 as u64);
    if (cr4() & CR4_PAE && !loadPdptes(cr3 as u64)) generalProtection();
    flushTlbNonGlobal();
  }
  loadTaskLdt(ldt);
  if (flags & FLAG_VM) {
    setVirtual8086Segment(ES, es);
    setVirtual8086Segment(CS, cs);
    setVirtual8086Segment(SS, ss);
    setVirtual8086Segment(DS, ds);
    setVirtual8086Segment(FS, fs);
    setVirtual8086Segment(GS, gs);
    return;
  }
  loadTaskCode(cs);
  setSegmentFrom(SS, ss, markAccessed(ss, checkStackSegment(ss, rplOf(cs), VECTOR_TS)));
  loadTaskData(DS, ds);
  loadTaskData(ES, es);
  loadTaskData(FS, fs);
  loadTaskData(GS, gs);
}

function loadTaskLdt(selector: u32): void {
  if (isNull(selector)) return;
  if (selector & 4 || !isWithinTable(selector)) raiseSelector(VECTOR_TS, selector);
  const descriptor = fetchDescriptor(selector, VECTOR_TS);
  if (systemTypeOf(descriptor) != TYPE_LDT || !isPresent(descriptor)) raiseSelector(VECTOR_TS, selector);
  setSegmentFrom(LDTR, selector, descriptor);
}

function loadTaskCode(selector: u32): void {
  if (isNull(selector)) raiseSelector(VECTOR_TS, selector);
  const descriptor = fetchDescriptor(selector, VECTOR_TS);
  if (!isCodeSegment(descriptor)) raiseSelector(VECTOR_TS, selector);
  const level = dplOf(descriptor);
  const fits = isConforming(descriptor) ? level <= rplOf(selector) : level == rplOf(selector);
  if (!fits) raiseSelector(VECTOR_TS, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
  setSegmentFrom(CS, selector, markAccessed(selector, descriptor));
}

function loadTaskData(segment: i32, selector: u32): void {
  if (isNull(selector)) return;
  setSegmentFrom(segment, selector, markAccessed(selector, checkDataSegment(selector, VECTOR_TS)));
}

/** IRET with NT set: back to the task that the current TSS links to. */
export function returnToPreviousTask(): void {
  const selector = readLinear16(segmentBase(TR), false);
  if (selector & 4 || isNull(selector) || !isWithinTable(selector)) raiseSelector(VECTOR_TS, selector);
  const descriptor = fetchDescriptor(selector, VECTOR_TS);
  const type = systemTypeOf(descriptor) & ~BUSY;
  if ((type != TYPE_TSS16 && type != TYPE_TSS32) || !(attributesOf(descriptor) & BUSY)) raiseSelector(VECTOR_TS, selector);
  if (!isPresent(descriptor)) raiseSelector(VECTOR_NP, selector);
  enterTask(selector, descriptor, SWITCH_RETURN, readFlags(), false, 0);
}
