import { expect, test } from "vitest";
import { NS_PER_MS } from "../base/units.ts";
import type { Vcpu, VcpuExit } from "../contracts/Vcpu.ts";
import { RunLoop } from "./RunLoop.ts";
import { VirtualClock } from "./VirtualClock.ts";

/** A host whose event loop and time are driven by the test, and a processor that plays back exits. */
function build(exits: VcpuExit[], nsOfTurn = (_budget: number) => NS_PER_MS) {
  const host = { ns: 0, queue: [] as (() => void)[], sleeps: [] as { ms: number; resume: () => void }[] };
  const runs: number[] = [];
  /** In which turn, counted from 1, the processor was told to come back; 0 between turns. */
  const kicks: number[] = [];
  let inTurn = 0;
  let instructions = 0;
  const clock = new VirtualClock(() => host.ns);
  const stops: VcpuExit[] = [];
  const vcpu = {
    run(budget: number) {
      inTurn = runs.push(budget);
      instructions += budget;
      host.ns += nsOfTurn(budget);
      inTurn = 0;
      return exits.shift() ?? { kind: "budget" };
    },
    kick: () => void kicks.push(inTurn),
    instructionCount: () => instructions,
  } as unknown as Vcpu;
  const loop = new RunLoop({
    vcpu,
    clock,
    host: {
      steadyNowNs: () => host.ns,
      yieldToHost: (resume) => void host.queue.push(resume),
      delay: (ms, resume) => {
        const entry = { ms, resume };
        host.sleeps.push(entry);
        return () => void host.sleeps.splice(host.sleeps.indexOf(entry), 1);
      },
    },
    onStop: (exit) => void stops.push(exit),
    onDebug: (exit) => void stops.push(exit),
  });
  const turnEventLoop = () => {
    for (const resume of host.queue.splice(0)) resume();
  };
  return { host, runs, kicks, clock, loop, stops, turnEventLoop };
}

test("a busy guest gives the thread back after each slice", () => {
  const { loop, runs, turnEventLoop } = build([]);
  loop.start();
  expect(runs).toHaveLength(0);
  turnEventLoop();
  expect(runs).toHaveLength(3);
  turnEventLoop();
  expect(runs).toHaveLength(6);
});

test("a halted guest sleeps until the next timer and wakes for an event before it", () => {
  const { host, loop, runs, clock, turnEventLoop } = build([{ kind: "halted" }]);
  clock.schedule(51 * NS_PER_MS, () => {});
  loop.start();
  turnEventLoop();
  expect(host.sleeps.map((sleep) => sleep.ms)).toEqual([50]);
  loop.wake();
  expect(host.sleeps).toEqual([]);
  turnEventLoop();
  expect(runs.length).toBeGreaterThan(1);
});

test("a sleep that is over goes on within the host's timer, and one that was cut short does not", () => {
  const { host, loop, runs, clock } = build([{ kind: "halted" }, { kind: "halted" }]);
  clock.schedule(51 * NS_PER_MS, () => {});
  clock.schedule(90 * NS_PER_MS, () => {});
  loop.start();
  for (const resume of host.queue.splice(0)) resume();
  const [sleep] = host.sleeps.splice(0);
  host.ns += 50 * NS_PER_MS;
  sleep?.resume();
  expect(runs).toHaveLength(2);
  expect(host.sleeps).toHaveLength(1);
  const stale = host.sleeps[0]?.resume;
  loop.wake();
  stale?.();
  expect(runs).toHaveLength(2);
});

