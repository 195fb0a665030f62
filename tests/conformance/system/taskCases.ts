/**
 * Task switches between TSSs of 386 and 286 kind, and 16-bit protected mode, as one guest without paging: each case runs a few instructions and reports
 * the vector, error code, where EIP points (as a distance from the case's first instruction), CS, TR, NT and RF of the flags, the low bits of
 * DR6 and EAX. A case without an event reports vector FF, TR and EAX. Every case starts in task A; `there` is where task B goes on, or C.
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

/** Fields of the TSSs of tasks A, B (386), C (286) and D (386). */
const [A, B, C, D] = [0x4000, 0x4100, 0x4200, 0x4280];
const toTask = (selector: number): string => `jmp dword ${selector}:0`;
const callTask = (selector: number): string => `call dword ${selector}:0`;
const setB = (offset: number, value: string): string => `mov dword [${B + offset}], ${value}`;
/** A fault that finds the new task without usable segments needs a task of its own: D, which reports what B's TSS has. */
const caughtByTask = (vector: number): string =>
  `mov dword [idt + ${vector * 8}], 0xa80000\nmov dword [idt + ${vector * 8 + 4}], 0x8500\nmov dword [0x618], ${vector}`;
const to16 = "jmp dword 0x90:there\nbits 16\nthere:";

export const plainCases: readonly GuestCase[] = [
  ["JMP to a task", `${toTask(0x60)}\nthere:\nud2`],
  ["JMP to a task saves the old one", `mov ebx, 0x1234\n${toTask(0x60)}\nthere:\nmov eax, [${A + 0x34}]\nud2`],
  ["JMP to a task and back", `${toTask(0x60)}\njmp over\nthere:\n${toTask(0x58)}\nover:\nmov eax, 1`],
  ["JMP leaves the old task available", `${toTask(0x60)}\nthere:\nmov eax, [gdt + 0x5c]\nand eax, 0xff00\nud2`],
  ["CALL of a task", `${callTask(0x60)}\nthere:\nud2`],
  ["CALL links the tasks", `${callTask(0x60)}\nthere:\nmov ax, [${B}]\nud2`],
  ["CALL leaves the old task busy", `${callTask(0x60)}\nthere:\nmov eax, [gdt + 0x5c]\nand eax, 0xff00\nud2`],
  ["CALL of a task and IRET", `${callTask(0x60)}\nmov eax, 2\njmp over\nthere:\niretd\nover:\nnop`],
  [
    "IRET saves the nested task without NT",
    `${callTask(0x60)}\nmov eax, [${B + 0x24}]\njmp over\nthere:\niretd\nover:\nand eax, 0x4000`,
  ],
  [
    "IRET goes on behind the IRET next time",
    `${callTask(0x60)}\n${callTask(0x60)}\njmp over\nthere:\nmov eax, 1\niretd\nmov eax, 2\niretd\nover:\nmov eax, [${B + 0x28}]`,
  ],
  ["IRET to a task that is not busy", `mov dword [${A}], 0x60\npushfd\nor dword [esp], 0x4000\npopfd\niretd`],
  ["IRET to no task", `mov dword [${A}], 0x10\npushfd\nor dword [esp], 0x4000\npopfd\niretd`],
  ["IRET to a null task", `mov dword [${A}], 0\npushfd\nor dword [esp], 0x4000\npopfd\niretd`],
  ["a switch sets TS", `clts\n${toTask(0x60)}\nthere:\nmov eax, cr0\nand eax, 8\nud2`],
  ["a switch clears local breakpoints", `mov eax, 0x303\nmov dr7, eax\n${toTask(0x60)}\nthere:\nmov eax, dr7\nud2`],
  ["JMP to the task itself", toTask(0x58)],
  ["JMP to a task that is not there", toTask(0x78)],
  ["JMP to a task that is too small", toTask(0x70)],
  ["JMP through a task gate", `${toTask(0x80)}\nthere:\nud2`],
  ["JMP through a task gate that is not there", toTask(0x88)],
  ["interrupt through a task gate", "int 0x40\nthere:\nud2"],
  ["interrupt through a task gate and back", "int 0x40\nmov eax, 3\njmp over\nthere:\niretd\nover:\nnop"],
  [
    "exception through a task gate brings its error code",
    "mov dword [idt + 88], 0x00600000\nmov dword [idt + 92], 0x00008500\nmov eax, 0x28\nmov ds, ax\nthere:\npop eax\nud2",
  ],
  ["new task without code", `${caughtByTask(10)}\n${setB(0x4c, "0")}\n${toTask(0x60)}\nthere:`],
  ["new task with data as code", `${caughtByTask(10)}\n${setB(0x4c, "0x10")}\n${toTask(0x60)}\nthere:`],
  ["new task with another level's code", `${caughtByTask(10)}\n${setB(0x4c, "0x1b")}\n${toTask(0x60)}\nthere:`],
  ["new task with a null stack", `${caughtByTask(10)}\n${setB(0x50, "0")}\n${toTask(0x60)}\nthere:`],
  ["new task with another level's stack", `${caughtByTask(10)}\n${setB(0x50, "0x23")}\n${toTask(0x60)}\nthere:`],
  ["new task with bad data", `${caughtByTask(10)}\n${setB(0x54, "0xff8")}\n${toTask(0x60)}\nthere:`],
  ["new task with absent data", `${caughtByTask(11)}\n${setB(0x54, "0x28")}\n${toTask(0x60)}\nthere:`],
  ["new task with a bad LDT", `${caughtByTask(10)}\n${setB(0x60, "0x10")}\n${toTask(0x60)}\nthere:`],
  [
    "new task beyond its code",
    `${caughtByTask(13)}\n${setB(0x4c, "0x90")}\n${setB(0x20, "0x20000")}\n${toTask(0x60)}\nthere:`,
  ],
  ["new task in a debugger's eye", `${setB(0x64, "0x680001")}\n${toTask(0x60)}\nthere:\nnop`],
  ["new task with TF", `${setB(0x24, "0x102")}\n${toTask(0x60)}\nthere:\nnop\nnop`],
  ["step over a task switch", `pushfd\nor dword [esp], 0x100\npopfd\n${toTask(0x60)}\nthere:\nnop\nnop\nud2`],
  ["JMP to a 286 task", `mov eax, 0x12345678\n${toTask(0x68)}\nbits 16\nthere:\nud2\nbits 32`],
  [
    "CALL of a 286 task and IRET",
    `${callTask(0x68)}\nmov eax, 4\njmp over\nbits 16\nthere:\niret\nbits 32\nover:\nnop`,
  ],
  ["16-bit code, undefined", `${to16}\nud2\nbits 32`],
  ["16-bit code, back to 32 bits", `${to16}\njmp dword 8:over\nbits 32\nover:\nmov eax, 5`],
  [
    "16-bit stack",
    `mov eax, 0x98\nmov esp, 0x12346ff0\nmov ss, ax\npush eax\nmov eax, esp\nmov ecx, 0x10\nmov ss, cx\nmov esp, 0x6f00`,
  ],
  ["16-bit gate", "int 0x41\nover:\nmov eax, 6"],
  ["16-bit call gate", "call dword 0xa0:0\nmov eax, 7"],
];

