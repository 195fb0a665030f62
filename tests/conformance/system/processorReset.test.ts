/** What resets of the processor alone do: a program gets out of protected mode by them, and without a word in the CMOS the machine starts over. */
import { expect, test } from "vitest";
import { bootImage, runHere } from "./SystemGuest.ts";

/** Writes AL to COM1 and ends with a value. */
const say = (letter: string): string => `mov dx, 0x3f8\nmov al, '${letter}'\nout dx, al\n`;
const end = "mov dx, 0xf4\nmov al, 7\nout dx, al\nhlt\n";

const prologue = `
org 0x7c00
bits 16
  cli
  xor ax, ax
  mov ds, ax
  mov ss, ax
  mov sp, 0x7000
`;

const resume = (reset: string): string => `${prologue}
  mov byte [0x500], 0x5a
  mov al, 0x8f
  out 0x70, al
  mov al, 0x0a
  out 0x71, al
  mov word [0x467], back
  mov word [0x469], 0
  lgdt [table]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  ${reset}
wait:
  hlt
  jmp wait
back:
  ${say("R")}
  mov eax, cr0
  and al, 1
  add al, '0'
  mov dx, 0x3f8
  out dx, al
  mov al, [0x500]
  out dx, al
  ${end}
table:
  dw 0
  dd 0
`;

test.each([
  ["the keyboard controller", "mov al, 0xfe\nout 0x64, al"],
  ["port 92h", "mov al, 3\nout 0x92, al"],
])(
  "%s resets the processor: real mode, memory kept, on where 40:67 points",
  { timeout: 60_000 },
  async (_name, reset) => {
    expect(await runHere(bootImage(resume(reset)))).toEqual({ serial: "R0Z", end: "exit 7" });
  },
);

test("without a word in the CMOS the machine starts over", { timeout: 60_000 }, async () => {
  const source = `${prologue}
  cmp word [0x600], 0x1234
  je again
  mov word [0x600], 0x1234
  ${say("A")}
  mov al, 0xfe
  out 0x64, al
wait:
  hlt
  jmp wait
again:
  ${say("B")}
  ${end}
`;
  expect(await runHere(bootImage(source))).toEqual({ serial: "AB", end: "exit 7" });
});
