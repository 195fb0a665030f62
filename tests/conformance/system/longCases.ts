/**
 * 64-bit and compatibility mode as one guest: faults with their frames, gates, the interrupt stack table, privilege changes, paging, single steps,
 * breakpoints, NMI and the local APIC. Each case runs a few instructions and reports the vector, error code, where RIP points (as a distance from the case's
 * first instruction), CS, SS, RSP, some of RFLAGS, CR2, the low bits of DR6, the handler's SS and stack, and RAX. A case without an event reports
 * vector FF and RAX.
 */

/** Name, and instructions in 64-bit code at level 0 or 3. `here`, `there`, `spin` and `next` are labels of the case's own. */
type Case = readonly [name: string, code: string, level?: 0 | 3];

/** Where user code finds the first 2 MiB, which elsewhere belong to the supervisor. */
const USER = 0xa0_0000;
const APIC = 0xfee0_0000;

const STRANGE = "0x0000900000000000";
const setCr4 = (bits: number): string => `mov rax, cr4\nor eax, ${bits}\nmov cr4, rax`;
const writeMsr = (index: number, low: string, high = "0"): string =>
  `mov ecx, ${index}\nmov eax, ${low}\nmov edx, ${high}\nwrmsr`;
/** To a selector and label with the given SS, flags and RSP. */
const returnTo = (selector: string, label: string, { ss = "0x10", flags = "2", rsp = "0x6f00" } = {}): string =>
  `mov rbx, ${ss}\npush rbx\nmov rbx, ${rsp}\npush rbx\nmov rbx, ${flags}\npush rbx\nmov rbx, ${selector}\npush rbx\nmov rbx, ${label}\npush rbx\ndb 0x48, 0xcf`;
const farReturn = (selector: string, label: string): string =>
  `mov rbx, ${selector}\npush rbx\nmov rbx, ${label}\npush rbx\ndb 0x48, 0xcb`;
const farPointer = (selector: string, offset = "0"): string => `mov rbx, (${selector}) << 32 | ${offset}\npush rbx`;
const callFar = (selector: string): string => `${farPointer(selector)}\ndb 0xff, 0x1c, 0x24`;
const jumpFar = (selector: string, offset?: string): string => `${farPointer(selector, offset)}\ndb 0xff, 0x2c, 0x24`;
const breakpoint = (address: string, dr7: number): string =>
  `mov rbx, ${address}\nmov dr0, rbx\nmov ebx, ${dr7}\nmov dr7, rbx`;
const step = "pushfq\nor qword [rsp], 0x100\npopfq";
const fast = `${writeMsr(0xc0000081, "0", "0x00180008")}\n${writeMsr(0xc0000082, "there")}`;
const sysret64 = "db 0x48, 0x0f, 0x07";
const sysret32 = "db 0x0f, 0x07";
const swapgs = "db 0x0f, 0x01, 0xf8";
const stac = "db 0x0f, 0x01, 0xcb";
const apic = (register: number, value: string): string => `mov rdx, ${APIC + register}\nmov dword [rdx], ${value}`;
/** A fixed interrupt is waiting. */
const pending = `cli\n${apic(0x300, "0x44050")}\nhere:\nmov rdx, ${APIC + 0x220}\nmov eax, [rdx]\ntest eax, 0x10000\njz here\nxor eax, eax`;
const nmi = `${apic(0x310, "0")}\n${apic(0x300, "0x4400")}`;

