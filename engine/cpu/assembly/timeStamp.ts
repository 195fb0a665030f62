/**
 * The time-stamp counter (SDM vol. 3, 18.17): its value, IA32_TSC_ADJUST, IA32_TSC_AUX, the local APIC's deadline, and KVM's paravirtual clock,
 * which tells the guest how to make nanoseconds of it (Linux, Documentation/virt/kvm/x86/msr.rst). The counter runs at 1 GHz and never stops while
 * the machine runs, so one set of numbers is right until the counter is written.
 */
import { EXTENDED_RDTSCP, STRUCTURED_RDPID } from "./cpuidFeatures";
import { hostTsc, msrRead, msrWritten, wallClockMs } from "./environment";
import { generalProtection, invalidOpcode } from "./faults";
import {
  EXTENDED_FEATURE_EDX,
  MSR_KVM_SYSTEM_TIME,
  MSR_KVM_WALL_CLOCK,
  MSR_TSC_ADJUST,
  MSR_TSC_AUX,
  STRUCTURED_FEATURE_ECX,
  TSC_OFFSET,
} from "./layout.generated";
import { maskA20, physRead32, physRead64, physWrite32, physWrite64 } from "./physical";
import { CR4_PCE, CR4_TSD, RAX, RCX, RDX, cpl, cr4, gpr32, setGpr32 } from "./state";

const TSC_DEADLINE: u32 = 0x6e0;

/** pvclock_vcpu_time_info. */
const CLOCK_TSC: u64 = 8;
const CLOCK_SYSTEM_TIME: u64 = 16;
const CLOCK_SCALE: u64 = 24;
const CLOCK_FLAGS: u64 = 28;
/** A tick is (1 << 1) * 2^31 / 2^32 nanoseconds. */
const SCALE_MULTIPLIER: u32 = 0x80000000;
const SCALE_SHIFT: u32 = 1;
const CLOCK_STABLE: u32 = 1;
const NS_PER_MS: u64 = 1000000;
const NS_PER_S: u64 = 1000000000;

/** The counter as the guest sees it. */
export function readTsc(): u64 {
  return (hostTsc() as u64) + load<u64>(TSC_OFFSET);
}

/** The counter after reset. */
export function resetTsc(): void {
  store<u64>(TSC_OFFSET, 0 - (hostTsc() as u64));
}

function moveTsc(by: u64): void {
  store<u64>(TSC_OFFSET, load<u64>(TSC_OFFSET) + by);
  store<u64>(MSR_TSC_ADJUST, load<u64>(MSR_TSC_ADJUST) + by);
  refreshKvmClock();
}

export function writeTsc(value: u64): void {
  moveTsc(value - readTsc());
}
export function writeTscAdjust(value: u64): void {
  moveTsc(value - load<u64>(MSR_TSC_ADJUST));
}

/** The deadline in the guest's ticks; 0 when none is armed. */
export function readTscDeadline(): u64 {
  const ticks = msrRead(TSC_DEADLINE);
  return ticks ? ticks + load<u64>(TSC_OFFSET) : 0;
}

/** A deadline that has passed is due at once; 0 disarms. */
export function writeTscDeadline(value: u64): void {
  let ticks: u64 = 0;
  if (value) {
    ticks = value - load<u64>(TSC_OFFSET);
    if ((ticks as i64) <= 0) ticks = 1;
  }
  msrWritten(TSC_DEADLINE, ticks as u32, (ticks >> 32) as u32);
}

/** Nanoseconds since reset: what the counter shows but for what the guest added. */
function systemTimeNs(): u64 {
  return readTsc() - load<u64>(MSR_TSC_ADJUST);
}

/** Writes the structure that relates the counter to time. The version is odd meanwhile. */
export function refreshKvmClock(): void {
  const place = load<u64>(MSR_KVM_SYSTEM_TIME);
  if (!(place & 1)) return;
  const at = maskA20(place & ~1);
  const version = physRead32(at);
  physWrite32(at, (version + 1) | 1);
  // One look at the time: both are of the same moment.
  const now = readTsc();
  physWrite64(at + CLOCK_TSC, now);
  physWrite64(at + CLOCK_SYSTEM_TIME, now - load<u64>(MSR_TSC_ADJUST));
  physWrite32(at + CLOCK_SCALE, SCALE_MULTIPLIER);
  physWrite32(at + CLOCK_FLAGS, SCALE_SHIFT | (CLOCK_STABLE << 8));
  physWrite32(at, ((version + 1) | 1) + 1);
}

/** A state was loaded: a structure that is still right stays as it is, so that memory does. */
export function reviseKvmClock(): void {
  const place = load<u64>(MSR_KVM_SYSTEM_TIME);
  if (!(place & 1)) return;
  const at = maskA20(place & ~1);
  const offset = physRead64(at + CLOCK_TSC) - physRead64(at + CLOCK_SYSTEM_TIME);
  if (physRead32(at + CLOCK_SCALE) != SCALE_MULTIPLIER || offset != load<u64>(MSR_TSC_ADJUST)) refreshKvmClock();
}

export function writeKvmSystemTime(value: u64): void {
  store<u64>(MSR_KVM_SYSTEM_TIME, value);
  refreshKvmClock();
}

/** The time of day when the system time was zero. */
export function writeKvmWallClock(value: u64): void {
  store<u64>(MSR_KVM_WALL_CLOCK, value);
  const at = maskA20(value & ~3);
  const version = physRead32(at);
  const startNs = (wallClockMs() as u64) * NS_PER_MS - systemTimeNs();
  physWrite32(at, (version + 1) | 1);
  physWrite32(at + 4, (startNs / NS_PER_S) as u32);
  physWrite32(at + 8, (startNs % NS_PER_S) as u32);
  physWrite32(at, ((version + 1) | 1) + 1);
}

function answer(value: u64): void {
  setGpr32(RAX, value as u32);
  setGpr32(RDX, (value >> 32) as u32);
}

export function rdtsc(): void {
  if (cr4() & CR4_TSD && cpl() != 0) generalProtection();
  answer(readTsc());
}

export function rdtscp(): void {
  if (!(load<u32>(EXTENDED_FEATURE_EDX) & EXTENDED_RDTSCP)) invalidOpcode();
  rdtsc();
  setGpr32(RCX, load<u32>(MSR_TSC_AUX));
}

/** RDPID: any privilege level may ask. */
export function rdpid(): u64 {
  if (!(load<u32>(STRUCTURED_FEATURE_ECX) & STRUCTURED_RDPID)) invalidOpcode();
  return load<u64>(MSR_TSC_AUX);
}

/** Performance counters stand still. */
export function rdpmc(): void {
  if (!(cr4() & CR4_PCE) && cpl() != 0) generalProtection();
  if ((gpr32(RCX) & 0x3fffffff) > 1) generalProtection();
  answer(0);
}
