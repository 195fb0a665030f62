/**
 * The guest that runs the cases of `longCases.ts`. For each it reports the vector, error code, where RIP points (as a distance from the case's first
 * instruction), CS, SS, RSP, some of RFLAGS, CR2, the low bits of DR6, the handler's SS and stack, and RAX. A case without an event reports
 * vector FF and RAX.
 */
import {
  bootLoader,
  bootSignature,
  endGuest,
  enterProtectedMode,
  exceptionStubs,
  flatData,
  type GuestCase,
  nameTable,
  numberLabels,
  reportName,
  reportValue,
  writeNumbers,
} from "./guestParts.ts";
import { allCases, plainCases } from "./longCases.ts";
import { APIC, apic, returnTo, USER, writeMsr } from "./longCode.ts";

const stubs = [...Array(32).keys(), 0x42, 0x43, 0x44, 0x4a, 0x50, 0x51];

const idtGate = (target: string, { selector = 8, rights = 0x8e, stack = 0, upper = 0 } = {}): string =>
  `dw ${target}, ${selector}\ndw ${(rights << 8) | stack}, 0\ndd ${upper}, 0`;

function interruptGate(vector: number): string {
  const own = `stub${vector}`;
  switch (vector) {
    case 3:
    case 4:
    case 0x43:
      return idtGate(own, { rights: 0xee });
    case 8:
      return idtGate(own, { stack: 1 });
    case 0x44:
      return idtGate(own, { stack: 2, rights: 0xee });
    case 0x45:
      return idtGate("stub0", { selector: 0 });
    case 0x46:
      return idtGate("stub0", { selector: 0x30 });
    case 0x47:
      return idtGate("stub0", { rights: 0x87 });
    case 0x48:
      return idtGate("stub0", { upper: 0x9000 });
    case 0x49:
      return idtGate("stub0", { stack: 3 });
    case 0x4a:
      return idtGate(own, { rights: 0x8f });
    case 0x4b:
      return idtGate("stub0", { stack: 4 });
    default:
      return stubs.includes(vector) ? idtGate(own) : "dd 0, 0, 0, 0";
  }
}

const callGate = (target: string, selector: number, rights: number, upper = 0): string =>
  `dw ${target}, ${selector}, ${rights << 8}, 0\ndd 0, ${upper}`;

function oneCase([, code, level = 0]: GuestCase, index: number): string {
  const local = numberLabels(code, /\b(here|there|spin|next)\b/g, index);
  const enter =
    level === 0 ? "" : `${returnTo("0x2b", `start${index}+${USER}`, { ss: "0x23", rsp: `${USER}+0x8f00 - 0x2000` })}`;
  return `
  mov qword [0x648], done${index}
  mov qword [0x650], done${index}
  mov dword [0x600], 0xff
  xor eax, eax
  ${enter}
start${index}:
  ${local}
  ${level === 0 ? `jmp none${index}` : "ud2"}
none${index}:
  mov [0x658], rax
done${index}:
  mov esi, name${index}
  mov rdi, start${index}${level === 0 ? "" : ` + ${USER}`}
  call report
`;
}

/** Gates in the IDT. */
const VECTORS = 0x52;
const SECTORS = 64;

/** The whole guest; it reads its own further sectors. */
export const longGuest = (withHarsh = true): string => guest(withHarsh ? allCases : plainCases);

