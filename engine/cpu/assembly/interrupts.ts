/**
 * Delivery of interrupts and exceptions (SDM vol. 3, chapter 6; real mode 20.1.4; virtual-8086 20.3): the interrupt vector table, the
 * IDT, double and triple faults, software interrupts. Events that enter between two instructions keep `rip` for a fault of their own
 * (`faultKeepsRip`). Gates of the IDT are in gates.ts, those of long mode in longGates.ts.
 */
import { clearGeneralDetect, disarmStep, dropPendingBreakpoints, mergePendingTrap } from "./debug";
import { interruptAcknowledge } from "./environment";
import {
  ACTIVITY,
  DELIVERING_VECTOR,
  FAULT_ERROR_CODE,
  FAULT_HAS_ERROR_CODE,
  FAULT_KEEPS_RIP,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPT_PIN,
  NMI_BLOCKED,
  NMI_PENDING,
  SHADOW_RIP,
  CS,
  TR,
} from "./layout.generated";
import {
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_DE,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_NMI,
  VECTOR_OF,
  VECTOR_PF,
  VECTOR_TS,
  generalProtection,
  meantVector,
  raiseGate,
  setExternalEvent,
} from "./faults";
import { readFlags } from "./flags";
import { deliverThroughGate } from "./gates";
import { deliverThroughLongGate } from "./longGates";
import { readLinear16, readLinear32, readLinear8 } from "./memoryAccess";
import { setParagraphSegment } from "./segments";
import { commitStackPointer, push, useCurrentStack } from "./stack";
import {
  ACTIVITY_RUNNING,
  ACTIVITY_SHUTDOWN,
  CR4_VME,
  FLAG_AC,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  cr4,
  flagsSystem,
  iopl,
  isLongMode,
  isProtected,
  isVirtual8086,
  rip,
  segmentBase,
  segmentLimit,
  segmentSelector,
  setRip,
  setSystemFlags,
  updateAttention,
} from "./state";
import { VECTOR_WATCHPOINT } from "./watchpoints";

const NO_VECTOR: u32 = 0xffffffff;
const NO_SHADOW: u64 = 0xffffffffffffffff;

/** Pushes FLAGS, CS and IP and goes where a 4-byte vector points; `table` is its linear address. */
function deliverThroughVectorTable(table: u64, vector: i32, pushedFlags: u32, userTable: bool): void {
  const entry = readLinear32(table + ((vector << 2) as u64), userTable);
  useCurrentStack();
  push(pushedFlags as u64, 2);
  push(segmentSelector(CS) as u64, 2);
  push(rip(), 2);
  if ((entry & 0xffff) > segmentLimit(CS)) generalProtection();
  commitStackPointer();
  setParagraphSegment(CS, entry >> 16);
  setRip((entry & 0xffff) as u64);
}

function deliverReal(vector: i32, flags: u32): void {
  if ((((vector << 2) | 3) as u32) > load<u32>(IDTR_LIMIT)) raiseGate(VECTOR_GP, vector);
  deliverThroughVectorTable(load<u64>(IDTR_BASE), vector, flags, false);
  setSystemFlags(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF, 0);
}

/** VME: does the task let its own 8086 handler serve this software interrupt? */
function isRedirected(vector: i32): bool {
  if (!(cr4() & CR4_VME)) return false;
  const limit = segmentLimit(TR);
  if (limit < 0x67) generalProtection();
  const mapBase = readLinear16(segmentBase(TR) + 0x66, false);
  const at = mapBase - 32 + (vector >> 3);
  if (mapBase < 32 || at > limit) generalProtection();
  return ((readLinear8(segmentBase(TR) + (at as u64), false) >> (vector & 7)) & 1) == 0;
}

/** INT n of virtual-8086 mode served by the task's own vector table at linear 0. */
function deliverVirtual8086(vector: i32): void {
  const flags = readFlags();
  if (iopl() == 3) {
    deliverThroughVectorTable(0, vector, flags, true);
    setSystemFlags(FLAG_IF | FLAG_TF | FLAG_RF, 0);
    return;
  }
  const virtualIf: u32 = flags & FLAG_VIF ? FLAG_IF : 0;
  deliverThroughVectorTable(0, vector, (flags & ~FLAG_IF) | virtualIf | FLAG_IOPL, true);
  setSystemFlags(FLAG_VIF | FLAG_TF | FLAG_RF, 0);
}

/** Any event: `software` ones are checked against the gate's DPL. `flags` is the image to push. */
function deliver(vector: i32, software: bool, hasErrorCode: bool, errorCode: u32, flags: u32): void {
  if (isLongMode()) deliverThroughLongGate(vector, software, hasErrorCode, errorCode, flags);
  else if (isProtected()) deliverThroughGate(vector, software, hasErrorCode, errorCode, flags);
  else deliverReal(vector, flags);
  disarmStep();
  if (vector == VECTOR_DB && !software) clearGeneralDetect();
}

