import { expect, test } from "vitest";
import { Decoder } from "../decode/Decoder.ts";
import { rows } from "../isa/rows.ts";
import { usesStackSegment } from "./usesStackSegment.ts";

const decoder = new Decoder(rows);
const stackPointer = 0x8000_0000_0000n;
const elsewhere = 0x9000_0000_0000n;

test.each([
  ["mov rax, [rax]", [0x48, 0x8b, 0x00], stackPointer, false],
  ["mov rax, [rbp+0]", [0x48, 0x8b, 0x45, 0x00], elsewhere, true],
  ["mov rax, [rsp]", [0x48, 0x8b, 0x04, 0x24], elsewhere, true],
  ["mov rax, [ds:rbp+0]", [0x3e, 0x48, 0x8b, 0x45, 0x00], elsewhere, true],
  ["mov rax, [fs:rbp+0]", [0x64, 0x48, 0x8b, 0x45, 0x00], elsewhere, false],
  ["push rax", [0x50], stackPointer - 8n, true],
  ["leave", [0xc9], elsewhere, true],
  ["push [rax], its push", [0xff, 0x30], stackPointer - 8n, true],
  ["push [rax], its operand", [0xff, 0x30], elsewhere, false],
  ["call [rax], its operand", [0xff, 0x10], elsewhere, false],
])("%s", (_name, bytes, linear, expected) => {
  const instruction = decoder.decode(Uint8Array.from(bytes), 0, bytes.length, { codeSize: 64 });
  if ("failure" in instruction) throw new Error(instruction.failure);
  expect(usesStackSegment(instruction, linear, stackPointer)).toBe(expected);
});
