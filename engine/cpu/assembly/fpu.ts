// The x87 and SSE floating-point unit: what `semantics/helperSignatures.ts` lists under "fpu".
export * from "./fpu/instructions";
export { simdFloat } from "./simd/simdFloat";
