/**
 * Faults, gates, privilege and paging in 32-bit protected mode as one guest: each case runs a few instructions and reports the vector, error code, where
 * EIP points (as a distance from the case's first instruction), CS, CR2 and the low bits of DR6. A case without a fault reports vector FF.
 */
import {
  bootLoader,
  bootSignature,
  endGuest,
  enterProtectedMode,
  exceptionStubs,
  flatData,
  type GuestCase,
  gate,
  keepFrame,
  nameTable,
  numberLabels,
  reportName,
  reportValue,
  writeNumbers,
} from "./guestParts.ts";

const segment = (selector: string, register = "ds"): string => `mov eax, ${selector}\nmov ${register}, ax`;

export const cases: readonly GuestCase[] = [
  ["divide by zero", "nop\nxor edx, edx\nxor ecx, ecx\ndiv ecx"],
  ["quotient too large", "mov eax, 0x80000000\nmov edx, 0xffffffff\nmov ecx, 0xffffffff\nidiv ecx"],
  ["breakpoint", "int3"],
  ["overflow", "mov al, 0x7f\nadd al, 1\ninto"],
  ["undefined", "ud2"],
  ["absent gate", "int 0x41"],
  ["gate beyond the table", "int 0x80"],
  ["null data segment", `${segment("0")}\nmov al, [0]`],
  ["selector beyond the table", segment("0xff8")],
  ["absent segment", segment("absent")],
  ["execute-only data", segment("executeOnly")],
  ["null stack", segment("0", "ss")],
  ["read-only stack", segment("readOnly", "ss")],
  ["absent stack", segment("absent", "ss")],
  ["write to read-only", `${segment("readOnly")}\nmov byte [0x5000], 1`],
  ["last byte of a segment", `${segment("small", "es")}\nmov al, [es:0xfff]`],
  ["one beyond a segment", `${segment("small", "es")}\nmov al, [es:0x1000]`],
  ["across a segment's end", `${segment("small", "es")}\nmov eax, [es:0xffd]`],
  ["below an expand-down segment", `${segment("down", "es")}\nmov al, [es:0xfff]`],
  ["within an expand-down segment", `${segment("down", "es")}\nmov al, [es:0x1000]`],
  ["push beyond the stack", `${segment("smallOfUser", "ss")}\nmov esp, 0x1004\npush eax`, 3],
  ["far jump to data", "jmp dword 0x10:0"],
  ["far jump to nothing", "jmp dword 0:0"],
  ["far jump to absent code", "jmp dword absentCode:0"],
  ["far jump to level 3", "jmp dword 0x1b:0"],
  ["single step", "pushfd\nor dword [esp], 0x100\npopfd\nnop\nnop"],
  ["instruction breakpoint", "mov eax, here\nmov dr0, eax\nmov eax, 1\nmov dr7, eax\nnop\nhere:\nnop\nnop"],
  ["data breakpoint", "mov eax, 0x5100\nmov dr0, eax\nmov eax, 0xd0001\nmov dr7, eax\nmov [0x5102], al\nnop"],
  ["step over a stack load", "mov ax, ss\npushfd\nor dword [esp], 0x100\npopfd\nmov ss, ax\nnop\nnop"],
  ["general detect", "mov eax, 0x2000\nmov dr7, eax\nmov eax, dr0"],
  ["page not there, read", "mov al, [0x801234]"],
  ["page not there, written", "mov [0x801234], al"],
  ["page not there, executed", "mov eax, 0x801234\njmp eax"],
  ["across into an absent page", "mov eax, [0x3ffffe]\nmov eax, [0x7ffffe]"],
  ["read-only page without WP", "mov [0x9004], al"],
  ["read-only page with WP", "mov eax, cr0\nor eax, 0x10000\nmov cr0, eax\nmov [0x9004], al"],
  ["HLT of the user", "hlt", 3],
  ["CLI of the user", "cli", 3],
  ["port of the user", "in al, 0x60", 3],
  ["control register of the user", "mov eax, cr0", 3],
  ["supervisor's page, read", "mov al, [0xa010]", 3],
  ["supervisor's page, written", "mov [0xa010], al", 3],
  ["read-only page of the user", "mov [0x9010], al", 3],
  ["supervisor's gate", "int 0x42", 3],
  ["user's gate", "int 0x43", 3],
  ["user's breakpoint", "int3", 3],
  ["supervisor's segment", segment("0x10"), 3],
  ["stack of another level", segment("0x10", "ss"), 3],
  ["far jump inwards", "jmp dword 8:0", 3],
  ["flags of the user", "pushfd\nor dword [esp], 0x3200\npopfd\npushfd\npop eax\nand eax, 0x3200\nud2", 3],
];

