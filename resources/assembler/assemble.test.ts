import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assemble } from "./assemble.ts";

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");

/** mode | source | bytes, checked by hand against the opcode tables of the Intel SDM, volume 2. */
const encodings = `
16 | mov ax, 0x1234 | B8 34 12
16 | mov eax, 0x12345678 | 66 B8 78 56 34 12
16 | mov ax, [bx+si+5] | 8B 40 05
16 | mov ax, [bp] | 8B 46 00
16 | mov [0x1234], al | A2 34 12
16 | mov bl, [0x1234] | 8A 1E 34 12
16 | mov ax, [es:di] | 26 8B 05
16 | mov eax, [esp+8] | 67 66 8B 44 24 08
16 | mov ds, ax | 8E D8
16 | mov cr0, eax | 0F 22 C0
16 | push 0x10 | 6A 10
16 | push dword 0x12345678 | 66 68 78 56 34 12
16 | pushad | 66 60
16 | jmp 0xF000:0xE05B | EA 5B E0 00 F0
16 | jmp dword 0x08:0x10000 | 66 EA 00 00 01 00 08 00
16 | call far [0x84] | FF 1E 84 00
16 | int 0x13 | CD 13
16 | lgdt [0x7000] | 0F 01 16 00 70
16 | rep movsd | F3 66 A5
16 | out 0xB4, eax | 66 E7 B4
16 | in al, dx | EC
16 | add word [bx], 5 | 83 07 05
16 | add ax, 0xFFFF | 83 C0 FF
16 | cmp al, 3 | 3C 03
16 | shl eax, 16 | 66 C1 E0 10
16 | shr bx, 1 | D1 EB
16 | movzx eax, byte [si] | 66 0F B6 04
16 | imul ax, bx, 7 | 6B C3 07
16 | test byte [bx], 1 | F6 07 01
16 | xchg ax, bx | 93
16 | jcxz 0 | E3 FE
16 | smsw ax | 0F 01 E0
32 | mov eax, [ebx+ecx*4+0x10] | 8B 44 8B 10
32 | mov eax, [esp] | 8B 04 24
32 | mov eax, [ebp] | 8B 45 00
32 | mov eax, [0x12345678] | A1 78 56 34 12
32 | mov ecx, [0x12345678] | 8B 0D 78 56 34 12
32 | mov ax, ds | 66 8C D8
32 | lea edi, [ecx*8+0x100] | 8D 3C CD 00 01 00 00
32 | push eax | 50
32 | retf | CB
32 | iretd | CF
32 | cmpxchg [ebx], ecx | 0F B1 0B
32 | sete al | 0F 94 C0
32 | cmovne eax, [esi] | 0F 45 06
32 | bswap ecx | 0F C9
32 | shld eax, edx, 4 | 0F A4 D0 04
32 | invlpg [eax] | 0F 01 38
64 | mov rax, rbx | 48 89 D8
64 | mov r8d, [r12+rbp*2] | 45 8B 04 6C
64 | mov rax, -1 | 48 C7 C0 FF FF FF FF
64 | mov rax, 0x123456789A | 48 B8 9A 78 56 34 12 00 00 00
64 | push r15 | 41 57
64 | mov sil, 1 | 40 B6 01
64 | lea rdi, [rel 0x107] | 48 8D 3D 00 01 00 00
64 | mov eax, [0x1000] | 8B 04 25 00 10 00 00
64 | syscall | 0F 05
64 | iretq | 48 CF
64 | mov cr3, rax | 0F 22 D8
64 | movsxd rcx, eax | 48 63 C8
64 | xor r9d, r9d | 45 31 C9
64 | jmp rax | FF E0
32 | fld dword [eax] | D9 00
32 | fild word [bx] | 67 DF 07
32 | faddp st1, st0 | DE C1
32 | fsubp st1, st0 | DE E9
32 | fstp qword [eax] | DD 18
32 | fnstsw ax | DF E0
32 | fsin | D9 FE
32 | movaps xmm1, [eax] | 0F 28 08
32 | paddd xmm2, xmm3 | 66 0F FE D3
32 | mulss xmm0, [eax+4] | F3 0F 59 40 04
32 | cvttss2si eax, xmm1 | F3 0F 2C C1
32 | movd xmm0, eax | 66 0F 6E C0
32 | pslld xmm4, 8 | 66 0F 72 F4 08
64 | movdqu xmm9, [rax] | F3 44 0F 6F 08
`
  .trim()
  .split("\n")
  .map((row) => row.split("|").map((cell) => cell.trim()) as [string, string, string]);

