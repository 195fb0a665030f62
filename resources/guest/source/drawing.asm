; Drawing in a 32-bit linear frame buffer from real mode: FS and ES keep flat limits ("unreal" mode), and every
; routine that draws makes sure of it first, since a BIOS call may have reset them.
; Rectangles are passed in rect_x, rect_y, rect_w, rect_h, colours as 00RRGGBBh.
bits 16
SCREEN_WIDTH  equ 1024
SCREEN_HEIGHT equ 768

flat_segments:
        push eax
        push bx
        cli
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp .inside
.inside:
        mov bx, FLAT
        mov fs, bx
        mov es, bx
        and al, 0xFE
        mov cr0, eax
        jmp .outside
.outside:
        xor bx, bx
        mov fs, bx
        mov es, bx
        sti
        pop bx
        pop eax
        ret

; The address of pixel (EAX, EBX) in EDI.
pixel_address:
        push ebx
        imul ebx, [pitch]
        lea edi, [ebx+eax*4]
        add edi, [frame_buffer]
        pop ebx
        ret

; Fills the rectangle with EDX. `fill_flat` is for loops without BIOS calls in them.
fill_rectangle:
        call flat_segments
fill_flat:
        mov eax, [rect_x]
        mov ebx, [rect_y]
        call pixel_address
        mov ebx, [rect_h]
        mov eax, edx
.line:  push edi
        mov ecx, [rect_w]
        a32 rep stosd
        pop edi
        add edi, [pitch]
        dec ebx
        jnz .line
        ret

; Mixes ECX parts of 256 of colour EBX into EAX.
blend:  push edx
        push esi
        push edi
        mov edx, 256
        sub edx, ecx
        mov esi, eax
        and esi, 0xFF00FF
        imul esi, edx
        mov edi, ebx
        and edi, 0xFF00FF
        imul edi, ecx
        add esi, edi
        shr esi, 8
        and esi, 0xFF00FF
        and eax, 0xFF00
        imul eax, edx
        mov edi, ebx
        and edi, 0xFF00
        imul edi, ecx
        add eax, edi
        shr eax, 8
        and eax, 0xFF00
        or eax, esi
        pop edi
        pop esi
        pop edx
        ret

; Mixes ECX parts of 256 of colour EDX into the rectangle, its corners rounded by 12 pixels.
blend_card:
        call flat_segments
        mov [card_alpha], ecx
        mov [card_color], edx
        xor ebp, ebp            ; line
.line:  call corner_inset
        mov esi, [rect_w]
        sub esi, eax
        sub esi, eax
        add eax, [rect_x]
        mov ebx, [rect_y]
        add ebx, ebp
        call pixel_address
.pixel: mov eax, [fs:edi]
        mov ebx, [card_color]
        mov ecx, [card_alpha]
        call blend
        mov [fs:edi], eax
        add edi, 4
        dec esi
        jnz .pixel
        inc ebp
        cmp ebp, [rect_h]
        jb .line
        ret

; How far line EBP of a card is drawn in at both ends, in EAX.
corner_inset:
        mov eax, ebp
        cmp eax, 12
        jb .corner
        mov eax, [rect_h]
        dec eax
        sub eax, ebp
        cmp eax, 12
        jb .corner
        xor eax, eax
        ret
.corner:
        movzx eax, byte [corner_insets+eax]
        ret

; Draws the text at SI in the 8 x 16 font at (text_x, text_y) in colour EDX; text_x moves on.
draw_text:
        call flat_segments
.next:  mov al, [si]
        test al, al
        jz .end
        inc si
        call draw_letter
        add dword [text_x], 8
        jmp .next
.end:   ret

draw_letter:
        push si
        movzx si, al
        shl si, 4
        add si, small_font
        mov eax, [text_x]
        mov ebx, [text_y]
        call pixel_address
        mov cx, 16
.line:  mov al, [si]
        inc si
        mov bx, 8
        push edi
.pixel: shl al, 1
        jnc .clear
        mov [fs:edi], edx
.clear: add edi, 4
        dec bx
        jnz .pixel
        pop edi
        add edi, [pitch]
        loop .line
        pop si
        ret

; Draws the text at SI in the 16 x 32 font with soft edges, colour EDX.
draw_large:
        call flat_segments
        mov [card_color], edx
.next:  movzx eax, byte [si]
        test al, al
        jz .end
        inc si
        sub al, 32
        shl eax, 9
        add eax, FONT_SEGMENT*16
        mov dword [rect_w], 16
        mov dword [rect_h], 32
        push si
        mov esi, eax
        call draw_coverage
        pop si
        add dword [text_x], 15
        jmp .next
.end:   ret

; Mixes card_color into rect_w x rect_h pixels at (text_x, text_y), by the coverage bytes at linear address ESI.
draw_coverage:
        mov eax, [text_x]
        mov ebx, [text_y]
        call pixel_address
        mov ebp, [rect_h]
.line:  mov edx, [rect_w]
        push edi
.pixel: movzx ecx, byte [fs:esi]
        inc esi
        test cl, cl
        jz .skip
        inc ecx
        mov eax, [fs:edi]
        mov ebx, [card_color]
        call blend
        mov [fs:edi], eax
.skip:  add edi, 4
        dec edx
        jnz .pixel
        pop edi
        add edi, [pitch]
        dec ebp
        jnz .line
        ret

; A filled circle around (circle_x, circle_y), radius circle_r, ECX parts of 256 of colour EDX.
blend_circle:
        call flat_segments
        mov [card_alpha], ecx
        mov [card_color], edx
        mov ebp, [circle_r]
        neg ebp
.line:  mov eax, [circle_r]     ; half width: sqrt(r*r - y*y)
        imul eax, eax
        mov ebx, ebp
        imul ebx, ebx
        sub eax, ebx
        mov [circle_square], eax
        fild dword [circle_square]
        fsqrt
        fistp dword [circle_half]
        mov eax, [circle_x]
        sub eax, [circle_half]
        mov ebx, [circle_y]
        add ebx, ebp
        call pixel_address
        mov edx, [circle_half]
        lea edx, [edx*2+1]
.pixel: mov eax, [fs:edi]
        mov ebx, [card_color]
        mov ecx, [card_alpha]
        call blend
        mov [fs:edi], eax
        add edi, 4
        dec edx
        jnz .pixel
        inc ebp
        cmp ebp, [circle_r]
        jle .line
        ret

; A pseudo-random number in EAX.
random: mov eax, [seed]
        imul eax, eax, 1103515245
        add eax, 12345
        mov [seed], eax
        shr eax, 8
        ret

corner_insets: db 9, 7, 5, 4, 3, 2, 2, 1, 1, 0, 0, 0
align 4, 0
frame_buffer:  dd 0
pitch:         dd 0
rect_x:        dd 0
rect_y:        dd 0
rect_w:        dd 0
rect_h:        dd 0
text_x:        dd 0
text_y:        dd 0
card_alpha:    dd 0
card_color:    dd 0
circle_x:      dd 0
circle_y:      dd 0
circle_r:      dd 0
circle_square: dd 0
circle_half:   dd 0
seed:          dd 20260101
