; What the tour looks like: a night sky with a house on a hill, a card with the checks, a card about the machine.
; Without a 1024 x 768 mode everything is told in text mode instead.
bits 16

CARD_X      equ 64
CARD_Y      equ 176
CARD_WIDTH  equ 560
CARD_HEIGHT equ 464
ROW_HEIGHT  equ 28
SIDE_X      equ 656
SIDE_Y      equ 176
SIDE_WIDTH  equ 304
SIDE_HEIGHT equ 308
INSET_Y     equ SIDE_Y+184
PILL_X      equ CARD_X+CARD_WIDTH-88

WHITE  equ 0xFFFFFF
PALE   equ 0xD5DAF5
DIM    equ 0x98A0CC
GREEN  equ 0x3FB97F
RED    equ 0xE05A5A
AMBER  equ 0xD9A23B
BLUE   equ 0x5B7CE8
INSET  equ 0x171C42

; --- finding a mode -----------------------------------------------------------------------------
start_display:
        call copy_small_font
        mov ax, cs
        mov es, ax
        mov di, vbe_info
        mov ax, 0x4F00
        int 0x10
        cmp ax, 0x004F
        jne .text
        mov eax, [vbe_info+14]
        mov [mode_pointer], eax
.next:  les di, [mode_pointer]
        mov cx, [es:di]
        add word [mode_pointer], 2
        cmp cx, 0xFFFF
        je .text
        mov ax, cs
        mov es, ax
        mov di, mode_info
        push cx
        mov ax, 0x4F01
        int 0x10
        pop cx
        cmp ax, 0x004F
        jne .next
        cmp word [mode_info+18], SCREEN_WIDTH
        jne .next
        cmp word [mode_info+20], SCREEN_HEIGHT
        jne .next
        cmp byte [mode_info+25], 32
        jne .next
        test byte [mode_info], 0x80
        jz .next
        mov [vbe_mode], cx
        call set_vbe_mode
        jc .text
        jmp draw_stage
.text:  xor ax, ax
        mov es, ax
        mov ax, 3
        int 0x10
        ret

; Sets the mode found before; carry when that fails.
set_vbe_mode:
        xor ax, ax
        mov es, ax
        mov ax, 0x4F02
        mov bx, [vbe_mode]
        test bx, bx
        jz .none
        or bx, 0x4000
        int 0x10
        cmp ax, 0x004F
        jne .none
        mov eax, [mode_info+40]
        mov [frame_buffer], eax
        movzx eax, word [mode_info+16]
        mov [pitch], eax
        mov byte [graphics], 1
        clc
        ret
.none:  mov byte [graphics], 0
        stc
        ret

; Takes the 8 x 16 font of the video BIOS.
copy_small_font:
        push ds
        mov ax, 0x1130
        mov bh, 6
        int 0x10
        mov ax, es
        mov si, bp
        push cs
        pop es
        mov ds, ax
        mov di, small_font
        mov cx, 2048
        rep movsw
        pop ds
        xor ax, ax
        mov es, ax
        ret

; --- the scene ----------------------------------------------------------------------------------
draw_stage:
        call draw_sky
        call draw_stars
        call draw_moon
        mov bx, hill_far
        call draw_range
        call draw_house
        mov bx, hill_near
        call draw_range
        call draw_headline
        call draw_cards
        jmp describe_machine

; From midnight blue to the glow of a town behind the hills, in three bands.
draw_sky:
        call flat_segments
        mov dword [rect_x], 0
        mov dword [rect_y], 0
        mov dword [rect_w], SCREEN_WIDTH
        mov dword [rect_h], 1
.line:  mov eax, [rect_y]
        mov esi, sky_colors
        xor edx, edx
        mov ebx, 256
        div ebx                 ; band and position in it
        lea esi, [esi+eax*4]
        mov ecx, edx
        mov eax, [si]
        mov ebx, [si+4]
        call blend
        mov edx, eax
        call fill_flat
        inc dword [rect_y]
        cmp dword [rect_y], SCREEN_HEIGHT
        jb .line
        ret
sky_colors: dd 0x0B1030, 0x1B2059, 0x3A2F78, 0x8A4F86

draw_stars:
        call flat_segments
        mov dword [rect_h], 1
        mov dword [rect_w], 1
        mov cx, 170
