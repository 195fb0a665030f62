// The x87 and SSE floating-point unit: what `semantics/helperSignatures.ts` lists under "fpu".
export * from "./fpu/arithmeticInstructions";
export * from "./fpu/entryChecks";
export * from "./fpu/functionInstructions";
export * from "./fpu/loadsAndStores";
export * from "./fpu/stateInstructions";
export * from "./fpu/xsave";
export { simdFloat } from "./simd/simdFloat";
