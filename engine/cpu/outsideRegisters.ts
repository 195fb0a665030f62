/**
 * Registers of the processor that live outside of it, as the system unit calls them: those of the local APIC (its base, x2APIC mode, TSC deadline,
 * CR8) and the random number generator. Values of 64 bits come and go as halves or as BigInt.
 */
import type { Entropy } from "../contracts/Clock.ts";
import type { ProcessorApic } from "../contracts/ProcessorApic.ts";
import type { UnitEnvironment } from "./interpreter/SystemUnit.ts";

const APIC_BASE = 0x1b;
const TSC_DEADLINE = 0x6e0;
const X2APIC = 0x800;

type ApicRegisters = Pick<UnitEnvironment, "msrRead" | "msrWritten" | "taskPriority" | "setTaskPriority">;

const withoutApic: ApicRegisters = {
  msrRead: () => 0n,
  msrWritten: () => 1,
  taskPriority: () => -1,
  setTaskPriority: () => {},
};

export function apicRegisters(apic: ProcessorApic | undefined): ApicRegisters {
  if (!apic) return withoutApic;
  const write = (index: number, low: number, high: number): boolean => {
    if (index === APIC_BASE) apic.setBaseMsr((BigInt(high) << 32n) | BigInt(low));
    else if (index === TSC_DEADLINE) apic.deadlineTicks = high * 0x1_0000_0000 + low;
    else return apic.writeX2(index - X2APIC, low, high);
    return true;
  };
  return {
    msrRead: (index) => (index === TSC_DEADLINE ? BigInt(Math.floor(apic.deadlineTicks)) : apic.readX2(index - X2APIC)),
    msrWritten: (index, low, high) => (write(index >>> 0, low >>> 0, high >>> 0) ? 1 : 0),
    taskPriority: () => apic.getCr8(),
    setTaskPriority: (value) => apic.setCr8(value),
  };
}

/** Random bits by eight bytes. Never zero with a source, and zero without one: RDRAND then reports that it has none. */
export function randomBits(entropy: Entropy | undefined): () => bigint {
  if (!entropy) return () => 0n;
  const words = new BigUint64Array(1);
  const bytes = new Uint8Array(words.buffer);
  return () => {
    do entropy.fill(bytes);
    while (words[0] === 0n);
    return words[0]!;
  };
}
