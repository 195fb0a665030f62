; Checks of the timer, the clock, the disk, the keyboard and the mouse.
bits 16

; The tick count of the BIOS, in EAX.
ticks:  push es
        xor ax, ax
        mov es, ax
        mov eax, [es:0x46C]
        pop es
        ret

; Halts until CX more ticks have come.
wait_ticks:
        call ticks
        movzx ecx, cx
        add ecx, eax
.next:  hlt
        call ticks
        cmp eax, ecx
        jb .next
        ret

; --- interval timer -----------------------------------------------------------------------------
check_pit:
        mov al, 0               ; the counter runs
        out 0x43, al
        in al, 0x40
        mov ah, al
        in al, 0x40
        xchg al, ah
        mov [pit_first], ax
        mov cx, 3
        call wait_ticks
        mov byte [pit_changes], 0
        mov cx, 200
.read:  mov al, 0
        out 0x43, al
        in al, 0x40
        mov ah, al
        in al, 0x40
        xchg al, ah
        cmp ax, [pit_first]
        je .same
        mov [pit_first], ax
        inc byte [pit_changes]
.same:  loop .read
        cmp byte [pit_changes], 10
        jb .fail
        mov word [detail], detail_pit
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
pit_first:   dw 0
pit_changes: db 0
detail_pit:  db '18.2 ticks a second', 0

; --- real-time clock ----------------------------------------------------------------------------
; Watches a whole second pass and compares it with the ticks of the timer.
check_rtc:
        mov ah, 2
        int 0x1A
        jc .fail
        mov bl, dh
        call ticks
        mov edi, eax
.first: hlt
        call ticks
        sub eax, edi
        cmp eax, 40
        ja .fail
        mov ah, 2
        int 0x1A
        cmp dh, bl
        je .first
        mov bl, dh
        call ticks
        mov edi, eax
.second: hlt
        call ticks
        sub eax, edi
        cmp eax, 40
        ja .fail
        mov [rtc_ticks], ax
        mov ah, 2
        int 0x1A
        cmp dh, bl
        je .second
        cmp word [rtc_ticks], 14
        jb .fail
        cmp word [rtc_ticks], 24
        ja .fail
        mov di, date_text
        mov ah, 4
        int 0x1A
        jc .fail
        mov al, ch
        push dx
        push cx
        call put_bcd
        pop cx
        mov al, cl
        call put_bcd
        mov byte [di], '-'
        inc di
        pop dx
        push dx
        mov al, dh
        call put_bcd
        mov byte [di], '-'
        inc di
        pop dx
        mov al, dl
        call put_bcd
        mov byte [di], ' '
        inc di
        mov ah, 2
        int 0x1A
        mov al, ch
        push cx
        call put_bcd
        mov byte [di], ':'
        inc di
        pop cx
        mov al, cl
        call put_bcd
        mov byte [di], 0
        mov word [detail], date_text
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
rtc_ticks: dw 0
date_text: times 24 db 0

; --- disk ---------------------------------------------------------------------------------------
; Keeps the last sector of the floppy, writes a pattern there, reads it back, restores it.
SCRATCH_CYLINDER equ 79
SCRATCH_SECTOR   equ 18
check_disk:
        mov ax, cs
        mov es, ax
        mov bx, sector_kept
        mov ax, 0x0201
        call scratch
        jc .fail
        mov di, sector_written
        mov cx, 512
.fill:  mov al, cl
        xor al, 0xA5
        mov [di], al
        inc di
        loop .fill
        mov bx, sector_written
        mov ax, 0x0301
        call scratch
        jnc .written
        cmp ah, 3
        jne .fail
        mov word [detail], detail_protected
        mov al, SKIP
        jmp .end
.written:
        mov bx, sector_read
        mov ax, 0x0201
        call scratch
        jc .fail
        mov si, sector_written
        mov di, sector_read
        mov cx, 512
        repe cmpsb
        jne .fail
        mov bx, sector_kept
        mov ax, 0x0301
        call scratch
        jc .fail
        mov word [detail], detail_disk
        mov al, PASS
        jmp .end
.fail:  mov al, FAIL
.end:   push ax
        xor ax, ax
        mov es, ax
        pop ax
        ret

; Transfers the scratch sector, with one more try: a drive may just have started.
scratch:
        mov [disk_command], ax
        mov byte [disk_tries], 3
