/**
 * Where engine processes come from. While somebody looks at the library one process is kept ready: its program is loaded and a
 * machine has been rehearsed in it, so that pressing Start waits for neither. A ready process is no machine: it belongs to
 * nobody, holds no file, and ends with the host. One that ends by itself is not replaced before the next start, so that an
 * engine that cannot run does not come back for ever; a host short of memory keeps none.
 */
import { freemem } from "node:os";
import { ProtocolClient } from "../api/ProtocolClient.ts";
import { GiB } from "../base/units.ts";
import type { EngineChild, EngineSpawner } from "./EngineSpawner.ts";
import { type EngineProtocol, engineProtocol } from "./engineProtocol.ts";

export interface EngineProcess {
  readonly child: EngineChild;
  readonly client: ProtocolClient<EngineProtocol>;
}

export interface EngineStockOptions {
  readonly spawn: EngineSpawner;
  /** How long to wait before making the first, so that a page that loads comes first. */
  readonly settleMs?: number;
  /** The same for the next one: a guest that has just begun needs all processors for a while, above all one that was saved. */
  readonly replenishMs?: number;
  readonly freeBytes?: () => number;
}

const SETTLE_MS = 400;
const REPLENISH_MS = 4000;
const LEAST_FREE_BYTES = 1 * GiB;

export class EngineStock {
  readonly #spawn: EngineSpawner;
  readonly #settleMs: number;
  readonly #replenishMs: number;
  readonly #freeBytes: () => number;
  #ready: EngineProcess | undefined;
  #wanted = false;
  /** The last one ended by itself. */
  #broken = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ spawn, settleMs = SETTLE_MS, replenishMs = REPLENISH_MS, freeBytes = freemem }: EngineStockOptions) {
    this.#spawn = spawn;
    this.#settleMs = settleMs;
    this.#replenishMs = replenishMs;
    this.#freeBytes = freeBytes;
  }

  /** Keeps a process ready from now on, or no more. */
  keep(wanted: boolean): void {
    this.#wanted = wanted;
    if (wanted) this.#prepareAfter(this.#settleMs);
    else this.#discard();
  }

  /** The process of one run: the ready one if there is, else a new one. It is the caller's from then on. */
  take(machineName: string): EngineProcess {
    const ready = this.#ready;
    this.#ready = undefined;
    this.#broken = false;
    return ready ?? this.#make(machineName);
  }

  /** The run's machine is up, or has failed: there is time for the next one. */
  replenish(): void {
    if (this.#wanted) this.#prepareAfter(this.#replenishMs);
  }

  #make(machineName: string | undefined): EngineProcess {
    const child = this.#spawn(machineName);
    return { child, client: new ProtocolClient(engineProtocol, child.endpoint) };
  }

  #prepareAfter(milliseconds: number): void {
    if (this.#timer !== undefined || this.#ready !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#wanted && this.#ready === undefined && !this.#broken) this.#prepare();
    }, milliseconds);
    this.#timer.unref();
  }

  #prepare(): void {
    if (this.#freeBytes() < LEAST_FREE_BYTES) return;
    const made = this.#make(undefined);
    this.#ready = made;
    const lost = (): void => {
      if (this.#ready !== made) return;
      this.#ready = undefined;
      this.#broken = true;
      made.child.kill();
    };
    made.child.onExit(lost);
    made.client.closed.subscribe(lost);
    // What is wrong with it will be said in words when a machine is to start.
    made.client.call("prepare", {}).catch(lost);
  }

  #discard(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const ready = this.#ready;
    this.#ready = undefined;
    ready?.client.close("no engine is needed");
    ready?.child.kill();
  }
}
