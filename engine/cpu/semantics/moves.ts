/**
 * Data movement: MOV and its extending forms, XCHG, LEA, conditional moves and sets, sign extension of the accumulator, XLAT, and loads of
 * segment registers (Intel SDM vol. 1, 7.3.1). Memory is read before anything is written; XCHG with memory needs no atomicity of
 * its own while one processor runs.
 */

import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, ConditionCode, OperandRef, Semantics, Width } from "./Algebra.ts";
import { binary, mixed, nullary, resize, unary } from "./shapes.ts";

const conditionalMove = (code: ConditionCode): Semantics =>
  binary((x, destination, source) => {
    const value = x.read(source);
    x.write(destination, x.select(x.condition(code), value, x.read(destination)));
  });

const conditionalSet = (code: ConditionCode): Semantics =>
  unary((x, destination) => x.write(destination, x.fromCondition(x.condition(code), destination.width)));

/** Far pointer in memory: offset first, then selector. The register is written after the segment load that may fault. */
const loadFarPointer = (segment: number): Semantics =>
  mixed((x, destination, source) => {
    const offset = x.readAt(source, 0, destination.width);
    const selector = x.readAt(source, destination.width / 8, 16);
    x.helper("loadSegment", segment, selector);
    x.write(destination, offset);
    if (segment === segmentIndex.ss) x.interruptShadow();
  });

function moveToSegment<A extends Width, B extends Width>(x: Algebra, segment: OperandRef<A>, source: OperandRef<B>) {
  x.helper("loadSegment", x.recordConstant(segment), x.read(source));
}

export const moves = {
  MOV: binary((x, destination, source) => x.write(destination, x.read(source))),
  MOVNTI: binary((x, destination, source) => x.write(destination, x.read(source))),
  MOVZX: mixed((x, destination, source) => x.write(destination, x.zeroExtend(x.read(source), destination.width))),
  MOVSX: mixed((x, destination, source) => x.write(destination, x.signExtend(x.read(source), destination.width))),
  /** With a 16-bit operand size it is a plain move. */
  MOVSXD: mixed((x, destination, source) => {
    const value = x.read(source);
    const wider = destination.width > source.width;
    x.write(destination, wider ? x.signExtend(value, destination.width) : resize(x, value, destination.width));
  }),
  XCHG: binary((x, destination, source) => {
    const old = x.readForWrite(destination);
    const value = x.read(source);
    x.write(destination, value);
    x.write(source, old);
  }),
  LEA: mixed((x, destination, source) =>
    x.write(destination, x.truncate(x.effectiveAddress(source), destination.width)),
  ),
  XLAT: unary((x, table) => {
    const index = x.zeroExtend(x.readRegister(8, 0), 64);
    x.writeRegister(8, 0, x.readAt(table, index, 8));
  }),
  CBW: nullary((x) => {
    if (x.operandSize === 16) x.writeRegister(16, 0, x.signExtend(x.readRegister(8, 0), 16));
    else if (x.operandSize === 32) x.writeRegister(32, 0, x.signExtend(x.readRegister(16, 0), 32));
    else x.writeRegister(64, 0, x.signExtend(x.readRegister(32, 0), 64));
  }),
  CWD: nullary((x) => {
    const width = x.operandSize;
    const sign = x.shiftRightSigned(x.readRegister(width, 0), x.constant(8, width - 1));
    x.writeRegister(width, 2, sign);
  }),
  MOV_FROM_SEGMENT: mixed((x, destination, segment) =>
    x.write(destination, x.zeroExtend(x.read(segment), destination.width)),
  ),
  MOV_TO_SEGMENT: mixed(moveToSegment),
  MOV_TO_SS: mixed((x, segment, source) => {
    moveToSegment(x, segment, source);
    x.interruptShadow();
  }),
  LES: loadFarPointer(segmentIndex.es),
  LDS: loadFarPointer(segmentIndex.ds),
  LSS: loadFarPointer(segmentIndex.ss),
  LFS: loadFarPointer(segmentIndex.fs),
  LGS: loadFarPointer(segmentIndex.gs),
  CMOVO: conditionalMove(0),
  CMOVNO: conditionalMove(1),
  CMOVB: conditionalMove(2),
  CMOVAE: conditionalMove(3),
  CMOVE: conditionalMove(4),
  CMOVNE: conditionalMove(5),
  CMOVBE: conditionalMove(6),
  CMOVA: conditionalMove(7),
  CMOVS: conditionalMove(8),
  CMOVNS: conditionalMove(9),
  CMOVP: conditionalMove(10),
  CMOVNP: conditionalMove(11),
  CMOVL: conditionalMove(12),
  CMOVGE: conditionalMove(13),
  CMOVLE: conditionalMove(14),
  CMOVG: conditionalMove(15),
  SETO: conditionalSet(0),
  SETNO: conditionalSet(1),
  SETB: conditionalSet(2),
  SETAE: conditionalSet(3),
  SETE: conditionalSet(4),
  SETNE: conditionalSet(5),
  SETBE: conditionalSet(6),
  SETA: conditionalSet(7),
  SETS: conditionalSet(8),
  SETNS: conditionalSet(9),
  SETP: conditionalSet(10),
  SETNP: conditionalSet(11),
  SETL: conditionalSet(12),
  SETGE: conditionalSet(13),
  SETLE: conditionalSet(14),
  SETG: conditionalSet(15),
} satisfies Record<string, Semantics>;