test("lenient timers of a guest that idles may be late, exact ones and those after an event from outside are not", () => {
  const { host, loop, clock, turnEventLoop } = build(
    Array.from({ length: 1000 }, () => ({ kind: "halted" }) as const),
    () => 0.1 * NS_PER_MS,
  );
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    loop.wake();
    clock.schedule(clock.nowNs() + 4 * NS_PER_MS, tick, "lenient");
  };
  clock.schedule(4 * NS_PER_MS, tick, "lenient");
  loop.start();
  turnEventLoop();
  const sleepOut = (): number => {
    const [sleep] = host.sleeps.splice(0);
    host.ns += sleep!.ms * NS_PER_MS;
    sleep!.resume();
    return sleep!.ms;
  };
  expect(sleepOut()).toBe(4);
  while (host.ns < 1000 * NS_PER_MS) sleepOut();
  expect(sleepOut()).toBe(50);
  const before = ticks;
  sleepOut();
  expect(ticks).toBe(before + 1);
  clock.schedule(clock.nowNs() + 55 * NS_PER_MS, () => {});
  sleepOut();
  expect(sleepOut()).toBeLessThan(10);
  loop.wake();
  turnEventLoop();
  expect(sleepOut()).toBe(4);
});

test("a sleeping guest wakes for a timer that somebody outside schedules for before the end of the sleep", () => {
  const { host, loop, runs, clock, turnEventLoop } = build([{ kind: "halted" }, { kind: "halted" }]);
  clock.schedule(51 * NS_PER_MS, () => {});
  loop.start();
  turnEventLoop();
  clock.schedule(90 * NS_PER_MS, () => {});
  expect(host.sleeps.map((sleep) => sleep.ms)).toEqual([50]);
  clock.schedule(5 * NS_PER_MS, () => {});
  expect(host.sleeps).toEqual([]);
  turnEventLoop();
  expect(runs).toHaveLength(2);
  expect(host.sleeps.map((sleep) => sleep.ms)).toEqual([3]);
});

test("an interrupt raised by a timer while the guest halts is not slept through", () => {
  const { host, loop, runs, clock, turnEventLoop } = build([{ kind: "halted" }]);
  clock.schedule(NS_PER_MS / 2, () => loop.wake());
  loop.start();
  turnEventLoop();
  expect(host.sleeps).toEqual([]);
  expect(runs.length).toBeGreaterThan(1);
});

test("turns end near the next deadline", () => {
  const { loop, runs, clock, turnEventLoop } = build([]);
  clock.schedule(0.1 * NS_PER_MS, () => {});
  loop.start();
  turnEventLoop();
  expect(runs[0]).toBeLessThan(5_000);
  expect(runs[1]).toBeGreaterThan(50_000);
});

test("turns of slow code get shorter until they take about two milliseconds", () => {
  const { loop, runs, turnEventLoop } = build([], (budget) => budget * 1_000);
  loop.start();
  for (let i = 0; i < 40; i++) turnEventLoop();
  expect(runs[0]).toBeGreaterThan(50_000);
  expect(runs.at(-1)).toBeLessThan(3_000);
});

test("shutdown stops the loop and tells why; nothing runs after stop", () => {
  const { loop, stops, runs, turnEventLoop } = build([{ kind: "shutdown", reason: "triple fault" }]);
  loop.start();
  turnEventLoop();
  expect(stops).toEqual([{ kind: "shutdown", reason: "triple fault" }]);
  turnEventLoop();
  expect(runs).toHaveLength(1);
});

test("a callback of an earlier start does nothing after stop and start", () => {
  const { loop, runs, turnEventLoop } = build([]);
  loop.start();
  loop.stop();
  loop.start();
  turnEventLoop();
  expect(runs).toHaveLength(3);
});

test("a processor that stands where a debugger wanted it gets no further turn until it is started again", () => {
  const { loop, runs, stops, turnEventLoop } = build([{ kind: "budget" }, { kind: "step" }]);
  loop.start();
  turnEventLoop();
  turnEventLoop();
  expect(runs).toHaveLength(2);
  expect(stops).toEqual([{ kind: "step" }]);
  loop.start();
  turnEventLoop();
  expect(runs.length).toBeGreaterThan(2);
});

test("what happens between turns ends none: the turn after a pause is a whole one", () => {
  const { loop, kicks, turnEventLoop } = build([], () => {
    if (kicks.length === 0) loop.yieldSoon();
    return NS_PER_MS;
  });
  loop.start();
  turnEventLoop();
  expect(kicks).toEqual([1]);
  loop.atBoundary(() => {});
  loop.yieldSoon();
  loop.stop();
  loop.start();
  expect(kicks).toEqual([1]);
});
