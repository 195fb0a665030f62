// The x87 and SSE floating-point unit: what `semantics/helperSignatures.ts` lists under "fpu".
export * from "./fpu/instructions";
export * from "./fpu/xsave";
export { simdFloat } from "./simd/simdFloat";
