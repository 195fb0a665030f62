/**
 * Which processor a guest sees: one of the x86-64 microarchitecture levels (System V ABI for AMD64, 3.1.1), or "host", everything that
 * this engine has. Each level hides what it does not have.
 */
export const cpuLevels = ["v1", "v2", "v3", "host"] as const;
export type CpuLevel = (typeof cpuLevels)[number];
