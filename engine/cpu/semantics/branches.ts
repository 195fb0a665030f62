/**
 * Control transfer: near jumps, calls and returns in full; far ones, interrupts and system calls by their helpers, which hold the
 * protection rules (Intel SDM vol. 2; vol. 3, 5.8). A near CALL pushes before its target is checked, as processors do in every mode (SDM
 * vol. 2, CALL, has a code segment's limit checked first): of two faults the stack's is raised, and one of the target finds the return
 * address in memory and the stack pointer as it was.
 */
import type { Algebra, ConditionCode, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import { bytesOf, mixed, nullary, resize, unary } from "./shapes.ts";

const jumpIf = (code: ConditionCode): Semantics => unary((x, target) => x.jumpRelativeIf(x.condition(code), target));

/** Counts rCX (of the address size) down; says whether it is not zero. */
function countDown(x: Algebra) {
  const count = x.sub(x.readRegister(x.addressSize, 1), x.constant(x.addressSize, 1));
  x.writeRegister(x.addressSize, 1, count);
  return x.not2(x.isZero(count));
}

/** A far pointer from the instruction or from memory. */
function farTarget(x: Algebra, operand: OperandRef<Width>): { selector: Value<16>; offset: Value<64> } {
  if (operand.kind === "far") return x.farPointer(operand);
  const offset = x.zeroExtend(x.readAt(operand, 0, x.operandSize), 64);
  return { selector: x.readAt(operand, x.operandSize / 8, 16), offset };
}

const returnAddress = (x: Algebra): Value<16 | 32 | 64> => x.truncate(x.nextInstruction(), x.operandSize);

export const branches = {
  JO: jumpIf(0),
  JNO: jumpIf(1),
  JB: jumpIf(2),
  JAE: jumpIf(3),
  JE: jumpIf(4),
  JNE: jumpIf(5),
  JBE: jumpIf(6),
  JA: jumpIf(7),
  JS: jumpIf(8),
  JNS: jumpIf(9),
  JP: jumpIf(10),
  JNP: jumpIf(11),
  JL: jumpIf(12),
  JGE: jumpIf(13),
  JLE: jumpIf(14),
  JG: jumpIf(15),
  JCXZ: unary((x, target) => x.jumpRelativeIf(x.isZero(x.readRegister(x.addressSize, 1)), target)),
  LOOP: unary((x, target) => x.jumpRelativeIf(countDown(x), target)),
  LOOPE: unary((x, target) => x.jumpRelativeIf(x.and2(countDown(x), x.getFlag("ZF")), target)),
  LOOPNE: unary((x, target) => x.jumpRelativeIf(x.and2(countDown(x), x.not2(x.getFlag("ZF"))), target)),
  JMP: unary((x, target) => {
    if (target.kind === "relative") x.jumpRelative(target);
    else x.jump(x.zeroExtend(x.read(target), 64));
  }),
  CALL: unary((x, target) => {
    if (target.kind === "relative") {
      x.push(returnAddress(x));
      x.jumpRelative(target);
      return;
    }
    const offset = x.zeroExtend(x.read(target), 64);
    x.push(returnAddress(x));
    x.jump(offset);
  }),
  RET: (x, [release]) => {
    const target = x.zeroExtend(x.peekStack(x.operandSize), 64);
    const bytes = bytesOf(x.operandSize);
    x.releaseStack(release ? x.add(x.zeroExtend(x.recordConstant(release), 64), x.constant(64, bytes)) : bytes);
    x.jump(target);
  },
  JMPF: unary((x, target) => {
    const { selector, offset } = farTarget(x, target);
    x.helper("farJump", selector, offset, bytesOf(x.operandSize));
  }),
  CALLF: unary((x, target) => {
    const { selector, offset } = farTarget(x, target);
    x.helper("farCall", selector, offset, bytesOf(x.operandSize));
  }),
  RETF: (x, [release]) => {
    x.helper("farReturn", bytesOf(x.operandSize), release ? x.recordConstant(release) : 0);
  },
  INT: unary((x, vector) => {
    x.helper("softwareInterrupt", x.recordConstant(vector));
  }),
  INT3: nullary((x) => {
    x.helper("int3");
  }),
  INT1: nullary((x) => {
    x.helper("int1");
  }),
  INTO: nullary((x) =>
    x.when(x.getFlag("OF"), () => {
      x.helper("into");
    }),
  ),
  IRET: nullary((x) => {
    x.helper("iret", bytesOf(x.operandSize));
  }),
  SYSENTER: nullary((x) => {
    x.helper("sysenter");
  }),
  SYSEXIT: nullary((x) => {
    x.helper("sysexit", bytesOf(x.operandSize));
  }),
  SYSCALL: nullary((x) => {
    x.helper("syscall");
  }),
  SYSRET: nullary((x) => {
    x.helper("sysret", bytesOf(x.operandSize));
  }),
  BOUND: mixed((x, index, bounds) => {
    const bytes = bytesOf(x.operandSize);
    const linear = x.linearAddress(bounds, 2 * bytes);
    const value = x.read(index);
    x.helper("bound", value.width < 32 ? x.signExtend(value, 32) : resize(x, value, 32), linear, bytes);
  }),
  UD: nullary((x) => x.raise(6)),
} satisfies Record<string, Semantics>;
