/**
 * A guest of one sector that keeps a note: started from a diskette it installs itself on the first hard disk; what is typed goes into
 * the disk's second sector and into memory; Enter alone says what both hold, on the screen and on the first serial port. So a test sees
 * which of them a snapshot, a saved state or a copied disk has brought back.
 */
import { assemble } from "../../resources/assembler/assemble.ts";

const SECTOR_BYTES = 512;
const FLOPPY_BYTES = 1_474_560;

const source = `
bits 16
org 0x7c00
sector equ 0x7e00
memory equ 0x8000
typed equ 0x8200

start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    cld
    mov di, memory
    mov cx, 256
    rep stosw
    cmp dl, 0x80
    je report
    mov bx, 0x7c00
    mov cx, 1
    call write
    mov si, installed
    call print

report:
    mov bx, sector
    mov cx, 2
    mov ax, 0x0201
    mov dx, 0x0080
    int 0x13
    mov si, disk_is
    call print
    mov si, sector
    call print
    mov si, memory_is
    call print
    mov si, memory
    call print
    mov si, line_end
    call print

    mov di, typed
key:
    xor ax, ax
    int 0x16
    cmp al, 13
    je entered
    stosb
    call put
    jmp key
entered:
    mov si, new_line
    call print
    cmp di, typed
    je report
    xor al, al
    stosb
    mov si, typed
    mov di, memory
    mov cx, 128
    rep movsw
    mov bx, memory
    mov cx, 2
    call write
    jmp report

write:
    mov ax, 0x0301
    mov dx, 0x0080
    int 0x13
    ret

print:
    lodsb
    or al, al
    jz printed
    call put
    jmp print
printed:
    ret

put:
    push ax
    push bx
    push dx
    mov dx, 0x3f8
    out dx, al
    mov ah, 0x0e
    mov bx, 7
    int 0x10
    pop dx
    pop bx
    pop ax
    ret

installed: db "Installed.", 13, 10, 0
disk_is: db "disk [", 0
memory_is: db "] memory [", 0
line_end: db "]"
new_line: db 13, 10, 0
`;

function bootSector(): Uint8Array {
  const { bytes } = assemble(source);
  const sector = new Uint8Array(SECTOR_BYTES);
  if (bytes.length > SECTOR_BYTES - 2) throw new Error("the notebook does not fit into its sector");
  sector.set(bytes);
  sector.set([0x55, 0xaa], SECTOR_BYTES - 2);
  return sector;
}

/** A diskette that installs the notebook. */
export function notebookFloppy(): Uint8Array {
  const image = new Uint8Array(FLOPPY_BYTES);
  image.set(bootSector());
  return image;
}

/** The first sectors of a hard disk with the notebook and a note. */
export function notebookDisk(note: string): Uint8Array {
  const image = new Uint8Array(2 * SECTOR_BYTES);
  image.set(bootSector());
  image.set(new TextEncoder().encode(note), SECTOR_BYTES);
  return image;
}
