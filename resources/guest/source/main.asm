; The tour: runs its checks one after the other, shows each on the screen and tells each on COM1
; as a line `TOUR name RESULT detail`.
bits 16
org 0
FONT_SEGMENT equ 0x2000         ; letters 32 to 126, 16 x 32 pixels, one byte of coverage each
LOGO_SEGMENT equ 0x3000         ; the name, LOGO_WIDTH x 64 bytes of coverage
STACK_TOP    equ 0xFFF0
BASE         equ 0x10000        ; linear address of this program

PASS equ 0
FAIL equ 1
SKIP equ 2

entry:  cli
        mov ax, cs
        mov ds, ax
        mov ss, ax
        mov sp, STACK_TOP
        sti
        cld
        mov [boot_drive], dl
        call serial_setup
        call find_processor
        call start_display
        call run_checks
        call farewell
idle:   hlt
        mov ah, 1
        int 0x16
        jz idle
        xor ah, ah
        int 0x16
        jmp idle

; --- the list of checks -------------------------------------------------------------------------
; Each entry: routine, name for COM1, title on the screen.
checks: dw check_real,   name_real,   title_real
        dw check_prot16, name_prot16, title_prot16
        dw check_prot32, name_prot32, title_prot32
        dw check_v86,    name_v86,    title_v86
        dw check_paging, name_paging, title_paging
        dw check_long,   name_long,   title_long
        dw check_fpu,    name_fpu,    title_fpu
        dw check_sse,    name_sse,    title_sse
        dw check_pit,    name_pit,    title_pit
        dw check_rtc,    name_rtc,    title_rtc
        dw check_disk,   name_disk,   title_disk
        dw check_mode13, name_mode13, title_mode13
        dw check_vbe,    name_vbe,    title_vbe
        dw check_keyboard, name_keyboard, title_keyboard
        dw check_mouse,  name_mouse,  title_mouse
        dw 0

name_real:     db 'cpu.real', 0
name_prot16:   db 'cpu.protected16', 0
name_prot32:   db 'cpu.protected32', 0
name_v86:      db 'cpu.virtual86', 0
name_paging:   db 'cpu.paging', 0
name_long:     db 'cpu.long', 0
name_fpu:      db 'cpu.fpu', 0
name_sse:      db 'cpu.sse', 0
name_pit:      db 'timer.pit', 0
name_rtc:      db 'timer.rtc', 0
name_disk:     db 'disk.floppy', 0
name_mode13:   db 'display.mode13h', 0
name_vbe:      db 'display.vbe', 0
name_keyboard: db 'input.keyboard', 0
name_mouse:    db 'input.mouse', 0

title_real:     db 'Real mode', 0
title_prot16:   db 'Protected mode, 16 bit', 0
title_prot32:   db 'Protected mode, 32 bit', 0
title_v86:      db 'Virtual-8086 mode', 0
title_paging:   db 'Paging and page faults', 0
title_long:     db 'Long mode, 64 bit', 0
title_fpu:      db 'Floating point', 0
title_sse:      db 'Vector instructions', 0
title_pit:      db 'Interval timer', 0
title_rtc:      db 'Real-time clock', 0
title_disk:     db 'Floppy disk', 0
title_mode13:   db 'VGA, 320 x 200', 0
title_vbe:      db 'High-resolution graphics', 0
title_keyboard: db 'Keyboard', 0
title_mouse:    db 'Mouse', 0

run_checks:
        mov bx, checks
        xor cx, cx
.next:  cmp word [bx], 0
        je .end
        mov [row], cx
        push bx
        push cx
        mov word [detail], empty
        mov si, [bx+4]
        call show_running
        mov bx, sp
        mov bx, [ss:bx+2]
        call [bx]               ; result in AL, text at [detail]
        pop cx
        pop bx
        mov [result], al
        push bx
        push cx
        mov di, cx              ; kept for drawing the rows again
        mov [row_results+di], al
        shl di, 1
        mov dx, [detail]
        mov [row_details+di], dx
        movzx bx, al
        shl bx, 1
        inc word [tallies+bx]
        mov bx, sp
        mov bx, [ss:bx+2]
        call report
        pop cx
        pop bx
        add bx, 6
        inc cx
        jmp .next
.end:   ret

; Tells a result on COM1 and on the screen. BX: the check's entry.
report: mov si, text_tour
        call serial_text
        mov si, [bx+2]
        call serial_text
        mov al, ' '
        call serial_byte
        movzx di, byte [result]
        shl di, 1
        mov si, [result_texts+di]
        call serial_text
        mov si, [detail]
        cmp byte [si], 0
        je .line
        mov al, ' '
        call serial_byte
        call serial_text
.line:  call serial_line
        jmp show_result

