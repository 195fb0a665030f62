/**
 * Pieces of assembly text that the guests of this folder share: a boot sector that reads its further sectors, stubs of exceptions, gates, and the report
 * of a case on COM1 as hexadecimal numbers before its name. Labels of a piece are in its comment; a guest holds each piece once.
 */

/** Name, and instructions at level 0 or 3, with labels of the case's own. */
export type GuestCase = readonly [name: string, code: string, level?: 0 | 3];

/** The width of the code that a piece stands in. */
export type CodeBits = 32 | 64;

/** Gives the case's own labels its number, so that each stands once in the guest. */
export const numberLabels = (code: string, labels: RegExp, index: number): string =>
  code.replace(labels, (label) => `${label}${index}`);

/** The start at 0:7C00 in 16 bits, which loads the sectors of the diskette that follow (`next`) and goes on without interrupts. */
export const bootLoader = (sectors: number): string => `
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
  cmp si, ${sectors}
  jb next
  cli`;

/** From 16 bits to protected mode, with the table at `gdtr`. */
export const enterProtectedMode = (target: string): string => `
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword ${target}`;

export const bootSignature = `
times 510-($-$$) db 0
  dw 0xaa55`;

/** DS, ES and SS of the flat data segment. */
export const flatData = `
  mov eax, 0x10
  mov ds, ax
  mov es, ax
  mov ss, ax`;

/** The end of the run (`stop`). */
export const endGuest = `
  mov dx, 0xf4
  mov al, 1
  out dx, al
stop:
  hlt
  jmp stop`;

const exceptionsWithCode = new Set([8, 10, 11, 12, 13, 14, 17]);

/** `stub` with the vector's number: pushes an error code where the processor does not, and the vector, and goes on at `common`. */
export function exceptionStub(vector: number, bits: CodeBits): string {
  const push = bits === 64 ? "push" : "push dword";
  return `stub${vector}:\n${exceptionsWithCode.has(vector) ? "" : `${push} 0\n`}${push} ${vector}\njmp common`;
}

export const exceptionStubs = (vectors: Iterable<number>, bits: CodeBits): string =>
  Array.from(vectors, (vector) => exceptionStub(vector, bits)).join("\n");

/** A gate of 8 bytes. */
export const gate = (label: string, { rights = 0x8e, selector = 8 } = {}): string =>
  `dw ${label}, ${selector}\ndw ${rights << 8}, 0`;

/** Keeps what a stub and the processor pushed at 600h: vector, error code, EIP, CS, EFLAGS; goes on at the address in 620h. EAX is lost. */
export const keepFrame = `
  mov eax, 0x10
  mov ds, ax
  mov es, ax
  pop dword [0x600]
  pop dword [0x604]
  pop dword [0x608]
  pop dword [0x60c]
  pop dword [0x610]
  mov ss, ax
  mov esp, 0x7000
  jmp [0x620]`;

/** `put` writes AL to COM1, `number` the upper ECX hexadecimal digits of EBX or RBX and a blank (`decimal`). */
export const writeNumbers = (bits: CodeBits): string => `
put:
  mov dx, 0x3f8
  out dx, al
  ret
number:
  rol ${wide("bx", bits)}, 4
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
  jmp put`;

const wide = (register: string, bits: CodeBits): string => `${bits === 64 ? "r" : "e"}${register}`;

/** Reports the lower digits of a value, which an instruction may change in EBX or RBX before. */
export function reportValue(value: string, digits: number, bits: CodeBits, change = ""): string {
  const register = wide("bx", bits);
  const turn = bits - 4 * digits;
  return [
    `mov ${register}, ${value}`,
    change,
    ...(turn === 0 ? [] : [`rol ${register}, ${turn}`]),
    `mov ecx, ${digits}`,
    "call number",
  ].join("\n");
}

/** Writes the name at ESI and the line's end (`names`, `last`). */
export const reportName = `
names:
  lodsb
  or al, al
  jz last
  call put
  jmp names
last:
  mov al, 10
  call put`;

/** `name` with the number of each case: its text. */
export const nameTable = (cases: readonly GuestCase[]): string =>
  cases.map(([name], index) => `name${index}:\ndb "${name}", 0`).join("\n");
