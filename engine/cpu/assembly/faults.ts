/**
 * Raising exceptions (SDM vol. 3, 6.13 and 6.15): a fault is described in the state and then unwinds to the run loop, which asks
 * `deliverFault` to deliver it. Nothing the guest can see may have changed before.
 */
import { throwFault, usesStackSegment } from "./environment";
import { CR2, FAULT_ERROR_CODE, FAULT_HAS_ERROR_CODE, FAULT_VECTOR, SS } from "./layout.generated";

export const VECTOR_DE: i32 = 0;
export const VECTOR_DB: i32 = 1;
export const VECTOR_NMI: i32 = 2;
export const VECTOR_BP: i32 = 3;
export const VECTOR_OF: i32 = 4;
export const VECTOR_BR: i32 = 5;
export const VECTOR_UD: i32 = 6;
export const VECTOR_NM: i32 = 7;
export const VECTOR_DF: i32 = 8;
export const VECTOR_TS: i32 = 10;
export const VECTOR_NP: i32 = 11;
export const VECTOR_SS: i32 = 12;
export const VECTOR_GP: i32 = 13;
export const VECTOR_PF: i32 = 14;

/**
 * EXT bit of selector error codes: 1 while an event that no instruction asked for is being delivered. Every unwinding ends in
 * `deliverFault`, which sets it anew.
 */
let externalEvent: i32 = 0;

export function setExternalEvent(value: i32): void {
  externalEvent = value;
}

/** The fault described in the state is by an access to an address that is not canonical. */
let nonCanonical: bool = false;
let nonCanonicalAddress: u64 = 0;

/** raise(vector, error code or -1). Never returns. */
export function raise(vector: i32, errorCode: i32): void {
  nonCanonical = false;
  unwind(vector, errorCode);
}

function unwind(vector: i32, errorCode: i32): void {
  store<u32>(FAULT_VECTOR, vector);
  store<u32>(FAULT_ERROR_CODE, errorCode == -1 ? 0 : errorCode);
  store<u32>(FAULT_HAS_ERROR_CODE, errorCode == -1 ? 0 : 1);
  throwFault();
  unreachable();
}

/** An access to an address that is not canonical: #GP(0), unless `meantVector` finds that it went by way of SS. Never returns. */
export function raiseNonCanonical(linear: u64): void {
  nonCanonical = true;
  nonCanonicalAddress = linear;
  unwind(VECTOR_GP, externalEvent);
}

/** The vector of the fault described in the state, now that RIP is its instruction's: which segment an access meant is only asked here. */
export function meantVector(): i32 {
  const vector = load<i32>(FAULT_VECTOR);
  if (!nonCanonical) return vector;
  nonCanonical = false;
  return usesStackSegment(nonCanonicalAddress as u32, (nonCanonicalAddress >> 32) as u32) ? VECTOR_SS : vector;
}

/** An exception whose error code names a selector (or none: 0), with the EXT bit. Never returns. */
export function raiseSelector(vector: i32, selector: u32): void {
  raise(vector, ((selector & 0xfffc) | externalEvent) as i32);
}

/** An exception whose error code names an IDT entry. Never returns. */
export function raiseGate(vector: i32, gateVector: i32): void {
  raise(vector, (gateVector << 3) | 2 | externalEvent);
}

export function generalProtection(): void {
  raise(VECTOR_GP, externalEvent);
}

export function invalidOpcode(): void {
  raise(VECTOR_UD, -1);
}

export function raisePageFault(linear: u64, errorCode: i32): void {
  store<u64>(CR2, linear);
  raise(VECTOR_PF, errorCode);
}

/** #GP(0), or #SS(0) when the segment is SS. Never returns. */
export function segmentFault(segment: i32): void {
  raise(segment == SS ? VECTOR_SS : VECTOR_GP, externalEvent);
}
