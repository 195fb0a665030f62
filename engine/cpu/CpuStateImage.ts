import type { CpuState, SegmentState } from "../contracts/CpuState.ts";
import { cpuLayout, segmentFields, segmentStrideBytes } from "./layout/cpuLayout.ts";
import { memoryPlan } from "./layout/memoryPlan.ts";

type FieldName = Exclude<keyof typeof cpuLayout, "sizeBytes">;

const vectorBytes = 16;

/** MSRs that are plain fields of the state, by index (SDM vol. 4). */
const msrFields: readonly (readonly [index: number, field: FieldName, element?: number])[] = [
  [0x1b, "msrApicBase"],
  [0x3a, "msrFeatureControl"],
  [0x8b, "msrBiosSignId"],
  [0x174, "msrSysenterCs"],
  [0x175, "msrSysenterEsp"],
  [0x176, "msrSysenterEip"],
  [0x1a0, "msrMiscEnable"],
  [0x1d9, "msrDebugCtl"],
  [0x277, "msrPat"],
  [0xc000_0080, "efer"],
  [0xc000_0081, "msrStar"],
  [0xc000_0082, "msrLstar"],
  [0xc000_0083, "msrCstar"],
  [0xc000_0084, "msrFmask"],
  [0xc000_0102, "msrKernelGsBase"],
  [0xc000_0103, "msrTscAux"],
  [0x3b, "msrTscAdjust"],
  [0x48, "msrSpecCtrl"],
  [0xda0, "msrXss"],
  [0x17a, "msrMcg", 1],
  [0x4b56_4d00, "msrKvmWallClock"],
  [0x4b56_4d01, "msrKvmSystemTime"],
  ...Array.from({ length: 16 }, (_, i) => [0x400 + i, "msrMachineCheck", i] as const),
  ...Array.from({ length: 16 }, (_, i) => [0x200 + i, "msrMtrr", i] as const),
  ...[0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f, 0x2ff].map(
    (index, i) => [index, "msrMtrr", 16 + i] as const,
  ),
];

/**
 * The CPU state in shared memory, by field name, and its translation to and from the backend-neutral `CpuState`. Derived fields
 * (privilege level, segment bounds, code mode, attention) are the system unit's to recompute afterwards.
 */
export class CpuStateImage {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  constructor(buffer: ArrayBufferLike) {
    this.#view = new DataView(buffer, memoryPlan.cpuState, cpuLayout.sizeBytes);
    this.#bytes = new Uint8Array(buffer, memoryPlan.cpuState, cpuLayout.sizeBytes);
  }

