import type { CpuStateImage } from "../CpuStateImage.ts";
import type { Decoder } from "../decode/Decoder.ts";
import { attentionBits, codeModeBits, segmentIndex } from "../layout/cpuLayout.ts";
import { memoryPlan, physMapBits, physPages } from "../layout/memoryPlan.ts";
import { ModuleBuilder } from "../wasm/ModuleBuilder.ts";
import { CodeCache } from "./CodeCache.ts";
import type { PageNumbers } from "./CodePages.ts";
import { Core } from "./Core.ts";
import { runResult } from "./CoreModule.ts";
import { DebugStops } from "./DebugStops.ts";
import { codeSizeOf, isLong } from "./HandlerSpec.ts";
import type { HandlerTable } from "./HandlerTable.ts";
import { recordLayout } from "./recordLayout.ts";
import { usesStackSegment } from "./usesStackSegment.ts";

/** What the system unit calls of the outside; 64-bit values as halves. */
export interface UnitEnvironment {
  mmioRead(low: number, high: number, size: number): number;
  mmioWrite(low: number, high: number, size: number, value: number): void;
  portRead(port: number, size: number): number;
  portWrite(port: number, size: number, value: number): void;
  /** A frozen page is about to be written. */
  preservePage(physPage: number): void;
  tsc(): number;
  interruptAcknowledge(): number;
  /** MSRs of the local APIC; a write gives 0 when it is refused. */
  msrRead(index: number): bigint;
  msrWritten(index: number, low: number, high: number): number;
  /** CR8; -1 where no local APIC has it. */
  taskPriority(): number;
  setTaskPriority(value: number): void;
  wallClockMs(): number;
  /** 64 random bits. */
  entropy(): bigint;
  /** FERR#: an unmasked x87 exception with CR0.NE clear. */
  fpuError(): void;
}

/** The exports of the system unit that JavaScript calls. */
export interface SystemUnit {
  translateFetch(linear: bigint): bigint;
  translateForDebugger(linear: bigint): bigint;
  takeInterrupt(): number;
  debugBeforeInstruction(linear: bigint): void;
  debugAfterInstruction(): void;
  updateAttention(): void;
  updateMode(): void;
  resetCpu(): void;
  initCpu(): void;
  setA20(enabled: number): void;
  flushTlb(): void;
  protectPage(physPage: number): void;
  protectWrites(): void;
  readFlags(): number;
  refreshFeatures(): void;
  reviseKvmClock(): void;
  raise(vector: number, errorCode: number): void;
  watch(address: bigint, length: number, kinds: number): number;
  clearWatchpoints(): void;
  passWatchpoints(pass: number): void;
  takeWatchpointHit(): number;
}

export interface InterpreterParts {
  readonly memory: WebAssembly.Memory;
  readonly state: CpuStateImage;
  readonly units: { readonly system: Uint8Array<ArrayBuffer>; readonly fpu: Uint8Array<ArrayBuffer> };
  readonly decoder: Decoder;
  readonly environment: UnitEnvironment;
}

/** An instruction that is about to be fetched. */
interface FetchPlace {
  readonly mode: number;
  readonly linear: bigint;
  readonly physical: number;
  /** In its page. */
  readonly offset: number;
  /** How many bytes from its first on lie within the limit of CS. */
  readonly withinLimit: number;
}

const pageBytes = 4096;
const longestInstruction = 15;
const generalProtection = 13;

/** The module that owns the exception tag, and throws it. */
function faultModule(): WebAssembly.Imports[string] {
  const module = new ModuleBuilder();
  const tag = module.tag();
  module.export("guestFault", "tag", tag);
  module.export(
    "throwFault",
    "function",
    module.function([], [], (f) => void f.throw(tag)),
  );
  return new WebAssembly.Instance(new WebAssembly.Module(module.finish())).exports as WebAssembly.Imports[string];
}

/**
 * Joins the generated core, its handlers, the units and the code cache into something that runs, and holds the JavaScript half of
 * the run loop: decoding what has no record yet, and the questions of block boundaries (interrupts, single step, stop).
 */
export class Interpreter {
  readonly system: SystemUnit;
  readonly cache: CodeCache;
  readonly stops = new DebugStops();
  readonly #fpu: Record<string, (...args: number[]) => number>;
  readonly #state: CpuStateImage;
  readonly #decoder: Decoder;
  readonly #environment: UnitEnvironment;
  readonly #bytes: Uint8Array;
  readonly #physMap: Uint32Array;
  readonly #fetched = new Uint8Array(longestInstruction);
  readonly #imports: WebAssembly.Imports;
  readonly #core: Core;
  #longCore: Core | undefined;
  /** A single step is under way: debug traps are due after it. */
  #stepped = false;

