/**
 * The project's processor as an executor of cases: a bare machine in long mode that runs them at level 3 behind page tables, 32-bit ones in a
 * compatibility segment, with a supervisor half of the address space whose exception handlers are HLT. A case is loaded by copying
 * a template of the whole CPU state and writing over what the case says, which takes a microsecond instead of the hundred of `setState`.
 */
import { cpuLayout, segmentFields, segmentIndex, segmentStrideBytes } from "../../engine/cpu/layout/cpuLayout.ts";
import { memoryPlan } from "../../engine/cpu/layout/memoryPlan.ts";
import { type BareMachine, createBareMachine } from "../fixtures/bareMachine.ts";
import {
  breakpoint,
  type CodeSize,
  caseLayout,
  codeAt,
  codePage,
  comparedFlags,
  memoryChanges,
  outcomeLayout,
  pageBytes,
  selectors,
  windowAt,
  windowBytes,
  xsaveLayout,
} from "./oracleLayout.ts";

const noChanges = new Uint16Array(0);
const ramBytes = 0x10_0000;
/** Guest physical pages. The window's two are not neighbours, so that nothing gets by with one translation for both. */
const physical = {
  level4: 0x1000,
  low3: 0x2000,
  low2: 0x3000,
  low1: 0x4000,
  high3: 0x5000,
  high2: 0x6000,
  gdt: 0x7000,
  idt: 0x8000,
  tss: 0x9000,
  handlers: 0xa000,
  stackTop: 0xc000,
  code: 0x2_0000,
  window: [0x3_0000, 0x3_5000],
} as const;
/** The first 2 MiB of RAM, for the supervisor. */
const supervisorAt = 0xffff_8000_0000_0000n;
const supervisorCode = 0x10;
const instructionsUntilLost = 4096;

const withErrorCode = new Set([8, 10, 11, 12, 13, 14, 17, 21]);
const pageFault = 14;
/** How an instruction decodes depends on nothing else than this. */
const arithmeticFlags = 0x8d5;

export type GuestExit = "ended" | "lost" | "shutdown" | { readonly failure: Error };

function describeMemory(ram: Uint8Array): void {
  const view = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  const entry = (at: number, index: number, value: number): void =>
    view.setBigUint64(at + index * 8, BigInt(value), true);
  const index = (linear: number, level: number): number => Math.floor(linear / 2 ** (12 + 9 * (level - 1))) % 512;
  entry(physical.level4, 0, physical.low3 | 7);
  entry(physical.low3, index(codePage, 3), physical.low2 | 7);
  entry(physical.low2, index(codePage, 2), physical.low1 | 7);
  // The code may not be written: natively its page holds more than the case.
  entry(physical.low1, index(codePage, 1), physical.code | 5);
  physical.window.forEach((page, i) => {
    entry(physical.low1, index(windowAt + i * pageBytes, 1), page | 7);
    view.setUint32(physical.low1 + index(windowAt + i * pageBytes, 1) * 8 + 4, 0x8000_0000, true);
  });
  entry(physical.level4, 256, physical.high3 | 3);
  entry(physical.high3, 0, physical.high2 | 3);
  entry(physical.high2, 0, 0x83);
  view.setBigUint64(physical.gdt + supervisorCode, 0x00af_9b00_0000_ffffn, true);
  const handlers = supervisorAt + BigInt(physical.handlers);
  for (let vector = 0; vector < 256; vector++) {
    const offset = handlers + BigInt(vector);
    const low = (offset & 0xffffn) | (BigInt(supervisorCode) << 16n);
    // INT3 and INTO are allowed, as Linux has them.
    const access = vector === breakpoint || vector === 4 ? 0xeen : 0x8en;
    view.setBigUint64(physical.idt + vector * 16, low | (access << 40n) | (((offset >> 16n) & 0xffffn) << 48n), true);
    view.setBigUint64(physical.idt + vector * 16 + 8, offset >> 32n, true);
  }
  view.setBigUint64(physical.tss + 4, supervisorAt + BigInt(physical.stackTop), true);
  // No bitmap: no ports at this level.
  view.setUint16(physical.tss + 0x66, 0xffff, true);
  ram.fill(0xf4, physical.handlers, physical.handlers + 256);
  ram.fill(0xcc, physical.code, physical.code + pageBytes);
}

