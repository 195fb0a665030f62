/**
 * Which rows a processor has, by what its CPUID says (Intel SDM vol. 2, "CPUID"): the feature names in rows against their bits. The decoder is
 * given the result, so that an encoding without its feature is #UD or what older processors made of it.
 */
export interface FeatureWords {
  /** CPUID.1:EDX and ECX. */
  readonly basicEdx: number;
  readonly basicEcx: number;
  /** CPUID.80000001H:EDX and ECX. */
  readonly extendedEdx: number;
  readonly extendedEcx: number;
  /** CPUID.7.0:EBX, ECX and EDX. */
  readonly structuredEbx: number;
  readonly structuredEcx?: number;
  readonly structuredEdx?: number;
  /** CPUID.0DH.1:EAX. */
  readonly xsaveEax?: number;
}

type FeatureBit = readonly [word: keyof FeatureWords, bit: number];

/** Features of instructions, as rows name them. */
const rowBits: Readonly<Record<string, FeatureBit>> = {
  tsc: ["basicEdx", 4],
  msr: ["basicEdx", 5],
  cx8: ["basicEdx", 8],
  sep: ["basicEdx", 11],
  cmov: ["basicEdx", 15],
  clfsh: ["basicEdx", 19],
  mmx: ["basicEdx", 23],
  sse: ["basicEdx", 25],
  sse2: ["basicEdx", 26],
  sse3: ["basicEcx", 0],
  pclmulqdq: ["basicEcx", 1],
  monitor: ["basicEcx", 3],
  ssse3: ["basicEcx", 9],
  fma: ["basicEcx", 12],
  cx16: ["basicEcx", 13],
  sse4_1: ["basicEcx", 19],
  sse4_2: ["basicEcx", 20],
  movbe: ["basicEcx", 22],
  popcnt: ["basicEcx", 23],
  aes: ["basicEcx", 25],
  xsave: ["basicEcx", 26],
  avx: ["basicEcx", 28],
  f16c: ["basicEcx", 29],
  rdrand: ["basicEcx", 30],
  /** Comes with 64-bit mode; the bit itself is only shown there. */
  syscall: ["extendedEdx", 29],
  rdtscp: ["extendedEdx", 27],
  lahf_lm: ["extendedEcx", 0],
  lzcnt: ["extendedEcx", 5],
  prefetchw: ["extendedEcx", 8],
  fsgsbase: ["structuredEbx", 0],
  bmi1: ["structuredEbx", 3],
  avx2: ["structuredEbx", 5],
  bmi2: ["structuredEbx", 8],
  invpcid: ["structuredEbx", 10],
  rdseed: ["structuredEbx", 18],
  adx: ["structuredEbx", 19],
  smap: ["structuredEbx", 20],
  clflushopt: ["structuredEbx", 23],
  clwb: ["structuredEbx", 24],
  sha: ["structuredEbx", 29],
  rdpid: ["structuredEcx", 22],
  xsaveopt: ["xsaveEax", 0],
  xsavec: ["xsaveEax", 1],
  xsaves: ["xsaveEax", 3],
};

/** Features without instructions of their own. */
const otherBits: Readonly<Record<string, FeatureBit>> = {
  fpu: ["basicEdx", 0],
  vme: ["basicEdx", 1],
  de: ["basicEdx", 2],
  pse: ["basicEdx", 3],
  pae: ["basicEdx", 6],
  mce: ["basicEdx", 7],
  apic: ["basicEdx", 9],
  mtrr: ["basicEdx", 12],
  pge: ["basicEdx", 13],
  mca: ["basicEdx", 14],
  pat: ["basicEdx", 16],
  pse36: ["basicEdx", 17],
  fxsr: ["basicEdx", 24],
  ss: ["basicEdx", 27],
  pcid: ["basicEcx", 17],
  x2apic: ["basicEcx", 21],
  tsc_deadline: ["basicEcx", 24],
  hypervisor: ["basicEcx", 31],
  syscall_bit: ["extendedEdx", 11],
  nx: ["extendedEdx", 20],
  pdpe1gb: ["extendedEdx", 26],
  lm: ["extendedEdx", 29],
  tsc_adjust: ["structuredEbx", 1],
  smep: ["structuredEbx", 7],
  erms: ["structuredEbx", 9],
  umip: ["structuredEcx", 2],
  fsrm: ["structuredEdx", 4],
  spec_ctrl: ["structuredEdx", 26],
  arch_capabilities: ["structuredEdx", 29],
  xgetbv1: ["xsaveEax", 2],
};

const bits: Readonly<Record<string, FeatureBit>> = { ...rowBits, ...otherBits };

/** Names that rows may use. */
export const featureNames: ReadonlySet<string> = new Set(Object.keys(rowBits));

export function featuresOf(words: FeatureWords): ReadonlySet<string> {
  const present = Object.entries(rowBits).filter(([, [word, bit]]) => (((words[word] ?? 0) >>> bit) & 1) === 1);
  return new Set(present.map(([name]) => name));
}

/** The feature words with the bits of these names; throws for a name that no bit stands for. */
export function wordsOf(names: Iterable<string>): Required<FeatureWords> {
  const words = {
    basicEdx: 0,
    basicEcx: 0,
    extendedEdx: 0,
    extendedEcx: 0,
    structuredEbx: 0,
    structuredEcx: 0,
    structuredEdx: 0,
    xsaveEax: 0,
  };
  for (const name of names) {
    const place = bits[name];
    if (!place) throw new Error(`no CPUID bit is called ${name}`);
    const [word, bit] = place;
    words[word] = (words[word] | (1 << bit)) >>> 0;
  }
  return words;
}
