import { assemble } from "../../resources/assembler/assemble.ts";

/** Programs for flat memory at 10000h that end in HLT with a result in EAX; data lies from 100000h on. */
export interface CpuProgram {
  readonly name: string;
  readonly bits: 32 | 64;
  readonly bytes: Uint8Array;
  readonly result: number;
  /** Where its hot loops start. */
  readonly loops: readonly number[];
}

interface Code {
  readonly bytes: Uint8Array;
  readonly loops: readonly number[];
}

/** The same program for 64-bit mode: addresses and the stack are 64 bits wide, data stays as it is. */
const widened = (source: string): string =>
  source.replace(/\[[^\]]*\]|\b(?:push|pop) \w+/g, (place) => place.replace(/\be(?=[abcds][xpi]|[abcd]x)/g, "r"));

function code(bits: 32 | 64, source: string, ...loops: string[]): Code {
  const { bytes, labels } = assemble(`bits ${bits}\norg 0x10000\n${bits === 64 ? widened(source) : source}`);
  return { bytes, loops: loops.map((name) => Number(labels.get(name))) };
}

/** Primes below `limit` by the sieve of Eratosthenes over bytes, `rounds` times. */
function sieve(bits: 32 | 64, rounds: number, limit: number): Code {
  return code(
    bits,
    `
      mov ebp, ${rounds}
    round:
      mov edi, 0x100000
      mov ecx, ${limit}
      mov al, 1
      cld
      rep stosb
      mov ebx, 2
    outer:
      mov eax, ebx
      imul eax, ebx
      cmp eax, ${limit}
      jae done
      cmp byte [ebx+0x100000], 0
      je next
    inner:
      mov byte [eax+0x100000], 0
      add eax, ebx
      cmp eax, ${limit}
      jb inner
    next:
      inc ebx
      jmp outer
    done:
      dec ebp
      jnz round
      xor eax, eax
      mov ecx, 2
    count:
      movzx edx, byte [ecx+0x100000]
      add eax, edx
      inc ecx
      cmp ecx, ${limit}
      jb count
      hlt`,
    "outer",
    "count",
  );
}

function primesBelow(limit: number): number {
  const composite = new Uint8Array(limit);
  let count = 0;
  for (let n = 2; n < limit; n++) {
    if (composite[n]) continue;
    count++;
    for (let multiple = n * n; multiple < limit; multiple += n) composite[multiple] = 1;
  }
  return count;
}

const rotate = (value: number, count: number): number => ((value >>> count) | (value << (32 - count))) >>> 0;

/** The round constants of SHA-256: fractions of cube roots of primes. */
function roundConstants(): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => {
    let root = 0n;
    for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
      if ((root + bit) ** 3n <= BigInt(prime) << 96n) root += bit;
    }
    return Number(root & 0xffff_ffffn);
  });
}

/** SHA-256 compressions over one changing block; state in memory, one round a loop turn. */
function sha256(bits: 32 | 64, blocks: number): Code {
  return code(
    bits,
    `
      mov dword [blocks], ${blocks}
    block:
      mov ecx, 16
    schedule:
      mov eax, [words+ecx*4-60]
      mov edx, eax
      mov ebx, eax
      ror eax, 7
      ror edx, 18
      shr ebx, 3
      xor eax, edx
      xor eax, ebx
      mov esi, [words+ecx*4-8]
      mov edx, esi
      mov ebx, esi
      ror esi, 17
      ror edx, 19
      shr ebx, 10
      xor esi, edx
      xor esi, ebx
      add eax, esi
      add eax, [words+ecx*4-64]
      add eax, [words+ecx*4-28]
      mov [words+ecx*4], eax
      inc ecx
      cmp ecx, 64
      jb schedule
      mov ecx, 8
    copy:
      mov eax, [hash+ecx*4-4]
      mov [work+ecx*4-4], eax
      dec ecx
      jnz copy
    round:
      mov eax, [work+16]
      mov edx, eax
      mov ebx, eax
      ror edx, 6
      ror ebx, 11
      xor edx, ebx
      ror ebx, 14
      xor edx, ebx
      mov ebx, [work+20]
      xor ebx, [work+24]
      and ebx, eax
      xor ebx, [work+24]
      add edx, ebx
      add edx, [work+28]
      add edx, [constants+ecx*4]
      add edx, [words+ecx*4]
      mov eax, [work]
      mov esi, eax
      mov ebx, eax
      ror esi, 2
      ror ebx, 13
      xor esi, ebx
      ror ebx, 9
      xor esi, ebx
      mov ebx, [work+4]
      mov edi, eax
      or edi, ebx
      and edi, [work+8]
      and ebx, eax
      or edi, ebx
      add esi, edi
      mov edi, [work+24]
      mov [work+28], edi
      mov edi, [work+20]
      mov [work+24], edi
      mov edi, [work+16]
      mov [work+20], edi
      mov edi, [work+12]
      add edi, edx
      mov [work+16], edi
      mov edi, [work+8]
      mov [work+12], edi
      mov edi, [work+4]
      mov [work+8], edi
      mov [work+4], eax
      add esi, edx
      mov [work], esi
      inc ecx
      cmp ecx, 64
      jb round
      mov ecx, 8
    add_up:
      mov eax, [work+ecx*4-4]
      add [hash+ecx*4-4], eax
      dec ecx
      jnz add_up
      dec dword [blocks]
      jnz block
      mov eax, [hash]
      hlt
      align 64
    constants: dd ${roundConstants().join(", ")}
    blocks equ 0x100000
    hash equ 0x100040
    work equ 0x100080
    words equ 0x100100`,
    "block",
    "schedule",
    "copy",
    "round",
    "add_up",
  );
}