  #at(field: FieldName, element: number): number {
    return cpuLayout[field].offset + element * cpuLayout[field].strideBytes;
  }
  get32(field: FieldName, element = 0): number {
    return this.#view.getUint32(this.#at(field, element), true);
  }
  set32(field: FieldName, value: number, element = 0): void {
    this.#view.setUint32(this.#at(field, element), value, true);
  }
  get64(field: FieldName, element = 0): bigint {
    return this.#view.getBigUint64(this.#at(field, element), true);
  }
  set64(field: FieldName, value: bigint, element = 0): void {
    this.#view.setBigUint64(this.#at(field, element), value, true);
  }
  /** A 64-bit field as a number: exact below 2^53. */
  getNumber(field: FieldName, element = 0): number {
    const at = this.#at(field, element);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
  setNumber(field: FieldName, value: number): void {
    const at = this.#at(field, 0);
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
  }
  segmentWord(segment: number, field: keyof typeof segmentFields): number {
    return this.#view.getUint32(this.#at("segments", segment) + segmentFields[field], true);
  }
  segmentBase(segment: number): number {
    const at = this.#at("segments", segment);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
  }

  #segment(segment: number): SegmentState {
    const attributes = this.segmentWord(segment, "attributes");
    return {
      selector: this.segmentWord(segment, "selector"),
      base: this.#view.getBigUint64(this.#at("segments", segment), true),
      limit: this.segmentWord(segment, "limit"),
      attributes,
      present: attributes !== 0,
    };
  }
  #setSegment(segment: number, state: SegmentState): void {
    const at = cpuLayout.segments.offset + segment * segmentStrideBytes;
    this.#view.setBigUint64(at, BigInt.asUintN(64, state.base), true);
    this.#view.setUint32(at + segmentFields.limit, state.limit, true);
    this.#view.setUint32(at + segmentFields.attributes, state.present ? state.attributes : 0, true);
    this.#view.setUint32(at + segmentFields.selector, state.selector, true);
  }

  /** All but `rflags`, `cpuid` and `interruptShadow`, which need the unit or the run loop. */
  read(): Omit<CpuState, "rflags" | "cpuid" | "interruptShadow"> {
    const list = (field: FieldName, count: number): bigint[] =>
      Array.from({ length: count }, (_, i) => this.get64(field, i));
    const dr = list("dr", 8);
    return {
      gpr: list("gpr", 16),
      rip: this.get64("rip"),
      segments: Array.from({ length: 6 }, (_, i) => this.#segment(i)),
      ldtr: this.#segment(6),
      tr: this.#segment(7),
      gdtr: { base: this.get64("gdtrBase"), limit: this.get32("gdtrLimit") },
      idtr: { base: this.get64("idtrBase"), limit: this.get32("idtrLimit") },
      cr0: this.get64("cr0"),
      cr2: this.get64("cr2"),
      cr3: this.get64("cr3"),
      cr4: this.get64("cr4"),
      cr8: this.get64("cr8"),
      dr: [...dr.slice(0, 4), dr[6]!, dr[7]!],
      fxsave: this.#readFxsave(),
      ymmHigh: this.#readYmmHigh(),
      xcr0: this.get64("xcr0"),
      msrs: new Map(msrFields.map(([index, field, element]) => [index, this.get64(field, element)])),
      a20: this.get32("a20Mask") === 0xffff_ffff,
      halted: this.get32("activity") === 1,
      nmiBlocked: this.get32("nmiBlocked") !== 0,
      nmiPending: this.get32("nmiPending") !== 0,
      pdpte: list("pdpte", 4),
      fpuSelectors: [this.get32("fpuCs"), this.get32("fpuDs")],
      heldDebugTraps: this.get32("stackSegmentShadow") !== 0 ? this.get32("pendingDebug") : 0,
    };
  }

  write(state: CpuState): void {
    state.gpr.forEach((value, i) => {
      this.set64("gpr", BigInt.asUintN(64, value), i);
    });
    this.set64("rip", state.rip);
    state.segments.forEach((segment, i) => {
      this.#setSegment(i, segment);
    });
    this.#setSegment(6, state.ldtr);
    this.#setSegment(7, state.tr);
    this.set64("gdtrBase", state.gdtr.base);
    this.set32("gdtrLimit", state.gdtr.limit);
    this.set64("idtrBase", state.idtr.base);
    this.set32("idtrLimit", state.idtr.limit);
    for (const name of ["cr0", "cr2", "cr3", "cr4", "cr8"] as const) this.set64(name, state[name]);
    [0, 1, 2, 3, 6, 7].forEach((number, i) => {
      this.set64("dr", state.dr[i] ?? 0n, number);
    });
    this.#writeFlags(Number(state.rflags & 0xffff_ffffn));
    this.#writeFxsave(state.fxsave);
    this.#writeYmmHigh(state.ymmHigh ?? new Uint8Array(16 * vectorBytes));
    this.set64("xcr0", state.xcr0 ?? 1n);
    for (const [index, field, element] of msrFields) {
      const value = state.msrs.get(index);
      if (value !== undefined) this.set64(field, value, element);
    }
    this.set32("activity", state.halted ? 1 : 0);
    this.set32("nmiBlocked", state.nmiBlocked ? 1 : 0);
    this.set64("shadowRip", state.interruptShadow ? state.rip : 0xffff_ffff_ffff_ffffn);
    this.set32("nmiPending", state.nmiPending ? 1 : 0);
    state.pdpte?.forEach((value, i) => {
      this.set64("pdpte", value, i);
    });
    this.set32("fpuCs", state.fpuSelectors?.[0] ?? 0);
    this.set32("fpuDs", state.fpuSelectors?.[1] ?? 0);
    this.set32("deliveringVector", 0xffff_ffff);
    for (const name of ["faultKeepsRip", "stepArmed", "pendingDebug", "stackSegmentShadow", "attention"] as const) {
      this.set32(name, 0);
    }
    if (state.heldDebugTraps) {
      this.set32("pendingDebug", state.heldDebugTraps);
      this.set32("stackSegmentShadow", 2);
    }
  }

  /** The lazy words that stand for an image, as cpuLayout defines them. */
  #writeFlags(image: number): void {
    const bit = (n: number): number => (image >>> n) & 1;
    const arithmetic = 0x8d5;
    this.set32("flagsSystem", (image & ~arithmetic) | 2);
    const [cf, pf, af, zf, sf, of] = [bit(0), bit(2), bit(4), bit(6), bit(7), bit(11)];
    this.set64("flagResult", zf ? 0n : 1n);
    this.set32("flagCarries", ((cf << 31) | ((cf ^ of) << 30)) >>> 0);
    // Parity of the result is even for 0 and odd for 1.
    this.set32("flagAux", (af << 4) | ((pf ^ zf) << 8) | (sf << 9));
  }

  // --- FXSAVE in its 64-bit layout (SDM vol. 1, table 10-2) ---
  #readFxsave(): Uint8Array {
    const image = new Uint8Array(512);
    const view = new DataView(image.buffer);
    const top = this.get32("fpuTop");
    view.setUint16(0, this.get32("fpuControl"), true);
    view.setUint16(2, this.get32("fpuStatus") | (top << 11), true);
    const tags = this.get32("fpuTag");
    let abridged = 0;
    for (let i = 0; i < 8; i++) if (((tags >>> (i * 2)) & 3) !== 3) abridged |= 1 << i;
    view.setUint8(4, abridged);
    view.setUint16(6, this.get32("fpuOpcode"), true);
    view.setBigUint64(8, this.get64("fpuIp"), true);
    view.setBigUint64(16, this.get64("fpuDp"), true);
    view.setUint32(24, this.get32("mxcsr"), true);
    view.setUint32(28, 0xffff, true);
    for (let i = 0; i < 8; i++) {
      const at = this.#at("fpuRegister", (top + i) & 7);
      image.set(this.#bytes.subarray(at, at + 10), 32 + i * 16);
    }
    for (let i = 0; i < 16; i++) {
      const at = this.#at("xmm", i);
      image.set(this.#bytes.subarray(at, at + 16), 160 + i * 16);
    }
    return image;
  }

  #readYmmHigh(): Uint8Array {
    const image = new Uint8Array(16 * vectorBytes);
    for (let i = 0; i < 16; i++) {
      const at = this.#at("ymmHigh", i);
      image.set(this.#bytes.subarray(at, at + vectorBytes), i * vectorBytes);
    }
    return image;
  }

  #writeYmmHigh(image: Uint8Array): void {
    for (let i = 0; i < 16; i++) {
      this.#bytes.set(image.subarray(i * vectorBytes, (i + 1) * vectorBytes), this.#at("ymmHigh", i));
    }
  }

  #writeFxsave(image: Uint8Array): void {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    const status = view.getUint16(2, true);
    const top = (status >>> 11) & 7;
    this.set32("fpuControl", view.getUint16(0, true));
    this.set32("fpuStatus", status & ~0x3800);
    this.set32("fpuTop", top);
    this.set32("fpuOpcode", view.getUint16(6, true));
    this.set64("fpuIp", view.getBigUint64(8, true));
    this.set64("fpuDp", view.getBigUint64(16, true));
    this.set32("mxcsr", view.getUint32(24, true));
    for (let i = 0; i < 8; i++) {
      const at = this.#at("fpuRegister", (top + i) & 7);
      this.#bytes.set(image.subarray(32 + i * 16, 42 + i * 16), at);
    }
    let tags = 0;
    for (let i = 0; i < 8; i++) tags |= (view.getUint8(4) & (1 << i) ? this.#tagOf(i) : 3) << (i * 2);
    this.set32("fpuTag", tags);
    for (let i = 0; i < 16; i++) this.#bytes.set(image.subarray(160 + i * 16, 176 + i * 16), this.#at("xmm", i));
  }

  /** Tag of a register that is in use: 0 valid, 1 zero, 2 special. */
  #tagOf(register: number): number {
    const significand = this.get64("fpuRegister", register);
    const exponent = this.#view.getUint16(this.#at("fpuRegister", register) + 8, true) & 0x7fff;
    if (exponent === 0 && significand === 0n) return 1;
    return exponent === 0 || exponent === 0x7fff || significand >> 63n === 0n ? 2 : 0;
  }
}