/** An event that no instruction asked for, between two instructions. */
function deliverExternal(vector: i32): void {
  setExternalEvent(1);
  store<u32>(FAULT_KEEPS_RIP, 1);
  store<u32>(ACTIVITY, ACTIVITY_RUNNING);
  deliver(vector, false, false, 0, readFlags());
  store<u32>(FAULT_KEEPS_RIP, 0);
  setExternalEvent(0);
  updateAttention();
}

export function deliverInterrupt(vector: i32): void {
  deliverExternal(vector);
}

export function deliverNmi(): void {
  store<u32>(NMI_PENDING, 0);
  store<u32>(NMI_BLOCKED, 1);
  deliverExternal(VECTOR_NMI);
}

/** A debug trap after an instruction: `rip` is the next one's. For the double-fault rules it counts as benign. */
export function deliverTrap(vector: i32): void {
  deliverExternal(vector);
}

/**
 * Takes a pending NMI or interrupt if the state allows it now, acknowledging the interrupt controller. Returns 1 when one was
 * delivered. A shadow of STI or MOV SS holds it off for this one call, so the caller must execute an instruction before it asks again.
 */
export function takeInterrupt(): i32 {
  if (load<u64>(SHADOW_RIP) == rip()) {
    store<u64>(SHADOW_RIP, NO_SHADOW);
    return 0;
  }
  if (load<u32>(NMI_PENDING) && !load<u32>(NMI_BLOCKED)) {
    deliverNmi();
    return 1;
  }
  if (!load<u32>(INTERRUPT_PIN) || !(flagsSystem() & FLAG_IF)) return 0;
  deliverInterrupt(interruptAcknowledge() & 0xff);
  return 1;
}

function isContributory(vector: i32): bool {
  return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/** SDM table 6-5: does a second exception while delivering the first make a double fault? */
function makesDoubleFault(first: i32, second: i32): bool {
  if (isContributory(first)) return isContributory(second);
  return first == VECTOR_PF && (isContributory(second) || second == VECTOR_PF);
}

/**
 * Delivers the fault described in the state. A fault during delivery unwinds again, and the run loop calls again: by then `deliveringVector`
 * tells that it is the second. A third one shuts down.
 */
export function deliverFault(): void {
  let vector = meantVector();
  if (vector == VECTOR_WATCHPOINT) return;
  let errorCode = load<u32>(FAULT_ERROR_CODE);
  let hasErrorCode = load<u32>(FAULT_HAS_ERROR_CODE) != 0;
  const first = load<u32>(DELIVERING_VECTOR);
  if (first == VECTOR_DF && (isContributory(vector) || vector == VECTOR_PF)) return shutDown();
  if (first != NO_VECTOR && makesDoubleFault(first, vector)) {
    vector = VECTOR_DF;
    errorCode = 0;
    hasErrorCode = true;
  }
  store<u32>(DELIVERING_VECTOR, vector);
  store<u32>(FAULT_KEEPS_RIP, 1);
  setExternalEvent(1);
  dropPendingBreakpoints();
  const flags = readFlags();
  deliver(vector, false, hasErrorCode, errorCode, vector == VECTOR_DB ? flags : flags | FLAG_RF);
  setExternalEvent(0);
  store<u32>(FAULT_KEEPS_RIP, 0);
  store<u32>(DELIVERING_VECTOR, NO_VECTOR);
  updateAttention();
}

/** Triple fault. */
function shutDown(): void {
  store<u32>(ACTIVITY, ACTIVITY_SHUTDOWN);
  store<u32>(DELIVERING_VECTOR, NO_VECTOR);
  store<u32>(FAULT_KEEPS_RIP, 0);
  setExternalEvent(0);
  updateAttention();
}

/** INT n; `rip` is the next instruction's. */
export function softwareInterrupt(vector: i32): void {
  if (isVirtual8086()) {
    if (isRedirected(vector)) {
      deliverVirtual8086(vector);
      disarmStep();
      return;
    }
    if (iopl() < 3) generalProtection();
  }
  deliver(vector, true, false, 0, readFlags());
}

export function int3(): void {
  deliver(VECTOR_BP, true, false, 0, readFlags());
}

/** INTO with OF set. */
export function into(): void {
  deliver(VECTOR_OF, true, false, 0, readFlags());
}

/** INT1: a #DB without the gate's privilege check. */
export function int1(): void {
  setExternalEvent(1);
  deliver(VECTOR_DB, false, false, 0, readFlags());
  mergePendingTrap();
  setExternalEvent(0);
}