/** What the program above leaves in the first hash word, starting from zeroes. */
function sha256Result(blocks: number): number {
  const constants = roundConstants();
  const hash = new Uint32Array(8);
  const words = new Uint32Array(64);
  for (let block = 0; block < blocks; block++) {
    for (let i = 16; i < 64; i++) {
      const a = words[i - 15]!;
      const b = words[i - 2]!;
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      words[i] = s0 + s1 + words[i - 16]! + words[i - 7]!;
    }
    let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const t1 =
        (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constants[i]! + words[i]!) >>> 0;
      const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) >>> 0, c, b, a, (t1 + t2) >>> 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => {
      hash[i]! += value;
    });
  }
  return hash[0]!;
}

/** Adds up 256 KiB of doublewords, then writes them back changed. */
function memoryWalk(bits: 32 | 64, rounds: number): Code {
  return code(
    bits,
    `
      mov ebp, ${rounds}
      xor eax, eax
    round:
      mov esi, 0x100000
      mov ecx, 65536
    walk:
      mov edx, [esi]
      add eax, edx
      add edx, ecx
      mov [esi], edx
      add esi, 4
      dec ecx
      jnz walk
      dec ebp
      jnz round
      hlt`,
    "walk",
  );
}

function memoryWalkResult(rounds: number): number {
  // Word i is r * (65536 - i) in round r.
  let sum = 0;
  for (let round = 0; round < rounds; round++)
    sum = (sum + Number(((BigInt(round) * 65536n * 65537n) / 2n) & 0xffff_ffffn)) >>> 0;
  return sum;
}

/** Fibonacci by calls. */
function fibonacci(bits: 32 | 64, n: number): Code {
  return code(
    bits,
    `
      mov eax, ${n}
      call fib
      hlt
    fib:
      cmp eax, 2
      jb .leave
      push ebx
      push eax
      dec eax
      call fib
      mov ebx, eax
      pop eax
      sub eax, 2
      call fib
      add eax, ebx
      pop ebx
    .leave:
      ret`,
  );
}

const fibonacciResult = (n: number): number => (n < 2 ? n : fibonacciResult(n - 1) + fibonacciResult(n - 2));

/** 64-bit arithmetic in the upper registers over 64 KiB of quadwords: multiply, shift, rotate, exclusive or. */
function mixing(rounds: number): Code {
  return code(
    64,
    `
      mov r15d, ${rounds}
      mov r8, 0x9e3779b97f4a7c15
      xor eax, eax
    round:
      xor r12d, r12d
    mix:
      mov r9, [r12*8+0x100000]
      add r9, r8
      mov r10, r9
      shr r10, 29
      xor r9, r10
      imul r9, r8
      rol r9, 17
      mov [r12*8+0x100000], r9
      xor rax, r9
      add r12, 1
      cmp r12, 8192
      jne mix
      dec r15
      jnz round
      hlt`,
    "mix",
  );
}

function mixingResult(rounds: number): number {
  const words = new BigUint64Array(8192);
  const factor = 0x9e37_79b9_7f4a_7c15n;
  let result = 0n;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < words.length; i++) {
      let word = BigInt.asUintN(64, words[i]! + factor);
      word = BigInt.asUintN(64, (word ^ (word >> 29n)) * factor);
      word = BigInt.asUintN(64, (word << 17n) | (word >> 47n));
      words[i] = word;
      result ^= word;
    }
  }
  return Number(result & 0xffff_ffffn);
}

/** Programs that take some tenths of a second. */
export function cpuPrograms(scale = 1): CpuProgram[] {
  const times = (count: number): number => Math.max(1, Math.round(count * scale));
  const both = ([32, 64] as const).flatMap((bits): CpuProgram[] => [
    { name: "sieve", bits, ...sieve(bits, times(60), 100_000), result: primesBelow(100_000) },
    { name: "sha256", bits, ...sha256(bits, times(8000)), result: sha256Result(times(8000)) },
    { name: "memory walk", bits, ...memoryWalk(bits, times(60)), result: memoryWalkResult(times(60)) },
    { name: "calls", bits, ...fibonacci(bits, 30), result: fibonacciResult(30) },
  ]);
  return [...both, { name: "mixing", bits: 64, ...mixing(times(400)), result: mixingResult(times(400)) }];
}