const plainCases: readonly Case[] = [
  ["divide by zero", "nop\nxor edx, edx\nxor ecx, ecx\ndiv rcx"],
  ["quotient too large", "mov edx, 1\nxor eax, eax\nmov ecx, 1\ndiv rcx"],
  ["PUSH ES", "db 6"],
  ["DAA", "db 0x27"],
  ["PUSHA", "db 0x60"],
  ["AAM", "db 0xd4, 10"],
  ["far jump with a pointer in the code", "db 0xea, 0, 0, 0, 0, 8, 0"],
  ["INTO", "db 0xce"],
  ["breakpoint", "int3"],
  ["INT1", "db 0xf1"],
  ["undefined", "ud2"],
  ["gate that is none", "int 0x41"],
  ["gate beyond the table", "int 0x80"],
  ["gate with a null selector", "int 0x45"],
  ["gate to 32-bit code", "int 0x46"],
  ["gate of 16 bits", "int 0x47"],
  ["gate to an address that is not canonical", "int 0x48"],
  ["trap gate", "sti\nnop\nint 0x4a"],
  ["stack table", "int 0x44"],
  ["stack table with an address that is not canonical", "int 0x49"],
  ["stack table without a page", "int 0x4b"],
  ["unaligned stack", "mov rsp, 0x6ff3\nint 0x42"],
  ["stack lost", `mov rsp, ${STRANGE}\nud2`],
  ["supervisor's gate", "int 0x42", 3],
  ["user's gate", "int 0x43", 3],
  ["stack table from the user", "int 0x44", 3],
  ["fault of the user", "ud2", 3],
  ["HLT of the user", "hlt", 3],
  ["port of the user", "in al, 0x60", 3],
  ["control register of the user", "mov rax, cr0", 3],
  ["CR8 of the user", "mov rax, cr8", 3],
  ["model-specific register of the user", "rdmsr", 3],
  ["SWAPGS of the user", swapgs, 3],
  ["SYSRET of the user", sysret64, 3],
  ["IRET inwards", "push 0x10\npush 0x7000\npush 2\npush 8\npush 0\ndb 0x48, 0xcf", 3],
  ["not canonical, read", `mov rax, ${STRANGE}\nmov rbx, [rax]`],
  ["not canonical, written", `mov rax, ${STRANGE}\nmov [rax], rbx`],
  ["not canonical, executed", `mov rax, ${STRANGE}\njmp rax`],
  ["not canonical, called", `mov rax, ${STRANGE}\ncall rax`],
  ["not canonical, returned to", `mov rax, ${STRANGE}\npush rax\nret`],
  ["not canonical by RBP", `mov rbp, ${STRANGE}\nmov rbx, [rbp]`],
  ["not canonical by RSP", `mov rsp, ${STRANGE}\nmov rbx, [rsp]`],
  ["not canonical by RBP and DS", `mov rbp, ${STRANGE}\ndb 0x3e\nmov rbx, [rbp]`],
  ["not canonical by RBP and FS", `mov rbp, ${STRANGE}\nmov rbx, [fs:rbp]`],
  ["not canonical, pushed", `mov rsp, ${STRANGE}+8\npush rax`],
  ["not canonical, popped", `mov rsp, ${STRANGE}\npop rax`],
  ["not canonical, pushed from", `mov rax, ${STRANGE}\npush qword [rax]`],
  ["not canonical, left", `mov rbp, ${STRANGE}\nleave`],
  ["not canonical, called through", `mov rax, ${STRANGE}\ncall [rax]`],
  ["table that is not canonical", `mov rax, ${STRANGE}\nmov [0x690], rax\nlgdt [0x68e]`],
  ["FS base that is not canonical", writeMsr(0xc0000100, "0", "0x9000")],
  ["SYSCALL target that is not canonical", writeMsr(0xc0000082, "0", "0x9000")],
  ["page not there, read", "mov al, [0x801234]"],
  ["page not there, written", "mov [0x801234], al"],
  ["page not there, executed", "mov eax, 0x801234\njmp rax"],
  ["page not there, upper half", "mov rax, 0xffff800000001234\nmov rbx, [rax]"],
  ["page not there, read by the user", "mov al, [0x801234]", 3],
  ["across into an absent page", "mov rax, [0x7ffffc]"],
  ["read-only page", "mov [0x401010], al"],
  ["read-only page without WP", "mov rax, cr0\nand eax, 0xfffeffff\nmov cr0, rax\nmov [0x401010], al\nmov eax, 1"],
  ["read-only page of the user", "mov [0x402010], al", 3],
  ["supervisor's page, read", "mov al, [0x5010]", 3],
  ["supervisor's page, written", "mov [0x5010], al", 3],
  ["supervisor's page, executed", "mov eax, 0x5010\njmp rax", 3],
  ["page without code", "mov eax, 0x403000\njmp rax"],
  ["page without code of the user", "mov eax, 0x403000\njmp rax", 3],
  ["page without code, read", "mov rax, [0x403000]"],
  ["no code in a large page", "mov eax, 0xc00000\njmp rax"],
  ["reserved bit", "mov al, [0x404010]"],
  ["reserved bit, written", "mov [0x404010], al"],
  ["reserved bit, read by the user", "mov al, [0x404010]", 3],
  ["reserved bit of a large page", "mov al, [0xe00000]"],
  ["reserved page size in the top level", "mov rax, 0x8000000000\nmov al, [rax]"],
  ["no-execute without NXE", `${writeMsr(0xc0000080, "0x501")}\nmov rax, cr3\nmov cr3, rax\nmov al, [0x403000]`],
  ["page of 1 GiB", "mov rax, 0x40000600\nmov rax, [rax]\nxor eax, eax"],
  ["SMEP", `${setCr4(1 << 20)}\nmov eax, ${USER} + here\njmp rax\nhere:\nnop`],
  ["SMEP off", `mov eax, ${USER} + here\njmp rax\nhere:\nmov eax, there\njmp rax\nthere:\nnop`],
  ["SMAP, read", `${setCr4(1 << 21)}\nmov al, [${USER} + 0x5000]`],
  ["SMAP, written", `${setCr4(1 << 21)}\nmov [${USER} + 0x5f00], al`],
  ["SMAP with AC, read", `${setCr4(1 << 21)}\n${stac}\nmov al, [${USER} + 0x5f00]\nmov eax, 1`],
  ["SMAP, pushed", `${setCr4(1 << 21)}\nmov rsp, ${USER} + 0x5f00\npush rax`],
  ["CR8", "mov eax, 5\nmov cr8, rax\nxor eax, eax\nmov rax, cr8"],
  ["CR8, reserved bits", "mov eax, 0x10\nmov cr8, rax"],
  ["CR0, upper half", "mov rax, cr0\nbts rax, 32\nmov cr0, rax"],
  ["DR7, upper half", "mov rax, 0x100000000\nmov dr7, rax"],
  ["null data segment", "xor eax, eax\nmov ds, ax\nmov al, [0x600]\nxor eax, eax"],
  ["absent data segment", "mov eax, 0x38\nmov ds, ax"],
  ["null stack", "xor eax, eax\nmov ss, ax\npush rax\npop rax"],
  ["null stack of the user", "xor eax, eax\nmov ss, ax", 3],
  ["stack of another level", "mov eax, 0x10\nmov ss, ax", 3],
  ["read-only stack", "mov eax, 0x90\nmov ss, ax"],
  ["busy task", "mov eax, 0x50\nltr ax"],
  ["far jump to 64-bit code", `${jumpFar("8", "here")}\nhere:\nmov eax, 1`],
  ["far jump to the user's code", jumpFar("0x28", "here\nhere:")],
  ["far jump to code of both sizes", jumpFar("0x48")],
  ["far jump to absent code", jumpFar("0x40")],
  ["far jump to a task", jumpFar("0x50")],
  ["far jump to conforming code", `${jumpFar("0xe0", "here")}\nhere:\nmov eax, cs`],
  ["call gate", `${callFar("0x60")}`],
  ["call gate of the user", `${callFar("0x63")}`, 3],
  ["supervisor's call gate", callFar("0x73"), 3],
  ["call gate to 32-bit code", callFar("0x83"), 3],
  ["call gate of 16 bits", callFar("0xbb"), 3],
  ["call gate with a type in its upper half", callFar("0xd3"), 3],
  [
    "far return to the user",
    "push 0x23\npush 0x6f00\npush 0x2b\nmov rbx, here+0xa00000\npush rbx\ndb 0x48, 0xcb\nhere:\nud2",
  ],
  ["IRET to level 1", `${returnTo("0x99", "here", { ss: "0xa1" })}\nhere:\nud2`],
  ["IRET to level 2", `${returnTo("0xaa", "here", { ss: "0xb2" })}\nhere:\nud2`],
  ["IRET to level 3", `${returnTo("0x2b", "here+0xa00000", { ss: "0x23" })}\nhere:\nud2`],
  ["IRET to the same level with a null stack", `${returnTo("8", "here", { ss: "0" })}\nhere:\nud2`],
  ["IRET to level 1 with a null stack", `${returnTo("0x99", "here", { ss: "1" })}\nhere:\nud2`],
  ["IRET to the user with a null stack", `${returnTo("0x2b", "here", { ss: "3" })}\nhere:\nud2`],
  ["IRET to compatibility mode", `${returnTo("0x30", "here", { rsp: "0x12300006f00" })}\nhere:\nbits 32\nud2\nbits 64`],
  ["IRET to compatibility mode with a null stack", `${returnTo("0x30", "here", { ss: "0" })}\nhere:\nud2`],
  ["IRET to 32-bit code of the user", `${returnTo("0x1b", "here+0xa00000", { ss: "0x23" })}\nhere:\nud2`],
  ["IRET to an address that is not canonical", returnTo("8", STRANGE)],
  ["IRET to absent code", returnTo("0x40", "0")],
  ["IRET to code of both sizes", returnTo("0x48", "0")],
  ["IRET with another level's stack", returnTo("0x2b", "0", { ss: "0x10" })],
  ["IRET with an absent stack", returnTo("8", "0", { ss: "0x38" })],
  ["IRET from a nested task", "pushfq\nor qword [rsp], 0x4000\npopfq\ndb 0x48, 0xcf"],
  ["flags of the user", "pushfq\nor qword [rsp], 0x3200\npopfq\npushfq\npop rax\nand eax, 0x3200\nud2", 3],
  ["compatibility mode, undefined", `${farReturn("0x30", "here")}\nhere:\nbits 32\nud2\nbits 64`],
  [
    "compatibility mode, INC and not REX",
    `${farReturn("0x30", "here")}\nhere:\nbits 32\nxor eax, eax\ndb 0x40\nud2\nbits 64`,
  ],
  [
    "compatibility mode, page not there",
    `${farReturn("0x30", "here")}\nhere:\nbits 32\nmov ebx, 0xffffffff\nmov eax, [ebx+0x801235]\nbits 64`,
  ],
  [
    "compatibility mode, SYSCALL of this vendor",
    `${farReturn("0x30", "here")}\nhere:\nbits 32\ndb 0x0f, 1, 0xf8\nbits 64`,
  ],
  [
    "compatibility mode and back",
    `${farReturn("0x30", "here")}\nhere:\nbits 32\njmp dword 8:there\nbits 64\nthere:\nmov rax, 0x123456789`,
  ],
  [
    "SYSCALL",
    `${fast}\n${writeMsr(0xc0000084, "0x200")}\nmov rcx, here\nmov r11d, 0x202\nhere:\nsyscall\nthere:\nmov rax, rcx\nsub rax, there\nud2`,
  ],
  ["SYSCALL of the user", "syscall", 3],
  ["SYSCALL without SCE", `${writeMsr(0xc0000080, "0xd00")}\nsyscall`],
  ["SYSRET to 64-bit code", `${fast}\nmov rcx, here+0xa00000\nmov r11d, 0x3202\n${sysret64}\nhere:\nud2\nthere:`],
  ["SYSRET to 32-bit code", `${fast}\nmov rcx, here+0xa00000\nmov r11d, 0x202\n${sysret32}\nhere:\nud2\nthere:`],
  [
    "SWAPGS",
    `${writeMsr(0xc0000101, "0x1234")}\n${writeMsr(0xc0000102, "0x5678")}\n${swapgs}\nmov ecx, 0xc0000101\nrdmsr`,
  ],
  ["GS base", `${writeMsr(0xc0000101, "0x10")}\nmov qword [0x680], 0x77\nmov rax, [gs:0x670]`],
  ["RF of a fault", "xor eax, eax\nud2"],
  ["single step", `${step}\nnop\nnop`],
  ["step over a jump", `${step}\njmp here\nnop\nhere:\nnop`],
  ["step over a call", `${step}\ncall here\nnop\nhere:\nnop`],
  ["step over a return", `mov rbx, here\npush rbx\npushfq\nor qword [rsp], 0x100\npopfq\nret\nnop\nhere:\nnop`],
  [
    "step over a far return",
    `push 8\nmov rbx, here\npush rbx\npushfq\nor qword [rsp], 0x100\npopfq\ndb 0x48, 0xcb\nnop\nhere:\nnop`,
  ],
  ["step after IRET", `${returnTo("8", "here", { flags: "0x102" })}\nhere:\nnop\nnop`],
  ["step over an interrupt", `${step}\nint 0x42`],
  ["step over a repetition", `mov ecx, 3\nmov esi, 0x700\nmov edi, 0x780\n${step}\nrep movsb\nnop`],
  ["step over POPF that ends it", `pushfq\n${step}\npopfq\nnop`],
  ["step over a stack load", `mov eax, 0x10\n${step}\nmov ss, ax\nnop\nnop`],
  ["step over STI", `${step}\nsti\nnop\nnop`],
  ["step over a load of CR3", `mov rax, cr3\n${step}\nmov cr3, rax\nnop`],
  ["step over a fault", `${step}\nud2`],
  ["step over SYSCALL", `${fast}\n${writeMsr(0xc0000084, "0")}\n${step}\nsyscall\nnop\nthere:\nnop\nud2`],
  [
    "step over SYSCALL that masks it",
    `${fast}\n${writeMsr(0xc0000084, "0x100")}\n${step}\nsyscall\nnop\nthere:\nnop\nud2`,
  ],
  ["step after SYSRET", `${fast}\nmov rcx, here+0xa00000\nmov r11d, 0x102\n${sysret64}\nhere:\nnop\nnop\nud2\nthere:`],
  ["step of the user", `${step}\nnop\nnop`, 3],
  ["instruction breakpoint", `${breakpoint("here", 1)}\nnop\nhere:\nnop\nnop`],
  [
    "instruction breakpoint with RF",
    `${breakpoint("here", 1)}\n${returnTo("8", "here", { flags: "0x10002" })}\nhere:\nnop\nud2`,
  ],
  ["instruction breakpoint without RF", `${breakpoint("here", 1)}\n${returnTo("8", "here")}\nhere:\nnop\nud2`],
  ["instruction breakpoint after a stack load", `${breakpoint("here", 1)}\nmov eax, 0x10\nmov ss, ax\nhere:\nnop\nud2`],
  ["breakpoint on a write", `${breakpoint("0x700", 0xd0001)}\nmov al, [0x701]\nmov [0x702], al\nnop`],
  ["breakpoint on a read", `${breakpoint("0x700", 0xf0001)}\nmov al, [0x701]\nnop`],
  ["breakpoint on 8 bytes", `${breakpoint("0x700", 0x90001)}\nmov [0x707], al\nnop`],
  ["breakpoint on a push", `${breakpoint("0x6ff8", 0x90001)}\npush rax\nnop`],
  ["breakpoint beside an access", `${breakpoint("0x700", 0xd0001)}\nmov [0x704], rax\nmov [0x6f8], rax`],
  ["breakpoint on a port", `${setCr4(8)}\nxor eax, eax\n${breakpoint("0x80", 0x20001)}\nout 0x80, al\nnop`],
  [
    "breakpoint on a write within a repetition",
    `${breakpoint("0x782", 0x10001)}\nmov ecx, 4\nmov esi, 0x700\nmov edi, 0x780\nrep movsb\nnop`,
  ],
  ["breakpoint on a write and a step", `${breakpoint("0x700", 0xd0001)}\n${step}\nmov [0x700], al\nnop`],
  ["NMI", `${nmi}\nhere:\njmp here`],
  [
    "NMI within an NMI waits for IRET",
    `mov qword [0x648], there\n${nmi}\nhere:\njmp here\nthere:\nmov rbx, [0x650]\nmov [0x648], rbx\n${nmi}\nmov ecx, 1000\nspin:\ndec ecx\njnz spin\n${returnTo("8", "next")}\nnext:\njmp next`,
  ],
  ["interrupt after STI", `${pending}\nsti\nmov al, 1\nmov al, 2\ncli`],
  ["STI and CLI", `${pending}\nsti\ncli\nmov al, 1`],
  ["interrupt after POPF", `${pending}\npushfq\nor qword [rsp], 0x200\npopfq\nmov al, 1\ncli`],
  ["interrupt after IRET", `${pending}\n${returnTo("8", "there", { flags: "0x202" })}\nthere:\nmov al, 1\ncli`],
  ["interrupt in HLT", `${pending}\nsti\nhlt\nmov al, 1\ncli`],
  [
    "interrupt held off by CR8",
    `${pending}\nmov eax, 5\nmov cr8, rax\nsti\nnop\nnop\nmov eax, 4\nmov cr8, rax\nmov al, 7\ncli`,
  ],
  ["APIC timer, once", `${apic(0x3e0, "0xb")}\n${apic(0x320, "0x51")}\n${apic(0x380, "1000")}\nsti\nhere:\njmp here`],
  [
    "APIC timer, periodic",
    `mov qword [0x648], there\n${apic(0x3e0, "0xb")}\n${apic(0x320, "0x20051")}\n${apic(0x380, "100000")}\nsti\nhere:\njmp here\nthere:\n${apic(0xb0, "0")}\nmov rbx, [0x650]\nmov [0x648], rbx\nsti\nspin:\njmp spin`,
  ],
];

