import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import type { Clock } from "../../contracts/Clock.ts";
import { civilFromSeconds, secondsFromCivil } from "./civilTime.ts";
import { RtcCmos } from "./RtcCmos.ts";

const START = Date.UTC(2024, 1, 28, 23, 59, 58);

function make(start = START, zoneOffsetMs = 0) {
  const clock = new ManualClock();
  const irq = new RecordedLine();
  const wallClock = { nowMs: () => start + Math.floor(clock.nowNs() / 1e6) };
  const rtc = new RtcCmos({ clock, wallClock, irq, zoneOffsetMs });
  const read = (index: number) => {
    rtc.lowPorts.write(0, index, 1);
    return rtc.lowPorts.read(1, 1);
  };
  const write = (index: number, value: number) => {
    rtc.lowPorts.write(0, index, 1);
    rtc.lowPorts.write(1, value, 1);
  };
  const time = () => [0x32, 9, 8, 7, 6, 4, 2, 0].map((index) => read(index).toString(16)).join(" ");
  const seconds = (count: number) => clock.advance(count * 1e9);
  return { clock, irq, rtc, read, write, time, seconds };
}

describe("time of day", () => {
  test("follows the wall clock in BCD and 24 hours", () => {
    const { time, seconds } = make();
    expect(time()).toBe("20 24 2 28 4 23 59 58");
    seconds(2);
    expect(time()).toBe("20 24 2 29 5 0 0 0");
    seconds(86_400);
    expect(time()).toBe("20 24 3 1 6 0 0 0");
  });

  test("binary and 12-hour formats", () => {
    const { read, write, seconds } = make();
    write(0x0b, 0x06);
    expect([read(9), read(4), read(2)]).toEqual([24, 23, 59]);
    write(0x0b, 0x00);
    expect(read(4)).toBe(0x91);
    seconds(2);
    expect(read(4)).toBe(0x12);
    seconds(12 * 3600);
    expect(read(4)).toBe(0x92);
  });

  test("local time is ahead of UTC by the zone offset", () => {
    expect(make(START, 3_600_000).time()).toBe("20 24 2 29 5 0 59 58");
  });

  test("SET freezes the registers; clearing it starts from what was written", () => {
    const { time, write, seconds } = make();
    write(0x0b, 0x82);
    seconds(10);
    expect(time()).toBe("20 24 2 28 4 23 59 58");
    for (const [index, value] of [
      [0x32, 0x19],
      [9, 0x99],
      [8, 0x12],
      [7, 0x31],
      [4, 0x23],
      [2, 0x59],
      [0, 0x59],
    ] as const) {
      write(index, value);
    }
    write(0x0b, 0x02);
    expect(time()).toBe("19 99 12 31 6 23 59 59");
    seconds(1);
    expect(time()).toBe("20 0 1 1 7 0 0 0");
  });

  test("a register written while the clock runs takes effect at once", () => {
    const { time, write, seconds } = make();
    write(2, 0x30);
    seconds(1);
    expect(time()).toBe("20 24 2 28 4 23 30 59");
  });

  test("a divider released from reset updates half a second later", () => {
    const { clock, read, write } = make();
    write(0x0a, 0x76);
    clock.advance(5e9);
    write(0x0a, 0x26);
    clock.advance(499e6);
    expect(read(0)).toBe(0x58);
    clock.advance(1e6);
    expect(read(0)).toBe(0x59);
  });

  test("UIP warns before the registers change", () => {
    const { clock, read, write } = make();
    expect(read(0x0a)).toBe(0x26);
    clock.advance(998e6);
    expect([read(0x0a), read(0)]).toEqual([0xa6, 0x58]);
    clock.advance(2e6);
    expect([read(0x0a), read(0)]).toEqual([0x26, 0x59]);
    write(0x0b, 0x82);
    clock.advance(998e6);
    expect(read(0x0a)).toBe(0x26);
  });
});

