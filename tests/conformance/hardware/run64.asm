; Executes single instructions with given registers and memory and tells what they did (see record.ts for the exchange record).
; Reads records from standard input, writes them back with the state afterwards; a fault is reported as its signal.
bits 64
default abs
%define CODE   0x20000
%define MEMORY 0x30000
%define RECORD 768

section .bss
alignb 16
record:      resb RECORD
hostStack:   resq 1
signalStack: resb 65536

section .data
signalAction: dq handler
              dq 0x4C000000 ; SA_NODEFER | SA_ONSTACK | SA_RESTORER
              dq restorer
              dq 0
stackOfSignals: dq signalStack
                dd 0, 0
                dq 65536
target:       dq CODE
defaultMxcsr: dd 0x1f80

section .text
global _start

map: ; rdi: where
  mov eax, 9
  mov esi, 8192
  mov edx, 7
  mov r10d, 0x32
  mov r8, -1
  xor r9d, r9d
  syscall
  ret

%macro catch 1
  mov eax, 13
  mov edi, %1
  mov esi, signalAction
  xor edx, edx
  mov r10d, 8
  syscall
%endmacro

_start:
  mov edi, CODE
  call map
  mov edi, MEMORY
  call map
  mov eax, 131
  mov edi, stackOfSignals
  xor esi, esi
  syscall
  catch 4
  catch 5
  catch 7
  catch 8
  catch 11

next:
  xor ebx, ebx
.more:
  xor eax, eax
  xor edi, edi
  lea rsi, [record + rbx]
  mov edx, RECORD
  sub edx, ebx
  syscall
  test rax, rax
  jle quit
  add rbx, rax
  cmp ebx, RECORD
  jb .more
  mov esi, record + 512
  mov edi, MEMORY
  mov ecx, 256
  rep movsb
  mov esi, record
  mov edi, CODE
  mov ecx, [record + 16]
  rep movsb
  mov word [rdi], 0x25ff ; jmp [rip + 0]
  mov dword [rdi + 2], 0
  mov qword [rdi + 6], after
  mov dword [record + 176], 0
%assign i 0
%rep 16
  movdqu xmm%+i, [record + 192 + i * 16]
%assign i i + 1
%endrep
%assign i 0
%rep 8
  movq mm%+i, [record + 448 + i * 8]
%assign i i + 1
%endrep
  emms
  ldmxcsr [record + 168]
  mov [hostStack], rsp
  push qword [record + 160]
  popfq
  mov rax, [record + 32]
  mov rcx, [record + 40]
  mov rdx, [record + 48]
  mov rbx, [record + 56]
  mov rsp, [record + 64]
  mov rbp, [record + 72]
  mov rsi, [record + 80]
  mov rdi, [record + 88]
%assign i 8
%rep 8
  mov r%+i, [record + 32 + i * 8]
%assign i i + 1
%endrep
  jmp [target]

after:
  mov [record + 32], rax
  mov [record + 40], rcx
  mov [record + 48], rdx
  mov [record + 56], rbx
  mov [record + 64], rsp
  mov [record + 72], rbp
  mov [record + 80], rsi
  mov [record + 88], rdi
%assign i 8
%rep 8
  mov [record + 32 + i * 8], r%+i
%assign i i + 1
%endrep
  mov rsp, [hostStack]
  pushfq
  pop qword [record + 160]
  stmxcsr [record + 168]
answer:
  cld
  ldmxcsr [defaultMxcsr]
%assign i 0
%rep 16
  movdqu [record + 192 + i * 16], xmm%+i
%assign i i + 1
%endrep
%assign i 0
%rep 8
  movq [record + 448 + i * 8], mm%+i
%assign i i + 1
%endrep
  emms
  mov esi, MEMORY
  mov edi, record + 512
  mov ecx, 256
  rep movsb
  mov eax, 1
  mov edi, 1
  mov esi, record
  mov edx, RECORD
  syscall
  jmp next

quit:
  mov eax, 60
  xor edi, edi
  syscall

handler: ; never returns to where the fault was
  mov [record + 176], edi
  mov rax, [rdx + 224] ; the kernel has saved the vector state there and reset it
  mov eax, [rax + 24]
  mov [record + 168], eax
  mov rsp, [hostStack]
  push 0x202
  popfq
  jmp answer

restorer:
  ud2