.next:  push cx
        call random
        and eax, 1023
        mov [rect_x], eax
        call random
        xor edx, edx
        mov ebx, 470
        div ebx
        mov [rect_y], edx
        mov dword [rect_w], 1
        mov dword [rect_h], 1
        call random
        mov edx, 0x8088B8
        test al, 3
        jnz .small
        mov edx, 0xE8ECFF
        test al, 12
        jnz .small
        mov dword [rect_w], 2
        mov dword [rect_h], 2
.small: cmp dword [rect_x], 1020
        ja .skip
        call fill_flat
.skip:  pop cx
        loop .next
        ret

draw_moon:
        mov dword [circle_x], 884
        mov dword [circle_y], 92
        mov dword [circle_r], 104
        mov cx, 32
.glow:  push cx
        mov edx, 0xDFE4FF
        mov ecx, 2
        call blend_circle
        sub dword [circle_r], 2
        pop cx
        loop .glow
        mov dword [circle_r], 41
        mov edx, 0xF6F1DC
        mov ecx, 110
        call blend_circle
        dec dword [circle_r]
        mov edx, 0xF6F1DC
        mov ecx, 256
        call blend_circle
        mov dword [circle_r], 8
        mov dword [circle_x], 872
        mov dword [circle_y], 84
        mov edx, 0xDCD6C0
        mov ecx, 256
        call blend_circle
        mov dword [circle_r], 5
        mov dword [circle_x], 896
        mov dword [circle_y], 104
        call .spot
        mov dword [circle_r], 6
        mov dword [circle_x], 893
        mov dword [circle_y], 74
.spot:  mov edx, 0xE4DEC8
        mov ecx, 256
        jmp blend_circle

; A range of hills, described at BX: the sum of a slow and a faster sine.
draw_range:
        mov [range], bx
        call flat_segments
        mov dword [rect_x], 0
        mov dword [rect_w], 1
.column:
        mov bx, [range]
        fild dword [rect_x]
        fmul dword [bx]
        fadd dword [bx+4]
        fsin
        fmul dword [bx+8]
        fild dword [rect_x]
        fmul dword [bx+12]
        fsin
        fmul dword [bx+16]
        faddp st1, st0
        fiadd dword [bx+20]
        fistp dword [rect_y]
        mov edx, [bx+24]
        mov eax, SCREEN_HEIGHT
        sub eax, [rect_y]
        mov [rect_h], eax
        call fill_column
        inc dword [rect_x]
        cmp dword [rect_x], SCREEN_WIDTH
        jb .column
        ret

; One column from rect_y down, darker below.
fill_column:
        mov [card_color], edx
        mov eax, [rect_x]
        mov ebx, [rect_y]
        call pixel_address
        mov ebp, [rect_h]
        xor ecx, ecx
.pixel: mov eax, [card_color]
        mov ebx, 0x05070F
        push ecx
        shr ecx, 1
        cmp ecx, 160
        jb .shade
        mov ecx, 160
.shade: call blend
        pop ecx
        mov [fs:edi], eax
        add edi, [pitch]
        inc ecx
        dec ebp
        jnz .pixel
        ret

; Frequency, phase, height, frequency, height (single precision), base line, colour.
align 4, 0
hill_far:  dd 0x3BC49BA6, 0x3F99999A, 0x41F00000, 0x3CAC0831, 0x40E00000, 600, 0x2A2559
hill_near: dd 0x3B83126F, 0x40400000, 0x42180000, 0x3C75C28F, 0x40C00000, 668, 0x15163A
range:     dw 0

; The guesthouse: its windows are lit, there is somebody home.
HOUSE_X equ 760
HOUSE_Y equ 560
draw_house:
        mov dword [circle_x], HOUSE_X+65
        mov dword [circle_y], HOUSE_Y+50
        mov dword [circle_r], 124
        mov cx, 28
.glow:  push cx
        mov edx, 0xFFC66B
        mov ecx, 2
        call blend_circle
        sub dword [circle_r], 4
        pop cx
        loop .glow
        call flat_segments
        mov cx, 70              ; roof, widening line by line
        mov dword [rect_h], 1
        mov dword [rect_y], HOUSE_Y-70
        mov dword [rect_x], HOUSE_X+64
        mov dword [rect_w], 2
