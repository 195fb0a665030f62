/**
 * What the lights and charts are made of: byte counters since power-on become rates and "just now" marks. The host reports
 * counters four times a second while they change and figures once a second; both restart at zero with a new run.
 */
import type { Activity, Figures } from "../../engine/api/MachineSummary.ts";

export type ActivityCounter = keyof Activity;

export interface ActivityView {
  readonly totals: Activity;
  /** Bytes per second over the last report. */
  readonly rates: Activity;
  readonly atMs: number;
}

const counters: readonly ActivityCounter[] = ["diskRead", "diskWritten", "opticalRead", "floppyRead", "floppyWritten"];
const nothing: Activity = { diskRead: 0, diskWritten: 0, opticalRead: 0, floppyRead: 0, floppyWritten: 0 };

/** How long a light stays lit after the last report, so that a single access can be seen. */
export const LIGHT_MS = 350;

export function nextActivity(before: ActivityView | undefined, totals: Activity, atMs: number): ActivityView {
  const rates = { ...nothing };
  // Reports come only while something changes: after a pause the elapsed time says nothing about the rate.
  const elapsedMs = Math.min(Math.max(atMs - (before?.atMs ?? 0), 50), 500);
  for (const counter of counters) {
    // The first report sums up everything since power-on, which is no rate.
    const delta = before === undefined ? 0 : totals[counter] - before.totals[counter];
    rates[counter] = delta > 0 ? (delta * 1000) / elapsedMs : 0;
  }
  return { totals, rates, atMs };
}

/** True while the counter moved a moment ago. */
export function isLit(view: ActivityView | undefined, counter: ActivityCounter, nowMs: number): boolean {
  return view !== undefined && nowMs - view.atMs < LIGHT_MS && view.rates[counter] > 0;
}

export interface FigureSample {
  readonly figures: Figures;
  readonly diskRate: number;
  readonly atMs: number;
}

export const HISTORY_SAMPLES = 120;

/** Keeps the last two minutes; a new run (fewer instructions than before) begins a new history. */
export function nextHistory(
  before: readonly FigureSample[],
  figures: Figures,
  activity: ActivityView | undefined,
  atMs: number,
): readonly FigureSample[] {
  const fresh = activity !== undefined && atMs - activity.atMs < 1000;
  const diskRate = fresh ? counters.reduce((sum, counter) => sum + activity.rates[counter], 0) : 0;
  const last = before.at(-1);
  const kept = last !== undefined && figures.instructions < last.figures.instructions ? [] : before;
  return [...kept.slice(1 - HISTORY_SAMPLES), { figures, diskRate, atMs }];
}
