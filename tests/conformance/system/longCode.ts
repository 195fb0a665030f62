/** Sequences of 64-bit code that the cases of `longCases.ts` and the guest around them (`longGuest.ts`) are made of. */

/** Where user code finds the first 2 MiB, which elsewhere belong to the supervisor. */
export const USER = 0xa0_0000;
export const APIC = 0xfee0_0000;

/** An address that is not canonical. */
export const STRANGE = "0x0000900000000000";
export const setCr4 = (bits: number): string => `mov rax, cr4\nor eax, ${bits}\nmov cr4, rax`;
export const writeMsr = (index: number, low: string, high = "0"): string =>
  `mov ecx, ${index}\nmov eax, ${low}\nmov edx, ${high}\nwrmsr`;
/** To a selector and label with the given SS, flags and RSP. */
export const returnTo = (selector: string, label: string, { ss = "0x10", flags = "2", rsp = "0x6f00" } = {}): string =>
  `mov rbx, ${ss}\npush rbx\nmov rbx, ${rsp}\npush rbx\nmov rbx, ${flags}\npush rbx\nmov rbx, ${selector}\npush rbx\nmov rbx, ${label}\npush rbx\ndb 0x48, 0xcf`;
export const farReturn = (selector: string, label: string): string =>
  `mov rbx, ${selector}\npush rbx\nmov rbx, ${label}\npush rbx\ndb 0x48, 0xcb`;
export const farPointer = (selector: string, offset = "0"): string =>
  `mov rbx, (${selector}) << 32 | ${offset}\npush rbx`;
export const callFar = (selector: string): string => `${farPointer(selector)}\ndb 0xff, 0x1c, 0x24`;
export const jumpFar = (selector: string, offset?: string): string =>
  `${farPointer(selector, offset)}\ndb 0xff, 0x2c, 0x24`;
export const breakpoint = (address: string, dr7: number): string =>
  `mov rbx, ${address}\nmov dr0, rbx\nmov ebx, ${dr7}\nmov dr7, rbx`;
export const step = "pushfq\nor qword [rsp], 0x100\npopfq";
/** SYSCALL and SYSRET are set up, the way in being `there`. */
export const fast = `${writeMsr(0xc0000081, "0", "0x00180008")}\n${writeMsr(0xc0000082, "there")}`;
export const sysret64 = "db 0x48, 0x0f, 0x07";
export const sysret32 = "db 0x0f, 0x07";
/** SYSENTER and SYSEXIT are set up, the way in being `there`. */
export const enterable = `${writeMsr(0x174, "8")}\n${writeMsr(0x175, "0x6f80")}\n${writeMsr(0x176, "there")}\nxor eax, eax`;
export const sysenter = "db 0x0f, 0x34";
export const sysexit64 = "db 0x48, 0x0f, 0x35";
export const sysexit32 = "db 0x0f, 0x35";
export const swapgs = "db 0x0f, 0x01, 0xf8";
export const stac = "db 0x0f, 0x01, 0xcb";
export const apic = (register: number, value: string): string =>
  `mov rdx, ${APIC + register}\nmov dword [rdx], ${value}`;
/** The local APIC's timer ends so many ticks of the time-stamp counter from now, or ended as many before. */
export const deadline = (ticks: number): string => {
  const move = ticks < 0 ? `sub eax, ${-ticks}\nsbb edx, 0` : `add eax, ${ticks}\nadc edx, 0`;
  return `${apic(0x320, "0x40051")}\nrdtsc\n${move}\nmov ecx, 0x6e0\nwrmsr\nxor eax, eax`;
};
/** A fixed interrupt is waiting. */
export const pending = `cli\n${apic(0x300, "0x44050")}\nhere:\nmov rdx, ${APIC + 0x220}\nmov eax, [rdx]\ntest eax, 0x10000\njz here\nxor eax, eax`;
export const nmi = `${apic(0x310, "0")}\n${apic(0x300, "0x4400")}`;