/** Where an engine that does not look runs wild: QEMU's translator. */
const harshCases: readonly GuestCase[] = [
  ["16-bit code, beyond its segment", `${to16}\nmov ebx, 0x10000\nmov al, [cs:ebx]\nbits 32`],
  ["16-bit code, jump beyond its segment", `${to16}\nmov ebx, 0x10000\njmp ebx\nbits 32`],
];

const idt = (): string =>
  Array.from({ length: 0x42 }, (_, vector) => {
    if (vector === 0x40) return gate("0", { rights: 0x85, selector: 0x60 });
    if (vector === 0x41) return gate("return16", { rights: 0x86, selector: 0x90 });
    return vector < 32 ? gate(`stub${vector}`) : "dd 0, 0";
  }).join("\n");

function oneCase([, code]: GuestCase, index: number): string {
  const local = numberLabels(code, /\b(there|over|pointer)\b/g, index);
  const there = local.includes(`there${index}:`) ? `there${index}` : `start${index}`;
  return `
  mov ebx, ${there}
  call reset
  mov dword [0x620], done${index}
  mov dword [0x600], 0xff
  xor eax, eax
start${index}:
  ${local}
  mov [0x624], eax
done${index}:
  mov esi, name${index}
  mov edi, start${index}
  call report
`;
}

const SECTORS = 40;

/** The whole guest; it reads its own further sectors. */
export const taskGuest = (withHarsh = true): string => guest(withHarsh ? [...plainCases, ...harshCases] : plainCases);

