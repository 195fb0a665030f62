import type { CpuStateImage } from "../CpuStateImage.ts";
import type { Decoder } from "../decode/Decoder.ts";
import { attentionBits } from "../layout/cpuLayout.ts";
import { physMapBits } from "../layout/memoryPlan.ts";
import { ModuleBuilder } from "../wasm/ModuleBuilder.ts";
import { CodeCache } from "./CodeCache.ts";
import { Core } from "./Core.ts";
import { runResult } from "./CoreModule.ts";
import { DebugStops } from "./DebugStops.ts";
import { isLong } from "./HandlerSpec.ts";
import type { HandlerTable } from "./HandlerTable.ts";
import { type CodePage, InstructionFetch } from "./InstructionFetch.ts";
import type { SystemUnit, UnitEnvironment } from "./SystemUnit.ts";

export interface InterpreterParts {
  readonly memory: WebAssembly.Memory;
  readonly state: CpuStateImage;
  readonly units: { readonly system: Uint8Array<ArrayBuffer>; readonly fpu: Uint8Array<ArrayBuffer> };
  readonly decoder: Decoder;
  readonly environment: UnitEnvironment;
}

const pageBytes = 4096;

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
 * Joins the generated core, its handlers, the units, the code cache and the fetch of instructions into something that runs, and answers
 * the questions of block boundaries (interrupts, single step, stop).
 */
export class Interpreter {
  readonly system: SystemUnit;
  readonly cache: CodeCache;
  readonly stops = new DebugStops();
  readonly #fpu: Record<string, (...args: number[]) => number>;
  readonly #state: CpuStateImage;
  readonly #fetch: InstructionFetch;
  readonly #imports: WebAssembly.Imports;
  readonly #core: Core;
  #longCore: Core | undefined;
  /** A single step is under way: debug traps are due after it. */
  #stepped = false;

  constructor(parts: InterpreterParts) {
    this.#state = parts.state;
    const { buffer } = parts.memory;
    const fault = faultModule()!;
    const env = {
      memory: parts.memory,
      ...fault,
      ...parts.environment,
      usesStackSegment: (low: number, high: number) => (this.#fetch.usesStackSegment(low, high) ? 1 : 0),
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
        decodeAt: () => this.#fetch.decodeAt(),
        decodeSingle: () => this.#fetch.decodeSingle(),
        recross: (record: number) => this.#fetch.recross(record),
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
    this.#fetch = new InstructionFetch({ ...parts, system: this.system, cache: this.cache, stops: this.stops });
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
    if (!this.cache.holdsCode) return;
    let at = address;
    const end = address + length;
    while (at < end) {
      const page = Math.floor(at / pageBytes);
      const offset = at - page * pageBytes;
      const bytes = Math.min(end - at, pageBytes - offset);
      if (this.#fetch.mapEntry(at) & physMapBits.hasCode) this.#codeWritten(page, offset, bytes);
      at += bytes;
    }
  }

  #codeWritten(physPage: number, offset: number, bytes: number): void {
    if (!this.cache.written(physPage, offset, bytes)) return;
    this.#state.set32("attention", this.#state.get32("attention") | attentionBits.refetch);
  }

  /** The page of memory that code at a linear address lies in, for the translator; undefined when it is no plain memory. */
  codePage(linear: bigint): CodePage | undefined {
    return this.#fetch.codePage(linear);
  }

  /** Where the next instruction is, outside of `run`. */
  linearRip(): bigint {
    return this.#fetch.linearRip();
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
}
