/**
 * The instructions the assembler knows, one form a row: `mnemonics operands | encoding`, in the letters of the Intel
 * manual's opcode tables. The first row that fits wins, so shorter forms stand first.
 *
 * Operands: `r8 r16 r32 r64` register; `rm..` register or memory; `g..` a register that goes into the r/m field; `m..` memory
 * only; `v` is the operand size 16, 32 or 64; `al av cl dx` fixed registers; `imm8s` sign-extended byte; `rel` a code
 * address; `moffs` an address without registers; `xm..`, `mmxm` vector register or memory.
 * Encoding: hex bytes, `+r` adds the register, `/r` `/0..7` ModRM, `ib iw iv iq` immediates, `rb rv` relative addresses,
 * `p66 pF2 pF3` mandatory prefixes, `o16 o32 o64` fixed operand size, `d64` 64-bit by default in long mode, `dv` the operand
 * size may be left to the mode, `n64` not in long mode, `x64` only there.
 */
const ALU = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];
const SHIFT = ["rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"];
const X87_ARITHMETIC = ["fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"];
const CONDITION = "o/ b,c,nae/ ae,nb,nc/ e,z/ ne,nz/ be,na/ a,nbe/ s/ ns/ p,pe/ np,po/ l,nge/ ge,nl/ le,ng/ g,nle"
  .replace("o/", "o/ no/")
  .split("/")
  .map((names) => names.trim().split(","));

const hex = (value: number) => value.toString(16).padStart(2, "0").toUpperCase();
const names = (prefix: string, condition: readonly string[]) => condition.map((name) => prefix + name).join(",");

const aluRows = ALU.flatMap((name, index) => [
  `${name} al,imm8 | ${hex(index * 8 + 4)} ib`,
  `${name} rmv,imm8s | 83 /${index} ib`,
  `${name} av,immv | ${hex(index * 8 + 5)} iv`,
  `${name} rm8,imm8 | 80 /${index} ib`,
  `${name} rmv,immv | 81 /${index} iv`,
  `${name} rm8,r8 | ${hex(index * 8)} /r`,
  `${name} rmv,rv | ${hex(index * 8 + 1)} /r`,
  `${name} r8,rm8 | ${hex(index * 8 + 2)} /r`,
  `${name} rv,rmv | ${hex(index * 8 + 3)} /r`,
]);

const shiftRows = SHIFT.flatMap((name, index) => {
  const digit = name === "sal" ? 4 : index;
  return [
    `${name} rm8,one | D0 /${digit}`,
    `${name} rmv,one | D1 /${digit}`,
    `${name} rm8,cl | D2 /${digit}`,
    `${name} rmv,cl | D3 /${digit}`,
    `${name} rm8,imm8 | C0 /${digit} ib`,
    `${name} rmv,imm8 | C1 /${digit} ib`,
  ];
});

const unaryRows = ["not", "neg", "mul", "imul", "div", "idiv"].flatMap((name, index) => [
  `${name} rm8 | F6 /${index + 2}`,
  `${name} rmv | F7 /${index + 2}`,
]);

const conditionRows = CONDITION.flatMap((condition, index) => [
  `${names("j", condition)} relshort | ${hex(0x70 + index)} rb`,
  `${names("j", condition)} rel | 0F ${hex(0x80 + index)} rv`,
  `${names("set", condition)} rm8 | 0F ${hex(0x90 + index)} /r0`,
  `${names("cmov", condition)} rv,rmv | 0F ${hex(0x40 + index)} /r`,
]);

const x87Rows = X87_ARITHMETIC.flatMap((name, index) => {
  const integer = `fi${name.slice(1)}`;
  // The reversed forms trade places when ST(i) is the destination.
  const swapped = index >= 4 ? index ^ 1 : index;
  return [
    `${name} m32 | D8 /${index}`,
    `${name} m64 | DC /${index}`,
    `${integer} m16 | DE /${index}`,
    `${integer} m32 | DA /${index}`,
    `${name} st0,sti | D8 ${hex(0xc0 + index * 8)}+r`,
    ...(index === 2 || index === 3
      ? [`${name} sti | D8 ${hex(0xc0 + index * 8)}+r`]
      : [
          `${name} sti,st0 | DC ${hex(0xc0 + swapped * 8)}+r`,
          `${name}p sti,st0 | DE ${hex(0xc0 + swapped * 8)}+r`,
          `${name}p | DE ${hex(0xc1 + swapped * 8)}`,
        ]),
  ];
});

const x87Simple =
  "fchs E0,fabs E1,ftst E4,fxam E5,fld1 E8,fldl2t E9,fldl2e EA,fldpi EB,fldlg2 EC,fldln2 ED,fldz EE,f2xm1 F0,fyl2x F1,fptan F2,fpatan F3,fxtract F4,fprem1 F5,fdecstp F6,fincstp F7,fprem F8,fyl2xp1 F9,fsqrt FA,fsincos FB,frndint FC,fscale FD,fsin FE,fcos FF"
    .split(",")
    .map((pair) => `${pair.split(" ")[0]} | D9 ${pair.split(" ")[1]}`);

