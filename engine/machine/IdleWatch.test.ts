import { expect, test } from "vitest";
import { NS_PER_MS } from "../base/units.ts";
import { IdleWatch } from "./IdleWatch.ts";

/** A guest that works for so long in every 4 ms, for a second. */
function tick(watch: IdleWatch, workMs: number, startMs = 0): void {
  for (let at = 4; at <= 1000; at += 4) watch.worked(workMs * NS_PER_MS, (startMs + at) * NS_PER_MS);
}

test("a guest that only ticks idles, and one that works does not", () => {
  const watch = new IdleWatch();
  watch.disturb(0);
  expect(watch.leniencyNs).toBe(0);
  tick(watch, 0.2);
  expect(watch.leniencyNs).toBe(46 * NS_PER_MS);
  tick(watch, 2, 1000);
  expect(watch.leniencyNs).toBe(0);
});

test("an event from outside ends it at once, for at least half a second", () => {
  const watch = new IdleWatch();
  tick(watch, 0.2);
  watch.disturb(1000 * NS_PER_MS);
  expect(watch.leniencyNs).toBe(0);
  watch.worked(0.1 * NS_PER_MS, 1499 * NS_PER_MS);
  expect(watch.leniencyNs).toBe(0);
  watch.worked(0.1 * NS_PER_MS, 1500 * NS_PER_MS);
  expect(watch.leniencyNs).toBe(46 * NS_PER_MS);
});

test("a second of hard work is not averaged away by idling before it", () => {
  const watch = new IdleWatch();
  tick(watch, 0);
  watch.worked(450 * NS_PER_MS, 1500 * NS_PER_MS);
  expect(watch.leniencyNs).toBe(0);
});
