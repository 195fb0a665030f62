// The x87 unit: what `semantics/helperSignatures.ts` lists under "fpu".
export * from "./fpu/instructions";