/** Packed and scalar single and double arithmetic. */
const sseArithmetic = Object.entries({
  sqrt: 0x51,
  add: 0x58,
  mul: 0x59,
  sub: 0x5c,
  min: 0x5d,
  div: 0x5e,
  max: 0x5f,
}).flatMap(([name, opcode]) => [
  `${name}ps xmm,xm128 | 0F ${hex(opcode)} /r`,
  `${name}ss xmm,xm32 | pF3 0F ${hex(opcode)} /r`,
  `${name}pd xmm,xm128 | p66 0F ${hex(opcode)} /r`,
  `${name}sd xmm,xm64 | pF2 0F ${hex(opcode)} /r`,
]);

const sseInteger = Object.entries({
  punpcklbw: 0x60,
  punpcklwd: 0x61,
  punpckldq: 0x62,
  pcmpgtb: 0x64,
  packuswb: 0x67,
  pcmpeqb: 0x74,
  pcmpeqd: 0x76,
  pmullw: 0xd5,
  paddusb: 0xdc,
  pand: 0xdb,
  por: 0xeb,
  pxor: 0xef,
  paddb: 0xfc,
  paddw: 0xfd,
  paddd: 0xfe,
  psubb: 0xf8,
  psubw: 0xf9,
  psubd: 0xfa,
}).flatMap(([name, opcode]) => [
  `${name} mm,mmxm | 0F ${hex(opcode)} /r`,
  `${name} xmm,xm128 | p66 0F ${hex(opcode)} /r`,
]);