export class GuestProcessor {
  readonly machine: BareMachine;
  readonly #cpu: Uint8Array;
  readonly #cpuView: DataView;
  readonly #ramView: DataView;
  readonly #templates: Readonly<Record<CodeSize, Uint8Array>>;
  readonly #image = new Uint8Array(windowBytes);
  readonly #window = new Uint8Array(windowBytes);
  readonly #imagePages = physical.window.map((_, i) => this.#image.subarray(i * pageBytes, (i + 1) * pageBytes));
  readonly #pages: readonly Uint8Array[];
  readonly #outcome = new Uint8Array(outcomeLayout.sizeBytes);
  readonly #outcomeView = new DataView(this.#outcome.buffer);

  private constructor(machine: BareMachine) {
    this.machine = machine;
    const { buffer } = machine.memory;
    this.#cpu = new Uint8Array(buffer, memoryPlan.cpuState, cpuLayout.sizeBytes);
    this.#cpuView = new DataView(buffer, memoryPlan.cpuState, cpuLayout.sizeBytes);
    this.#ramView = new DataView(buffer, memoryPlan.ram, ramBytes);
    this.#pages = physical.window.map((page) => machine.ram.subarray(page, page + pageBytes));
    describeMemory(machine.ram);
    this.#templates = { 32: this.#makeTemplate(32), 64: this.#makeTemplate(64) };
  }

  static async create(translate = false): Promise<GuestProcessor> {
    return new GuestProcessor(await createBareMachine(ramBytes, translate));
  }