.roof:  push cx
        mov edx, 0x3B2347
        call fill_flat
        pop cx
        inc dword [rect_y]
        dec dword [rect_x]
        add dword [rect_w], 2
        loop .roof
        mov si, house_parts
.part:  cmp word [si], 0
        je .end
        movzx eax, word [si]
        mov [rect_x], eax
        movzx eax, word [si+2]
        mov [rect_y], eax
        movzx eax, word [si+4]
        mov [rect_w], eax
        movzx eax, word [si+6]
        mov [rect_h], eax
        mov edx, [si+8]
        push si
        call fill_flat
        pop si
        add si, 12
        jmp .part
.end:    ret
align 2, 0
house_parts:
        dw HOUSE_X+96, HOUSE_Y-62, 16, 44       ; chimney
        dd 0x3B2347
        dw HOUSE_X+8, HOUSE_Y, 116, 120         ; walls
        dd 0x4A3560
        dw HOUSE_X+22, HOUSE_Y+18, 34, 30       ; windows
        dd 0xFFD98A
        dw HOUSE_X+76, HOUSE_Y+18, 34, 30
        dd 0xFFD98A
        dw HOUSE_X+22, HOUSE_Y+66, 34, 30
        dd 0xFFD98A
        dw HOUSE_X+38, HOUSE_Y+18, 2, 30        ; their bars
        dd 0x4A3560
        dw HOUSE_X+92, HOUSE_Y+18, 2, 30
        dd 0x4A3560
        dw HOUSE_X+38, HOUSE_Y+66, 2, 30
        dd 0x4A3560
        dw HOUSE_X+76, HOUSE_Y+66, 32, 54       ; door
        dd 0x2A1B38
        dw HOUSE_X+80, HOUSE_Y+70, 24, 14
        dd 0xFFE7B0
        dw HOUSE_X+54, HOUSE_Y-34, 22, 18       ; attic window
        dd 0xFFD98A
        dw 0

draw_headline:
        call flat_segments
        mov dword [text_x], CARD_X
        mov dword [text_y], 44
        mov dword [rect_w], LOGO_WIDTH
        mov dword [rect_h], 64
        mov dword [card_color], WHITE
        mov esi, LOGO_SEGMENT*16
        call draw_coverage
        mov dword [text_x], CARD_X+2
        mov dword [text_y], 116
        mov si, text_subtitle
        mov edx, PALE
        jmp draw_large
text_subtitle: db 'A whole computer inside yours', 0

draw_cards:
        mov dword [rect_x], CARD_X
        mov dword [rect_y], CARD_Y
        mov dword [rect_w], CARD_WIDTH
        mov dword [rect_h], CARD_HEIGHT
        mov edx, 0x0A0D26
        mov ecx, 150
        call blend_card
        mov dword [rect_x], SIDE_X
        mov dword [rect_y], SIDE_Y
        mov dword [rect_w], SIDE_WIDTH
        mov dword [rect_h], SIDE_HEIGHT
        mov edx, 0x0A0D26
        mov ecx, 150
        call blend_card
; The field at the bottom of the right card, empty.
draw_inset:
        mov dword [rect_x], SIDE_X+12
        mov dword [rect_y], INSET_Y
        mov dword [rect_w], SIDE_WIDTH-24
        mov dword [rect_h], 112
        mov edx, INSET
        mov ecx, 256
        jmp blend_card

; --- the card about the machine -----------------------------------------------------------------
describe_machine:
        mov dword [text_y], SIDE_Y+20
        mov si, text_machine
        mov edx, WHITE
        call side_line
        add dword [text_y], 8
        mov si, text_processor
        call side_label
        mov si, brand
.blank: cmp byte [si], ' '
        jne .named
        inc si
        jmp .blank
.named: cmp byte [si], 0
        jne .brand
        mov si, vendor
        cmp byte [si], 0
        jne .brand
        mov si, text_unnamed
.brand: mov byte [brand+32], 0
        call side_value
        mov si, text_memory
        call side_label
        call memory_size
        mov di, buffer
        call put_long
        mov si, text_mebibytes
        call copy_text
        mov byte [di], 0
        mov si, buffer
        call side_value
        mov si, text_picture
        call side_label
        mov si, text_resolution
        jmp side_value

