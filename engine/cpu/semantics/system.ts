/**
 * System instructions (Intel SDM vol. 3, chapter 2.8 and vol. 2): the rules live in helpers; here is which operands they get and in which
 * order faults are found. Checks that come before an operand is read are made first. Fences, hints and PAUSE do nothing: one
 * processor sees its own memory accesses in order.
 */
import type { Algebra, OperandRef, Semantics, Width } from "./Algebra.ts";
import { mixed, nullary, resize, unary } from "./shapes.ts";

const nothing: Semantics = () => {};

/** Segment-descriptor instructions are #UD in real and virtual-8086 mode. */
const ofProtectedMode =
  (operation: (x: Algebra, operand: OperandRef<Width>) => void, supervisorOnly = false): Semantics =>
  (x, [operand]) => {
    x.helper("requireProtected");
    if (supervisorOnly) x.helper("requireSupervisor");
    operation(x, operand!);
  };

/** LAR and LSL: the helper gives the new value of the destination or, with ZF clear, the old one. */
const descriptorQuery = (helper: "lar" | "lsl"): Semantics =>
  mixed((x, destination, source) => {
    x.helper("requireProtected");
    const selector = x.read(source);
    const old = x.read(destination);
    const answer = x.helper(helper, selector, resize(x, old, 32));
    x.when(x.getFlag("ZF"), () => x.write(destination, resize(x, answer, destination.width)));
  });

/** SGDT and SIDT store limit and base; 16-bit operand size still stores all 32 base bits (80386 and later). */
const storeTable = (limit: "gdtrLimit" | "idtrLimit", base: "gdtrBase" | "idtrBase"): Semantics =>
  unary((x, memory) => {
    x.writeAt(memory, 0, x.truncate(x.helper(limit), 16));
    const address = x.helper(base);
    x.writeAt(memory, 2, x.stackSize === 64 ? address : x.truncate(address, 32));
  });

/** With a 16-bit operand size only 24 bits of the base are used. */
const loadTable = (helper: "lgdt" | "lidt"): Semantics =>
  unary((x, memory) => {
    x.helper("requireSupervisor");
    const limit = x.readAt(memory, 0, 16);
    if (x.stackSize === 64) {
      x.helper(helper, limit, x.readAt(memory, 2, 64));
      return;
    }
    const base = x.readAt(memory, 2, 32);
    const used = x.operandSize === 16 ? x.and(base, x.constant(32, 0xffffff)) : base;
    x.helper(helper, limit, x.zeroExtend(used, 64));
  });

export const system = {
  NOP: nothing,
  PAUSE: nothing,
  LFENCE: nothing,
  MFENCE: nothing,
  SFENCE: nothing,
  /** Faults as a load of one byte. */
  CLFLUSH: unary((x, memory) => {
    x.read(memory);
  }),
  LGDT: loadTable("lgdt"),
  LIDT: loadTable("lidt"),
  SGDT: storeTable("gdtrLimit", "gdtrBase"),
  SIDT: storeTable("idtrLimit", "idtrBase"),
  LLDT: ofProtectedMode((x, operand) => {
    x.helper("lldt", x.read(operand));
  }, true),
  LTR: ofProtectedMode((x, operand) => {
    x.helper("ltr", x.read(operand));
  }, true),
  SLDT: ofProtectedMode((x, operand) => x.write(operand, resize(x, x.helper("sldt"), operand.width))),
  STR: ofProtectedMode((x, operand) => x.write(operand, resize(x, x.helper("str"), operand.width))),
  VERR: ofProtectedMode((x, operand) => {
    x.helper("verr", x.read(operand));
  }),
  VERW: ofProtectedMode((x, operand) => {
    x.helper("verw", x.read(operand));
  }),
  LAR: descriptorQuery("lar"),
  LSL: descriptorQuery("lsl"),
  ARPL: mixed((x, destination, source) => {
    x.helper("requireProtected");
    const wanted = x.read(source);
    const old = x.read(destination);
    const adjusted = resize(x, x.helper("arpl", old, wanted), destination.width);
    // Written only when it changes, so that a place that may only be read does for the others.
    x.when(x.not2(x.isZero(x.xor(old, adjusted))), () => x.write(destination, adjusted));
  }),
  SMSW: unary((x, destination) => x.write(destination, resize(x, x.helper("smsw"), destination.width))),
  LMSW: unary((x, source) => {
    x.helper("requireSupervisor");
    x.helper("lmsw", x.read(source));
  }),
  CLTS: nullary((x) => {
    x.helper("clts");
  }),
  INVLPG: unary((x, memory) => {
    x.helper("requireSupervisor");
    x.helper("invlpg", x.linearAddress(memory, 0));
  }),
  INVD: nullary((x) => {
    x.helper("wbinvd");
  }),
  WBINVD: nullary((x) => {
    x.helper("wbinvd");
  }),
  MOV_FROM_CONTROL: mixed((x, destination, control) =>
    x.write(destination, resize(x, x.helper("readControl", x.recordConstant(control)), destination.width)),
  ),
  MOV_TO_CONTROL: mixed((x, control, source) => {
    x.helper("writeControl", x.recordConstant(control), x.zeroExtend(x.read(source), 64));
  }),
  MOV_FROM_DEBUG: mixed((x, destination, debug) =>
    x.write(destination, resize(x, x.helper("readDebug", x.recordConstant(debug)), destination.width)),
  ),
  MOV_TO_DEBUG: mixed((x, debug, source) => {
    x.helper("writeDebug", x.recordConstant(debug), x.zeroExtend(x.read(source), 64));
  }),
  RDMSR: nullary((x) => {
    x.helper("rdmsr");
  }),
  WRMSR: nullary((x) => {
    x.helper("wrmsr");
  }),
  RDTSC: nullary((x) => {
    x.helper("rdtsc");
  }),
  RDTSCP: nullary((x) => {
    x.helper("rdtscp");
  }),
  RDPMC: nullary((x) => {
    x.helper("rdpmc");
  }),
  CPUID: nullary((x) => {
    x.helper("cpuid");
  }),
  SWAPGS: nullary((x) => {
    x.helper("swapgs");
  }),
  HLT: nullary((x) => {
    x.helper("hlt");
  }),
  MONITOR: nullary((x) => {
    x.helper("monitor");
  }),
  MWAIT: nullary((x) => {
    x.helper("mwait");
  }),
} satisfies Record<string, Semantics>;
