import { describe, expect, test } from "vitest";
import type { Activity, Figures } from "../../engine/api/MachineSummary.ts";
import { type FigureSample, HISTORY_SAMPLES, isLit, nextActivity, nextHistory } from "./activityHistory.ts";

const idle: Activity = { diskRead: 0, diskWritten: 0, opticalRead: 0, floppyRead: 0, floppyWritten: 0 };

function figures(instructions: number): Figures {
  return { instructions, guestNs: 0, exits: 0, busyNs: 0, wallNs: 0, mips: 10, load: 0.5, residentBytes: 1 };
}

describe("activityHistory", () => {
  test("counters become rates", () => {
    const first = nextActivity(undefined, { ...idle, diskRead: 1000 }, 10_000);
    const second = nextActivity(first, { ...idle, diskRead: 3000 }, 10_250);
    expect(second.rates.diskRead).toBe(8000);
    expect(second.rates.diskWritten).toBe(0);
  });

  test("a light goes out by itself and tells reading from writing", () => {
    const before = nextActivity(undefined, idle, 750);
    const view = nextActivity(before, { ...idle, floppyWritten: 512 }, 1000);
    expect(isLit(view, "floppyWritten", 1100)).toBe(true);
    expect(isLit(view, "floppyRead", 1100)).toBe(false);
    expect(isLit(view, "floppyWritten", 1400)).toBe(false);
    expect(isLit(undefined, "floppyWritten", 0)).toBe(false);
  });

  test("the first report is a sum, not a rate", () => {
    expect(nextActivity(undefined, { ...idle, diskRead: 1e9 }, 5000).rates.diskRead).toBe(0);
  });

  test("a counter that restarts gives no negative rate", () => {
    const before = nextActivity(undefined, { ...idle, diskRead: 5000 }, 0);
    expect(nextActivity(before, { ...idle, diskRead: 100 }, 250).rates.diskRead).toBe(0);
  });

  test("history is bounded and begins anew with a new run", () => {
    let history: readonly FigureSample[] = [];
    for (let second = 0; second < HISTORY_SAMPLES + 30; second++) {
      history = nextHistory(history, figures(second * 1000), undefined, second * 1000);
    }
    expect(history).toHaveLength(HISTORY_SAMPLES);
    expect(nextHistory(history, figures(5), undefined, 999_999)).toHaveLength(1);
  });
});