side_line:
        mov dword [text_x], SIDE_X+24
        call draw_text
        add dword [text_y], 22
        ret
side_label:
        mov edx, DIM
        mov dword [text_x], SIDE_X+24
        call draw_text
        add dword [text_y], 18
        ret
side_value:
        mov edx, PALE
        mov dword [text_x], SIDE_X+24
        call draw_text
        add dword [text_y], 26
        ret

; Usable memory in MiB, rounded, in EAX: the sum of the address map's usable ranges.
memory_size:
        mov ax, cs
        mov es, ax
        xor ebx, ebx
        mov dword [memory_kib], 640
.next:  mov eax, 0xE820
        mov edx, 0x534D4150
        mov ecx, 20
        mov di, map_entry
        int 0x15
        jc .end
        cmp dword [map_entry+16], 1
        jne .other
        cmp dword [map_entry], 0x100000
        jb .other
.add:   mov eax, [map_entry+8]
        mov ecx, [map_entry+12]
        shrd eax, ecx, 10
        add [memory_kib], eax
.other: test ebx, ebx
        jnz .next
.end:   xor ax, ax
        mov es, ax
        mov eax, [memory_kib]
        add eax, 1023
        shr eax, 10
        ret

text_machine:    db 'This machine', 0
text_processor:  db 'Processor', 0
text_memory:     db 'Memory', 0
text_mebibytes:  db ' MiB', 0
text_picture:    db 'Picture', 0
text_resolution: db '1024 x 768, 16 million colors', 0
text_unnamed:    db 'An x86 without a name', 0

; --- the rows of checks -------------------------------------------------------------------------
row_position:
        movzx eax, word [row]
        imul eax, eax, ROW_HEIGHT
        add eax, CARD_Y+22
        mov [text_y], eax
        ret

; SI: the title of a check that begins.
show_running:
        cmp byte [graphics], 0
        je .text
        call row_position
        mov dword [text_x], CARD_X+24
        mov edx, PALE
        call draw_text
        mov edx, BLUE
        mov si, text_running
        jmp draw_pill
.text:  call print_text
        ret

; Shows [result] and [detail] in the row.
show_result:
        cmp byte [graphics], 0
        je .text
        call row_position
        mov dword [text_x], CARD_X+232
        mov edx, DIM
        mov si, [detail]
        call draw_text
        movzx bx, byte [result]
        shl bx, 1
        mov si, [result_texts+bx]
        shl bx, 1
        mov edx, [result_colors+bx]
        jmp draw_pill
.text:  mov si, text_gap
        call print_text
        movzx bx, byte [result]
        shl bx, 1
        mov si, [result_texts+bx]
        call print_text
        mov si, text_gap
        call print_text
        mov si, [detail]
        call print_text
        mov si, text_newline
        jmp print_text

; A small field in colour EDX with the text at SI (four letters) at the end of the row.
draw_pill:
        push si
        mov eax, [text_y]
        sub eax, 4
        mov [rect_y], eax
        mov dword [rect_x], PILL_X
        mov dword [rect_w], 64
        mov dword [rect_h], 24
        mov ecx, 256
        call blend_card
        pop si
        mov dword [text_x], PILL_X+16
        mov edx, WHITE
        jmp draw_text

print_text:
        lodsb
        test al, al
        jz .end
        mov ah, 0x0E
        mov bx, 7
        int 0x10
        jmp print_text
.end:   ret

align 4, 0
result_colors: dd GREEN, RED, AMBER
text_running:  db '....', 0
text_gap:      db '  ', 0
text_newline:  db 13, 10, 0

; --- asking for input ---------------------------------------------------------------------------
INPUT_Y equ INSET_Y+12
ask_for_input:
        mov dword [cursor_x], SIDE_X+150
        mov dword [cursor_y], INSET_Y+80
        cmp byte [graphics], 0
        jne .draw
        mov si, text_ask
        jmp print_text
.draw:  mov dword [text_y], INPUT_Y
        mov si, text_ask
        mov edx, WHITE
        call side_line
        mov si, text_ask_more
        mov edx, DIM
        call side_line
        jmp cursor_show

text_ask:      db 'Type something, move the mouse', 0
text_ask_more: db 'Enter or Esc goes on', 0

