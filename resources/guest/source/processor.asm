; Checks of the processor: each returns its result in AL and may point [detail] at a text.
; Interrupts are off outside of real mode, and the real-mode vectors are put back.
bits 16

CODE16 equ 0x08
DATA16 equ 0x10
CODE32 equ 0x18
DATA32 equ 0x20
FLAT   equ 0x28
CODE64 equ 0x30
TASK   equ 0x38

PAGE_DIRECTORY equ 0x50000
PAGE_TABLE_0   equ 0x51000
PAGE_TABLE_1   equ 0x52000
PML4           equ 0x54000
PDPT           equ 0x55000
PAGE_DIRECTORY_64 equ 0x56000
MAPPED_PAGE    equ 0x60000

align 8, 0
gdt:    dq 0
        dq 0x00009B010000FFFF   ; CODE16, base 10000h
        dq 0x000093010000FFFF   ; DATA16
        dq 0x00409B010000FFFF   ; CODE32
        dq 0x004093010000FFFF   ; DATA32
        dq 0x00CF93000000FFFF   ; FLAT
        dq 0x00AF9B000000FFFF   ; CODE64
task_descriptor:
        dw 0x67
        dw task
        dw 0x8901
        dw 0
gdt_end:
gdtr:   dw gdt_end-gdt-1
        dd BASE+gdt
idtr:   dw 255
        dd BASE+idt
real_idtr: dw 0x3FF
        dd 0
align 8, 0
idt:    times 32*8 db 0
task:   times 0x68 db 0
faults: times 32 db 0
saved_sp: dd 0
fault_address: dd 0
fault_code: dd 0

; --- real mode ----------------------------------------------------------------------------------
check_real:
        mov ax, 0x7FFF          ; signed overflow
        add ax, 1
        jno .fail
        jns .fail
        mov ax, 0xFFFF          ; carry and zero
        add ax, 1
        jnc .fail
        jnz .fail
        mov ax, 1234            ; products and quotients
        mov bx, 5678
        mul bx
        cmp dx, 106
        jne .fail
        cmp ax, 0xE9BC
        jne .fail
        div bx
        cmp ax, 1234
        jne .fail
        mov ax, -100
        cwd
        mov bx, 7
        idiv bx
        cmp ax, -14
        jne .fail
        cmp dx, -2
        jne .fail
        mov al, 0x79            ; decimal adjustment
        add al, 0x28
        daa
        jnc .fail
        cmp al, 0x07
        jne .fail
        push ds                 ; string moves
        pop es
        mov si, text_done
        mov di, buffer
        mov cx, 10
        rep movsb
        mov si, text_done
        mov di, buffer
        mov cx, 10
        repe cmpsb
        jne .fail
        mov eax, 0x80000001     ; rotation through carry, double shifts
        clc
        rcl eax, 1
        jnc .fail
        cmp eax, 2
        jne .fail
        mov edx, 0x12345678
        mov eax, 0x9ABCDEF0
        shld edx, eax, 8
        cmp edx, 0x3456789A
        jne .fail
        call load_flags
        xor ax, ax
        mov es, ax
        mov word [detail], detail_real
        mov al, PASS
        ret
.fail:  xor ax, ax
        mov es, ax
        mov al, FAIL
        ret

; The trap flag after POPF would break single stepping; only arithmetic flags are loaded.
load_flags:
        pushf
        pop ax
        push ax
        popf
        ret

; --- protected mode, 16 bit ---------------------------------------------------------------------
check_prot16:
        cli
        mov byte [faults], 0
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp CODE16:.inside
.inside:
        mov ax, DATA16
        mov ds, ax
        mov ss, ax
        mov ax, FLAT
        mov es, ax
        mov edi, BASE+buffer    ; the same byte through a flat segment
        mov byte [buffer], 0x5A
        cmp byte [es:edi], 0x5A
        jne .leave
        mov ax, cs
        lar eax, eax            ; access rights of the code segment
        jnz .leave
        and ah, 0x9A
        cmp ah, 0x9A
        jne .leave
        mov ax, DATA16
        lsl eax, eax
        cmp eax, 0xFFFF
        jne .leave
        inc byte [faults]
.leave: mov ax, DATA16
        mov es, ax
        mov eax, cr0
        and al, 0xFE
        mov cr0, eax
        jmp 0x1000:.real
.real:  call real_segments
        cmp byte [faults], 1
        jne .fail
        mov word [detail], detail_prot16
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret

