/**
 * The x87 instructions: entry check, operand, one helper of the fpu unit, and what happens to the stack. The arithmetic itself
 * lives in that unit. Source: Intel SDM vol. 2; reversed register forms with ST(i) as the target have SUB and SUBR, DIV and
 * DIVR exchanged in their encodings, which the rows take care of.
 */
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { HelperName } from "./helperSignatures.ts";

/** Operations on two numbers, with the code that the helpers know them by. */
export const x87Arithmetic = { FADD: 0, FMUL: 1, FSUB: 4, FSUBR: 5, FDIV: 6, FDIVR: 7 } as const;
type Arithmetic = keyof typeof x87Arithmetic;
type ArithmeticForm = "F32" | "F64" | "I16" | "I32" | "ST0" | "STI" | "STI_POP";

/** The result of a helper that has one of this width. */
function call<W extends 32 | 64>(x: Algebra, name: HelperName, ...args: readonly (Value<Width> | number)[]): Value<W> {
  return x.helper(name, ...args) as Value<W>;
}

const f32 = (operand: OperandRef<Width>) => operand as OperandRef<32>;
const f64 = (operand: OperandRef<Width>) => operand as OperandRef<64>;
const signed = (x: Algebra, operand: OperandRef<Width>): Value<64> => x.signExtend(x.read(operand), 64);

function waiting(work: Semantics): Semantics {
  return (x, operands) => {
    x.helper("fpuEnter");
    work(x, operands);
  };
}

/** An instruction that is one helper without operands. */
const plain = (name: HelperName, ...args: number[]): Semantics => waiting((x) => void x.helper(name, ...args));

function arithmetic<Name extends Arithmetic>(name: Name): Record<`${Name}_${ArithmeticForm}`, Semantics> {
  const code = x87Arithmetic[name];
  const forms: Record<ArithmeticForm, Semantics> = {
    F32: (x, [source]) => void x.helper("fpuArithmeticF32", code, x.read(f32(source!))),
    F64: (x, [source]) => void x.helper("fpuArithmeticF64", code, x.read(f64(source!))),
    I16: (x, [source]) => void x.helper("fpuArithmeticInt", code, signed(x, source!)),
    I32: (x, [source]) => void x.helper("fpuArithmeticInt", code, signed(x, source!)),
    ST0: (x, [, source]) => void x.helper("fpuArithmeticRegister", code, 0, x.recordConstant(source!), 0),
    STI: (x, [target]) => void x.helper("fpuArithmeticRegister", code, x.recordConstant(target!), 0, 0),
    STI_POP: (x, [target]) => void x.helper("fpuArithmeticRegister", code, x.recordConstant(target!), 0, 1),
  };
  return Object.fromEntries(Object.entries(forms).map(([form, work]) => [`${name}_${form}`, waiting(work)])) as Record<
    `${Name}_${ArithmeticForm}`,
    Semantics
  >;
}

/** Stores that the unit may hold back: the value, then write (and pop) only when allowed. */
function store(pops: number, value: (x: Algebra, target: OperandRef<Width>) => () => void): Semantics {
  return waiting((x, [target]) => {
    x.probeWrite(target!);
    const write = value(x, target!);
    x.when(x.not2(x.isZero(call<32>(x, "fpuStoreAllowed"))), () => {
      write();
      if (pops) x.helper("fpuPop");
    });
  });
}

const storeF32 = (pops: number) =>
  store(pops, (x, target) => {
    const value = call<32>(x, "fpuStoreF32");
    return () => x.write(f32(target), value);
  });
const storeF64 = (pops: number) =>
  store(pops, (x, target) => {
    const value = call<64>(x, "fpuStoreF64");
    return () => x.write(f64(target), value);
  });
const storeInt = (pops: number, truncate: number) =>
  store(pops, (x, target) => {
    const value = call<64>(x, "fpuStoreInt", target.width, truncate);
    return () => x.write(target, x.truncate(value, target.width));
  });

/** Ten bytes: eight and two. */
function storeTenBytes(low: HelperName, high: HelperName): Semantics {
  return waiting((x, [target]) => {
    x.helper("probeWrite", x.linearAddress(target!, 10), 10);
    const lowValue = call<64>(x, low);
    const highValue = call<32>(x, high);
    x.when(x.not2(x.isZero(call<32>(x, "fpuStoreAllowed"))), () => {
      x.writeAt(target!, 0, lowValue);
      x.writeAt(target!, 8, x.truncate(highValue, 16));
      x.helper("fpuPop");
    });
  });
}