; CX: ticks left. A bar below the invitation grows shorter.
show_countdown:
        cmp byte [graphics], 0
        je .end
        mov ax, cx
        xor dx, dx
        mov bx, INPUT_TICKS
        movzx eax, cx
        imul eax, eax, SIDE_WIDTH-48
        xor edx, edx
        movzx ebx, bx
        div ebx
        cmp eax, [bar_width]
        je .end
        mov [bar_width], eax
        mov dword [rect_x], SIDE_X+24
        mov dword [rect_y], INPUT_Y+50
        mov dword [rect_h], 4
        mov [rect_w], eax
        test eax, eax
        jz .rest
        mov edx, BLUE
        call fill_rectangle
.rest:  mov eax, SIDE_WIDTH-48
        sub eax, [bar_width]
        jz .end
        mov [rect_w], eax
        mov eax, SIDE_X+24
        add eax, [bar_width]
        mov [rect_x], eax
        mov edx, 0x2A3160
        call fill_rectangle
.end:   ret

show_echo:
        cmp byte [graphics], 0
        je .end
        call cursor_hide
        mov dword [text_x], SIDE_X+24
        mov dword [text_y], INPUT_Y+66
        mov si, echo_text
        mov edx, 0xFFE7B0
        call draw_large
        call cursor_show
.end:   ret

end_of_input:
        cmp byte [graphics], 0
        je .end
        call cursor_hide
        mov cx, 0
        call show_countdown
.end:   ret

; --- the mouse cursor ---------------------------------------------------------------------------
CURSOR_WIDTH  equ 12
CURSOR_HEIGHT equ 19

mouse_poll:
        cmp byte [graphics], 0
        je .end
        cli
        mov ax, [mouse_dx]
        mov bx, [mouse_dy]
        mov word [mouse_dx], 0
        mov word [mouse_dy], 0
        sti
        mov cx, ax
        or cx, bx
        jz .end
        push ax
        push bx
        call cursor_hide
        pop bx
        pop ax
        movsx eax, ax
        add eax, [cursor_x]
        mov ecx, SCREEN_WIDTH-CURSOR_WIDTH
        call clamp
        mov [cursor_x], eax
        movsx eax, bx
        add eax, [cursor_y]
        mov ecx, SCREEN_HEIGHT-CURSOR_HEIGHT
        call clamp
        mov [cursor_y], eax
        jmp cursor_show
.end:   ret

; EAX to 0 .. ECX-1
clamp:  test eax, eax
        jns .low
        xor eax, eax
.low:   cmp eax, ecx
        jb .high
        lea eax, [ecx-1]
.high:  ret

; Keeps what is below the cursor and draws the arrow.
cursor_show:
        call flat_segments
        mov eax, [cursor_x]
        mov ebx, [cursor_y]
        call pixel_address
        mov si, cursor_shape
        mov bx, cursor_kept
        mov cx, CURSOR_HEIGHT
.line:  push cx
        push edi
        mov cx, CURSOR_WIDTH
.pixel: mov eax, [fs:edi]
        mov [bx], eax
        add bx, 4
        lodsb
        cmp al, '.'
        je .clear
        mov edx, 0x101020
        cmp al, '#'
        je .put
        mov edx, WHITE
.put:   mov [fs:edi], edx
.clear: add edi, 4
        loop .pixel
        pop edi
        add edi, [pitch]
        pop cx
        loop .line
        mov byte [cursor_shown], 1
        ret

cursor_hide:
        cmp byte [cursor_shown], 0
        je .end
        mov byte [cursor_shown], 0
        call flat_segments
        mov eax, [cursor_x]
        mov ebx, [cursor_y]
        call pixel_address
        mov bx, cursor_kept
        mov cx, CURSOR_HEIGHT
.line:  push cx
        push edi
        mov cx, CURSOR_WIDTH
.pixel: mov eax, [bx]
        add bx, 4
        mov [fs:edi], eax
        add edi, 4
        loop .pixel
        pop edi
        add edi, [pitch]
        pop cx
        loop .line
.end:   ret