real_segments:
        mov ax, cs
        mov ds, ax
        mov ss, ax
        xor ax, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        lidt [real_idtr]
        sti
        ret

; --- protected mode, 32 bit ---------------------------------------------------------------------
; Points an interrupt gate of vector AL at the 32-bit routine in BX.
set_gate:
        movzx di, al
        shl di, 3
        mov [idt+di], bx
        mov word [idt+di+2], CODE32
        mov word [idt+di+4], 0x8E00
        mov word [idt+di+6], 0
        ret

clear_faults:
        mov di, faults
        mov cx, 32
.next:  mov byte [di], 0
        inc di
        loop .next
        ret

check_prot32:
        cli
        call clear_faults
        mov al, 0
        mov bx, on_divide
        call set_gate
        mov al, 3
        mov bx, on_breakpoint
        call set_gate
        mov al, 6
        mov bx, on_undefined
        call set_gate
        mov al, 13
        mov bx, on_protection
        call set_gate
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp CODE32:prot32_inside

bits 32
prot32_inside:
        mov eax, DATA32
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov eax, FLAT
        mov fs, eax
        movzx esp, sp
        xor ecx, ecx
        mov eax, 1
        div ecx                 ; #DE, skipped by its handler
        int3
        ud2
        mov eax, 0x70           ; no such descriptor: #GP
        mov gs, eax
        mov eax, 0x12345678
        bswap eax
        cmp eax, 0x78563412
        jne leave32
        mov eax, 0xDEADBEEF
        mov edx, 0xCAFEBABE
        mul edx
        cmp edx, 0xB092AB7B
        jne leave32
        cmp eax, 0x88CF5B62
        jne leave32
        lea eax, [edx+edx*4+7]
        inc byte [faults+31]
leave32:
        mov eax, FLAT
        mov gs, eax
        jmp CODE16:leave16

on_divide:
        inc byte [faults]
        add dword [esp], 2
        iretd
on_breakpoint:
        inc byte [faults+3]
        iretd
on_undefined:
        inc byte [faults+6]
        add dword [esp], 2
        iretd
on_protection:
        inc byte [faults+13]
        pop dword [fault_code]
        add dword [esp], 2
        iretd

bits 16
leave16:
        mov ax, DATA16
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov eax, cr0
        and eax, 0x7FFFFFFE
        mov cr0, eax
        jmp 0x1000:.real
.real:  call real_segments
        cmp byte [faults], 1
        jne .fail
        cmp byte [faults+3], 1
        jne .fail
        cmp byte [faults+6], 1
        jne .fail
        cmp byte [faults+13], 1
        jne .fail
        cmp dword [fault_code], 0x70
        jne .fail
        cmp byte [faults+31], 1
        jne .fail
        mov word [detail], detail_exceptions
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
detail_exceptions: db '4 exceptions caught', 0

; --- virtual-8086 mode --------------------------------------------------------------------------
check_v86:
        cli
        call clear_faults
        mov al, 13
        mov bx, on_v86
        call set_gate
        mov word [task+8], DATA32
        mov dword [task+4], 0xF000
        mov word [task+0x66], 0x68
        mov byte [task_descriptor+5], 0x89
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp CODE32:.inside
bits 32
.inside:
        mov eax, DATA32
        mov ds, eax
        mov es, eax
        mov ss, eax
        movzx esp, sp
        mov ax, TASK
        ltr ax
        mov [saved_sp], esp
        push dword 0            ; gs
        push dword 0            ; fs
        push dword 0x1000       ; ds
        push dword 0x1000       ; es
        push dword 0x1000       ; ss
        push dword 0xEF00       ; esp
        push dword 0x20002      ; eflags: VM
        push dword 0x1000       ; cs
        push dword v86_program
        iretd

on_v86: push eax
        mov eax, DATA32
        mov ds, eax
        mov eax, FLAT
        mov fs, eax
        test dword [esp+16], 0x20000
        jz .out                 ; not from the program: give up
        movzx eax, word [esp+12]
        shl eax, 4
        add eax, [esp+8]
        cmp byte [fs:eax], 0xCD ; INT: counted and skipped
        jne .done
        inc byte [faults+1]
        pop eax
        add esp, 4
        add dword [esp], 2
        iretd
.done:  cmp byte [fs:eax], 0xF4
        jne .out
        inc byte [faults+2]
.out:   mov eax, DATA32
        mov ss, eax
        mov esp, [saved_sp]
        jmp CODE16:.leave