const loadTenBytes = (name: HelperName): Semantics =>
  waiting((x, [source]) => {
    const low = x.readAt(source!, 0, 64);
    x.helper(name, low, x.readAt(source!, 8, 16));
  });

const compareMemory = (pops: number) => ({
  f32: waiting((x, [source]) => void x.helper("fpuCompareF32", x.read(f32(source!)), pops)),
  f64: waiting((x, [source]) => void x.helper("fpuCompareF64", x.read(f64(source!)), pops)),
  int: waiting((x, [source]) => void x.helper("fpuCompareInt", signed(x, source!), pops)),
});
const compareRegister = (quiet: number, pops: number) =>
  waiting((x, [source]) => void x.helper("fpuCompareRegister", x.recordConstant(source!), quiet, pops));
const compareFlags = (quiet: number, pops: number) =>
  waiting((x, [, source]) => void x.helper("fpuCompareFlags", x.recordConstant(source!), quiet, pops));

type MoveCondition = 2 | 3 | 4 | 5 | 6 | 7 | 10 | 11;
const moveIf = (code: MoveCondition) =>
  waiting((x, [, source]) => {
    const holds = x.select(x.condition(code), x.constant(32, 1), x.constant(32, 0));
    x.helper("fpuMoveRegister", x.recordConstant(source!), holds);
  });

const register = (name: HelperName) => waiting((x, [operand]) => void x.helper(name, x.recordConstant(operand!)));

/** Environment and state images; the operand size decides their layout. */
function image(name: HelperName, bytes: (size: number) => number, enter: HelperName): Semantics {
  return (x, [operand]) => {
    x.helper(enter);
    const size = x.operandSize === 16 ? 2 : 4;
    x.helper(name, x.linearAddress(operand!, bytes(size)), size);
  };
}
/** FXSAVE images hold the vector registers that the code can name, whatever its addresses' size. */
const vectorsInImage = (x: Algebra): 8 | 16 => (x.stackSize === 64 ? 16 : 8);

const environmentBytes = (size: number) => size * 7;
const stateBytes = (size: number) => size * 7 + 80;

const fcom = compareMemory(0);
const fcomp = compareMemory(1);

