; The boot sector of the tour: loads the rest of the floppy's used part and jumps to it.
; A FAT-style parameter block is present so that tools know the geometry; there is no file system.
bits 16
org 0x7C00
PROGRAM_SEGMENT equ 0x1000

        jmp start
        nop
        db 'GUESTHSE'
        dw 512
        db 1
        dw 1
        db 2
        dw 224
        dw 2880
        db 0xF0
        dw 9
        dw 18
        dw 2

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7C00
        sti
        cld
        mov [drive], dl
        mov si, loading
        call print
        mov ax, PROGRAM_SEGMENT
        mov es, ax
        mov word [sector], 1
        mov cx, [count]
.next:  push cx
        mov ax, [sector]
        xor dx, dx
        mov bx, 18
        div bx
        mov cl, dl              ; sector in track
        inc cl
        xor dx, dx
        mov bx, 2
        div bx
        mov ch, al              ; cylinder
        mov dh, dl              ; head
        mov di, 4               ; tries
.again: mov ax, 0x0201
        xor bx, bx
        mov dl, [drive]
        int 0x13
        jnc .read
        xor ah, ah
        int 0x13
        dec di
        jnz .again
        mov si, broken
        call print
.stop:  hlt
        jmp .stop
.read:  mov ax, es
        add ax, 32
        mov es, ax
        inc word [sector]
        pop cx
        loop .next
        mov dl, [drive]
        jmp PROGRAM_SEGMENT:0

print:  lodsb
        test al, al
        jz .end
        mov ah, 0x0E
        mov bx, 7
        int 0x10
        jmp print
.end:   ret

loading: db 'Starting the Guesthouse tour', 13, 10, 0
broken:  db 'The tour cannot be read from its disk.', 13, 10, 0
drive:   db 0
sector:  dw 0

        times 508-($-$$) db 0
count:  dw SECTORS
        dw 0xAA55