/** Cases that bring down an engine that does not look: QEMU's translator. */
const harshCases: readonly Case[] = [
  ["CR0.PG in 64-bit code", "mov rax, cr0\nbtr rax, 31\nmov cr0, rax"],
  ["CR3, reserved bits", "mov rax, cr3\nbts rax, 51\nmov cr3, rax"],
  ["CR4.PAE", "mov rax, cr4\nbtr rax, 5\nmov cr4, rax"],
  ["CR4, upper half", "mov rax, cr4\nbts rax, 40\nmov cr4, rax"],
  ["EFER.LME", writeMsr(0xc0000080, "0xc01")],
  ["EFER, reserved bits", writeMsr(0xc0000080, "0x40000d01")],
  ["null task", "xor eax, eax\nltr ax"],
  ["SYSRET to an address that is not canonical", `${fast}\nmov rcx, ${STRANGE}\nmov r11d, 2\n${sysret64}\nthere:`],
];

export const cases: readonly Case[] = [...plainCases, ...harshCases];

const withCode = new Set([8, 10, 11, 12, 13, 14, 17]);
const stubs = [...Array(32).keys(), 0x42, 0x43, 0x44, 0x4a, 0x50, 0x51];

const stub = (vector: number): string =>
  `stub${vector}:\n${withCode.has(vector) ? "" : "push 0\n"}push ${vector}\njmp common`;

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

