import { GuesthouseError } from "../base/GuesthouseError.ts";
import { TypedEvent } from "../base/TypedEvent.ts";
import type { CpuState } from "../contracts/CpuState.ts";
import type { AddressSpace, DebugStop, DebugTarget, StopPoint } from "../contracts/DebugTarget.ts";
import type { PhysicalMemory } from "../contracts/PhysicalMemory.ts";
import type { Vcpu } from "../contracts/Vcpu.ts";
import type { DebugExit } from "../contracts/VcpuDebug.ts";
import { memoryPlan, physMapBits, physPages } from "../cpu/layout/memoryPlan.ts";

/**
 * The debugger's view of a machine: stop points of all its users together, registers, and memory through the page tables. Device windows are
 * neither read nor written, since that would change what the guest sees.
 */
export interface MachineDebuggerParts {
  readonly vcpu: Vcpu;
  readonly memory: WebAssembly.Memory;
  readonly map: PhysicalMemory;
  readonly life: () => DebugTarget["state"];
  readonly pause: () => void;
  readonly resume: () => void;
}

const PAGE_BYTES = 4096;

export class MachineDebugger implements DebugTarget {
  readonly stopped = new TypedEvent<DebugStop>();
  readonly resumed = new TypedEvent<undefined>();
  readonly #parts: MachineDebuggerParts;
  readonly #physMap: Uint32Array;
  readonly #points = new Map<string, { point: StopPoint; users: number }>();

  constructor(parts: MachineDebuggerParts) {
    this.#parts = parts;
    this.#physMap = new Uint32Array(parts.memory.buffer, memoryPlan.physMap, physPages);
  }

  get state(): DebugTarget["state"] {
    return this.#parts.life();
  }

  pause(): void {
    this.#requireOn();
    this.#parts.pause();
  }

  resume(): void {
    this.#requireOn();
    this.#parts.resume();
  }

  step(): void {
    if (this.state !== "paused") throw new GuesthouseError("illegal-state", "Only a paused machine can be stepped.");
    this.#parts.vcpu.debug.setStepping(true);
    this.#parts.resume();
  }

  /** The machine is about to run. */
  noteResumed(): void {
    this.#parts.vcpu.debug.passBreakpoint();
    this.resumed.emit(undefined);
  }

  /** The machine stands. */
  noteStopped(stop: DebugStop | DebugExit): void {
    this.#parts.vcpu.debug.setStepping(false);
    this.stopped.emit(stop);
  }

  registers(): CpuState {
    this.#requireOn();
    return this.#parts.vcpu.getState();
  }

  setRegisters(state: CpuState): void {
    this.#requireOn();
    this.#parts.vcpu.setState(state);
  }

  readMemory(address: bigint, length: number, space: AddressSpace): Uint8Array<ArrayBuffer> {
    this.#requireOn();
    const bytes = new Uint8Array(length);
    const done = this.#eachPart(address, length, space, physMapBits.readable, (physical, start, end) =>
      this.#parts.map.read(physical, bytes.subarray(start, end)),
    );
    return bytes.subarray(0, done);
  }

  writeMemory(address: bigint, bytes: Uint8Array, space: AddressSpace): number {
    this.#requireOn();
    return this.#eachPart(address, bytes.length, space, physMapBits.writable, (physical, start, end) =>
      this.#parts.map.write(physical, bytes.subarray(start, end)),
    );
  }

  insert(point: StopPoint): void {
    const key = keyOf(point);
    const known = this.#points.get(key);
    if (known !== undefined) {
      known.users++;
      return;
    }
    this.#points.set(key, { point, users: 1 });
    try {
      this.#apply();
    } catch (error) {
      this.#points.delete(key);
      throw error;
    }
  }

  remove(point: StopPoint): void {
    const key = keyOf(point);
    const known = this.#points.get(key);
    if (known === undefined || --known.users > 0) return;
    this.#points.delete(key);
    this.#apply();
  }

  #apply(): void {
    const points = [...this.#points.values()].map(({ point }) => point);
    this.#parts.vcpu.debug.setWatchpoints(
      points.flatMap((point) =>
        point.kind === "execute" ? [] : [{ address: point.address, length: point.length, access: point.kind }],
      ),
    );
    this.#parts.vcpu.debug.setBreakpoints(points.flatMap((point) => (point.kind === "execute" ? [point.address] : [])));
  }

  /** Goes through the memory page by page as long as `needed` is true of it; gives how many bytes that were. */
  #eachPart(
    address: bigint,
    length: number,
    space: AddressSpace,
    needed: number,
    work: (physical: number, start: number, end: number) => void,
  ): number {
    let done = 0;
    while (done < length) {
      const at = BigInt.asUintN(64, address + BigInt(done));
      const physical = space === "physical" ? at : this.#parts.vcpu.debug.translate(at);
      if (physical === undefined || physical >= BigInt(physPages) * BigInt(PAGE_BYTES)) break;
      const place = Number(physical);
      if (!(this.#physMap[Math.floor(place / PAGE_BYTES)]! & needed)) break;
      const end = Math.min(length, done + PAGE_BYTES - (place % PAGE_BYTES));
      work(place, done, end);
      done = end;
    }
    return done;
  }

  #requireOn(): void {
    if (this.state === "off") throw new GuesthouseError("illegal-state", "The machine is off.");
  }
}

function keyOf(point: StopPoint): string {
  return point.kind === "execute" ? `x${point.address}` : `${point.kind}${point.address}+${point.length}`;
}