describe("interrupts", () => {
  test("update-ended sets UF every second and holds IRQ8 until register C is read", () => {
    const { irq, read, write, seconds, clock } = make();
    write(0x0b, 0x12);
    seconds(1);
    expect([irq.rises, irq.level]).toEqual([1, true]);
    seconds(3);
    expect([irq.rises, clock.fired]).toEqual([1, 1]);
    expect(read(0x0c)).toBe(0xf0); // midnight has passed, which alarm bytes of zero match
    expect([irq.level, read(0x0c)]).toEqual([false, 0]);
    seconds(1);
    expect(irq.rises).toBe(2);
  });

  test("flags rise without their enable bits and without clock callbacks", () => {
    const { irq, read, seconds, clock } = make();
    seconds(1);
    expect(read(0x0c)).toBe(0x50);
    expect([irq.rises, clock.fired, clock.pending]).toEqual([0, 0, 0]);
  });

  test("a period that passes while register C is read makes an edge of its own", () => {
    const clock = new ManualClock();
    let asked = 0;
    // Time goes on between two looks at the clock, as on a running machine.
    const running: Clock = {
      nowNs: () => clock.nowNs() + ++asked * 500_000,
      schedule: (deadlineNs, callback) => clock.schedule(deadlineNs, callback),
    };
    const irq = new RecordedLine();
    const rtc = new RtcCmos({ clock: running, wallClock: { nowMs: () => START }, irq });
    const port = (index: number) => rtc.lowPorts.write(0, index, 1);
    port(0x0b);
    rtc.lowPorts.write(1, 0x42, 1);
    clock.advance(1e9);
    let again = 0;
    for (let reads = 0; reads < 20; reads++) {
      const { rises } = irq;
      port(0x0c);
      rtc.lowPorts.read(1, 1);
      if (!irq.level) continue;
      again++;
      expect(irq.rises).toBe(rises + 1);
    }
    expect(again).toBeGreaterThan(0);
  });

  test("the periodic rates", () => {
    for (const [rate, hertz] of [
      [6, 1024],
      [3, 8192],
      [1, 256],
      [2, 128],
      [15, 2],
    ] as const) {
      const { irq, read, write, clock } = make();
      write(0x0a, 0x20 | rate);
      write(0x0b, 0x42);
      const end = clock.nowNs() + 1e9;
      while (clock.nowNs() < end) {
        clock.advance(100_000);
        if (irq.level) expect(read(0x0c) & 0xc0).toBe(0xc0);
      }
      expect(irq.rises).toBe(hertz);
    }
  });

  test("an alarm matches hour, minute and second", () => {
    const { irq, read, write, seconds } = make();
    write(1, 0x30);
    write(3, 0x15);
    write(5, 0x06);
    write(0x0b, 0x22);
    seconds(6 * 3600 + 15 * 60 + 31);
    expect(irq.rises).toBe(0);
    seconds(1);
    expect(irq.rises).toBe(1);
    expect(read(0x0c) & 0xa0).toBe(0xa0);
    seconds(86_399);
    expect(irq.rises).toBe(1);
    seconds(1);
    expect(irq.rises).toBe(2);
  });

  test("alarm bytes with both top bits set match everything", () => {
    const { irq, read, write, seconds } = make();
    for (const [register, value] of [
      [1, 0x05],
      [3, 0xff],
      [5, 0xc0],
    ] as const)
      write(register, value);
    write(0x0b, 0x22);
    for (let minute = 0; minute < 3; minute++) {
      seconds(60);
      expect(irq.rises).toBe(minute + 1);
      read(0x0c);
    }
    write(1, 0xff);
    seconds(1);
    expect(irq.rises).toBe(4);
  });

  test("SET clears UIE and stops updates", () => {
    const { irq, read, write, seconds } = make();
    write(0x0b, 0x92);
    expect(read(0x0b)).toBe(0x82);
    seconds(5);
    expect(irq.rises).toBe(0);
  });

  test("a hard reset disables interrupts and keeps memory and time", () => {
    const { irq, rtc, read, write, time, seconds } = make();
    write(0x20, 0x55);
    write(9, 0x30);
    write(0x0b, 0x72);
    seconds(1);
    rtc.reset("hard");
    expect([irq.level, read(0x0b), read(0x0c), read(0x20)]).toEqual([false, 0x02, 0, 0x55]);
    expect(time()).toMatch(/^20 30/);
  });
});

describe("CMOS memory", () => {
  test("the upper bank is behind its own ports, and firmware reaches all bytes", () => {
    const { rtc, read } = make();
    rtc.setByte(0x34, 0xaa);
    rtc.highPorts.write(0, 0x85, 1);
    rtc.highPorts.write(1, 0x77, 1);
    expect([read(0x34), rtc.byte(0x85), rtc.highPorts.read(1, 1), read(0x05)]).toEqual([0xaa, 0x77, 0x77, 0]);
    expect(read(0x0d)).toBe(0x80);
  });

  test("bit 7 of the index masks NMI", () => {
    const { rtc } = make();
    rtc.lowPorts.write(0, 0x8d, 1);
    expect([rtc.nmiMasked, rtc.lowPorts.read(1, 1)]).toEqual([true, 0x80]);
  });
});

test("the calendar agrees with Date from 1600 to 2600", () => {
  for (
    let seconds = Date.UTC(1600, 0, 1) / 1000;
    seconds < Date.UTC(2600, 0, 1) / 1000;
    seconds += 86_400 * 13 + 12_345
  ) {
    const date = new Date(seconds * 1000);
    const time = civilFromSeconds(seconds);
    expect(secondsFromCivil(time)).toBe(seconds);
    expect([time.year, time.month, time.day, time.weekday, time.hour, time.minute, time.second]).toEqual([
      date.getUTCFullYear(),
      date.getUTCMonth() + 1,
      date.getUTCDate(),
      date.getUTCDay() + 1,
      date.getUTCHours(),
      date.getUTCMinutes(),
      date.getUTCSeconds(),
    ]);
  }
});

deviceConformance("RtcCmos", () => {
  const { rtc, write, clock } = make();
  return {
    device: rtc,
    exercise: () => {
      write(0x0a, 0x26);
      write(0x0b, 0x62);
      write(4, 0x11);
      write(0x40, 0x12);
      clock.advance(1_234_567_890);
    },
  };
});