cursor_shape:
        db '#...........'
        db '##..........'
        db '#o#.........'
        db '#oo#........'
        db '#ooo#.......'
        db '#oooo#......'
        db '#ooooo#.....'
        db '#oooooo#....'
        db '#ooooooo#...'
        db '#oooooooo#..'
        db '#ooooooooo#.'
        db '#oooooo#####'
        db '#ooo#oo#....'
        db '#oo##oo#....'
        db '#o#..#oo#...'
        db '##...#oo#...'
        db '#.....#oo#..'
        db '......#oo#..'
        db '.......##...'

; --- the display checks -------------------------------------------------------------------------
; Mode 13h: pixels written to A0000h are read back by the BIOS, then a second of moving colours.
check_mode13:
        mov ax, 0x0013
        int 0x10
        mov byte [mode13_good], 1
        mov ax, 0xA000
        mov es, ax
        mov di, 100*320+160
        mov cx, 16
.write: mov [es:di], cl
        inc di
        loop .write
        mov cx, 16
.read:  push cx
        mov bl, cl
        mov ax, 16
        sub ax, cx
        add ax, 160
        mov cx, ax
        mov dx, 100
        mov bh, 0
        push bx
        mov ah, 0x0D
        int 0x10
        pop bx
        cmp al, bl
        je .same
        mov byte [mode13_good], 0
.same:  pop cx
        loop .read
        call set_spectrum
        call ticks
        mov [plasma_start], eax
.frame: call draw_plasma
        call ticks
        sub eax, [plasma_start]
        mov [plasma_time], al
        cmp eax, 20
        jb .frame
        mov ax, 3
        int 0x10
        cmp word [vbe_mode], 0
        je .back
        call set_vbe_mode
        jc .back
        call draw_stage
        call redraw_rows
.back:  xor ax, ax
        mov es, ax
        cmp byte [mode13_good], 1
        jne .fail
        mov word [detail], detail_mode13
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
detail_mode13: db '256 colors, pixels read back', 0
mode13_good:   db 0
plasma_time:   db 0
align 4, 0
plasma_start:  dd 0

; A palette that runs through the colours of the evening and back.
set_spectrum:
        mov dx, 0x3C8
        xor al, al
        out dx, al
        inc dx
        xor cx, cx
.next:  mov bx, cx
        mov al, [sines+bx]
        shr al, 2
        out dx, al
        add bl, 200
        mov al, [sines+bx]
        shr al, 3
        out dx, al
        add bl, 150
        mov al, [sines+bx]
        shr al, 3
        add al, 24
        out dx, al
        inc cx
        cmp cx, 256
        jb .next
        ret

; Each pixel is the sum of waves along x, y and the diagonal.
draw_plasma:
        mov ax, 0xA000
        mov es, ax
        xor di, di
        xor dx, dx              ; y
.line:  movzx bx, dl
        add bl, [plasma_time]
        mov ah, [sines+bx]
        xor cx, cx              ; x
        mov si, dx
        shl si, 1
.pixel: mov bx, cx
        add bl, [plasma_time]
        mov bh, 0
        mov al, [sines+bx]
        add al, ah
        mov bx, cx
        add bx, si
        sub bl, [plasma_time]
        mov bh, 0
        add al, [sines+bx]
        stosb
        inc cx
        cmp cx, 320
        jb .pixel
        inc dx
        cmp dx, 200
        jb .line
        xor ax, ax
        mov es, ax
        ret

; Draws the rows again that a mode change has wiped out.
redraw_rows:
        push word [row]
        push word [detail]
        push word [result]
        mov word [row], 0
        mov bx, checks
.next:  push bx
        mov si, [bx+4]
        call show_running
        mov bx, [row]
        mov al, [row_results+bx]
        mov [result], al
        shl bx, 1
        mov ax, [row_details+bx]
        mov [detail], ax
        mov ax, [row]
        mov bx, sp
        cmp ax, [ss:bx+6]
        pop bx
        jae .end
        push bx
        call show_result
        pop bx
        add bx, 6
        inc word [row]
        jmp .next
.end:   pop word [result]
        pop word [detail]
        pop word [row]
        ret

; High resolution: the linear frame buffer keeps what is written; bars dance for a second and a half.
BARS    equ 32
BARS_X  equ SIDE_X+24
BARS_Y  equ INSET_Y+8
check_vbe:
        cmp byte [graphics], 0
        jne .there
        mov word [detail], detail_no_vbe
        mov al, SKIP
        ret
