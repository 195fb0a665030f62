import { expect, test } from "vitest";
import { VirtualClock } from "./VirtualClock.ts";

function build() {
  const host = { ns: 1_000_000 };
  const clock = new VirtualClock(() => host.ns);
  clock.start();
  return { host, clock };
}

test("guest time follows the host while running and stands still while stopped", () => {
  const { host, clock } = build();
  host.ns += 500;
  expect(clock.nowNs()).toBe(500);
  clock.stop();
  host.ns += 10_000;
  expect(clock.nowNs()).toBe(500);
  clock.start();
  host.ns += 1;
  expect(clock.nowNs()).toBe(501);
});

test("due callbacks run in deadline order, equal ones in order of scheduling", () => {
  const { host, clock } = build();
  const ran: string[] = [];
  clock.schedule(30, () => ran.push("c"));
  clock.schedule(10, () => ran.push("a"));
  clock.schedule(20, () => ran.push("b1"));
  clock.schedule(20, () => ran.push("b2"));
  clock.schedule(99, () => ran.push("later"));
  host.ns += 50;
  clock.runDue();
  expect(ran).toEqual(["a", "b1", "b2", "c"]);
  expect(clock.nextDeadlineNs()).toBe(99);
});

test("a cancelled timer neither runs nor counts as the next", () => {
  const { host, clock } = build();
  const timer = clock.schedule(10, () => expect.unreachable());
  clock.schedule(20, () => {});
  timer.cancel();
  expect(clock.nextDeadlineNs()).toBe(20);
  host.ns += 15;
  clock.runDue();
});

test("a periodic timer that has fallen behind runs once a call", () => {
  const { host, clock } = build();
  let ticks = 0;
  const tick = (deadline: number) => {
    ticks++;
    clock.schedule(deadline + 10, () => tick(deadline + 10));
  };
  clock.schedule(10, () => tick(10));
  host.ns += 1_000;
  clock.runDue();
  expect(ticks).toBe(1);
  clock.runDue();
  expect(ticks).toBe(2);
});

test("a thousand random timers come out sorted", () => {
  const { host, clock } = build();
  const ran: number[] = [];
  let seed = 1;
  for (let i = 0; i < 1000; i++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    const deadline = seed % 5000;
    clock.schedule(deadline, () => ran.push(deadline));
  }
  host.ns += 10_000;
  clock.runDue();
  expect(ran).toHaveLength(1000);
  expect(ran).toEqual([...ran].sort((a, b) => a - b));
});

test("a turn that the host drags out costs the guest only the limit; waiting costs all of it", () => {
  const { host, clock } = build();
  clock.beginTurn();
  host.ns += 1_000_000_000;
  expect(clock.nowNs()).toBe(4_000_100);
  clock.beginWait();
  host.ns += 1_000_000_000;
  expect(clock.nowNs()).toBe(1_004_000_100);
  clock.beginTurn();
  host.ns += 10;
  expect(clock.nowNs()).toBe(1_004_000_110);
});

test("two looks at the clock differ even in a turn that has lasted too long, but never run ahead of the host", () => {
  const { host, clock } = build();
  clock.beginTurn();
  host.ns += 4_000_150;
  expect([clock.nowNs(), clock.nowNs(), clock.nowNs()]).toEqual([4_000_100, 4_000_150, 4_000_150]);
});