const integerRows = `
mov al,moffs | A0 mo
mov av,moffs | A1 mo
mov moffs,al | A2 mo
mov moffs,av | A3 mo
mov rm8,r8 | 88 /r
mov rmv,rv | 89 /r
mov r8,rm8 | 8A /r
mov rv,rmv | 8B /r
mov gv,sreg | 8C /r
mov m,sreg | 8C /r
mov sreg,g16 | 8E /r
mov sreg,g32 | 8E /r
mov sreg,m | 8E /r
mov r8,imm8 | B0+r ib
mov g64,imm32s | o64 C7 /0 id
mov r64,imm64 | o64 B8+r iq
mov rv,immv | B8+r iv
mov rm8,imm8 | C6 /0 ib
mov rmv,immv | C7 /0 iv
mov gn,cr | 0F 20 /r
mov cr,gn | 0F 22 /r
mov gn,dr | 0F 21 /r
mov dr,gn | 0F 23 /r
movzx rv,rm8 | 0F B6 /r
movzx rv,rm16 | 0F B7 /r
movsx rv,rm8 | 0F BE /r
movsx rv,rm16 | 0F BF /r
movsxd r64,rm32 | x64 o64 63 /r
lea rv,m | 8D /r
xchg av,rv | 90+r
xchg rv,av | 90+r
xchg rm8,r8 | 86 /r
xchg rmv,rv | 87 /r
xchg r8,rm8 | 86 /r
xchg rv,rmv | 87 /r
push rv | d64 50+r
push imm8s | d64 dv 6A ib
push immv | d64 dv 68 iv
push rmv | d64 FF /6
push es | n64 06
push cs | n64 0E
push ss | n64 16
push ds | n64 1E
push fs | 0F A0
push gs | 0F A8
pop rv | d64 58+r
pop rmv | d64 8F /0
pop es | n64 07
pop ss | n64 17
pop ds | n64 1F
pop fs | 0F A1
pop gs | 0F A9
pusha | n64 o16 60
popa | n64 o16 61
pushaw | n64 o16 60
popaw | n64 o16 61
pushad | n64 o32 60
popad | n64 o32 61
pushf | dv d64 9C
popf | dv d64 9D
pushfw | o16 9C
popfw | o16 9D
pushfd | n64 o32 9C
popfd | n64 o32 9D
pushfq | x64 9C
popfq | x64 9D
inc rv | n64 40+r
inc rm8 | FE /0
inc rmv | FF /0
dec rv | n64 48+r
dec rm8 | FE /1
dec rmv | FF /1
test al,imm8 | A8 ib
test av,immv | A9 iv
test rm8,r8 | 84 /r
test rmv,rv | 85 /r
test rm8,imm8 | F6 /0 ib
test rmv,immv | F7 /0 iv
imul rv,rmv | 0F AF /r
imul rv,rmv,imm8s | 6B /r ib
imul rv,rmv,immv | 69 /r iv
imul rv,imm8s | 6B /rr ib
imul rv,immv | 69 /rr iv
shld rmv,rv,imm8 | 0F A4 /r ib
shld rmv,rv,cl | 0F A5 /r
shrd rmv,rv,imm8 | 0F AC /r ib
shrd rmv,rv,cl | 0F AD /r
bt rmv,rv | 0F A3 /r
bts rmv,rv | 0F AB /r
btr rmv,rv | 0F B3 /r
btc rmv,rv | 0F BB /r
bt rmv,imm8 | 0F BA /4 ib
bts rmv,imm8 | 0F BA /5 ib
btr rmv,imm8 | 0F BA /6 ib
btc rmv,imm8 | 0F BA /7 ib
bsf rv,rmv | 0F BC /r
bsr rv,rmv | 0F BD /r
popcnt rv,rmv | pF3 0F B8 /r
bswap rv | 0F C8+r
xadd rm8,r8 | 0F C0 /r
xadd rmv,rv | 0F C1 /r
cmpxchg rm8,r8 | 0F B0 /r
cmpxchg rmv,rv | 0F B1 /r
cmpxchg8b m | 0F C7 /1
jmp relshort | EB rb
jmp rel | E9 rv
jmp far | EA fa
jmp mfar | FF /5
jmp rmv | d64 dv FF /4
call rel | E8 rv
call far | 9A fa
call mfar | FF /3
call rmv | d64 dv FF /2
loopne,loopnz relshort | E0 rb
loope,loopz relshort | E1 rb
loop relshort | E2 rb
jcxz relshort | n64 a16 E3 rb
jecxz relshort | a32 E3 rb
jrcxz relshort | x64 E3 rb
ret | C3
ret imm16 | C2 iw
retf | CB
retfd | o32 CB
retfq | x64 o64 CB
retf imm16 | CA iw
iret | CF
iretw | o16 CF
iretd | o32 CF
iretq | x64 o64 CF
int imm8 | CD ib
int3 | CC
into | n64 CE
enter imm16,imm8 | C8 iw ib
leave | C9
in al,imm8 | E4 ib
in ax,imm8 | o16 E5 ib
in eax,imm8 | o32 E5 ib
in al,dx | EC
in ax,dx | o16 ED
in eax,dx | o32 ED
out imm8,al | E6 ib
out imm8,ax | o16 E7 ib
out imm8,eax | o32 E7 ib
out dx,al | EE
out dx,ax | o16 EF
out dx,eax | o32 EF
cbw | o16 98
cwde | o32 98
cdqe | x64 o64 98
cwd | o16 99
cdq | o32 99
cqo | x64 o64 99
movsb | A4
movsw | o16 A5
movsd | o32 A5
movsq | x64 o64 A5
cmpsb | A6
cmpsw | o16 A7
cmpsd | o32 A7
stosb | AA
stosw | o16 AB
stosd | o32 AB
stosq | x64 o64 AB
lodsb | AC
lodsw | o16 AD
lodsd | o32 AD
lodsq | x64 o64 AD
scasb | AE
scasw | o16 AF
scasd | o32 AF
insb | 6C
insw | o16 6D
insd | o32 6D
outsb | 6E
outsw | o16 6F
outsd | o32 6F
xlatb | D7
nop | 90
pause | F3 90
hlt | F4
cmc | F5
clc | F8
stc | F9
cli | FA
sti | FB
cld | FC
std | FD
lahf | 9F
sahf | 9E
salc | n64 D6
daa | n64 27
das | n64 2F
aaa | n64 37
aas | n64 3F
aam | n64 D4 0A
aad | n64 D5 0A
bound rv,m | n64 62 /r
arpl rm16,r16 | n64 63 /r
lds rv,m | n64 C5 /r
les rv,m | n64 C4 /r
lss rv,m | 0F B2 /r
lfs rv,m | 0F B4 /r
lgs rv,m | 0F B5 /r
lgdt m | 0F 01 /2
lidt m | 0F 01 /3
sgdt m | 0F 01 /0
sidt m | 0F 01 /1
invlpg m | 0F 01 /7
smsw gv | 0F 01 /4
smsw m | 0F 01 /4
lmsw g16 | 0F 01 /6
lmsw m | 0F 01 /6
sldt g16 | 0F 00 /0
str g16 | 0F 00 /1
lldt g16 | 0F 00 /2
ltr g16 | 0F 00 /3
verr g16 | 0F 00 /4
verw g16 | 0F 00 /5
lar rv,rmv | 0F 02 /r
lsl rv,rmv | 0F 03 /r
clts | 0F 06
invd | 0F 08
wbinvd | 0F 09
ud2 | 0F 0B
wrmsr | 0F 30
rdtsc | 0F 31
rdmsr | 0F 32
cpuid | 0F A2
rsm | 0F AA
syscall | x64 0F 05
sysenter | 0F 34
sysexit | 0F 35
swapgs | x64 0F 01 F8
wait,fwait | 9B
`;