function oneCase([, code, level = 0]: Case, index: number): string {
  const local = code.replace(/\b(here|there|spin|next)\b/g, (name) => `${name}${index}`);
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
export const longGuest = (withHarsh = true): string => guest(withHarsh ? cases : plainCases);

const guest = (selected: readonly Case[]): string => `
org 0x7c00
bits 16
  cli
  cld
  xor ax, ax
  mov ds, ax
  mov ss, ax
  mov sp, 0x7000
  mov si, 1
next:
  mov ax, si
  mov cl, 5
  shl ax, cl
  add ax, 0x7c0
  mov es, ax
  mov ax, si
  xor dx, dx
  mov bx, 18
  div bx
  mov cl, dl
  inc cl
  mov dh, al
  and dh, 1
  shr al, 1
  mov ch, al
  mov dl, 0
  xor bx, bx
  mov ax, 0x0201
  int 0x13
  inc si
  cmp si, ${SECTORS}
  jb next
  cli
  mov al, 0xff
  out 0x21, al
  out 0xa1, al
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword 0x30:flat
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
times 510-($-$$) db 0
  dw 0xaa55
bits 32
flat:
  mov eax, 0x10
  mov ds, ax
  mov es, ax
  mov ss, ax
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
  mov dx, 0xf4
  mov al, 1
  out dx, al
stop:
  hlt
  jmp stop
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
put:
  mov dx, 0x3f8
  out dx, al
  ret
number:
  rol rbx, 4
  mov al, bl
  and al, 15
  cmp al, 10
  jb decimal
  add al, 7
decimal:
  add al, 48
  call put
  dec ecx
  jnz number
  mov al, 32
  jmp put
restore:
  mov eax, 0x10
  mov ds, ax
  mov es, ax
  mov ss, ax
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
  mov rbx, [0x600]
  mov ecx, 2
  rol rbx, 56
  call number
  cmp dword [0x600], 0xff
  je quiet
  mov ebx, [0x608]
  mov ecx, 4
  rol rbx, 48
  call number
  mov rbx, [0x610]
  sub rbx, rdi
  mov ecx, 16
  call number
  mov rbx, [0x618]
  mov ecx, 4
  rol rbx, 48
  call number
  mov rbx, [0x630]
  mov ecx, 4
  rol rbx, 48
  call number
  mov rbx, [0x628]
  mov ecx, 16
  call number
  mov rbx, [0x620]
  and ebx, 0x57700
  mov ecx, 5
  rol rbx, 44
  call number
  mov rbx, [0x660]
  mov ecx, 16
  call number
  mov rbx, [0x668]
  and ebx, 0xe00f
  mov ecx, 4
  rol rbx, 48
  call number
  mov rbx, [0x640]
  mov ecx, 4
  rol rbx, 48
  call number
  mov rbx, [0x638]
  mov ecx, 4
  rol rbx, 48
  call number
quiet:
  mov rbx, [0x658]
  mov ecx, 16
  call number
names:
  lodsb
  or al, al
  jz last
  call put
  jmp names
last:
  mov al, 10
  call put
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
${stubs.map(stub).join("\n")}
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
${selected.map(([name], index) => `name${index}:\ndb "${name}", 0`).join("\n")}
`;
