/**
 * The processor after RESET and after INIT (SDM vol. 3, table 9-1): real mode at F000:FFF0 with the code segment's base at the top of the address space. The
 * A20 gate, the CPUID table and the statistics are not the processor's to reset.
 */
import { cpuSignature, refreshFeatures } from "./cpuid";
import { msrWritten } from "./environment";
import {
  A20_MASK,
  CR0,
  CS,
  DELIVERING_VECTOR,
  DR,
  ES,
  FAULT_KEEPS_RIP,
  FLAGS_SYSTEM,
  FPU_CONTROL,
  FPU_TAG,
  GDTR_LIMIT,
  IDTR_LIMIT,
  INSTRUCTIONS,
  INTERRUPT_PIN,
  LDTR,
  MMIO_EXITS,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
  MSR_PAT,
  MSR_SYSENTER_CS,
  MXCSR,
  PAGE_WALKS,
  PDPTE,
  PENDING_DEBUG,
  RIP,
  SHADOW_RIP,
  STACK_SEGMENT_SHADOW,
  STATE,
  STATE_BYTES,
  STEP_ARMED,
  TR,
  XCR0,
} from "./layout.generated";
import { setExternalEvent } from "./faults";
import { setArithmeticFlags } from "./flags";
import { setSegment, updateMode } from "./segments";
import { RDX, setGpr32 } from "./state";
import { resetTsc } from "./timeStamp";
import { flushTlb } from "./tlb";

const DATA: u32 = 0x93;
const CODE: u32 = 0x9b;
const LDT: u32 = 0x82;
const TSS_BUSY: u32 = 0x8b;
/** Fast strings; no branch trace store, no event-based sampling. */
const MISC_ENABLE_RESET: u64 = 0x1801;
/** CD and NW. */
const CR0_CACHES: u64 = 0x60000000;
/** From here on the state layout holds what INIT leaves. */
const FIRST_MSR: usize = MSR_SYSENTER_CS;
const APIC_BASE_BOOTSTRAP_ENABLED: u32 = 0xfee00900;

export function resetCpu(): void {
  const a20 = load<u32>(A20_MASK);
  const pin = load<u32>(INTERRUPT_PIN);
  const instructions = load<u64>(INSTRUCTIONS);
  const pageWalks = load<u64>(PAGE_WALKS);
  const mmioExits = load<u64>(MMIO_EXITS);
  memory.fill(STATE, 0, STATE_BYTES);
  store<u32>(A20_MASK, a20 ? a20 : 0xffffffff);
  store<u32>(INTERRUPT_PIN, pin);
  store<u64>(INSTRUCTIONS, instructions);
  store<u64>(PAGE_WALKS, pageWalks);
  store<u64>(MMIO_EXITS, mmioExits);
  refreshFeatures();
  resetRegisters();
  setExternalEvent(0);
  flushTlb();
  updateMode();
  msrWritten(0x1b, APIC_BASE_BOOTSTRAP_ENABLED, 0);
}

/** INIT: as RESET, but MSRs, the counters, x87 and vector state and the way of the caches stay. */
export function initCpu(): void {
  const a20 = load<u32>(A20_MASK);
  const pin = load<u32>(INTERRUPT_PIN);
  const caches = load<u64>(CR0) & CR0_CACHES;
  memory.fill(STATE, 0, FIRST_MSR - STATE);
  store<u32>(A20_MASK, a20);
  store<u32>(INTERRUPT_PIN, pin);
  for (let i = 0; i < 4; i++) store<u64>(PDPTE + (i << 3), 0);
  store<u32>(FAULT_KEEPS_RIP, 0);
  store<u32>(STEP_ARMED, 0);
  store<u32>(PENDING_DEBUG, 0);
  store<u32>(STACK_SEGMENT_SHADOW, 0);
  startRegisters(caches);
  setExternalEvent(0);
  flushTlb();
  updateMode();
}

/** The registers that programs start with. */
function startRegisters(caches: u64): void {
  store<u64>(CR0, 0x10 | caches);
  store<u32>(FLAGS_SYSTEM, 2);
  setArithmeticFlags(0);
  store<u64>(DR + 48, 0xffff0ff0);
  store<u64>(DR + 56, 0x400);
  store<u64>(RIP, 0xfff0);
  store<u64>(SHADOW_RIP, 0xffffffffffffffff);
  store<u32>(DELIVERING_VECTOR, 0xffffffff);
  setGpr32(RDX, cpuSignature());
  for (let segment = ES; segment < LDTR; segment++) setSegment(segment, 0, 0, 0xffff, DATA);
  setSegment(CS, 0xf000, 0xffff0000, 0xffff, CODE);
  setSegment(LDTR, 0, 0, 0xffff, LDT);
  setSegment(TR, 0, 0, 0xffff, TSS_BUSY);
  store<u32>(GDTR_LIMIT, 0xffff);
  store<u32>(IDTR_LIMIT, 0xffff);
}

function resetRegisters(): void {
  startRegisters(CR0_CACHES);
  store<u64>(MSR_APIC_BASE, APIC_BASE_BOOTSTRAP_ENABLED as u64);
  store<u64>(MSR_PAT, 0x0007040600070406);
  store<u64>(MSR_MISC_ENABLE, MISC_ENABLE_RESET);
  store<u64>(XCR0, 1);
  store<u32>(FPU_CONTROL, 0x40);
  store<u32>(FPU_TAG, 0x5555);
  store<u32>(MXCSR, 0x1f80);
  resetTsc();
}

/** The A20 gate: closed, odd megabytes appear as the even ones below. */
export function setA20(enabled: i32): void {
  store<u32>(A20_MASK, enabled ? 0xffffffff : 0xffefffff);
  flushTlb();
}
