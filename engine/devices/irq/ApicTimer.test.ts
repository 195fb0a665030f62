import { expect, test } from "vitest";
import { ApicTimer } from "./ApicTimer.ts";

/** Time passes for the guest within a turn, in which the clock does not call. */
function lateTimer() {
  const clock = {
    now: 0,
    nowNs: () => clock.now,
    schedule: (deadlineNs: number) => ({ deadlineNs, cancel: () => {} }),
  };
  let expiries = 0;
  const timer = new ApicTimer({ clock, frequencyHz: 1e9, onExpiry: () => expiries++ });
  timer.divideConfiguration = 0x0b;
  return { clock, timer, expiries: () => expiries };
}

test("a count that software has seen at zero expires before the mode changes, and stays there", () => {
  const { clock, timer, expiries } = lateTimer();
  timer.setMode("oneShot", false);
  timer.initialCount = 100;
  clock.now = 100;
  expect([timer.currentCount, expiries()]).toEqual([0, 0]);
  timer.catchUp();
  timer.setMode("periodic", false);
  clock.now = 130;
  expect([timer.currentCount, expiries()]).toEqual([0, 1]);
});

test("a deadline that has passed when it is set expires at once, one that has not waits for the clock", () => {
  const { clock, timer, expiries } = lateTimer();
  timer.setMode("deadline", false);
  clock.now = 100;
  timer.deadlineTicks = 101;
  expect(expiries()).toBe(0);
  timer.deadlineTicks = 100;
  expect([expiries(), timer.deadlineTicks]).toEqual([1, 0]);
});