.there: call flat_segments
        mov eax, 1000
        mov ebx, 760
        call pixel_address
        mov eax, [fs:edi]
        mov dword [fs:edi], 0x5A123456
        mov ecx, [fs:edi]
        mov [fs:edi], eax
        and ecx, 0xFFFFFF
        cmp ecx, 0x123456
        jne .fail
        mov dword [frames], 0
        call ticks
        mov [plasma_start], eax
.frame: call draw_bars
        inc dword [frames]
        call ticks
        sub eax, [plasma_start]
        cmp eax, 27
        jb .frame
        call draw_inset
        mov eax, [frames]       ; 27 ticks are 1.48 seconds
        mov ebx, 100
        mul ebx
        mov ebx, 148
        div ebx
        mov di, vbe_text
        call put_long
        mov si, text_frames
        call copy_text
        mov byte [di], 0
        mov word [detail], vbe_text
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
detail_no_vbe: db 'no 1024 x 768 mode', 0
text_frames:   db ' pictures a second', 0
vbe_text:      times 40 db 0
align 4, 0
frames:        dd 0

draw_bars:
        call flat_segments
        xor cx, cx
.bar:   push cx
        mov ax, cx
        shl ax, 3
        movzx eax, ax
        add eax, BARS_X
        mov [rect_x], eax
        mov dword [rect_w], 6
        mov eax, [frames]
        lea eax, [eax*4]
        mov bx, cx
        shl bx, 3
        add bl, al
        mov bh, 0
        movzx eax, byte [sines+bx]
        mov ebx, [frames]
        imul bx, 3
        mov di, cx
        imul di, di, 5
        add bx, di
        mov bh, 0
        movzx ebx, byte [sines+bx]
        add eax, ebx
        imul eax, eax, 90
        shr eax, 9
        add eax, 4
        push eax
        mov ebx, 96             ; the space above the bar
        sub ebx, eax
        mov [rect_h], ebx
        mov dword [rect_y], BARS_Y
        mov edx, INSET
        call fill_flat
        pop eax
        mov [rect_h], eax
        mov ebx, BARS_Y+96
        sub ebx, eax
        mov [rect_y], ebx
        pop cx
        push cx
        movzx ecx, cx
        shl ecx, 3
        mov eax, 0x5B7CE8
        mov ebx, 0xE87CA8
        call blend
        mov edx, eax
        call fill_flat
        pop cx
        inc cx
        cmp cx, BARS
        jb .bar
        ret

; --- the final picture --------------------------------------------------------------------------
show_farewell:
        cmp byte [graphics], 0
        jne .draw
        mov si, buffer
        jmp print_text
.draw:  call draw_inset
        mov dword [text_x], SIDE_X+24
        mov dword [text_y], INPUT_Y
        mov si, text_welcome
        mov edx, WHITE
        cmp word [tallies+2], 0
        je .say
        mov si, text_trouble
        mov edx, 0xFFB0A0
.say:   call draw_large
        mov dword [text_y], INPUT_Y+44
        mov si, text_line_1
        mov edx, PALE
        call side_line
        mov si, text_line_2
        mov edx, PALE
        call side_line
        mov dword [text_x], CARD_X+2
        mov dword [text_y], CARD_Y+CARD_HEIGHT+28
        mov si, buffer+10       ; without "TOUR done "
        mov edx, PALE
        jmp draw_large
text_welcome: db 'You are home.', 0
text_trouble: db 'Not all is well', 0
text_line_1:  db 'This machine is ready. Close it,', 0
text_line_2:  db 'and make one of your own.', 0

; --- tables and room ----------------------------------------------------------------------------
row_results:  times 16 db 0
align 2, 0
row_details:  times 16 dw 0
graphics:     db 0
cursor_shown: db 0
align 4, 0
cursor_x:     dd 0
cursor_y:     dd 0
bar_width:    dd -1
memory_kib:   dd 0
mode_pointer: dd 0
vbe_mode:     dw 0
map_entry:    times 24 db 0
align 16, 0
vbe_info:     db 'VBE2'
              times 508 db 0
mode_info:    times 256 db 0
cursor_kept:  times CURSOR_WIDTH*CURSOR_HEIGHT dd 0
small_font:   times 4096 db 0