result_texts: dw text_pass, text_fail, text_skip
text_tour: db 'TOUR ', 0
text_pass: db 'PASS', 0
text_fail: db 'FAIL', 0
text_skip: db 'SKIP', 0
empty:     db 0

; --- the end ------------------------------------------------------------------------------------
farewell:
        mov di, buffer
        mov si, text_done
        call copy_text
        mov ax, [tallies]
        call put_number
        mov si, text_passed
        call copy_text
        mov ax, [tallies+2]
        call put_number
        mov si, text_failed
        call copy_text
        mov ax, [tallies+4]
        call put_number
        mov si, text_skipped
        call copy_text
        mov byte [di], 0
        mov si, buffer
        call serial_text
        call serial_line
        jmp show_farewell

text_done:    db 'TOUR done ', 0
text_passed:  db ' passed, ', 0
text_failed:  db ' failed, ', 0
text_skipped: db ' skipped', 0

; --- text ---------------------------------------------------------------------------------------
; Copies the text at SI to DI without its zero.
copy_text:
        mov al, [si]
        test al, al
        jz .end
        mov [di], al
        inc si
        inc di
        jmp copy_text
.end:   ret

; Writes AX in decimal at DI.
put_number:
        movzx eax, ax
; Writes EAX in decimal at DI.
put_long:
        mov ebx, 10
        xor cx, cx
.digit: xor edx, edx
        div ebx
        push dx
        inc cx
        test eax, eax
        jnz .digit
.write: pop ax
        add al, '0'
        mov [di], al
        inc di
        loop .write
        ret

; Writes the BCD byte in AL as two digits at DI.
put_bcd:
        mov ah, al
        shr al, 4
        and ah, 15
        add ax, 0x3030
        mov [di], ax
        add di, 2
        ret

; Writes AL as two hexadecimal digits at DI.
put_hex:
        mov ah, al
        shr al, 4
        call .digit
        mov al, ah
        and al, 15
.digit: cmp al, 10
        jb .plain
        add al, 7
.plain: add al, '0'
        mov [di], al
        inc di
        ret

; --- COM1 ---------------------------------------------------------------------------------------
serial_setup:
        mov dx, 0x3F9
        xor al, al
        out dx, al
        mov dx, 0x3FB
        mov al, 0x80
        out dx, al
        mov dx, 0x3F8
        mov al, 1
        out dx, al
        mov dx, 0x3F9
        xor al, al
        out dx, al
        mov dx, 0x3FB
        mov al, 3
        out dx, al
        mov dx, 0x3FC
        mov al, 3
        out dx, al
        ret

; Sends AL; gives up on a port that never gets empty.
serial_byte:
        push cx
        push dx
        push ax
        xor cx, cx
        mov dx, 0x3FD
.wait:  in al, dx
        test al, 0x20
        jnz .send
        loop .wait
.send:  pop ax
        mov dx, 0x3F8
        out dx, al
        pop dx
        pop cx
        ret

serial_text:
        mov al, [si]
        test al, al
        jz .end
        call serial_byte
        inc si
        jmp serial_text
.end:   ret

serial_line:
        mov al, 13
        call serial_byte
        mov al, 10
        jmp serial_byte

; --- what processor is this ---------------------------------------------------------------------
find_processor:
        pushfd
        pop eax
        mov ecx, eax
        xor eax, 0x200000
        push eax
        popfd
        pushfd
        pop eax
        xor eax, ecx
        and eax, 0x200000
        jz .end
        mov byte [has_cpuid], 1
        xor eax, eax
        cpuid
        mov [vendor], ebx
        mov [vendor+4], edx
        mov [vendor+8], ecx
        mov eax, 1
        cpuid
        mov [features], edx
        mov eax, 0x80000000
        cpuid
        cmp eax, 0x80000001
        jb .end
        push eax
        mov eax, 0x80000001
        cpuid
        mov [extended_features], edx
        pop eax
        cmp eax, 0x80000004
        jb .end
        mov esi, 0x80000002
        mov di, brand
.brand: mov eax, esi
        cpuid
        mov [di], eax
        mov [di+4], ebx
        mov [di+8], ecx
        mov [di+12], edx
        add di, 16
        inc esi
        cmp esi, 0x80000005
        jb .brand
.end:   ret

; --- data ---------------------------------------------------------------------------------------
align 4, 0
features:          dd 0
extended_features: dd 0
vendor:            times 12 db 0
                   db 0
has_cpuid:         db 0
brand:             times 48 db 0
                   db 0
boot_drive:        db 0
result:            db 0
align 2, 0
row:               dw 0
detail:            dw 0
tallies:           dw 0, 0, 0
buffer:            times 96 db 0