export const x87Operations = {
  ...arithmetic("FADD"),
  ...arithmetic("FMUL"),
  ...arithmetic("FSUB"),
  ...arithmetic("FSUBR"),
  ...arithmetic("FDIV"),
  ...arithmetic("FDIVR"),
  FLD_F32: waiting((x, [source]) => void x.helper("fpuLoadF32", x.read(f32(source!)))),
  FLD_F64: waiting((x, [source]) => void x.helper("fpuLoadF64", x.read(f64(source!)))),
  FLD_F80: loadTenBytes("fpuLoadF80"),
  FLD_STI: register("fpuLoadRegister"),
  FILD: waiting((x, [source]) => void x.helper("fpuLoadInt", signed(x, source!))),
  FBLD: loadTenBytes("fpuLoadBcd"),
  FST_F32: storeF32(0),
  FSTP_F32: storeF32(1),
  FST_F64: storeF64(0),
  FSTP_F64: storeF64(1),
  FSTP_F80: storeTenBytes("fpuStoreF80Significand", "fpuStoreF80SignExponent"),
  FIST: storeInt(0, 0),
  FISTP: storeInt(1, 0),
  FISTTP: storeInt(1, 1),
  FBSTP: storeTenBytes("fpuStoreBcdLow", "fpuStoreBcdHigh"),
  FST_STI: register("fpuStoreRegister"),
  FSTP_STI: waiting((x, [target]) => {
    x.helper("fpuStoreRegister", x.recordConstant(target!));
    x.when(x.not2(x.isZero(call<32>(x, "fpuStoreAllowed"))), () => void x.helper("fpuPop"));
  }),
  /** An alias of FSTP ST(i) that copies empty registers too. */
  FSTPNCE: register("fpuCopyTop"),
  FXCH: register("fpuExchange"),
  FFREE: register("fpuFree"),
  FFREEP: waiting((x, [target]) => {
    x.helper("fpuFree", x.recordConstant(target!));
    x.helper("fpuPop");
  }),
  FCOM_F32: fcom.f32,
  FCOM_F64: fcom.f64,
  FICOM: fcom.int,
  FCOMP_F32: fcomp.f32,
  FCOMP_F64: fcomp.f64,
  FICOMP: fcomp.int,
  FCOM_STI: compareRegister(0, 0),
  FCOMP_STI: compareRegister(0, 1),
  FCOMPP: plain("fpuCompareRegister", 1, 0, 2),
  FUCOM_STI: compareRegister(1, 0),
  FUCOMP_STI: compareRegister(1, 1),
  FUCOMPP: plain("fpuCompareRegister", 1, 1, 2),
  FCOMI: compareFlags(0, 0),
  FCOMIP: compareFlags(0, 1),
  FUCOMI: compareFlags(1, 0),
  FUCOMIP: compareFlags(1, 1),
  FCMOVB: moveIf(2),
  FCMOVNB: moveIf(3),
  FCMOVE: moveIf(4),
  FCMOVNE: moveIf(5),
  FCMOVBE: moveIf(6),
  FCMOVNBE: moveIf(7),
  FCMOVU: moveIf(10),
  FCMOVNU: moveIf(11),
  FLD1: plain("fpuLoadConstant", 0),
  FLDL2T: plain("fpuLoadConstant", 1),
  FLDL2E: plain("fpuLoadConstant", 2),
  FLDPI: plain("fpuLoadConstant", 3),
  FLDLG2: plain("fpuLoadConstant", 4),
  FLDLN2: plain("fpuLoadConstant", 5),
  FLDZ: plain("fpuLoadConstant", 6),
  FCHS: plain("fpuChangeSign"),
  FABS: plain("fpuAbsolute"),
  FTST: plain("fpuTest"),
  FXAM: plain("fpuExamine"),
  F2XM1: plain("fpuExp2Minus1"),
  FYL2X: plain("fpuYLog2X"),
  FYL2XP1: plain("fpuYLog2XPlus1"),
  FPTAN: plain("fpuTrigonometric", 3),
  FPATAN: plain("fpuArctan"),
  FXTRACT: plain("fpuExtract"),
  FPREM: plain("fpuRemainder", 0),
  FPREM1: plain("fpuRemainder", 1),
  FSQRT: plain("fpuSquareRoot"),
  FSINCOS: plain("fpuTrigonometric", 2),
  FRNDINT: plain("fpuRound"),
  FSCALE: plain("fpuScale"),
  FSIN: plain("fpuTrigonometric", 0),
  FCOS: plain("fpuTrigonometric", 1),
  FDECSTP: plain("fpuMoveTop", -1),
  FINCSTP: plain("fpuMoveTop", 1),
  FNOP: waiting(() => {}),
  /** FNENI, FNDISI and FNSETPM, which later processors ignore without waiting. */
  FNIGNORED: (x) => void x.helper("fpuEnterNoWait"),
  FNINIT: (x) => {
    x.helper("fpuEnterNoWait");
    x.helper("fpuInit");
  },
  FNCLEX: (x) => {
    x.helper("fpuEnterNoWait");
    x.helper("fpuClearExceptions");
  },
  FWAIT: (x) => void x.helper("fpuWait"),
  FLDCW: waiting((x, [source]) => void x.helper("fpuLoadControl", x.read(source!))),
  FNSTCW: (x, [target]) => {
    x.helper("fpuEnterNoWait");
    x.write(target!, x.truncate(call<32>(x, "fpuReadControl"), target!.width));
  },
  FNSTSW: (x, [target]) => {
    x.helper("fpuEnterNoWait");
    x.write(target!, x.truncate(call<32>(x, "fpuReadStatus"), target!.width));
  },
  FLDENV: image("fpuLoadEnvironment", environmentBytes, "fpuEnter"),
  FNSTENV: image("fpuStoreEnvironment", environmentBytes, "fpuEnterNoWait"),
  FRSTOR: image("fpuRestore", stateBytes, "fpuEnter"),
  FNSAVE: image("fpuSave", stateBytes, "fpuEnterNoWait"),
  FXSAVE: (x, [operand]) => {
    x.helper("fpuEnterNoWait");
    x.helper("fpuFxsave", x.linearAddress(operand!, 512), vectorsInImage(x));
  },
  FXRSTOR: (x, [operand]) => {
    x.helper("fpuEnterNoWait");
    x.helper("fpuFxrstor", x.linearAddress(operand!, 512), vectorsInImage(x));
  },
} satisfies Record<string, Semantics>;
