import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FrameLook, FramePacer } from "./FramePacer.ts";

let looks = 0;
let answer: FrameLook;
let pacer: FramePacer;

beforeEach(() => {
  vi.useFakeTimers();
  looks = 0;
  answer = { wanted: true, changed: true, busy: false };
  pacer = new FramePacer(() => {
    looks++;
    return answer;
  });
});
afterEach(() => {
  pacer.close();
  vi.useRealTimers();
});

test("nothing is looked at before somebody asks, then at once and at the frame rate", () => {
  vi.advanceTimersByTime(1000);
  expect(looks).toBe(0);
  pacer.hurry();
  vi.advanceTimersByTime(1);
  expect(looks).toBe(1);
  for (let i = 0; i < 100; i++) pacer.hurry();
  vi.advanceTimersByTime(1000);
  expect(looks).toBeGreaterThanOrEqual(58);
  expect(looks).toBeLessThanOrEqual(63);
});

test("without a viewer that can take a frame it rests until the next credit", () => {
  pacer.hurry();
  answer = { wanted: false, changed: true, busy: false };
  vi.advanceTimersByTime(1000);
  expect(looks).toBe(1);
  answer = { wanted: true, changed: true, busy: false };
  pacer.hurry();
  vi.advanceTimersByTime(1);
  expect(looks).toBe(2);
});

test("a quiet picture is looked at less often, and at once again after input", () => {
  answer = { wanted: true, changed: false, busy: false };
  pacer.hurry();
  vi.advanceTimersByTime(2000);
  looks = 0;
  vi.advanceTimersByTime(1000);
  expect(looks).toBeLessThanOrEqual(21);
  looks = 0;
  pacer.hurry();
  vi.advanceTimersByTime(17);
  expect(looks).toBeGreaterThanOrEqual(1);
  vi.advanceTimersByTime(500);
  expect(looks).toBeGreaterThan(25);
});

test("a busy guest is left alone for longer than a look takes, within limits, an idle one is not", () => {
  const busyLooks = (busy: boolean) => {
    let count = 0;
    const slow = new FramePacer(() => {
      count++;
      vi.advanceTimersByTime(8);
      return { wanted: true, changed: true, busy };
    });
    slow.hurry();
    vi.advanceTimersByTime(1000);
    slow.close();
    return count;
  };
  expect(busyLooks(true)).toBeGreaterThanOrEqual(9);
  expect(busyLooks(true)).toBeLessThan(12);
  expect(busyLooks(false)).toBeGreaterThan(40);
});

test("closed it stays quiet", () => {
  pacer.hurry();
  pacer.close();
  pacer.hurry();
  vi.advanceTimersByTime(1000);
  expect(looks).toBe(0);
});