describe("encodings", () => {
  test.each(encodings)("bits %s: %s", (mode, source, bytes) => {
    expect(hex(assemble(`bits ${mode}\n${source}\n`).bytes)).toBe(bytes);
  });

  test("a second assembler agrees, where one is installed", (context) => {
    try {
      execFileSync("nasm", ["-v"], { stdio: "ignore" });
    } catch {
      context.skip("nasm is not installed");
    }
    const folder = mkdtempSync(join(tmpdir(), "assembler-"));
    try {
      for (const mode of ["16", "32", "64"]) {
        // A constant after `rel` means something else there.
        const source = encodings.filter((row) => row[0] === mode && !row[1].includes("rel")).map((row) => row[1]);
        const path = join(folder, `${mode}.asm`);
        writeFileSync(path, [`bits ${mode}`, "org 0", ...source].join("\n"));
        execFileSync("nasm", ["-f", "bin", "-o", `${path}.bin`, path]);
        const ours = assemble([`bits ${mode}`, "org 0", ...source].join("\n")).bytes;
        const theirs = readFileSync(`${path}.bin`);
        // Prefix order is free; everything else must agree.
        expect(hex(ours).replaceAll("67 66", "66 67")).toBe(hex(theirs).replaceAll("67 66", "66 67"));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("labels and directives", () => {
  test("jumps are short where they reach and grow where they do not", () => {
    const near = assemble("start: jmp end\ntimes 100 nop\nend: jmp start\n");
    expect(near.bytes.length).toBe(2 + 100 + 2);
    const far = assemble("start: jmp end\ntimes 200 nop\nend: jz start\n");
    expect(hex(far.bytes.subarray(0, 3))).toBe("E9 C8 00");
    expect(hex(far.bytes.subarray(203))).toBe("0F 84 31 FF");
  });

  test("local labels belong to the label before them", () => {
    const { labels } = assemble("a:\n.x: nop\nb:\n.x: nop\njmp .x\n");
    expect(labels.get("a.x")).toBe(0n);
    expect(labels.get("b.x")).toBe(1n);
  });

  test("a forward constant settles", () => {
    expect(hex(assemble("org 0x7C00\nmov si, text\nhlt\ntext: db 'hi', 0\n").bytes)).toBe("BE 04 7C F4 68 69 00");
  });

  test("data, strings, alignment, repetition and constants", () => {
    const source = `SIZE equ 4*(2+1)
db 1, 'ab', "c;d", 0x0A ; comment
align 4, 0
dw SIZE, 'x'
dd -1
dq 0x00CF9A000000FFFF
times 2 db SIZE >> 2
times 36-($-$$) db 0xEE`;
    expect(hex(assemble(source).bytes)).toBe(
      "01 61 62 63 3B 64 0A 00 0C 00 78 00 FF FF FF FF FF FF 00 00 00 9A CF 00 03 03 EE EE EE EE EE EE EE EE EE EE",
    );
  });

  test.each([
    ["mov [bx], 5", "no form"],
    ["frobnicate ax", "unknown instruction"],
    ["nop\njmp nowhere", "line 2: unknown symbol"],
    ["a: nop\na: nop", "defined twice"],
    ["mov ax, [ax]", "not a 16-bit address"],
    ["jmp short far_away\ntimes 300 nop\nfar_away: nop", "out of reach"],
    ["mov eax, [r8d]", "needs 64-bit"],
    ["times 10-20 nop", "too long"],
  ])("%s is refused", (source, message) => {
    expect(() => assemble(source)).toThrow(message);
  });
});
