/**
 * The compiled system unit on a bare shared memory with 4 MiB of RAM at physical 0, for tests: the outside is recorded, faults come back
 * as values. One instance serves a whole test file; `reset` makes it new.
 */
import { readFileSync } from "node:fs";
import { buildCpu } from "../../../../resources/build/buildCpu.ts";
import type { CpuLevel } from "../../../contracts/CpuLevel.ts";
import { cpuModel } from "../../cpuid/cpuLevels.ts";
import { cpuidTable, writeCpuidTable } from "../../cpuid/cpuidTable.ts";
import { CpuStateImage } from "../../CpuStateImage.ts";
import { cpuLayout, type segmentFields, segmentIndex } from "../../layout/cpuLayout.ts";
import { memoryPlan, physMapBits, tlbEntries, tlbEntryBytes } from "../../layout/memoryPlan.ts";

export const ramBytes = 4 * 1024 * 1024;
const wasmPage = 65536;
const noVector = 0xffff_ffff;

export type Fault = { readonly vector: number; readonly errorCode: number | undefined };
export type SegmentName = keyof typeof segmentIndex;
type Call = (...values: (number | bigint)[]) => number | bigint;

class GuestFault extends Error {}

export class SystemUnitHarness {
  readonly memory = new WebAssembly.Memory({
    initial: (memoryPlan.ram + ramBytes) / wasmPage,
    maximum: (memoryPlan.ram + ramBytes) / wasmPage,
    shared: true,
  });
  readonly state = new CpuStateImage(this.memory.buffer);
  readonly ram = new DataView(this.memory.buffer, memoryPlan.ram, ramBytes);
  readonly physMap = new Uint32Array(this.memory.buffer, memoryPlan.physMap, 0x10_0000);
  readonly dirtyMap = new Uint8Array(this.memory.buffer, memoryPlan.dirtyMap, 0x10_0000);
  readonly #tlb = new DataView(this.memory.buffer, memoryPlan.tlb, 2 * tlbEntries * tlbEntryBytes);
  readonly #exports: Record<string, Call>;
  /** What the outside saw, in order: "portRead 60 1", "mmioWrite a0000 2 1234", "code 5 10 4". */
  log: string[] = [];
  /** Gives an absent page its content. */
  arrive: (page: number) => void = () => {};
  /** What device reads answer. */
  deviceValue = 0;
  tsc = 0;
  /** What registers outside of the processor answer, and whether they refuse writes. */
  msrValue = 0n;
  msrRefused = false;
  wallClockMs = 0;
  /** What an address that is not canonical is reached by. */
  throughStack = false;
  vector = 0x20;

  private constructor(module: WebAssembly.Module) {
    const hex = (value: number): string => (value >>> 0).toString(16);
    const env = {
      memory: this.memory,
      throwFault: () => {
        throw new GuestFault();
      },
      usesStackSegment: () => (this.throughStack ? 1 : 0),
      mmioRead: (low: number, high: number, size: number) => {
        this.log.push(`mmioRead ${hex(high)}:${hex(low)} ${size}`);
        return this.deviceValue;
      },
      mmioWrite: (low: number, _high: number, size: number, value: number) =>
        this.log.push(`mmioWrite ${hex(low)} ${size} ${hex(value)}`),
      portRead: (port: number, size: number) => {
        this.log.push(`portRead ${hex(port)} ${size}`);
        return this.deviceValue;
      },
      portWrite: (port: number, size: number, value: number) => this.log.push(`portWrite ${hex(port)} ${size} ${hex(value)}`),
      preservePage: (page: number) => {
        this.log.push(`preserve ${hex(page)} ${hex(this.ram.getUint32(page * 4096, true))}`);
        this.physMap[page]! &= ~physMapBits.frozen;
      },
      bringPage: (page: number) => {
        this.log.push(`bring ${hex(page)}`);
        this.arrive(page);
        this.physMap[page]! &= ~physMapBits.absent;
      },
      codeWritten: (page: number, offset: number, size: number) => this.log.push(`code ${hex(page)} ${hex(offset)} ${size}`),
      tsc: () => this.tsc,
      interruptAcknowledge: () => {
        this.log.push("acknowledge");
        return this.vector;
      },
      msrWritten: (index: number, low: number, high: number) => {
        this.log.push(`msr ${hex(index)} ${hex(high)}:${hex(low)}`);
        return this.msrRefused ? 0 : 1;
      },
      msrRead: (index: number) => {
        this.log.push(`msrRead ${hex(index)}`);
        return this.msrValue;
      },
      taskPriority: () => -1,
      setTaskPriority: (value: number) => this.log.push(`priority ${value}`),
      wallClockMs: () => this.wallClockMs,
      entropy: () => this.msrValue,
    };
    writeCpuidTable(this.memory.buffer, cpuidTable(cpuModel("host")));
    this.#exports = new WebAssembly.Instance(module, { env }).exports as Record<string, Call>;
    this.reset();
  }

  static async create(): Promise<SystemUnitHarness> {
    const { system } = await buildCpu();
    return new SystemUnitHarness(new WebAssembly.Module(readFileSync(system!)));
  }

