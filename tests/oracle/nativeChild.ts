/**
 * The process that lends its processor: maps the case's memory and the trampoline with system calls, takes batches of cases from its parent and
 * answers with outcomes. It may die of a case; the parent starts another one. Linux on x86-64 with FSGSBASE and AVX only.
 */
import koffi from "koffi";
import { assembleTrampoline, control, harness, kernelRegister, resultLayout } from "./nativeTrampoline.ts";
import {
  breakpoint,
  caseLayout,
  codeAt,
  codePage,
  comparedFlags,
  harnessAt,
  harnessBytes,
  memoryChanges,
  outcomeLayout,
  pageBytes,
  reservedAt,
  reservedEnd,
  selectors,
  windowAt,
  windowBytes,
  xsaveLayout,
} from "./oracleLayout.ts";

const [mmap, rtSigaction, sigaltstack] = [9, 13, 131];
const protection = { none: 0, readWrite: 3, all: 7 };
const [privateAnonymous, fixed, fixedNoReplace] = [0x22, 0x10, 0x10_0000];
/** SIGINFO, ONSTACK, NODEFER, RESTORER. */
const actionFlags = 0x4c00_0004;
/** SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV. */
const signals = [4, 5, 7, 8, 11];
const pageFault = 14;

const libc = koffi.load("libc.so.6");
const systemCall = libc.func("long syscall(long number, long a, long b, long c, long d, long e, long f)");
const trampoline = koffi.proto("void trampoline(long count)");

function map(address: number, bytes: number, access: number, flags: number): void {
  const at = systemCall(mmap, address, bytes, access, privateAnonymous | flags, -1, 0);
  if (at !== address) throw new Error(`mmap of ${address.toString(16)} gave ${at}`);
}

const view = (address: number, bytes: number): Uint8Array => new Uint8Array(koffi.view(address, bytes));

map(reservedAt, reservedEnd - reservedAt, protection.none, fixedNoReplace);
map(codePage, pageBytes, protection.all, fixed);
map(windowAt, windowBytes, protection.readWrite, fixed);
map(harnessAt, harnessBytes, protection.all, fixedNoReplace);

const { bytes, entry, handler } = assembleTrampoline();
const own = view(harnessAt, harnessBytes);
const ownView = new DataView(own.buffer, own.byteOffset, own.byteLength);
const place = (address: number): number => address - harnessAt;
own.set(bytes, 0);
view(codePage, pageBytes).fill(0xcc);
ownView.setUint32(place(harness.control + control.farCode), codeAt, true);
ownView.setUint16(place(harness.control + control.farCode) + 4, selectors.code32, true);
ownView.setUint32(place(harness.control + control.mxcsr), 0x1f80, true);

function installHandler(): void {
  const at = place(harness.signalAction);
  const words = [harness.alternateStack, 0, harness.alternateStackBytes, handler, actionFlags, entry, 0];
  words.forEach((word, i) => {
    ownView.setBigUint64(at + i * 8, BigInt(word), true);
  });
  if (systemCall(sigaltstack, harness.signalAction, 0, 0, 0, 0, 0) !== 0) throw new Error("sigaltstack failed");
  for (const signal of signals) {
    if (systemCall(rtSigaction, signal, harness.signalAction + 24, 0, 8, 0, 0) !== 0)
      throw new Error("sigaction failed");
  }
}
installHandler();

function readOutcome(result: number, codeSize: number, outcome: DataView): void {
  const register = (n: number): bigint => ownView.getBigUint64(result + n * 8, true);
  const mask = codeSize === 64 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  for (let n = 0; n < codeSize / 4; n++)
    if (n < 8 || codeSize === 64) outcome.setBigUint64(n * 8, register(kernelRegister.gpr[n]!) & mask, true);
  outcome.setBigUint64(outcomeLayout.rip, register(kernelRegister.rip), true);
  outcome.setUint32(outcomeLayout.flags, Number(register(kernelRegister.flags)) & comparedFlags, true);
  const vector = Number(register(kernelRegister.vector));
  outcome.setUint32(outcomeLayout.vector, vector, true);
  if (vector !== breakpoint)
    outcome.setUint32(outcomeLayout.errorCode, Number(register(kernelRegister.errorCode)), true);
  if (vector === pageFault) outcome.setBigUint64(outcomeLayout.address, register(kernelRegister.address), true);
  if (codeSize === 64) {
    outcome.setBigUint64(outcomeLayout.fsBase, ownView.getBigUint64(result + resultLayout.fsBase, true), true);
    outcome.setBigUint64(outcomeLayout.gsBase, ownView.getBigUint64(result + resultLayout.gsBase, true), true);
  }
  readFloatingPoint(result + resultLayout.xsave, codeSize, outcome);
}

function readFloatingPoint(xsave: number, codeSize: number, outcome: DataView): void {
  outcome.setUint16(outcomeLayout.fcw, ownView.getUint16(xsave + xsaveLayout.fcw, true), true);
  outcome.setUint16(outcomeLayout.fsw, ownView.getUint16(xsave + xsaveLayout.fsw, true), true);
  outcome.setUint16(outcomeLayout.ftw, ownView.getUint8(xsave + xsaveLayout.ftw), true);
  outcome.setUint32(outcomeLayout.mxcsr, ownView.getUint32(xsave + xsaveLayout.mxcsr, true), true);
  const target = new Uint8Array(outcome.buffer, outcome.byteOffset, outcome.byteLength);
  for (let i = 0; i < 8; i++) {
    const at = xsave + xsaveLayout.st + i * 16;
    target.set(own.subarray(at, at + 10), outcomeLayout.st + i * 16);
  }
  // 32-bit code does not reach the upper eight.
  const vectors = codeSize === 64 ? 256 : 128;
  target.set(own.subarray(xsave + xsaveLayout.xmm, xsave + xsaveLayout.xmm + vectors), outcomeLayout.xmm);
  target.set(own.subarray(xsave + xsaveLayout.ymmHigh, xsave + xsaveLayout.ymmHigh + vectors), outcomeLayout.ymmHigh);
}

export interface BatchRequest {
  readonly image?: Uint8Array;
  readonly cases: Uint8Array;
}

export interface BatchAnswer {
  /** `outcomeLayout` after `outcomeLayout`. */
  readonly outcomes: Uint8Array;
  /** Memory that changed, by case, where any did. */
  readonly changes: readonly (readonly [index: number, changes: Uint16Array])[];
}

function runBatch({ image, cases }: BatchRequest): BatchAnswer {
  if (image) own.set(image, place(harness.image));
  const before = own.subarray(place(harness.image), place(harness.image) + windowBytes);
  const count = cases.length / caseLayout.sizeBytes;
  own.set(cases, place(harness.cases));
  koffi.call(entry, trampoline, count);
  const outcomes = new Uint8Array(count * outcomeLayout.sizeBytes);
  const changes: [number, Uint16Array][] = [];
  for (let i = 0; i < count; i++) {
    const result = place(harness.results) + i * resultLayout.sizeBytes;
    const codeSize = ownView.getUint32(place(harness.cases) + i * caseLayout.sizeBytes + caseLayout.codeSize, true);
    readOutcome(result, codeSize, new DataView(outcomes.buffer, i * outcomeLayout.sizeBytes, outcomeLayout.sizeBytes));
    const memory = result + resultLayout.memory;
    const changed = memoryChanges(before, own.subarray(memory, memory + windowBytes));
    if (changed.length > 0) changes.push([i, changed]);
  }
  return { outcomes, changes };
}

process.on("message", (request: BatchRequest) => {
  process.send?.(runBatch(request));
});
process.send?.("ready");
