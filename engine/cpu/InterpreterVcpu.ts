import type { Entropy, WallClock } from "../contracts/Clock.ts";
import type { CpuLevel } from "../contracts/CpuLevel.ts";
import type { CpuState } from "../contracts/CpuState.ts";
import type { InterruptSource } from "../contracts/InterruptSource.ts";
import type { ProcessorApic } from "../contracts/ProcessorApic.ts";
import type { Vcpu, VcpuExit } from "../contracts/Vcpu.ts";
import type { VcpuDebug } from "../contracts/VcpuDebug.ts";
import { CpuStateImage } from "./CpuStateImage.ts";
import { cpuidTable, readCpuidTable, writeCpuidTable } from "./cpuid/cpuidTable.ts";
import { cpuModel, decodedFeatures } from "./cpuid/cpuLevels.ts";
import { Decoder } from "./decode/Decoder.ts";
import { InterpreterDebug } from "./InterpreterDebug.ts";
import { Interpreter } from "./interpreter/Interpreter.ts";
import { rows } from "./isa/rows.ts";
import { attentionBits } from "./layout/cpuLayout.ts";
import { memoryPlan } from "./layout/memoryPlan.ts";
import { apicRegisters, randomBits } from "./outsideRegisters.ts";
import { Translator } from "./translator/Translator.ts";

type Width = 1 | 2 | 4;

/** What an InterpreterVcpu is joined to. */
export interface InterpreterVcpuOptions {
  /** Shared; laid out by `memoryPlan`, with physMap filled in by its owner. */
  readonly memory: WebAssembly.Memory;
  /** The compiled AssemblyScript units (`dist/cpu/*.wasm`). */
  readonly units: { readonly system: Uint8Array<ArrayBuffer>; readonly fpu: Uint8Array<ArrayBuffer> };
  readonly ports: { read(port: number, width: Width): number; write(port: number, value: number, width: Width): void };
  readonly mmio: {
    read(address: number, width: Width): number;
    write(address: number, value: number, width: Width): void;
  };
  /** Puts a page aside that is marked `frozen` in physMap, and unmarks it. */
  readonly preservePage?: (physPage: number) => void;
  /** Fetches what a page holds that is marked `absent` in physMap, and unmarks it. */
  readonly bringPage?: (physPage: number) => void;
  readonly interrupts: InterruptSource;
  /** Ticks of the time-stamp counter since power-on, an integer. */
  readonly tsc: () => number;
  /** The processor's own interrupt controller, as far as it is no memory. */
  readonly apic?: ProcessorApic;
  /** For KVM's clock; without it that clock starts in 1970. */
  readonly wallClock?: WallClock;
  /** For RDRAND and RDSEED; without it they always fail. */
  readonly entropy?: Entropy;
  /** False: everything is interpreted. Else hot loops of flat 32-bit and of 64-bit code are translated. */
  readonly translate?: boolean;
  /** Which processor the guest sees; "host" when absent. */
  readonly cpuLevel?: CpuLevel;
  /** FERR#: an unmasked x87 exception with CR0.NE clear (IRQ 13). */
  readonly fpuError?: () => void;
}

/**
 * One virtual processor executed by the generated interpreter. Everything architectural is in the shared memory; this class joins
 * the generated core, the units and the outside, and answers the run loop's questions at block boundaries.
 */
export class InterpreterVcpu implements Vcpu {
  readonly debug: VcpuDebug;
  readonly #debug: InterpreterDebug;
  readonly #buffer: ArrayBufferLike;
  readonly #state: CpuStateImage;
  readonly #interpreter: Interpreter;
  readonly #tsc: () => number;
  readonly #apic: ProcessorApic | undefined;
  readonly #translator: Translator | undefined;
  #instructions = 0;
  #failure: Error | undefined;

