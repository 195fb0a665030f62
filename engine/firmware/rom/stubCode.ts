/**
 * The machine code of the BIOS, as a listing: bytes and source. Every interrupt's entry pushes its number and jumps
 * to `common`, which saves the registers in a frame on the caller's stack (see InterruptFrame), hands the frame's
 * address to the host through the trap port, does what the host asks for (wait for an interrupt, poll, call an
 * interrupt or the mouse handler) and returns with whatever the host left in the frame. A test assembles the source column
 * and compares. Deliberately absent: services in machine code.
 */
export interface StubLine {
  readonly bytes: string;
  readonly source: string;
}

/** The port to which `common` writes SS:SP as one doubleword. */
export const TRAP_PORT = 0xb4;
/** What the second word of a frame holds, so that stray writes to the port are told from calls. */
export const FRAME_MAGIC = 0x4748;

/** Numbers of calls that are no interrupts. */
export const SERVICE_POST = 0x7f;
export const SERVICE_VIDEO_SET_UP = 0x7e;

/** Offset of the listing in segment F000. */
export const STUB_ORIGIN = 0xe0b0;

const listing = `
684847             | common: push word 0x4748
6660               | pushad
1E                 | push ds
06                 | push es
6A00               | push 0
6A00               | push 0
0F01E0             | smsw ax
50                 | push ax
6A00               | push 0
FA                 | again: cli
8CD0               | mov ax, ss
66C1E010           | shl eax, 16
89E0               | mov ax, sp
66E7B4             | out 0xB4, eax
89E5               | mov bp, sp
8B4600             | mov ax, [bp]
84C0               | test al, al
744A               | jz done
3C02               | cmp al, 2
723E               | jb idle
7440               | je poll
31DB               | xor bx, bx
8EDB               | mov ds, bx
FC                 | cld
3C04               | cmp al, 4
7418               | je pointer
88E3               | mov bl, ah
C1E302             | shl bx, 2
8B4606             | mov ax, [bp+6]
F9                 | stc
9C                 | pushf
FF1F               | call far [bx]
FA                 | cli
89E5               | mov bp, sp
894606             | mov [bp+6], ax
0F924601           | setc byte [bp+1]
EBC4               | jmp again
8E1E0E04           | pointer: mov ds, [0x40E]
FF363000           | push word [0x30]
FF363200           | push word [0x32]
FF363400           | push word [0x34]
6A00               | push 0
FF1E2200           | call far [0x22]
83C408             | add sp, 8
EBA9               | jmp again
FB                 | idle: sti
F4                 | hlt
EBA5               | jmp again
FB                 | poll: sti
90                 | nop
EBA1               | jmp again
83C408             | done: add sp, 8
07                 | pop es
1F                 | pop ds
6661               | popad
83C404             | add sp, 4
CF                 | iret
FB                 | hang: sti
F4                 | hlt
EBFC               | jmp hang
FA                 | enter_real: cli
8ED8               | mov ds, ax
8EC0               | mov es, ax
8EE0               | mov fs, ax
8EE8               | mov gs, ax
8ED0               | mov ss, ax
89D4               | mov sp, dx
83C020             | add ax, 0x20
50                 | push ax
6A00               | push 0
31C0               | xor ax, ax
31D2               | xor dx, dx
CB                 | retf
FA                 | enter_protected: cli
2E0F011671E1       | lgdt [cs:gdtr]
0F20C1             | mov ecx, cr0
80C901             | or cl, 1
0F22C1             | mov cr0, ecx
66EA5FE10F001000   | jmp dword 0x10:0xF0000+flat
                   | bits 32
66B91800           | flat: mov cx, 0x18
8ED9               | mov ds, ecx
8EC1               | mov es, ecx
8EE1               | mov fs, ecx
8EE9               | mov gs, ecx
8ED1               | mov ss, ecx
31C9               | xor ecx, ecx
FFE2               | jmp edx
1F00               | gdtr: dw 31
78E10F00           | dd 0xF0000+gdt
00                 | align 8, 0
0000000000000000   | gdt: dq 0
0000000000000000   | dq 0
FFFF0000009BCF00   | dq 0x00CF9B000000FFFF
FFFF00000093CF00   | dq 0x00CF93000000FFFF
`;

function parse(text: string): StubLine[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [bytes, source] = line.split("|").map((part) => part.trim());
      return { bytes: bytes!, source: source! };
    });
}

export const stubListing: readonly StubLine[] = parse(listing);

/** `common` alone: it has no absolute addresses and works wherever it is put. */
export function commonStub(): Uint8Array {
  const { bytes, labels } = stubImage();
  return bytes.subarray(0, labels.get("hang")! - STUB_ORIGIN);
}

/** The code, and the offset in F000 of each of its labels. */
export function stubImage(): { bytes: Uint8Array; labels: ReadonlyMap<string, number> } {
  const bytes: number[] = [];
  const labels = new Map<string, number>();
  for (const line of stubListing) {
    const label = /^(\w+):/.exec(line.source);
    if (label) labels.set(label[1]!, STUB_ORIGIN + bytes.length);
    for (let at = 0; at < line.bytes.length; at += 2) bytes.push(Number.parseInt(line.bytes.slice(at, at + 2), 16));
  }
  return { bytes: Uint8Array.from(bytes), labels };
}
