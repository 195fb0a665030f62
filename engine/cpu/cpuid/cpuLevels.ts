/**
 * What the processors of the four levels are: their features, age and name. Features are written down per level and taken away again
 * where this engine has no instruction for them yet (`incomplete`, and what has no rows at all), so that nothing is promised that is not there. All four are 64-bit
 * processors of one core that say they are virtual.
 */
import type { CpuLevel } from "../../contracts/CpuLevel.ts";
import { featureNames } from "../isa/features.ts";
import { rows } from "../isa/rows.ts";

export interface CpuModel {
  /** EAX of leaf 1: family, model, stepping. */
  readonly signature: number;
  readonly lastBasicLeaf: number;
  readonly brand: string;
  readonly features: ReadonlySet<string>;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

const level1 = words(`
  fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clfsh mmx fxsr sse sse2 ss
  hypervisor syscall_bit lm nx arch_capabilities spec_ctrl`);
const level2 = words("sse3 ssse3 sse4_1 sse4_2 popcnt cx16 lahf_lm rdtscp x2apic tsc_deadline");
const level3 = words(`
  aes pclmulqdq xsave xsaveopt avx f16c fma movbe rdrand lzcnt bmi1 bmi2 avx2
  pcid invpcid pdpe1gb tsc_adjust fsgsbase smep erms`);
const newest = words("prefetchw rdseed adx smap clflushopt clwb sha umip rdpid xsavec xgetbv1 xsaves fsrm");

/** Features that are not complete, or whose rows have only begun to appear: CPUID does not show them. */
const incomplete = new Set<string>();

const levelFeatures: Readonly<Record<CpuLevel, readonly string[]>> = {
  v1: level1,
  v2: [...level1, ...level2],
  v3: [...level1, ...level2, ...level3],
  host: [...level1, ...level2, ...level3, ...newest],
};

const ages: Readonly<Record<CpuLevel, { signature: number; lastBasicLeaf: number; brand: string }>> = {
  v1: { signature: 0x0000_06fb, lastBasicLeaf: 0x0a, brand: "Guesthouse Virtual CPU (x86-64-v1)" },
  v2: { signature: 0x0001_06a5, lastBasicLeaf: 0x0b, brand: "Guesthouse Virtual CPU (x86-64-v2)" },
  v3: { signature: 0x0003_06c3, lastBasicLeaf: 0x16, brand: "Guesthouse Virtual CPU (x86-64-v3)" },
  host: { signature: 0x0006_06a6, lastBasicLeaf: 0x16, brand: "Guesthouse Virtual CPU" },
};

/** Without these the others mean nothing. */
const foundations: Readonly<Record<string, readonly string[]>> = {
  xsave: ["avx", "avx2", "fma", "f16c", "xsaveopt", "xsavec", "xgetbv1", "xsaves"],
  avx: ["avx2", "fma", "f16c"],
};

/** Features for whose instructions there are rows. */
function instructionFeatures(): ReadonlySet<string> {
  return new Set(rows.flatMap((row) => row.feature ?? []));
}

export function cpuModel(level: CpuLevel): CpuModel {
  const offered = instructionFeatures();
  const isThere = (name: string): boolean => !incomplete.has(name) && (!featureNames.has(name) || offered.has(name));
  const features = new Set(levelFeatures[level].filter(isThere));
  for (const [base, built] of Object.entries(foundations)) {
    if (!features.has(base)) for (const name of built) features.delete(name);
  }
  return { ...ages[level], features };
}

/**
 * The features whose rows a processor decodes that shows `shown` of them: what CPUID merely cannot tell (rows still without a complete family)
 * stays, and what the level takes away is gone.
 */
export function decodedFeatures(shown: ReadonlySet<string>): ReadonlySet<string> {
  const all = cpuModel("host").features;
  return new Set([...featureNames].filter((name) => shown.has(name) || !all.has(name)));
}
