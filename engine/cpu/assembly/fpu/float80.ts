// The arithmetic of the 80-bit extended format as the instructions use it.
export * from "./arithmetic80";
export * from "./conversions80";
export * from "./format80";
export * from "./remainder80";
export * from "./rounding80";
