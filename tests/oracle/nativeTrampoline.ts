/**
 * Machine code that runs cases on the host's processor (System V ABI, Linux signal frames): loads all state of a case, jumps into it, and takes
 * the state from the signal frame of the exception that ends it. The handler does not return to the kernel, it goes on with the next case
 * on the alternate stack. 32-bit code is entered by a far jump to Linux's compatibility segment.
 */
import { caseLayout, codeAt, codeBytes, harnessAt, selectors, windowAt, windowBytes } from "./oracleLayout.ts";

/** Places in the harness. */
export const harness = {
  control: harnessAt + 0x1000,
  signalAction: harnessAt + 0x1800,
  scratchStack: harnessAt + 0x3000,
  image: harnessAt + 0x4000,
  alternateStack: harnessAt + 0x1_0000,
  alternateStackBytes: 0x1_0000,
  cases: harnessAt + 0x10_0000,
  results: harnessAt + 0x40_0000,
} as const;
export const mostCases = 1024;

/** Of the control block, relative to `harness.control`. */
export const control = {
  rsp: 0,
  fsBase: 8,
  gsBase: 16,
  count: 24,
  case: 32,
  result: 40,
  farCode: 48,
  mxcsr: 56,
} as const;

/** What the handler leaves of one case: the kernel's 23 registers, the signal, FS and GS bases, the XSAVE image, the two pages. */
export const resultLayout = {
  registers: 0,
  signal: 184,
  fsBase: 192,
  gsBase: 200,
  xsave: 256,
  memory: 1088,
  sizeBytes: 1088 + windowBytes,
} as const;

/** Order of `registers`: for each of rax rcx rdx rbx rsp rbp rsi rdi r8..r15 its place, then the others. */
export const kernelRegister = {
  gpr: [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7],
  rip: 16,
  flags: 17,
  errorCode: 19,
  vector: 20,
  address: 22,
} as const;

const registersOffsetInContext = 40;
const kernelRegisters = 23;
const xsaveComponents = 7;

const dword = (value: number): number[] => [
  value & 0xff,
  (value >> 8) & 0xff,
  (value >> 16) & 0xff,
  (value >> 24) & 0xff,
];
/** Operand [absolute], for the register or digit. */
const absolute = (register: number, address: number): number[] => [(register << 3) | 4, 0x25, ...dword(address)];
/** Operand [base + displacement]. */
const based = (register: number, base: number, displacement: number): number[] => [
  0x80 | (register << 3) | base,
  ...dword(displacement),
];
const [rax, rcx, rdx, rbx, rsp, rsi, rdi] = [0, 1, 2, 3, 4, 6, 7];
const field = (name: keyof typeof control): number => harness.control + control[name];
const loadAbsolute = (register: number, address: number): number[] => [0x48, 0x8b, ...absolute(register, address)];
const storeAbsolute = (register: number, address: number): number[] => [0x48, 0x89, ...absolute(register, address)];
const loadBased = (register: number, base: number, at: number): number[] => [0x48, 0x8b, ...based(register, base, at)];
const storeBased = (register: number, base: number, at: number): number[] => [0x48, 0x89, ...based(register, base, at)];
const address = (register: number, base: number, at: number): number[] => [0x48, 0x8d, ...based(register, base, at)];
const moveImmediate = (register: number, value: number): number[] => [0xb8 + register, ...dword(value)];
const copyQuadwords = (bytes: number): number[] => [...moveImmediate(rcx, bytes / 8), 0xf3, 0x48, 0xa5];
/** RDFSBASE 0, RDGSBASE 1, WRFSBASE 2, WRGSBASE 3 with rax. */
const segmentBase = (digit: number): number[] => [0xf3, 0x48, 0x0f, 0xae, 0xc0 | (digit << 3)];
/** MOV of ax to ES, DS, FS, GS. */
const moveToSegments = [0x8e, 0xc0, 0x8e, 0xd8, 0x8e, 0xe0, 0x8e, 0xe8];

const loadRegisters = (count: number): number[] => {
  const load = (n: number): number[] => [n < 8 ? 0x48 : 0x4c, 0x8b, ...based(n & 7, rbx!, caseLayout.gpr + n * 8)];
  const others = Array.from({ length: count }, (_, n) => n).filter((n) => n !== rbx);
  return [...others.flatMap(load), ...load(rbx!)];
};