const floatRows = `
fld m32 | D9 /0
fld m64 | DD /0
fld m80 | DB /5
fld sti | D9 C0+r
fst m32 | D9 /2
fst m64 | DD /2
fst sti | DD D0+r
fstp m32 | D9 /3
fstp m64 | DD /3
fstp m80 | DB /7
fstp sti | DD D8+r
fild m16 | DF /0
fild m32 | DB /0
fild m64 | DF /5
fist m16 | DF /2
fist m32 | DB /2
fistp m16 | DF /3
fistp m32 | DB /3
fistp m64 | DF /7
fbstp m80 | DF /6
fxch | D9 C9
fxch sti | D9 C8+r
fcompp | DE D9
fucom sti | DD E0+r
fucompp | DA E9
fcomi st0,sti | DB F0+r
fcomip st0,sti | DF F0+r
ffree sti | DD C0+r
fninit | DB E3
finit | 9B DB E3
fnclex | DB E2
fnstcw m | D9 /7
fldcw m | D9 /5
fnstsw ax | DF E0
fnstsw m | DD /7
fnsave m | DD /6
frstor m | DD /4
fxsave m | 0F AE /0
fxrstor m | 0F AE /1
ldmxcsr m | 0F AE /2
stmxcsr m | 0F AE /3
emms | 0F 77
movd mm,rm32 | 0F 6E /r
movd rm32,mm | 0F 7E /r
movd xmm,rm32 | p66 0F 6E /r
movd rm32,xmm | p66 0F 7E /r
movq mm,mmxm | 0F 6F /r
movq mmxm,mm | 0F 7F /r
movq xmm,xm64 | pF3 0F 7E /r
movq xm64,xmm | p66 0F D6 /r
movaps xmm,xm128 | 0F 28 /r
movaps xm128,xmm | 0F 29 /r
movups xmm,xm128 | 0F 10 /r
movups xm128,xmm | 0F 11 /r
movss xmm,xm32 | pF3 0F 10 /r
movss xm32,xmm | pF3 0F 11 /r
movsd xmm,xm64 | pF2 0F 10 /r
movsd xm64,xmm | pF2 0F 11 /r
movdqa xmm,xm128 | p66 0F 6F /r
movdqa xm128,xmm | p66 0F 7F /r
movdqu xmm,xm128 | pF3 0F 6F /r
movdqu xm128,xmm | pF3 0F 7F /r
andps xmm,xm128 | 0F 54 /r
orps xmm,xm128 | 0F 56 /r
xorps xmm,xm128 | 0F 57 /r
shufps xmm,xm128,imm8 | 0F C6 /r ib
pshufd xmm,xm128,imm8 | p66 0F 70 /r ib
psrlw gxmm,imm8 | p66 0F 71 /2 ib
psllw gxmm,imm8 | p66 0F 71 /6 ib
psrld gxmm,imm8 | p66 0F 72 /2 ib
pslld gxmm,imm8 | p66 0F 72 /6 ib
cvtsi2ss xmm,rm32 | pF3 0F 2A /r
cvttss2si r32,xm32 | pF3 0F 2C /r
cvtsi2sd xmm,rm32 | pF2 0F 2A /r
cvttsd2si r32,xm64 | pF2 0F 2C /r
cvtdq2ps xmm,xm128 | 0F 5B /r
cvttps2dq xmm,xm128 | pF3 0F 5B /r
pmovmskb r32,gxmm | p66 0F D7 /r
comiss xmm,xm32 | 0F 2F /r
`;

export interface InstructionForm {
  readonly operands: readonly string[];
  readonly encoding: readonly string[];
  /** The form has an operand of the variable size `v`. */
  readonly sized: boolean;
}

function build(): ReadonlyMap<string, InstructionForm[]> {
  const rows = [
    ...aluRows,
    ...shiftRows,
    ...unaryRows,
    ...conditionRows,
    ...integerRows.trim().split("\n"),
    ...x87Rows,
    ...x87Simple,
    ...floatRows.trim().split("\n"),
    ...sseArithmetic,
    ...sseInteger,
  ];
  const forms = new Map<string, InstructionForm[]>();
  for (const row of rows) {
    const [head, tail] = row.split("|").map((part) => part.trim().split(/\s+/));
    const operands = head![1]?.split(",") ?? [];
    const encoding = tail!;
    const sized = encoding.includes("dv") || operands.some((operand) => /^(r|rm|g|a|imm)v$/.test(operand));
    for (const name of head![0]!.split(",")) {
      forms.set(name, [...(forms.get(name) ?? []), { operands, encoding, sized }]);
    }
  }
  return forms;
}

export const instructionTable: ReadonlyMap<string, readonly InstructionForm[]> = build();