.again: mov ax, [disk_command]
        mov cx, SCRATCH_CYLINDER*256+SCRATCH_SECTOR
        mov dh, 1
        mov dl, [boot_drive]
        int 0x13
        jnc .end
        cmp ah, 3
        je .failed
        dec byte [disk_tries]
        jz .failed
        push ax
        xor ah, ah
        mov dl, [boot_drive]
        int 0x13
        pop ax
        jmp .again
.failed: stc
.end:   ret
disk_command: dw 0
disk_tries:   db 0
detail_protected: db 'the disk is write-protected', 0
detail_disk:      db 'wrote a sector, read it back', 0

; --- keyboard and mouse -------------------------------------------------------------------------
; Both share one time of waiting: the screen asks for keys and for the mouse, and the wait ends when both came, when
; Enter or Esc was pressed, or after 20 seconds.
INPUT_TICKS equ 364
check_keyboard:
        mov ah, 2               ; shift flags: is there a keyboard at all?
        int 0x16
        call mouse_start
        call ask_for_input
        call ticks
        mov [input_start], eax
.loop:  call ticks
        sub eax, [input_start]
        cmp eax, INPUT_TICKS
        jae .over
        mov cx, INPUT_TICKS
        sub cx, ax
        call show_countdown
        mov ah, 1
        int 0x16
        jz .mouse
        xor ah, ah
        int 0x16
        cmp al, 27
        je .over
        inc word [keys_seen]
        cmp al, 13
        je .over
        call echo_key
.mouse: call mouse_poll
        cmp word [keys_seen], 12
        jae .over
        hlt
        jmp .loop
.over:  call mouse_stop
        call end_of_input
        cmp word [keys_seen], 0
        je .skip
        mov word [detail], echo_text
        cmp byte [echo_text], 0
        jne .pass
        mov word [detail], empty
.pass:  mov al, PASS
        ret
.skip:  mov word [detail], detail_no_key
        mov al, SKIP
        ret
detail_no_key: db 'no key was pressed', 0
input_start:   dd 0
keys_seen:     dw 0
echo_at:       dw echo_text
echo_text:     times 16 db 0

; Keeps printable keys for the screen.
echo_key:
        cmp al, 32
        jb .end
        cmp al, 126
        ja .end
        cmp word [echo_at], echo_text+14
        jae .end
        mov di, [echo_at]
        mov [di], al
        mov byte [di+1], 0
        inc word [echo_at]
        call show_echo
.end:   ret

check_mouse:
        mov al, SKIP
        cmp byte [mouse_there], 0
        jne .there
        mov word [detail], detail_no_mouse
        ret
.there: cmp word [mouse_packets], 0
        je .still
        mov word [detail], detail_mouse
        mov al, PASS
        ret
.still: mov word [detail], detail_still
        ret
detail_no_mouse: db 'no mouse answers', 0
detail_mouse:    db 'the pointer moved', 0
detail_still:    db 'it was not moved', 0

mouse_start:
        mov ax, 0xC205          ; three-byte packets
        mov bh, 3
        int 0x15
        jc .end
        push cs
        pop es
        mov bx, mouse_handler
        mov ax, 0xC207
        int 0x15
        mov ax, 0xC200
        mov bh, 1
        int 0x15
        jc .end
        mov byte [mouse_there], 1
.end:   xor ax, ax
        mov es, ax
        ret

mouse_stop:
        cmp byte [mouse_there], 0
        je .end
        mov ax, 0xC200
        mov bh, 0
        int 0x15
.end:   ret

; Called by the BIOS with status, x, y and zero on the stack.
mouse_handler:
        push bp
        mov bp, sp
        push ax
        push ds
        mov ax, 0x1000
        mov ds, ax
        mov ax, [bp+12]         ; status: buttons and signs
        mov [mouse_buttons], al
        mov al, [bp+10]
        mov ah, 0
        test byte [bp+12], 0x10
        jz .right
        mov ah, 0xFF
.right: add [mouse_dx], ax
        mov al, [bp+8]
        mov ah, 0
        test byte [bp+12], 0x20
        jz .up
        mov ah, 0xFF
.up:    sub [mouse_dy], ax
        inc word [mouse_packets]
        pop ds
        pop ax
        pop bp
        retf

mouse_there:   db 0
mouse_buttons: db 0
mouse_dx:      dw 0
mouse_dy:      dw 0
mouse_packets: dw 0
align 16, 0
sector_kept:    times 512 db 0
sector_written: times 512 db 0
sector_read:    times 512 db 0