  constructor(parts: InterpreterParts) {
    this.#state = parts.state;
    this.#decoder = parts.decoder;
    this.#environment = parts.environment;
    const { buffer } = parts.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#physMap = new Uint32Array(buffer, memoryPlan.physMap, physPages);
    const fault = faultModule()!;
    const env = {
      memory: parts.memory,
      ...fault,
      ...parts.environment,
      usesStackSegment: (low: number, high: number) => (this.#usesStackSegment(low, high) ? 1 : 0),
      codeWritten: (page: number, offset: number, size: number) => this.#codeWritten(page >>> 0, offset, size),
      abort: () => {
        throw new Error("a CPU unit broke an invariant");
      },
    };
    const systemModule = new WebAssembly.Module(parts.units.system);
    const system = new WebAssembly.Instance(systemModule, { env }).exports as WebAssembly.Imports[string] & object;
    this.system = system as unknown as SystemUnit;
    const fpu = new WebAssembly.Instance(new WebAssembly.Module(parts.units.fpu), { env, system }).exports;
    this.#fpu = fpu as Record<string, (...args: number[]) => number>;
    this.#imports = {
      env,
      system,
      fpu: fpu as WebAssembly.Imports[string] & object,
      host: {
        decodeAt: () => this.#decodeAt(),
        decodeSingle: () => this.#decodeSingle(),
        recross: (record: number) => this.#recross(record),
        attend: () => this.#attend(),
        openLong: () => this.#openLong(),
      },
    };
    this.#core = new Core(false, this.#imports);
    this.cache = new CodeCache(
      buffer,
      parts.decoder,
      (mode) => this.handlersOf(mode),
      (page) => this.system.protectPage(page),
    );
  }

  /** Handlers of 64-bit code, or of all other code. */
  handlersOf(mode: number): HandlerTable {
    return isLong(mode) ? this.#openLong().handlers : this.#core.handlers;
  }