  get exportNames(): string[] {
    return Object.keys(this.#exports);
  }

  /** The processor of another level, in its power-on state. */
  setLevel(level: CpuLevel): void {
    writeCpuidTable(this.memory.buffer, cpuidTable(cpuModel(level)));
    this.reset();
  }

  /** Power-on state, empty RAM. */
  reset(): void {
    new Uint8Array(this.memory.buffer, memoryPlan.cpuState, cpuLayout.sizeBytes).fill(0);
    new Uint8Array(this.memory.buffer, memoryPlan.ram, ramBytes).fill(0);
    this.physMap.fill(0);
    this.dirtyMap.fill(0);
    for (let page = 0; page < ramBytes / 4096; page++) this.mapPage(page, page, physMapBits.readable | physMapBits.writable);
    this.tsc = 0;
    this.deviceValue = 0;
    this.arrive = () => {};
    this.call("resetCpu");
    this.log = [];
  }

  /** Physical page -> page of RAM, with physMap bits. */
  mapPage(physPage: number, ramPage: number, bits: number): void {
    this.physMap[physPage] = (memoryPlan.ram + ramPage * 4096) | bits;
  }

  /** Calls an export; a fault is an error of the test. Results are unsigned. */
  call(name: string, ...values: (number | bigint)[]): number {
    const run = this.#exports[name];
    if (!run) throw new Error(`the unit does not export ${name}`);
    try {
      const result = run(...values);
      return typeof result === "bigint" ? Number(BigInt.asUintN(64, result)) : result >>> 0;
    } catch (error) {
      if (error instanceof GuestFault) throw new Error(`${name}: unexpected fault ${JSON.stringify(this.#fault())}`);
      throw error;
    }
  }

  /** Calls an export that gives a 64-bit value, in full. */
  callBig(name: string, ...values: bigint[]): bigint {
    return this.#exports[name]!(...values) as bigint;
  }

  #fault(): Fault {
    const { state } = this;
    const errorCode = state.get32("faultHasErrorCode") ? state.get32("faultErrorCode") : undefined;
    return { vector: state.get32("faultVector"), errorCode };
  }

  /** Calls an export that is expected to fault. */
  fault(name: string, ...values: (number | bigint)[]): Fault | undefined {
    try {
      this.#exports[name]!(...values);
      return undefined;
    } catch (error) {
      if (error instanceof GuestFault) return this.#fault();
      throw error;
    }
  }

  /** What the run loop does with a fault: delivers it, and what goes wrong while doing so. */
  deliver(): void {
    for (let tries = 0; tries < 5; tries++) if (!this.fault("deliverFault")) return;
    throw new Error("delivery does not end");
  }

  /** Raises an exception and has it delivered. */
  raise(vector: number, errorCode = -1): void {
    this.fault("raise", vector, errorCode);
    this.deliver();
  }

  get isDelivering(): boolean {
    return this.state.get32("deliveringVector") !== noVector;
  }

  // --- registers ---
  gpr(number: number): number {
    return Number(this.state.get64("gpr", number) & 0xffff_ffffn);
  }
  setGpr(number: number, value: number): void {
    this.state.set64("gpr", BigInt(value >>> 0), number);
  }
  get rip(): number {
    return this.state.getNumber("rip");
  }
  set rip(value: number) {
    this.state.setNumber("rip", value);
  }
  get flags(): number {
    return this.call("readFlags");
  }
  selector(segment: SegmentName): number {
    return this.state.segmentWord(segmentIndex[segment], "selector");
  }
  base(segment: SegmentName): number {
    return this.state.segmentBase(segmentIndex[segment]);
  }
  segment(segment: SegmentName, field: Exclude<keyof typeof segmentFields, "base">): number {
    return this.state.segmentWord(segmentIndex[segment], field);
  }
  load(segment: SegmentName, selector: number): void {
    this.call("loadSegment", segmentIndex[segment], selector);
  }
  loadFault(segment: SegmentName, selector: number): Fault | undefined {
    return this.fault("loadSegment", segmentIndex[segment], selector);
  }

  // --- memory, physical ---
  r8(at: number): number {
    return this.ram.getUint8(at);
  }
  r16(at: number): number {
    return this.ram.getUint16(at, true);
  }
  r32(at: number): number {
    return this.ram.getUint32(at, true);
  }
  w8(at: number, value: number): void {
    this.ram.setUint8(at, value);
  }
  w16(at: number, value: number): void {
    this.ram.setUint16(at, value, true);
  }
  w32(at: number, value: number): void {
    this.ram.setUint32(at, value >>> 0, true);
  }
  w64(at: number, value: bigint): void {
    this.ram.setBigUint64(at, BigInt.asUintN(64, value), true);
  }
  words(at: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.r16(at + i * 2));
  }
  dwords(at: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.r32(at + i * 4));
  }

  /** Which tags of the TLB in use admit a linear page. */
  tags(linear: number): { read: boolean; write: boolean; execute: boolean } {
    const entry = this.state.get32("tlbBase") - memoryPlan.tlb + ((linear >>> 12) & (tlbEntries - 1)) * tlbEntryBytes;
    const page = BigInt((linear & ~0xfff) >>> 0);
    const is = (offset: number): boolean => this.#tlb.getBigUint64(entry + offset, true) === page;
    return { read: is(0), write: is(8), execute: is(16) };
  }
}
