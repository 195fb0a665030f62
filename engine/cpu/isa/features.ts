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
  /** CPUID.7.0:EBX. */
  readonly structuredEbx: number;
}

const bits: Readonly<Record<string, readonly [word: keyof FeatureWords, bit: number]>> = {
  tsc: ["basicEdx", 4],
  msr: ["basicEdx", 5],
  cx8: ["basicEdx", 8],
  sep: ["basicEdx", 11],
  cmov: ["basicEdx", 15],
  clfsh: ["basicEdx", 19],
  mmx: ["basicEdx", 23],
  sse: ["basicEdx", 25],
  sse2: ["basicEdx", 26],
  monitor: ["basicEcx", 3],
  cx16: ["basicEcx", 13],
  popcnt: ["basicEcx", 23],
  /** Comes with 64-bit mode; the bit itself is only shown there. */
  syscall: ["extendedEdx", 29],
  rdtscp: ["extendedEdx", 27],
  lzcnt: ["extendedEcx", 5],
  bmi1: ["structuredEbx", 3],
};

export const featureNames: ReadonlySet<string> = new Set(Object.keys(bits));

export function featuresOf(words: FeatureWords): ReadonlySet<string> {
  const present = Object.entries(bits).filter(([, [word, bit]]) => ((words[word] >>> bit) & 1) === 1);
  return new Set(present.map(([name]) => name));
}