const guest = (selected: readonly GuestCase[]): string => `
${bootLoader(SECTORS)}
  mov al, 0xff
  out 0x21, al
  out 0xa1, al
${enterProtectedMode("0x30:flat")}
gdtr:
  dw gdtEnd - gdt - 1
  dd gdt
align 8, 0
gdt:
  dd 0, 0
  dd 0x0000ffff, 0x00af9a00
  dd 0x0000ffff, 0x00cf9200
  dd 0x0000ffff, 0x00cffa00
  dd 0x0000ffff, 0x00cff200
  dd 0x0000ffff, 0x00affa00
  dd 0x0000ffff, 0x00cf9a00
  dd 0x0000ffff, 0x00cf1200
  dd 0x0000ffff, 0x00af1a00
  dd 0x0000ffff, 0x00ef9a00
  dd 0x50000067, 0x00008900, 0, 0
  ${callGate("entry", 8, 0xec)}
  ${callGate("entry", 8, 0x8c)}
  ${callGate("entry", 0x30, 0xec)}
  dd 0x0000ffff, 0x00cf9000
  dd 0x0000ffff, 0x00afba00
  dd 0x0000ffff, 0x00cfb200
  dd 0x0000ffff, 0x00afda00
  dd 0x0000ffff, 0x00cfd200
  dw entry, 8, 0xe400, 0
  dd 0, 0, 0, 0
  ${callGate("entry", 8, 0xec, 0x900)}
  dd 0x0000ffff, 0x00af9e00
gdtEnd:
${bootSignature}
bits 32
flat:
${flatData}
  mov esp, 0x7000
  mov edi, 0x100000
  mov ecx, 0x3000
  xor eax, eax
  rep stosd
  mov edi, 0x5000
  mov ecx, 26
  rep stosd
  mov dword [0x5004], 0x6800
  mov dword [0x500c], 0x6600
  mov dword [0x5014], 0x6400
  mov dword [0x5024], 0x6200
  mov dword [0x502c], 0x6105
  mov dword [0x5038], 0x9000
  mov dword [0x503c], 0x801000
  mov dword [0x5066], 0x68
  mov dword [0x100000], 0x101007
  mov dword [0x100008], 0x101087
  mov dword [0x101000], 0x102007
  mov dword [0x101008], 0x83
  mov dword [0x101018], 0xc0000093
  mov dword [0x102000], 0x103007
  mov dword [0x102008], 0x200083
  mov dword [0x102010], 0x104007
  mov dword [0x102018], 0x600083
  mov dword [0x102028], 0x105007
  mov dword [0x102030], 0xc00083
  mov dword [0x102034], 0x80000000
  mov dword [0x102038], 0x2083
  mov edi, 0x103000
  mov eax, 3
fill:
  mov [edi], eax
  mov [edi+0x2000], eax
  or byte [edi+0x2000], 4
  add eax, 0x1000
  add edi, 8
  cmp edi, 0x104000
  jb fill
  mov dword [0x104008], 0x1001
  mov dword [0x104010], 0x2005
  mov dword [0x104018], 0x3007
  mov dword [0x10401c], 0x80000000
  mov dword [0x104020], 0x4007
  mov dword [0x104024], 0x80000
  mov eax, cr4
  or eax, 0x620
  mov cr4, eax
  mov eax, 0x100000
  mov cr3, eax
  mov ecx, 0xc0000080
  mov eax, 0x901
  xor edx, edx
  wrmsr
  mov eax, cr0
  or eax, 0x80010000
  mov cr0, eax
  jmp dword 8:long
bits 64
long:
  lidt [idtr]
  mov eax, 0x50
  ltr ax
  ${apic(0xf0, "0x1ff")}
  call restore
  jmp first
entry:
  mov rax, [rsp+16]
  ud2
first:
${selected.map(oneCase).join("\n")}
${endGuest}
common:
  mov [0x658], rax
  xor eax, eax
  mov eax, ss
  mov [0x640], rax
  mov [0x638], rsp
  mov rax, dr6
  mov [0x668], rax
  xor eax, eax
  mov dr7, rax
  pop qword [0x600]
  pop qword [0x608]
  pop qword [0x610]
  pop qword [0x618]
  pop qword [0x620]
  pop qword [0x628]
  pop qword [0x630]
  mov eax, 0x10
  mov ss, ax
  mov rsp, 0x7000
  jmp [0x648]
${writeNumbers(64)}
restore:
${flatData}
  xor eax, eax
  mov fs, ax
  mov gs, ax
  mov dr7, rax
  mov cr2, rax
  mov cr8, rax
  mov eax, 0xffff0ff0
  mov dr6, rax
  push 0
  popfq
  ${writeMsr(0xc0000080, "0xd01")}
  mov rax, cr0
  or eax, 0x10000
  mov cr0, rax
  mov rax, cr4
  and eax, 0x7ff
  and eax, 0xfffffff7
  mov cr4, rax
  mov rax, cr3
  mov cr3, rax
  mov dword [0x102000], 0x103007
  lgdt [gdtr64]
  ${apic(0x320, "0x10000")}
  ${apic(0x380, "0")}
  ${apic(0xb0, "0")}
  mov rbp, rsp
  push 0x10
  push rbp
  push 2
  push 8
  mov rax, unblocked
  push rax
  db 0x48, 0xcf
unblocked:
  ret
report:
  lgdt [gdtr64]
  mov eax, 0x10
  mov ss, ax
  mov rax, cr2
  mov [0x660], rax
  call restore
  ${reportValue("[0x600]", 2, 64)}
  cmp dword [0x600], 0xff
  je quiet
  ${reportValue("[0x608]", 4, 64)}
  ${reportValue("[0x610]", 16, 64, "sub rbx, rdi")}
  ${reportValue("[0x618]", 4, 64)}
  ${reportValue("[0x630]", 4, 64)}
  ${reportValue("[0x628]", 16, 64)}
  ${reportValue("[0x620]", 5, 64, "and ebx, 0x57700")}
  ${reportValue("[0x660]", 16, 64)}
  ${reportValue("[0x668]", 4, 64, "and ebx, 0xe00f")}
  ${reportValue("[0x640]", 4, 64)}
  ${reportValue("[0x638]", 4, 64)}
quiet:
  ${reportValue("[0x658]", 16, 64)}
${reportName}
drain:
  mov rdx, ${APIC + 0x220}
  mov eax, [rdx]
  test eax, 0x30000
  jz drained
  mov [0x670], rsp
  mov qword [0x648], taken
  sti
waiting:
  jmp waiting
taken:
  mov rsp, [0x670]
  ${apic(0xb0, "0")}
  jmp drain
drained:
  ret
${exceptionStubs(stubs, 64)}
align 8, 0
gdtr64:
  dw gdtEnd - gdt - 1
  dq gdt
idtr:
  dw ${VECTORS * 16 - 1}
  dq idt
align 16, 0
idt:
${Array.from({ length: VECTORS }, (_, vector) => interruptGate(vector)).join("\n")}
${nameTable(selected)}
`;