  #makeTemplate(codeSize: CodeSize): Uint8Array {
    const { vcpu, state } = this.machine;
    vcpu.reset();
    const base = vcpu.getState();
    const none = { selector: 0, base: 0n, limit: 0, attributes: 0, present: false };
    const data = { selector: selectors.data, base: 0n, limit: 0xffff_ffff, attributes: 0xc0f3, present: true };
    const code =
      codeSize === 64
        ? { ...data, selector: selectors.code64, attributes: 0xa0fb }
        : { ...data, selector: selectors.code32, attributes: 0xc0fb };
    const other = codeSize === 64 ? none : data;
    vcpu.setState({
      ...base,
      segments: [other, code, data, other, other, other],
      ldtr: none,
      tr: { selector: 0x40, base: supervisorAt + BigInt(physical.tss), limit: 0x67, attributes: 0x8b, present: true },
      gdtr: { base: supervisorAt + BigInt(physical.gdt), limit: 0xff },
      idtr: { base: supervisorAt + BigInt(physical.idt), limit: 0xfff },
      cr0: 0x8005_0033n,
      cr3: BigInt(physical.level4),
      // PAE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE
      cr4: 0x5_0620n,
      msrs: new Map([...base.msrs, [0xc000_0080, 0xd01n]]),
      rip: BigInt(codeAt),
      rflags: 0x202n,
      a20: true,
      halted: false,
    });
    if ("xcr0" in cpuLayout) state.set64("xcr0" as "gpr", 7n);
    return this.#cpu.slice();
  }

  /** What the two pages hold when a case begins. */
  setImage(image: Uint8Array): void {
    this.#image.set(image);
    this.#restoreWindow();
  }

  #restoreWindow(): void {
    this.#pages.forEach((page, i) => {
      page.set(this.#imagePages[i]!);
    });
  }

  /** Puts the code in place; `run` then executes it with any number of states. */
  setCode(code: Uint8Array): void {
    const at = physical.code + (codeAt - codePage);
    this.machine.ram.set(code, at);
    this.machine.vcpu.invalidateCode(at, code.length);
  }

  /** Loads a case's state and runs it to its exception. */
  run(bytes: Uint8Array): GuestExit {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#load(bytes, view);
    const exit = this.machine.vcpu.run(instructionsUntilLost);
    if (exit.kind === "halted") return "ended";
    this.#restoreWindow();
    if (exit.kind === "failure") return { failure: exit.error };
    return exit.kind === "shutdown" ? "shutdown" : "lost";
  }

  #load(bytes: Uint8Array, view: DataView): void {
    const codeSize = view.getUint32(caseLayout.codeSize, true) as CodeSize;
    const cpu = this.#cpu;
    const to = this.#cpuView;
    cpu.set(this.#templates[codeSize]);
    cpu.set(bytes.subarray(caseLayout.gpr, caseLayout.gpr + 128), cpuLayout.gpr.offset);
    this.#loadFlags(view.getUint32(caseLayout.flags, true));
    if (codeSize === 64) {
      const base = (segment: number): number =>
        cpuLayout.segments.offset + segment * segmentStrideBytes + segmentFields.base;
      to.setBigUint64(base(segmentIndex.fs), view.getBigUint64(caseLayout.fsBase, true), true);
      to.setBigUint64(base(segmentIndex.gs), view.getBigUint64(caseLayout.gsBase, true), true);
    }
    this.#loadFloatingPoint(bytes, view);
  }

  #loadFlags(image: number): void {
    const bit = (n: number): number => (image >>> n) & 1;
    const to = this.#cpuView;
    const [cf, pf, af, zf, sf, of] = [bit(0), bit(2), bit(4), bit(6), bit(7), bit(11)];
    to.setUint32(cpuLayout.flagsSystem.offset, (image & ~arithmeticFlags) | 2, true);
    to.setBigUint64(cpuLayout.flagResult.offset, zf ? 0n : 1n, true);
    to.setUint32(cpuLayout.flagCarries.offset, (cf! << 31) | ((cf! ^ of!) << 30), true);
    to.setUint32(cpuLayout.flagAux.offset, (af! << 4) | ((pf! ^ zf!) << 8) | (sf! << 9), true);
  }

  #loadFloatingPoint(bytes: Uint8Array, view: DataView): void {
    const cpu = this.#cpu;
    const to = this.#cpuView;
    const xsave = caseLayout.xsave;
    const status = view.getUint16(xsave + xsaveLayout.fsw, true);
    const top = (status >>> 11) & 7;
    to.setUint32(cpuLayout.fpuControl.offset, view.getUint16(xsave + xsaveLayout.fcw, true), true);
    to.setUint32(cpuLayout.fpuStatus.offset, status & ~0x3800, true);
    to.setUint32(cpuLayout.fpuTop.offset, top, true);
    to.setUint32(cpuLayout.mxcsr.offset, view.getUint32(xsave + xsaveLayout.mxcsr, true), true);
    const used = view.getUint8(xsave + xsaveLayout.ftw);
    let tags = 0;
    for (let i = 0; i < 8; i++) {
      const from = xsave + xsaveLayout.st + i * 16;
      const register = (top + i) & 7;
      cpu.set(
        bytes.subarray(from, from + 10),
        cpuLayout.fpuRegister.offset + register * cpuLayout.fpuRegister.strideBytes,
      );
      tags |= (used & (1 << register) ? tagOf(view, from) : 3) << (register * 2);
    }
    to.setUint32(cpuLayout.fpuTag.offset, tags, true);
    for (let i = 0; i < 16; i++) {
      const at = cpuLayout.xmm.offset + i * cpuLayout.xmm.strideBytes;
      const low = xsave + xsaveLayout.xmm + i * 16;
      const high = xsave + xsaveLayout.ymmHigh + i * 16;
      cpu.set(bytes.subarray(low, low + 16), at);
      cpu.set(bytes.subarray(high, high + 16), at + 16);
    }
  }

  /** The outcome of the last `run` that ended, valid until the next one, and what it wrote to memory; puts the memory back. */
  readOutcome(codeSize: CodeSize): { readonly outcome: Uint8Array; readonly changes: Uint16Array } {
    const outcome = this.#outcome.fill(0);
    this.#readFrame(codeSize);
    this.#readFloatingPoint(codeSize);
    const changes = this.#windowChanged() ? this.#readChanges() : noChanges;
    return { outcome, changes };
  }

  #windowChanged(): boolean {
    return this.#pages.some((page, i) => Buffer.compare(page, this.#imagePages[i]!) !== 0);
  }

  #readChanges(): Uint16Array {
    this.#pages.forEach((page, i) => {
      this.#window.set(page, i * pageBytes);
    });
    this.#restoreWindow();
    return memoryChanges(this.#image, this.#window);
  }

  /** Registers, and what the exception pushed. */
  #readFrame(codeSize: CodeSize): void {
    const from = this.#cpuView;
    const to = this.#outcomeView;
    const handlers = supervisorAt + BigInt(physical.handlers);
    const vector = Number(from.getBigUint64(cpuLayout.rip.offset, true) - handlers) - 1;
    const frame = physical.stackTop - 40;
    const mask = codeSize === 64 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
    for (let n = 0; n < codeSize / 4; n++) {
      if (codeSize === 64 || n < 8)
        to.setBigUint64(n * 8, from.getBigUint64(cpuLayout.gpr.offset + n * 8, true) & mask, true);
    }
    to.setBigUint64(outcomeLayout.gpr + 4 * 8, this.#ramView.getBigUint64(frame + 24, true) & mask, true);
    to.setBigUint64(outcomeLayout.rip, this.#ramView.getBigUint64(frame, true), true);
    to.setUint32(outcomeLayout.flags, this.#ramView.getUint32(frame + 16, true) & comparedFlags, true);
    to.setUint32(outcomeLayout.vector, vector, true);
    if (withErrorCode.has(vector))
      to.setUint32(outcomeLayout.errorCode, this.#ramView.getUint32(frame - 8, true), true);
    if (vector === pageFault)
      to.setBigUint64(outcomeLayout.address, from.getBigUint64(cpuLayout.cr2.offset, true), true);
    if (codeSize === 64) {
      const base = (segment: number): number =>
        cpuLayout.segments.offset + segment * segmentStrideBytes + segmentFields.base;
      to.setBigUint64(outcomeLayout.fsBase, from.getBigUint64(base(segmentIndex.fs), true), true);
      to.setBigUint64(outcomeLayout.gsBase, from.getBigUint64(base(segmentIndex.gs), true), true);
    }
  }

  #readFloatingPoint(codeSize: CodeSize): void {
    const cpu = this.#cpu;
    const from = this.#cpuView;
    const to = this.#outcomeView;
    const top = from.getUint32(cpuLayout.fpuTop.offset, true);
    to.setUint16(outcomeLayout.fcw, from.getUint32(cpuLayout.fpuControl.offset, true), true);
    to.setUint16(outcomeLayout.fsw, from.getUint32(cpuLayout.fpuStatus.offset, true) | (top << 11), true);
    to.setUint32(outcomeLayout.mxcsr, from.getUint32(cpuLayout.mxcsr.offset, true), true);
    const tags = from.getUint32(cpuLayout.fpuTag.offset, true);
    let used = 0;
    for (let i = 0; i < 8; i++) {
      if (((tags >>> (i * 2)) & 3) !== 3) used |= 1 << i;
      const at = cpuLayout.fpuRegister.offset + ((top + i) & 7) * cpuLayout.fpuRegister.strideBytes;
      this.#outcome.set(cpu.subarray(at, at + 10), outcomeLayout.st + i * 16);
    }
    to.setUint16(outcomeLayout.ftw, used, true);
    for (let i = 0; i < codeSize / 4; i++) {
      if (codeSize === 32 && i >= 8) break;
      const at = cpuLayout.xmm.offset + i * cpuLayout.xmm.strideBytes;
      this.#outcome.set(cpu.subarray(at, at + 16), outcomeLayout.xmm + i * 16);
      this.#outcome.set(cpu.subarray(at + 16, at + 32), outcomeLayout.ymmHigh + i * 16);
    }
  }
}

/** Tag of a register that is in use: 0 valid, 1 zero, 2 special. */
function tagOf(view: DataView, at: number): number {
  const significand = view.getBigUint64(at, true);
  const exponent = view.getUint16(at + 8, true) & 0x7fff;
  if (exponent === 0 && significand === 0n) return 1;
  return exponent === 0 || exponent === 0x7fff || significand >> 63n === 0n ? 2 : 0;
}