  constructor(options: InterpreterVcpuOptions) {
    this.#buffer = options.memory.buffer;
    this.#state = new CpuStateImage(options.memory.buffer);
    this.#tsc = options.tsc;
    const { ports, mmio, interrupts, fpuError } = options;
    this.#apic = options.apic;
    const model = cpuModel(options.cpuLevel ?? "host");
    writeCpuidTable(options.memory.buffer, cpuidTable(model));
    const decoder = new Decoder(rows, decodedFeatures(model.features));
    this.#interpreter = new Interpreter({
      memory: options.memory,
      state: this.#state,
      units: options.units,
      decoder,
      environment: {
        mmioRead: (low, high, size) => mmio.read(physical(low, high), size as Width),
        mmioWrite: (low, high, size, value) => mmio.write(physical(low, high), value >>> 0, size as Width),
        portRead: (port, size) => ports.read(port & 0xffff, size as Width),
        portWrite: (port, size, value) => ports.write(port & 0xffff, value >>> 0, size as Width),
        preservePage: (page) => options.preservePage?.(page >>> 0),
        bringPage: (page) => options.bringPage?.(page >>> 0),
        tsc: options.tsc,
        interruptAcknowledge: () => interrupts.acknowledge(),
        ...apicRegisters(options.apic),
        wallClockMs: () => options.wallClock?.nowMs() ?? 0,
        entropy: randomBits(options.entropy),
        fpuError: () => fpuError?.(),
      },
    });
    this.#debug = new InterpreterDebug(this.#interpreter, this.#state);
    this.debug = this.#debug;
    if (options.translate !== false) this.#translator = new Translator(this.#interpreter, decoder);
    this.reset();
  }

  run(instructions: number): VcpuExit {
    if (this.#failure) return { kind: "failure", error: this.#failure };
    const state = this.#state;
    const budget = Math.max(1, Math.min(instructions, 0x7000_0000));
    state.set32("budget", budget);
    this.#debug.beforeRun();
    try {
      this.#interpreter.run();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      return { kind: "failure", error: this.#failure };
    } finally {
      this.#instructions += budget - (state.get32("budget") | 0);
    }
    const stop = this.#debug.afterRun();
    if (stop !== undefined) return stop;
    const activity = state.get32("activity");
    if (activity === 2) return { kind: "shutdown", reason: "triple fault" };
    if (activity === 1 && !this.#interpreter.canWake()) return { kind: "halted" };
    this.#translator?.sample(state.get64("rip"), state.get32("codeMode"));
    return { kind: "budget" };
  }

  kick(): void {
    this.#state.set32("attention", this.#state.get32("attention") | attentionBits.kick);
  }

  setInterruptPending(pending: boolean): void {
    this.#state.set32("interruptPin", pending ? 1 : 0);
    this.#interpreter.system.updateAttention();
  }

  raiseNmi(): void {
    this.#state.set32("nmiPending", 1);
    this.#interpreter.system.updateAttention();
  }

  reset(): void {
    this.#interpreter.system.resetCpu();
    this.#interpreter.fpuReset();
    this.#interpreter.stops.forget();
    this.flushTlb();
    this.#failure = undefined;
  }

  init(): void {
    this.#interpreter.system.initCpu();
    this.flushTlb();
  }

  setA20(enabled: boolean): void {
    this.#interpreter.system.setA20(enabled ? 1 : 0);
    this.#refetch();
  }

  getState(): CpuState {
    const state = this.#state;
    const image = state.read();
    image.msrs.set(0x10, BigInt.asUintN(64, BigInt(Math.floor(this.#tsc())) + state.get64("tscOffset")));
    return {
      ...image,
      ...(this.#apic ? { cr8: BigInt(this.#apic.getCr8()) } : {}),
      rflags: BigInt(this.#interpreter.system.readFlags() >>> 0),
      interruptShadow: state.get64("shadowRip") === image.rip,
      cpuid: readCpuidTable(this.#buffer),
    };
  }

  setState(state: CpuState): void {
    this.#state.write(state);
    const tsc = state.msrs.get(0x10);
    if (tsc !== undefined) this.#state.set64("tscOffset", BigInt.asUintN(64, tsc - BigInt(Math.floor(this.#tsc()))));
    const { system } = this.#interpreter;
    // The guest goes on seeing the features that it saw.
    if (state.cpuid.length > 0) writeCpuidTable(this.#buffer, state.cpuid);
    system.refreshFeatures();
    system.setA20(state.a20 ? 1 : 0);
    system.updateMode();
    system.reviseKvmClock();
    system.updateAttention();
    this.flushTlb();
  }

  invalidateCode(address: number, length: number): void {
    this.#interpreter.invalidate(address, length);
  }

  flushTlb(): void {
    this.#interpreter.cache.reguard();
    this.#interpreter.system.flushTlb();
    this.#refetch();
  }

  /** The physical address behind a linear one by the page tables in force, or undefined; nothing changes by asking. */
  translate(linear: number): number | undefined {
    const physical = this.#debug.translate(BigInt(linear));
    return physical === undefined ? undefined : Number(physical);
  }

  instructionCount(): number {
    return this.#instructions;
  }

  #refetch(): void {
    this.#state.set32("attention", this.#state.get32("attention") | attentionBits.refetch);
  }

  /** Handlers met so far, for the profile that decides which ones the loop has inline. */
  get interpreter(): Interpreter {
    return this.#interpreter;
  }
}

/** Bytes of shared memory that a machine with this much guest RAM needs. */
export const memoryBytesFor = (ramBytes: number): number => memoryPlan.ram + ramBytes;

const physical = (low: number, high: number): number => (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
