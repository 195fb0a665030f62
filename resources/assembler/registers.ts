/** The register names of the assembler: what kind of register each is, its number in encodings and its size in bits. */
export type RegisterClass = "general" | "segment" | "control" | "debug" | "x87" | "mmx" | "xmm";

export interface Register {
  readonly name: string;
  readonly kind: RegisterClass;
  readonly number: number;
  readonly bits: number;
  /** spl, bpl, sil, dil exist only with a REX prefix; ah, ch, dh, bh only without one. */
  readonly rex?: "required" | "forbidden";
}

const table = new Map<string, Register>();

function add(kind: RegisterClass, bits: number, names: readonly string[], rex?: "required" | "forbidden"): void {
  names.forEach((name, number) => {
    table.set(name, { name, kind, number, bits, ...(rex ? { rex } : {}) });
  });
}

const numbered = (prefix: string, suffix = "", count = 16) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}${suffix}`);

for (const [bits, suffix] of [
  [8, "b"],
  [16, "w"],
  [32, "d"],
  [64, ""],
] as const) {
  add("general", bits, numbered("r", suffix));
}
for (const name of [
  ...numbered("r", "b", 8),
  ...numbered("r", "w", 8),
  ...numbered("r", "d", 8),
  ...numbered("r", "", 8),
]) {
  table.delete(name);
}
add("general", 64, ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"]);
add("general", 32, ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]);
add("general", 16, ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]);
["spl", "bpl", "sil", "dil"].forEach((name, index) => {
  table.set(name, { name, kind: "general", number: 4 + index, bits: 8, rex: "required" });
});
add("general", 8, ["al", "cl", "dl", "bl"]);
["ah", "ch", "dh", "bh"].forEach((name, index) => {
  table.set(name, { name, kind: "general", number: 4 + index, bits: 8, rex: "forbidden" });
});
add("segment", 16, ["es", "cs", "ss", "ds", "fs", "gs"]);
add("control", 32, numbered("cr", "", 9));
add("debug", 32, numbered("dr", "", 8));
add("x87", 80, numbered("st", "", 8));
add("mmx", 64, numbered("mm", "", 8));
add("xmm", 128, numbered("xmm"));

export const registers: ReadonlyMap<string, Register> = table;
