/**
 * Stack instructions (Intel SDM vol. 2). PUSH of the stack pointer stores its old value (80286 and later); POP into it leaves the popped
 * one; POP to memory addresses with the pointer already moved, which the decoder folds into the displacement. Nothing moves the
 * pointer before everything that can fault is done.
 */
import { segmentIndex } from "../layout/cpuLayout.ts";
import type { Algebra, Semantics, Value } from "./Algebra.ts";
import { bytesOf, mixed, nullary, resize, unary } from "./shapes.ts";

const rsp = 4;
const rbp = 5;

/** Offset of a place `bytes` above the top of the stack, wrapped at the stack's width. */
function stackOffset(x: Algebra, bytes: number): Value<64> {
  const pointer = x.readRegister(x.stackSize, rsp);
  return x.zeroExtend(x.add(pointer, x.constant(x.stackSize, bytes)), 64);
}

function popSegment(x: Algebra, segment: Value<32>): void {
  const value = x.peekStack(x.operandSize);
  x.helper("loadSegment", segment, x.truncate(value, 16));
  x.releaseStack(bytesOf(x.operandSize));
}

export const stack = {
  PUSH: unary((x, source) => x.push(resize(x, x.read(source), x.operandSize))),
  POP: unary((x, destination) => {
    const value = resize(x, x.peekStack(x.operandSize), destination.width);
    if (destination.kind === "memory") {
      x.write(destination, value);
      x.releaseStack(bytesOf(x.operandSize));
    } else {
      x.releaseStack(bytesOf(x.operandSize));
      x.write(destination, value);
    }
  }),
  /** A slot of 32 bits keeps what it held above the selector. */
  PUSH_SEGMENT: unary((x, segment) => {
    if (x.operandSize !== 32) return x.push(resize(x, x.read(segment), x.operandSize));
    const bytes = bytesOf(x.operandSize);
    x.store(segmentIndex.ss, stackOffset(x, -bytes), resize(x, x.read(segment), 16));
    x.releaseStack(-bytes);
  }),
  POP_SEGMENT: unary((x, segment) => popSegment(x, x.recordConstant(segment))),
  POP_SS: unary((x, segment) => {
    popSegment(x, x.recordConstant(segment));
    x.interruptShadow();
  }),
  PUSHA: nullary((x) => {
    const bytes = bytesOf(x.operandSize);
    for (let register = 0; register < 8; register++) {
      const offset = stackOffset(x, -bytes * (register + 1));
      x.store(segmentIndex.ss, offset, x.readRegister(x.operandSize, register));
    }
    x.releaseStack(-8 * bytes);
  }),
  POPA: nullary((x) => {
    const bytes = bytesOf(x.operandSize);
    const values = [7, 6, 5, 4, 3, 2, 1, 0].map((register, place) => ({
      register,
      value: x.load(x.operandSize, segmentIndex.ss, stackOffset(x, bytes * place)),
    }));
    x.releaseStack(8 * bytes);
    for (const { register, value } of values) {
      if (register !== rsp) x.writeRegister(x.operandSize, register, value);
    }
  }),
  PUSHF: nullary((x) => {
    const image = x.helper("pushfImage", bytesOf(x.operandSize));
    x.push(resize(x, image, x.operandSize));
  }),
  POPF: nullary((x) => {
    const image = resize(x, x.peekStack(x.operandSize), 32);
    x.helper("popf", image, bytesOf(x.operandSize));
    x.releaseStack(bytesOf(x.operandSize));
  }),
  ENTER: mixed((x, frame, level) => {
    x.helper("enter", bytesOf(x.operandSize), x.recordConstant(frame), x.recordConstant(level));
  }),
  LEAVE: nullary((x) => {
    const frame = x.readRegister(x.stackSize, rbp);
    const saved = x.load(x.operandSize, segmentIndex.ss, x.zeroExtend(frame, 64));
    x.writeRegister(x.stackSize, rsp, x.add(frame, x.constant(x.stackSize, bytesOf(x.operandSize))));
    x.writeRegister(x.operandSize, rbp, saved);
  }),
} satisfies Record<string, Semantics>;
