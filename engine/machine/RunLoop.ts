import { NS_PER_MS } from "../base/units.ts";
import type { Vcpu, VcpuExit } from "../contracts/Vcpu.ts";
import type { DebugExit } from "../contracts/VcpuDebug.ts";
import { IdleWatch } from "./IdleWatch.ts";
import type { MachineOptions } from "./MachineOptions.ts";
import type { VirtualClock } from "./VirtualClock.ts";

/**
 * Shares one thread between the guest and the host: runs the processor in short turns, fires due timers in between, lets
 * the host's event loop run after each slice of a few milliseconds, and sleeps while the guest is halted.
 */
export interface RunLoopParts {
  vcpu: Vcpu;
  clock: VirtualClock;
  host: Pick<MachineOptions, "steadyNowNs" | "yieldToHost" | "delay">;
  /** The processor cannot go on: triple fault or a broken invariant. */
  onStop: (exit: Extract<VcpuExit, { kind: "shutdown" | "failure" }>) => void;
  /** The processor stands where a debugger wanted it. */
  onDebug: (exit: DebugExit) => void;
}

/** How long the guest may keep the thread before the host's events are looked at. */
const SLICE_NS = 3 * NS_PER_MS;
/** A turn is at most so many instructions, so that a timer is never later than a fraction of a millisecond. */
const LARGEST_TURN = 100_000;
const SMALLEST_TURN = 1_000;
/** Slow code gets fewer: the guest's clock stands still when a turn takes much longer than this. */
const LONGEST_TURN_NS = 2 * NS_PER_MS;
/** Turns shorter than this say little about the speed. */
const LEAST_MEASURED_NS = 0.05 * NS_PER_MS;
/** Longest sleep of a halted guest: bounds the error of host timers. */
const LONGEST_SLEEP_MS = 1_000;
/** Below this a round through the event loop is wait enough. */
const SHORTEST_SLEEP_MS = 0.05;

type Phase = "stopped" | "running" | "asleep";

export class RunLoop {
  readonly #parts: RunLoopParts;
  #phase: Phase = "stopped";
  /** Invalidates callbacks of an earlier start. */
  #generation = 0;
  #cancelSleep: (() => void) | undefined;
  /** Guest time at which the sleep ends by itself. */
  #wakeNs = 0;
  #boundaryWork: (() => void)[] = [];
  #yieldWanted = false;
  /** `wake` was called since the processor last ran. */
  #woken = false;
  #inTurn = false;
  /** Timers of the guest's own are being run. */
  #inTimers = false;
  readonly #idle = new IdleWatch();
  /** Measured speed, to aim turns at deadlines. */
  #instructionsPerNs = 0.03;
  /** Host time spent inside the processor. */
  busyNs = 0;

