/** What CPUID offers, by the words of the state that hold its answers (SDM vol. 2, CPUID): leaf 1, leaf 7 and leaf 80000001h. */
export const FEATURE_MCA: u32 = 1 << 14;
export const FEATURE_X2APIC: u32 = 1 << 21;
export const FEATURE_TSC_DEADLINE: u32 = 1 << 24;
export const FEATURE_HYPERVISOR: u32 = 1 << 31;
export const EXTENDED_SYSCALL: u32 = 1 << 11;
export const EXTENDED_NX: u32 = 1 << 20;
export const EXTENDED_RDTSCP: u32 = 1 << 27;
export const EXTENDED_LM: u32 = 1 << 29;
export const STRUCTURED_TSC_ADJUST: u32 = 1 << 1;
export const STRUCTURED_RDPID: u32 = 1 << 22;
export const STRUCTURED_SPEC_CTRL: u32 = 1 << 26;
export const STRUCTURED_ARCH_CAPABILITIES: u32 = 1 << 29;