const guest = (cases: readonly GuestCase[]): string => `
${bootLoader(SECTORS)}
  lidt [idtr]
${enterProtectedMode("8:flat")}
gdtr:
  dw gdtEnd - gdt - 1
  dd gdt
idtr:
  dw 0x20f
  dd idt
align 8, 0
gdt:
  dd 0, 0
  dd 0x0000ffff, 0x00cf9a00
  dd 0x0000ffff, 0x00cf9200
  dd 0x0000ffff, 0x00cffa00
  dd 0x0000ffff, 0x00cff200
  dd 0x0000ffff, 0x00cf1200
  dd 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  dd 0x40000067, 0x00008900
  dd 0x41000067, 0x00008900
  dd 0x4200002b, 0x00008100
  dd 0x41000066, 0x00008900
  dd 0x41000067, 0x00000900
  dd 0x00600000, 0x00008500
  dd 0x00600000, 0x00000500
  dd 0x0000ffff, 0x00009a00
  dd 0x0000ffff, 0x00009200
  dw far16, 0x90, 0x8400, 0
  dd 0x42800067, 0x00008900
gdtEnd:
${bootSignature}
bits 16
return16:
  iret
far16:
  retf
bits 32
flat:
${flatData}
  mov esp, 0x7000
${cases.map(oneCase).join("\n")}
${endGuest}
reset:
  mov edi, ${A}
  mov ecx, 0xc0
  xor eax, eax
  rep stosd
  mov dword [${A + 4}], 0x6800
  mov dword [${A + 8}], 0x10
  mov dword [${A + 0x64}], 0x680000
  mov dword [${B + 4}], 0x6800
  mov dword [${B + 8}], 0x10
  mov [${B + 0x20}], ebx
  mov dword [${B + 0x24}], 2
  mov dword [${B + 0x38}], 0x6000
  mov dword [${B + 0x48}], 0x10
  mov dword [${B + 0x4c}], 8
  mov dword [${B + 0x50}], 0x10
  mov dword [${B + 0x54}], 0x10
  mov dword [${B + 0x64}], 0x680000
  mov [${C + 0x0e}], bx
  mov word [${C + 0x10}], 2
  mov word [${C + 0x1a}], 0x6000
  mov word [${C + 0x22}], 0x98
  mov word [${C + 0x24}], 0x90
  mov word [${C + 0x26}], 0x98
  mov word [${C + 0x28}], 0x98
  mov byte [gdt + 0x5d], 0x89
  mov byte [gdt + 0x65], 0x89
  mov byte [gdt + 0x6d], 0x81
  mov dword [${D + 0x20}], caught
  mov dword [${D + 0x24}], 2
  mov dword [${D + 0x38}], 0x6400
  mov dword [${D + 0x48}], 0x10
  mov dword [${D + 0x4c}], 8
  mov dword [${D + 0x50}], 0x10
  mov dword [${D + 0x54}], 0x10
  mov byte [gdt + 0xad], 0x89
  mov dword [idt + 80], stub10 + 0x80000
  mov dword [idt + 84], 0x8e00
  mov dword [idt + 88], stub11 + 0x80000
  mov dword [idt + 92], 0x8e00
  mov dword [idt + 104], stub13 + 0x80000
  mov dword [idt + 108], 0x8e00
  mov eax, 0x58
  ltr ax
  xor eax, eax
  mov dr7, eax
  mov eax, 0xffff0ff0
  mov dr6, eax
  push dword 2
  popfd
  ret
caught:
  pop dword [0x604]
  mov eax, [0x618]
  mov [0x600], eax
  mov eax, [${B + 0x20}]
  mov [0x608], eax
  mov eax, [${B + 0x4c}]
  mov [0x60c], eax
  mov eax, [${B + 0x24}]
  mov [0x610], eax
  mov ax, [${D}]
  movzx eax, ax
  mov [0x624], eax
  mov esp, 0x7000
  jmp [0x620]
common:
  mov [ss:0x624], eax
${keepFrame}
${writeNumbers(32)}
report:
${flatData}
  ${reportValue("[0x600]", 2, 32)}
  cmp dword [0x600], 0xff
  je quiet
  ${reportValue("[0x604]", 4, 32)}
  ${reportValue("[0x608]", 8, 32, "sub ebx, edi")}
  ${reportValue("[0x60c]", 4, 32)}
  ${reportValue("[0x610]", 8, 32, "and ebx, 0x14100")}
  ${reportValue("dr6", 8, 32, "and ebx, 0xe00f")}
quiet:
  str ax
  ${reportValue("eax", 4, 32)}
  ${reportValue("[0x624]", 8, 32)}
${reportName}
  ret
${exceptionStubs(Array(32).keys(), 32)}
align 8, 0
idt:
${idt()}
${nameTable(cases)}
`;