const table = (): string => {
  const gates = Array.from({ length: 32 }, (_, vector) =>
    gate(`stub${vector}`, { rights: vector === 3 || vector === 4 ? 0xee : 0x8e }),
  );
  return [
    ...gates,
    ...Array.from({ length: 0x41 - 32 }, () => "dd 0, 0"),
    "dd 0, 0",
    gate("stub30"),
    gate("stub31", { rights: 0xee }),
  ].join("\n");
};

function oneCase([, code, level = 0]: GuestCase, index: number): string {
  const local = numberLabels(code, /\bhere\b/g, index);
  const enter =
    level === 0
      ? ""
      : `push dword 0x23\npush dword 0x8f00\npush dword 2\npush dword 0x1b\npush dword start${index}\nmov ax, 0x23\nmov ds, ax\nmov es, ax\niretd`;
  // Above level 0 there is no way back but a fault.
  return `
  mov dword [0x620], done${index}
  mov dword [0x600], 0xff
  xor eax, eax
  mov dr7, eax
  mov cr2, eax
  mov eax, 0xffff0ff0
  mov dr6, eax
  ${enter}
start${index}:
  ${local}
  ${level === 0 ? `jmp short none${index}` : "ud2"}
none${index}:
done${index}:
  mov esi, name${index}
  mov edi, start${index}
  call report
`;
}

const SECTORS = 18;

/** The whole guest; it reads its own further sectors. */
export const protectedGuest = (): string => `
absent equ 0x28
executeOnly equ 0x30
readOnly equ 0x38
small equ 0x40
down equ 0x48
absentCode equ 0x50
smallOfUser equ 0x63
${bootLoader(SECTORS)}
  lidt [idtr]
${enterProtectedMode("8:flat")}
gdtr:
  dw 0x67
  dd gdt
idtr:
  dw 0x21f
  dd idt
align 8, 0
gdt:
  dd 0, 0
  dd 0x0000ffff, 0x00cf9a00
  dd 0x0000ffff, 0x00cf9200
  dd 0x0000ffff, 0x00cffa00
  dd 0x0000ffff, 0x00cff200
  dd 0x0000ffff, 0x00cf1200
  dd 0x0000ffff, 0x00cf9800
  dd 0x0000ffff, 0x00cf9000
  dd 0x00000fff, 0x00409200
  dd 0x00000fff, 0x00409600
  dd 0x0000ffff, 0x00cf1a00
  dd 0x40000067, 0x00008900
  dd 0x00000fff, 0x0040f200
${bootSignature}
bits 32
flat:
${flatData}
  mov esp, 0x7000
  mov edi, 0x4000
  mov ecx, 26
  xor eax, eax
  rep stosd
  mov dword [0x4004], 0x6800
  mov dword [0x4008], 0x10
  mov dword [0x4064], 0x680000
  mov ax, 0x58
  ltr ax
  mov edi, 0x100000
  mov ecx, 1024
  rep stosd
  mov dword [0x100000], 0x101007
  mov dword [0x100004], 0x102007
  mov edi, 0x101000
  mov eax, 7
  mov ecx, 2048
fill:
  stosd
  add eax, 0x1000
  dec ecx
  jnz fill
  mov dword [0x101024], 0x9005
  mov dword [0x101028], 0xa003
  mov eax, 0x100000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
${cases.map(oneCase).join("\n")}
${endGuest}
common:
${keepFrame}
${writeNumbers(32)}
report:
${flatData}
  mov eax, cr0
  and eax, 0xfffeffff
  mov cr0, eax
  xor eax, eax
  mov dr7, eax
  cmp dword [0x600], 0xff
  je quiet
  ${reportValue("[0x600]", 8, 32)}
  ${reportValue("[0x604]", 8, 32)}
  ${reportValue("[0x608]", 8, 32, "sub ebx, edi")}
  ${reportValue("[0x60c]", 8, 32, "and ebx, 0xffff")}
  ${reportValue("cr2", 8, 32)}
  ${reportValue("dr6", 8, 32, "and ebx, 0xe00f")}
  jmp names
quiet:
  ${reportValue("0xff", 8, 32)}
${reportName}
  ret
${exceptionStubs(Array(32).keys(), 32)}
align 8, 0
idt:
${table()}
${nameTable(cases)}
`;