bits 16
.leave: mov ax, DATA16
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov eax, cr0
        and al, 0xFE
        mov cr0, eax
        jmp 0x1000:.real
.real:  call real_segments
        cmp byte [faults+1], 2
        jne .fail
        cmp byte [faults+2], 1
        jne .fail
        cmp word [v86_mark], 0x1234
        jne .fail
        mov word [detail], detail_v86
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret

; What runs as a virtual 8086: real-mode addressing, two interrupts, and a halt that ends it.
v86_program:
        mov ax, 0x1000
        mov es, ax
        mov ax, 0x1200
        or al, 0x34
        int 0x21
        mov [es:v86_mark], ax
        int 0x21
        hlt
v86_mark: dw 0

; --- paging -------------------------------------------------------------------------------------
check_paging:
        cli
        call clear_faults
        mov al, 14
        mov bx, on_page_fault
        call set_gate
        lgdt [gdtr]
        lidt [idtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp CODE32:.inside
bits 32
.inside:
        mov eax, DATA32
        mov ds, eax
        mov ss, eax
        movzx esp, sp
        mov eax, FLAT
        mov es, eax
        mov fs, eax
        mov edi, PAGE_DIRECTORY
        mov ecx, 0xC00
        xor eax, eax
        rep stosd
        mov dword [fs:PAGE_DIRECTORY], PAGE_TABLE_0+3
        mov dword [fs:PAGE_DIRECTORY+4], PAGE_TABLE_1+3
        mov edi, PAGE_TABLE_0   ; the first 4 MiB where they are
        mov eax, 3
        mov ecx, 1024
.fill:  stosd
        add eax, 0x1000
        loop .fill
        mov dword [fs:PAGE_TABLE_1], MAPPED_PAGE+3
        mov dword [fs:MAPPED_PAGE+0x123], 0
        mov eax, PAGE_DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp .paged
.paged: mov dword [fs:0x400123], 0x600DCAFE
        cmp dword [fs:MAPPED_PAGE+0x123], 0x600DCAFE
        jne .leave
        mov eax, [fs:0x401234]  ; not present: the handler maps it
        cmp eax, 0x600DCAFE
        jne .leave
        test byte [fs:PAGE_TABLE_1], 0x60
        jz .leave               ; accessed and dirty
        inc byte [faults+31]
.leave: mov eax, cr0
        and eax, 0x7FFFFFFF
        mov cr0, eax
        xor eax, eax
        mov cr3, eax
        jmp CODE16:leave_paging

on_page_fault:
        push eax
        inc byte [faults+14]
        mov eax, cr2
        mov [fault_address], eax
        mov eax, [esp+4]
        mov [fault_code], eax
        mov dword [fs:MAPPED_PAGE+0x234], 0x600DCAFE
        mov dword [fs:PAGE_TABLE_1+4], MAPPED_PAGE+3
        mov eax, cr3
        mov cr3, eax
        pop eax
        add esp, 4
        iretd
bits 16
leave_paging:
        mov ax, DATA16
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov ss, ax
        mov eax, cr0
        and al, 0xFE
        mov cr0, eax
        jmp 0x1000:.real
.real:  call real_segments
        cmp byte [faults+14], 1
        jne .fail
        cmp dword [fault_address], 0x401234
        jne .fail
        cmp dword [fault_code], 0
        jne .fail
        cmp byte [faults+31], 1
        jne .fail
        mov word [detail], detail_paging
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret

; --- long mode ----------------------------------------------------------------------------------
check_long:
        test dword [extended_features], 0x20000000
        jnz .there
        mov word [detail], detail_no_long
        mov al, SKIP
        ret
.there: cli
        call clear_faults
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp CODE32:.inside
bits 32
.inside:
        mov eax, DATA32
        mov ds, eax
        mov ss, eax
        movzx esp, sp
        mov eax, FLAT
        mov es, eax
        mov fs, eax
        mov edi, PML4
        mov ecx, 0xC00
        xor eax, eax
        rep stosd
        mov dword [fs:PML4], PDPT+3
        mov dword [fs:PDPT], PAGE_DIRECTORY_64+3
        mov dword [fs:PAGE_DIRECTORY_64], 0x83
        mov eax, cr4
        or eax, 0x20            ; PAE
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xC0000080     ; EFER
        rdmsr
        or eax, 0x100           ; LME
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        mov [saved_sp], esp
        jmp CODE64:BASE+.long
bits 64
.long:  mov eax, [rel saved_sp]
        lea rsp, [rax+BASE]
        mov r8, 0x123456789ABCDEF0
        mov r9, r8
        bswap r9
        mov rax, 0xF0DEBC9A78563412
        cmp r9, rax
        jne .back
        mov rax, r8
        mov r10, 0xFEDCBA987654321
        mul r10
        mov r11, 0x121FA00AD77D742  ; the high half of the product
        cmp rdx, r11
        jne .back
        push r8
        pop r15
        cmp r15, r8
        jne .back
        mov r12d, -1            ; 32-bit results are zero-extended
        mov rax, 0xFFFFFFFF
        cmp r12, rax
        jne .back
        movsxd r13, r12d
        inc r13
        jnz .back
        inc byte [rel faults+31]
.back:  push CODE32
        push .compatible
        retfq
bits 32
.compatible:
        mov eax, DATA32
        mov ss, eax
        mov esp, [saved_sp]
        mov eax, cr0
        and eax, 0x7FFFFFFF
        mov cr0, eax
        mov ecx, 0xC0000080
        rdmsr
        and eax, 0xFFFFFEFF
        wrmsr
        mov eax, cr4
        and eax, 0xFFFFFFDF
        mov cr4, eax
        jmp CODE16:.leave16
bits 16
.leave16:
        mov ax, DATA16
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov ss, ax
        mov eax, cr0
        and al, 0xFE
        mov cr0, eax
        jmp 0x1000:.real
.real:  call real_segments
        cmp byte [faults+31], 1
        jne .fail
        mov word [detail], detail_long
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
detail_no_long: db 'a 32-bit processor', 0

; --- floating point and vectors -----------------------------------------------------------------
check_fpu:
        fninit
        fnstcw [fpu_word]
        cmp word [fpu_word], 0x37F
        jne .fail
        fild word [two]         ; sqrt(2) squared
        fsqrt
        fld st0
        fmulp st1, st0
        fild dword [billion]
        fmulp st1, st0
        fistp dword [fpu_result]
        cmp dword [fpu_result], 2000000000
        jne .fail
        fldpi                   ; sin(pi/3)^2 + cos(pi/3)^2
        fidiv word [three]
        fsincos
        fmul st0, st0
        fxch
        fmul st0, st0
        faddp st1, st0
        fild dword [billion]
        fmulp st1, st0
        fistp dword [fpu_result]
        cmp dword [fpu_result], 1000000000
        jne .fail
        fldpi                   ; pi in nine digits
        fild dword [billion]
        fmulp st1, st0
        fistp qword [fpu_result]
        cmp dword [fpu_result], 3141592654
        jne .fail
        mov word [detail], detail_fpu
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
align 4, 0
billion:    dd 1000000000
fpu_result: dd 0, 0
two:        dw 2
three:      dw 3
fpu_word:   dw 0

check_sse:
        mov eax, [features]
        and eax, 0x6000000      ; SSE and SSE2
        cmp eax, 0x6000000
        je .there
        mov al, SKIP
        ret
.there: mov eax, cr4
        or ax, 0x200            ; OSFXSR
        mov cr4, eax
        movups xmm0, [vector_a]
        movups xmm1, [vector_b]
        mulps xmm0, xmm1        ; 2 6 12 20
        addps xmm0, xmm1        ; 4 9 16 25
        sqrtps xmm0, xmm0       ; 2 3 4 5
        cvttps2dq xmm0, xmm0
        pshufd xmm1, xmm0, 0x1B
        paddd xmm0, xmm1        ; 7 7 7 7
        movups [vector_result], xmm0
        mov si, vector_result
        mov cx, 4
.next:  cmp dword [si], 7
        jne .fail
        add si, 4
        loop .next
        mov word [detail], detail_sse
        mov al, PASS
        ret
.fail:  mov al, FAIL
        ret
align 16, 0
vector_a:      dd 0x3F800000, 0x40000000, 0x40400000, 0x40800000
vector_b:      dd 0x40000000, 0x40400000, 0x40800000, 0x40A00000
vector_result: dd 0, 0, 0, 0

detail_real: db 'arithmetic, flags, strings', 0
detail_prot16: db 'segments and their rights', 0
detail_v86: db 'interrupts reflected', 0
detail_paging: db 'a page mapped on demand', 0
detail_long: db '64-bit registers and products', 0
detail_fpu: db 'pi is 3.141592654', 0
detail_sse: db 'four numbers at a time', 0
