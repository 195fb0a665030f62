/** A local APIC as its own processor sees it, through registers that are no memory. */
export interface ProcessorApic {
  /** IA32_APIC_BASE was written; the processor has checked the value. */
  setBaseMsr(value: bigint): void;
  /** A register in x2APIC mode, by its number from MSR 800h on. */
  readX2(register: number): bigint;
  /** False, and nothing done, when reserved bits are set. */
  writeX2(register: number, low: number, high: number): boolean;
  /** IA32_TSC_DEADLINE in ticks of the time-stamp counter without the guest's offset; 0 is disarmed. */
  deadlineTicks: number;
  /** CR8, the priority class of the task priority register. */
  getCr8(): number;
  setCr8(value: number): void;
}
