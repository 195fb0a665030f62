; The same as run64.asm for 32-bit code, without vectors.
bits 32
%define CODE   0x20000
%define MEMORY 0x30000
%define RECORD 768

section .bss
alignb 16
record:      resb RECORD
hostStack:   resd 1
signalStack: resb 65536
mapArguments: resd 6

section .data
signalAction: dd handler
              dd 0x4C000000 ; SA_NODEFER | SA_ONSTACK | SA_RESTORER
              dd restorer
              dq 0
stackOfSignals: dd signalStack, 0, 65536
target:    dd CODE
afterwards: dd after

section .text
global _start

map: ; edi: where
  mov [mapArguments], edi
  mov dword [mapArguments + 4], 8192
  mov dword [mapArguments + 8], 7
  mov dword [mapArguments + 12], 0x32
  mov dword [mapArguments + 16], -1
  mov dword [mapArguments + 20], 0
  mov eax, 90
  mov ebx, mapArguments
  int 0x80
  ret

%macro catch 1
  mov eax, 174
  mov ebx, %1
  mov ecx, signalAction
  xor edx, edx
  mov esi, 8
  int 0x80
%endmacro

_start:
  mov edi, CODE
  call map
  mov edi, MEMORY
  call map
  mov eax, 186
  mov ebx, stackOfSignals
  xor ecx, ecx
  int 0x80
  catch 4
  catch 5
  catch 7
  catch 8
  catch 11

next:
  xor edi, edi
.more:
  mov eax, 3
  xor ebx, ebx
  lea ecx, [record + edi]
  mov edx, RECORD
  sub edx, edi
  int 0x80
  test eax, eax
  jle quit
  add edi, eax
  cmp edi, RECORD
  jb .more
  mov esi, record + 512
  mov edi, MEMORY
  mov ecx, 256
  rep movsb
  mov esi, record
  mov edi, CODE
  mov ecx, [record + 16]
  rep movsb
  mov word [edi], 0x25ff ; jmp [afterwards]
  mov dword [edi + 2], afterwards
  mov dword [record + 176], 0
  mov [hostStack], esp
  push dword [record + 160]
  popfd
  mov eax, [record + 32]
  mov ecx, [record + 40]
  mov edx, [record + 48]
  mov ebx, [record + 56]
  mov esp, [record + 64]
  mov ebp, [record + 72]
  mov esi, [record + 80]
  mov edi, [record + 88]
  jmp [target]

after:
  mov [record + 32], eax
  mov [record + 40], ecx
  mov [record + 48], edx
  mov [record + 56], ebx
  mov [record + 64], esp
  mov [record + 72], ebp
  mov [record + 80], esi
  mov [record + 88], edi
  mov esp, [hostStack]
  pushfd
  pop dword [record + 160]
answer:
  cld
  mov esi, MEMORY
  mov edi, record + 512
  mov ecx, 256
  rep movsb
  mov eax, 4
  mov ebx, 1
  mov ecx, record
  mov edx, RECORD
  int 0x80
  jmp next

quit:
  mov eax, 1
  xor ebx, ebx
  int 0x80

handler: ; never returns to where the fault was
  mov eax, [esp + 4]
  mov [record + 176], eax
  mov esp, [hostStack]
  push 0x202
  popfd
  jmp answer

restorer:
  ud2