  constructor(parts: RunLoopParts) {
    this.#parts = parts;
    // Nobody but the outside schedules anything while the guest sleeps: a key that was pressed, say.
    parts.clock.onSchedule = (deadlineNs) => {
      if (this.#phase === "asleep" && deadlineNs < this.#wakeNs) this.wake();
    };
  }

  start(): void {
    if (this.#phase !== "stopped") return;
    this.#parts.clock.start();
    this.#phase = "running";
    this.#schedule();
  }

  stop(): void {
    if (this.#phase === "stopped") return;
    this.#phase = "stopped";
    this.#generation++;
    this.#cancelSleep?.();
    this.#cancelSleep = undefined;
    this.#parts.clock.stop();
    this.#endTurn();
  }

  /** Has `work` done between two turns, soon: the state of the processor is then its guest's own. */
  atBoundary(work: () => void): void {
    this.#boundaryWork.push(work);
    this.#endTurn();
    this.wake();
  }

  /**
   * Does now what waits for a boundary. Afterwards the state is one that can be saved. Must not be called by what the processor calls
   * within a turn.
   */
  settle(): void {
    if (this.#inTurn) throw new Error("The processor is within an instruction.");
    for (const work of this.#boundaryWork.splice(0)) work();
  }

  /** What the measured speed is; a restored machine goes on with it. */
  get instructionsPerNs(): number {
    return this.#instructionsPerNs;
  }
  set instructionsPerNs(value: number) {
    this.#instructionsPerNs = value;
  }

  /** Ends the slice after this turn: the guest waits for something that the host's event loop brings. */
  yieldSoon(): void {
    this.#yieldWanted = true;
    this.#endTurn();
  }

  /** Something happened that a halted guest may be waiting for. */
  wake(): void {
    this.#woken = true;
    if (!this.#inTurn && !this.#inTimers) this.#idle.disturb(this.#parts.host.steadyNowNs());
    if (this.#phase !== "asleep") return;
    this.#cancelSleep?.();
    this.#cancelSleep = undefined;
    this.#phase = "running";
    this.#schedule();
  }

  /** The host's timer called: no other code is under way, so the guest goes on at once instead of after another round. */
  #sleptOut(): void {
    this.#cancelSleep = undefined;
    this.#phase = "running";
    this.#slice();
  }

  /** Between turns there is nothing to end: a kick that nobody takes would make the next turn an empty one. */
  #endTurn(): void {
    if (this.#inTurn) this.#parts.vcpu.kick();
  }

  #schedule(): void {
    const generation = this.#generation;
    this.#parts.host.yieldToHost(() => {
      if (generation === this.#generation && this.#phase === "running") this.#slice();
    });
  }

  #slice(): void {
    const { clock, host } = this.#parts;
    const end = host.steadyNowNs() + SLICE_NS;
    while (this.#phase === "running") {
      for (const work of this.#boundaryWork.splice(0)) work();
      this.#runDue();
      if (this.#phase !== "running") return;
      this.#woken = false;
      clock.beginTurn();
      const exit = this.#turn();
      if (exit.kind === "halted") {
        this.#runDue();
        if (this.#woken) continue;
        if (this.#phase === "running") this.#sleep();
        return;
      }
      if (exit.kind === "shutdown" || exit.kind === "failure") {
        this.stop();
        this.#parts.onStop(exit);
        return;
      }
      if (exit.kind !== "budget") {
        this.stop();
        this.#parts.onDebug(exit);
        return;
      }
      if (this.#yieldWanted || host.steadyNowNs() >= end) break;
    }
    this.#yieldWanted = false;
    if (this.#phase === "running") this.#schedule();
  }

  #runDue(): void {
    this.#inTimers = true;
    this.#parts.clock.runDue();
    this.#inTimers = false;
  }

  #turn(): VcpuExit {
    const { clock, vcpu, host } = this.#parts;
    const deadline = clock.nextDeadlineNs();
    let aimNs = LONGEST_TURN_NS;
    if (deadline !== undefined) aimNs = Math.min(aimNs, deadline - clock.nowNs());
    const budget = Math.min(LARGEST_TURN, Math.ceil(aimNs * this.#instructionsPerNs));
    const before = vcpu.instructionCount();
    const began = host.steadyNowNs();
    this.#inTurn = true;
    const exit = vcpu.run(Math.max(budget, SMALLEST_TURN));
    this.#inTurn = false;
    const ended = host.steadyNowNs();
    const tookNs = ended - began;
    this.busyNs += tookNs;
    this.#idle.worked(tookNs, ended);
    const ran = vcpu.instructionCount() - before;
    if (tookNs > LEAST_MEASURED_NS) this.#instructionsPerNs += (ran / tookNs - this.#instructionsPerNs) / 8;
    return exit;
  }

  #sleep(): void {
    const { clock, host } = this.#parts;
    clock.beginWait();
    const nowNs = clock.nowNs();
    this.#wakeNs = clock.nextWakeNs(this.#idle.leniencyNs) ?? nowNs + LONGEST_SLEEP_MS * NS_PER_MS;
    const waitMs = (this.#wakeNs - nowNs) / NS_PER_MS;
    if (waitMs < SHORTEST_SLEEP_MS) {
      this.#schedule();
      return;
    }
    this.#phase = "asleep";
    const generation = this.#generation;
    // Whole milliseconds: host timers drop fractions, and waking early means waking twice.
    this.#cancelSleep = host.delay(Math.min(Math.ceil(waitMs), LONGEST_SLEEP_MS), () => {
      if (generation === this.#generation && this.#phase === "asleep") this.#sleptOut();
    });
  }
}