  /** The core of 64-bit code costs a compile: it is made when there is such code. */
  #openLong(): Core {
    if (!this.#longCore) {
      this.#longCore = new Core(true, this.#imports);
      this.#core.open(this.#longCore);
    }
    return this.#longCore;
  }

  /** Runs until the budget is spent or something else ends it; the state tells. */
  run(): void {
    const state = this.#state;
    if (state.get32("activity") !== 0) state.set32("attention", state.get32("attention") | attentionBits.stop);
    this.#core.run();
  }

  /** An interrupt is waiting that would end HLT. */
  canWake(): boolean {
    return (this.#state.get32("attention") & attentionBits.interrupt) !== 0;
  }

  /** Physical memory was changed by somebody else. */
  invalidate(address: number, length: number): void {
    let at = address;
    const end = address + length;
    while (at < end) {
      const page = Math.floor(at / pageBytes);
      const offset = at - page * pageBytes;
      const bytes = Math.min(end - at, pageBytes - offset);
      if (page < physPages && this.#physMap[page]! & physMapBits.hasCode) this.#codeWritten(page, offset, bytes);
      at += bytes;
    }
  }

  #codeWritten(physPage: number, offset: number, bytes: number): void {
    if (!this.cache.written(physPage, offset, bytes)) return;
    this.#state.set32("attention", this.#state.get32("attention") | attentionBits.refetch);
  }

  /** The page of memory that code at a linear address lies in, for the translator; undefined when it is no plain memory. */
  codePage(linear: bigint): { memoryPage: number; physPage: number; bytes: Uint8Array } | undefined {
    const physical = Number(this.system.translateForDebugger(linear));
    const physPage = Math.floor(physical / pageBytes);
    const entry = physical < 0 || physPage >= physPages ? 0 : this.#physMap[physPage]!;
    if (!(entry & physMapBits.readable)) return undefined;
    const memoryPage = entry >>> 12;
    return { memoryPage, physPage, bytes: this.#bytes.subarray(memoryPage * pageBytes, (memoryPage + 1) * pageBytes) };
  }

  fpuReset(): void {
    this.#fpu.fpuReset?.();
  }

  // --- block boundaries ---
  #attend(): number {
    const state = this.#state;
    const before = state.get32("attention");
    if (before & attentionBits.refetch) state.set32("attention", before & ~attentionBits.refetch);
    // First of all: the instruction is not yet executed, so nothing is due behind it.
    const met = before & attentionBits.debugger ? this.system.takeWatchpointHit() : 0;
    if (met !== 0) return this.#finishWatched(met);
    if (before & attentionBits.kick) {
      state.set32("attention", before & ~(attentionBits.kick | attentionBits.refetch));
      return runResult.leave;
    }
    if (this.#stepped) {
      this.#stepped = false;
      this.system.debugAfterInstruction();
    }
    if (state.get32("activity") === 2) return runResult.leave;
    if (this.stops.isOver()) {
      this.system.passWatchpoints(0);
      return runResult.leave;
    }
    if ((state.get32("budget") | 0) <= 0) return runResult.leave;
    const shadowed = state.get64("shadowRip") === state.get64("rip");
    if (this.stops.stepping) return this.#stepForDebugger();
    if (this.system.takeInterrupt()) return runResult.goOn;
    if (state.get32("activity") === 1) return runResult.leave;
    const now = state.get32("attention");
    if (now & attentionBits.debug || shadowed)
      return this.stops.meets(this.linearRip()) ? runResult.leave : this.#stepOne();
    // Nothing that can be done now: whoever changes that sets the bit again.
    if (now & attentionBits.interrupt) this.system.updateAttention();
    return runResult.goOn;
  }

  /** Has one instruction executed, with the guest's own debug traps around it. */
  #stepOne(): number {
    if (this.#state.get32("attention") & attentionBits.debug) {
      this.#stepped = true;
      this.system.debugBeforeInstruction(this.linearRip());
    }
    return runResult.step;
  }

  /** Interrupts wait, lest a step ends in their handlers, but for one that HLT waits for. */
  #stepForDebugger(): number {
    if (this.#state.get32("activity") === 1) {
      if (this.system.takeInterrupt()) {
        this.stops.endAfterNext();
        this.stops.isOver();
      }
      return runResult.leave;
    }
    this.stops.endAfterNext();
    return this.#stepOne();
  }

  /** The instruction at rip met a watchpoint and has done nothing so far. */
  #finishWatched(watchpoint: number): number {
    this.stops.endAfterNext(watchpoint);
    this.system.passWatchpoints(1);
    return this.#stepped ? runResult.step : this.#stepOne();
  }

  // --- decoding ---
  /** Where the next instruction is, outside of `run`. */
  linearRip(): bigint {
    const rip = this.#state.get64("rip");
    if (isLong(this.#state.get32("codeMode"))) return rip;
    return BigInt.asUintN(32, rip + BigInt(this.#state.segmentBase(segmentIndex.cs)));
  }

  /** Where the instruction at rip lies, and how far CS reaches; a fault when it must not be fetched. The state's pageRip belongs to it then. */
  #fetchPlace(): FetchPlace {
    const state = this.#state;
    const mode = state.get32("codeMode");
    const rip = state.getNumber("rip");
    const unlimited = isLong(mode) || (mode & codeModeBits.flat) !== 0;
    const limit = unlimited ? Number.POSITIVE_INFINITY : state.segmentWord(segmentIndex.cs, "executeHi");
    if (rip > limit) this.system.raise(generalProtection, 0);
    const linear = this.linearRip();
    const physical = Number(this.system.translateFetch(linear));
    const offset = physical % pageBytes;
    state.set64("pageRip", BigInt.asUintN(64, state.get64("rip") - BigInt(offset)));
    return { mode, linear, physical, offset, withinLimit: limit - rip + 1 };
  }

  /** The record for the instruction at rip, after the look-up found none. */
  #decodeAt(): number {
    const place = this.#fetchPlace();
    const { mode, linear, physical, offset, withinLimit } = place;
    if (this.cache.isKeptOut(offset)) {
      if (!this.stops.meets(linear)) return this.#fetchSingle(place, false);
      this.#state.set32("attention", this.#state.get32("attention") | attentionBits.debugger);
      return this.cache.leaveBefore(offset);
    }
    const physPage = Math.floor(physical / pageBytes);
    const entry = physPage < physPages ? this.#physMap[physPage]! : 0;
    if (entry & physMapBits.readable && offset + withinLimit >= pageBytes) {
      const record = this.cache.decodeRun(entry >>> 12, physPage, offset, mode);
      if (record !== undefined) return record;
      const unlimited = withinLimit === Number.POSITIVE_INFINITY;
      if (unlimited) return this.#decodeCrossing(linear, { memoryPage: entry >>> 12, physPage }, offset, mode);
    }
    return this.#fetchSingle(place, false);
  }

  /** The record for an instruction that begins at the end of a page and ends in the next one. */
  #decodeCrossing(linear: bigint, first: PageNumbers, offset: number, mode: number): number {
    const here = pageBytes - offset;
    const next = Number(this.system.translateFetch(linear + BigInt(here)));
    const physPage = Math.floor(next / pageBytes);
    const entry = physPage < physPages ? this.#physMap[physPage]! : 0;
    const physical = first.physPage * pageBytes + offset;
    if (!(entry & physMapBits.readable))
      return this.#fetchSingle({ mode, linear, physical, offset, withinLimit: Number.POSITIVE_INFINITY }, false);
    const bytes = this.#fetched;
    for (let i = 0; i < longestInstruction; i++)
      bytes[i] = this.#readPhysical(i < here ? physical + i : next + i - here);
    const source = { bytes, start: 0, available: longestInstruction };
    return this.cache.crossing(first, { memoryPage: entry >>> 12, physPage }, source, offset, mode);
  }

  /** A crossing record found another page behind its own, or did not find it in the TLB. Gives a record that may be executed now. */
  #recross(record: number): number {
    const linear = this.linearRip();
    const offset = Number(linear & 0xfffn);
    const next = Number(this.system.translateFetch(linear + BigInt(pageBytes - offset)));
    const physPage = Math.floor(next / pageBytes);
    const entry = physPage < physPages ? this.#physMap[physPage]! : 0;
    if (entry >>> 12 === this.cache.crossesTo(record)) return record + recordLayout.sizeBytes;
    const physical = Number(this.system.translateFetch(linear));
    const mode = this.#state.get32("codeMode");
    return this.#fetchSingle({ mode, linear, physical, offset, withinLimit: Number.POSITIVE_INFINITY }, false);
  }

  /** The instruction at rip alone, then out of the loop. */
  #decodeSingle(): number {
    return this.#fetchSingle(this.#fetchPlace(), true);
  }

  /** Brings the bytes of one instruction together, from two pages when it takes them, and makes its records. */
  #fetchSingle({ mode, linear, physical, offset, withinLimit }: FetchPlace, leave: boolean): number {
    const wanted = Math.min(longestInstruction, withinLimit);
    const here = Math.min(wanted, pageBytes - offset);
    const bytes = this.#fetched;
    for (let i = 0; i < here; i++) bytes[i] = this.#readPhysical(physical + i);
    let available = here;
    if (here < wanted && this.#isTruncated(here, mode)) {
      const next = Number(this.system.translateFetch(linear + BigInt(here)));
      for (let i = here; i < wanted; i++) bytes[i] = this.#readPhysical(next + i - here);
      available = wanted;
    }
    if (available < longestInstruction && this.#isTruncated(available, mode)) this.system.raise(generalProtection, 0);
    return this.cache.single({ bytes, start: 0, available }, offset, mode, leave);
  }

  /** Does the instruction at rip touch a linear address by way of SS? It was fetched before; if it is gone since, no. */
  #usesStackSegment(low: number, high: number): boolean {
    const bytes = this.#fetched;
    let available = 0;
    for (; available < longestInstruction; available++) {
      const physical = this.system.translateForDebugger(this.linearRip() + BigInt(available));
      if (physical < 0n) break;
      bytes[available] = this.#readPhysical(Number(physical));
    }
    const decoded = this.#decoder.decode(bytes, 0, available, { codeSize: codeSizeOf(this.#state.get32("codeMode")) });
    if ("failure" in decoded) return false;
    const linear = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    return usesStackSegment(decoded, linear, this.#state.get64("gpr", 4));
  }

  #isTruncated(available: number, mode: number): boolean {
    const decoded = this.#decoder.decode(this.#fetched, 0, available, { codeSize: codeSizeOf(mode) });
    return "failure" in decoded && decoded.failure === "truncated";
  }

  #readPhysical(address: number): number {
    const page = Math.floor(address / pageBytes);
    const entry = page < physPages ? this.#physMap[page]! : 0;
    if (entry & physMapBits.readable) {
      return this.#bytes[(entry >>> 12) * pageBytes + (address % pageBytes)]!;
    }
    return this.#environment.mmioRead(address % 0x1_0000_0000, Math.floor(address / 0x1_0000_0000), 1) & 0xff;
  }
}