/** The code, and where its parts lie. */
export function assembleTrampoline(): { bytes: Uint8Array; entry: number; handler: number } {
  const code: number[] = [];
  const here = (): number => harnessAt + code.length;
  const jump = (opcode: number[], target: number): void => {
    code.push(...opcode, ...dword(target - (here() + opcode.length + 4)));
  };
  const entry = here();
  code.push(0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x9c);
  code.push(...storeAbsolute(rsp!, field("rsp")), ...storeAbsolute(rdi!, field("count")));
  code.push(...segmentBase(0), ...storeAbsolute(rax!, field("fsBase")));
  code.push(...segmentBase(1), ...storeAbsolute(rax!, field("gsBase")));
  for (const [name, start] of [
    ["case", harness.cases],
    ["result", harness.results],
  ] as const)
    code.push(0x48, 0xc7, ...absolute(0, field(name)), ...dword(start));

  const next = here();
  code.push(
    0xfc,
    ...moveImmediate(rdi!, windowAt),
    ...moveImmediate(rsi!, harness.image),
    ...copyQuadwords(windowBytes),
  );
  code.push(...loadAbsolute(rbx!, field("case")));
  code.push(...address(rsi!, rbx!, caseLayout.code), ...moveImmediate(rdi!, codeAt), ...copyQuadwords(codeBytes));
  code.push(...moveImmediate(rax!, xsaveComponents), 0x31, 0xd2);
  code.push(0x48, 0x0f, 0xae, ...based(5, rbx!, caseLayout.xsave));
  code.push(...moveImmediate(rsp!, harness.scratchStack), 0xff, ...based(6, rbx!, caseLayout.flags));
  code.push(0x83, ...based(7, rbx!, caseLayout.codeSize), 64, 0x0f, 0x85, 0, 0, 0, 0);
  const skip = code.length;
  code.push(...loadBased(rax!, rbx!, caseLayout.fsBase), ...segmentBase(2));
  code.push(...loadBased(rax!, rbx!, caseLayout.gsBase), ...segmentBase(3));
  code.push(0x9d, ...loadRegisters(16));
  jump([0xe9], codeAt);
  code.splice(skip - 4, 4, ...dword(code.length - skip));
  code.push(...moveImmediate(rax!, selectors.data), ...moveToSegments, 0x9d, ...loadRegisters(8));
  code.push(0xff, ...absolute(5, field("farCode")));

  const handler = here();
  code.push(0xfc, ...loadAbsolute(rbx!, field("result")), 0x89, ...based(rdi!, rbx!, resultLayout.signal));
  code.push(...address(rsi!, rdx!, registersOffsetInContext), 0x48, 0x89, 0xdf, ...copyQuadwords(kernelRegisters * 8));
  code.push(...loadBased(rsi!, rsi!, 0), ...address(rdi!, rbx!, resultLayout.xsave), ...copyQuadwords(832));
  code.push(...segmentBase(0), ...storeBased(rax!, rbx!, resultLayout.fsBase));
  code.push(...segmentBase(1), ...storeBased(rax!, rbx!, resultLayout.gsBase));
  code.push(
    ...moveImmediate(rsi!, windowAt),
    ...address(rdi!, rbx!, resultLayout.memory),
    ...copyQuadwords(windowBytes),
  );
  code.push(0x31, 0xc0, ...moveToSegments);
  code.push(0x48, 0x81, ...absolute(0, field("case")), ...dword(caseLayout.sizeBytes));
  code.push(0x48, 0x81, ...absolute(0, field("result")), ...dword(resultLayout.sizeBytes));
  code.push(0x48, 0x83, ...absolute(5, field("count")), 1);
  jump([0x0f, 0x85], next);

  code.push(...loadAbsolute(rax!, field("fsBase")), ...segmentBase(2));
  code.push(...loadAbsolute(rax!, field("gsBase")), ...segmentBase(3));
  code.push(
    ...loadAbsolute(rsp!, field("rsp")),
    0xdb,
    0xe3,
    0x0f,
    0xae,
    ...absolute(2, field("mxcsr")),
    0xc5,
    0xf8,
    0x77,
  );
  code.push(0x9d, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3);
  return { bytes: Uint8Array.from(code), entry, handler };
}
