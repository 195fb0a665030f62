import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { PcSpeaker } from "./PcSpeaker.ts";
import { Pit8254 } from "./Pit8254.ts";
import { SystemControlPortB } from "./SystemControlPortB.ts";
import { nsOfTick, PIT_TICKS, ticksAt } from "./timerTicks.ts";

function make() {
  const clock = new ManualClock();
  const irq = new RecordedLine();
  const pit = new Pit8254({ clock, irq });
  const tones: number[] = [];
  const speaker = new PcSpeaker({ pit, sink: { tone: (hz) => tones.push(Math.round(hz)) } });
  const port61 = new SystemControlPortB({ clock, pit, speaker });
  let tick = 0;
  /** Steps the clock by whole ticks of the timer. */
  const ticks = (count: number) => {
    tick += count;
    clock.advance(nsOfTick(PIT_TICKS, tick) - clock.nowNs());
  };
  const program = (counter: 0 | 1 | 2, mode: number, count: number, bcd = 0) => {
    pit.write(3, (counter << 6) | 0x30 | (mode << 1) | bcd);
    pit.write(counter, count & 0xff);
    pit.write(counter, count >> 8);
  };
  const count = (counter: 0 | 1 | 2) => {
    pit.write(3, counter << 6);
    return pit.read(counter) | (pit.read(counter) << 8);
  };
  const status = (counter: 0 | 1 | 2) => {
    pit.write(3, 0xe0 | (2 << counter));
    return pit.read(counter);
  };
  /** OUT over the next ticks, as a string of 0 and 1. */
  const wave = (counter: 0 | 1 | 2, length: number) => {
    let text = "";
    for (let i = 0; i < length; i++, ticks(1)) text += pit.output(counter) ? "1" : "0";
    return text;
  };
  return { clock, irq, pit, tones, port61, ticks, program, count, status, wave };
}

describe("8254 modes", () => {
  test("mode 0: OUT falls with the control word and rises at the end of the count, once", () => {
    const { irq, program, ticks, pit, count, clock } = make();
    program(0, 0, 100);
    expect([pit.output(0), irq.rises]).toEqual([false, 0]);
    ticks(100);
    expect([pit.output(0), count(0)]).toEqual([false, 1]);
    ticks(1);
    expect([pit.output(0), irq.rises, irq.level]).toEqual([true, 1, true]);
    ticks(10);
    expect(count(0)).toBe(65526);
    ticks(70000);
    expect([irq.rises, clock.pending]).toEqual([1, 0]);
  });

  test("mode 0: the first byte of a new count stops the old one", () => {
    const { irq, program, ticks, pit } = make();
    program(0, 0, 100);
    ticks(50);
    pit.write(0, 10);
    ticks(1000);
    expect(irq.rises).toBe(0);
    pit.write(0, 0);
    ticks(11);
    expect(irq.rises).toBe(1);
  });

  test("mode 0: a low gate holds the count", () => {
    const { program, ticks, pit, count } = make();
    pit.setGate2(true);
    program(2, 0, 100);
    ticks(41);
    pit.setGate2(false);
    ticks(1000);
    expect([count(2), pit.output(2)]).toEqual([60, false]);
    pit.setGate2(true);
    ticks(59);
    expect(pit.output(2)).toBe(false);
    ticks(1);
    expect(pit.output(2)).toBe(true);
  });

  test("mode 1: each gate rise gives a low pulse of the count's length", () => {
    const { program, pit, wave, ticks } = make();
    program(2, 1, 3);
    expect(wave(2, 3)).toBe("111");
    pit.setGate2(true);
    expect(wave(2, 6)).toBe("100011");
    pit.setGate2(false);
    pit.setGate2(true);
    ticks(2);
    pit.setGate2(false);
    pit.setGate2(true); // retriggered in the middle
    expect(wave(2, 5)).toBe("10001");
  });

  test("mode 2: low for the last tick of each period, reloaded for ever", () => {
    const { program, pit, wave, ticks } = make();
    pit.setGate2(true);
    program(2, 2, 4);
    ticks(1);
    expect(wave(2, 9)).toBe("111011101");
  });

  test("mode 2: a new count waits for the end of the period", () => {
    const { program, pit, wave, ticks } = make();
    pit.setGate2(true);
    program(2, 2, 6);
    ticks(2);
    pit.write(2, 3);
    pit.write(2, 0);
    expect(wave(2, 8)).toBe("11110" + "110");
  });

  test("mode 3: a square wave, odd counts one tick longer high", () => {
    const { program, pit, wave, ticks } = make();
    pit.setGate2(true);
    program(2, 3, 4);
    ticks(1);
    expect(wave(2, 8)).toBe("11001100");
    program(2, 3, 5);
    ticks(1);
    expect(wave(2, 10)).toBe("1110011100");
  });

  test("mode 3: the count falls by two, odd counts from the next even one", () => {
    const { program, count, ticks, pit } = make();
    pit.setGate2(true);
    program(2, 3, 5);
    ticks(1);
    const seen = Array.from({ length: 6 }, () => {
      const value = count(2);
      ticks(1);
      return value;
    });
    expect(seen).toEqual([4, 2, 0, 4, 2, 4]);
  });

  test("mode 3: a new count comes in at the half period", () => {
    const { program, pit, wave, ticks } = make();
    pit.setGate2(true);
    program(2, 3, 8);
    ticks(2);
    pit.write(2, 4);
    pit.write(2, 0);
    expect(wave(2, 9)).toBe("111" + "00" + "11" + "00");
  });

  test("mode 3: a low gate makes OUT high and a rising one starts a period", () => {
    const { program, pit, wave, ticks } = make();
    pit.setGate2(true);
    program(2, 3, 4);
    ticks(3);
    expect(pit.output(2)).toBe(false);
    pit.setGate2(false);
    expect(wave(2, 3)).toBe("111");
    pit.setGate2(true);
    ticks(1);
    expect(wave(2, 4)).toBe("1100");
  });

  test("modes 4 and 5: one low tick when the count ends, started by software or by the gate", () => {
    const { program, pit, wave } = make();
    pit.setGate2(true);
    program(2, 4, 3);
    expect(wave(2, 7)).toBe("1111011");
    program(2, 5, 3);
    expect(wave(2, 5)).toBe("11111");
    pit.setGate2(false);
    pit.setGate2(true);
    expect(wave(2, 7)).toBe("1111011");
  });

  test("control words 6 and 7 mean modes 2 and 3", () => {
    const { pit, status } = make();
    pit.write(3, 0x34 | 0x08);
    expect((status(0) >> 1) & 7).toBe(2);
  });
});

describe("8254 access", () => {
  test("a latched count stands still until both bytes are read", () => {
    const { pit, program, ticks } = make();
    program(0, 2, 0x1234);
    ticks(1);
    pit.write(3, 0x00);
    ticks(0x100);
    pit.write(3, 0x00); // ignored: still latched
    expect([pit.read(0), pit.read(0)]).toEqual([0x34, 0x12]);
    expect(pit.read(0)).toBe(0x34);
    expect(pit.read(0)).toBe(0x11);
  });

  test("single-byte access reads and writes one byte", () => {
    const { pit, ticks } = make();
    pit.write(3, 0x14); // LSB, mode 2
    pit.write(0, 0x80);
    ticks(2);
    expect([pit.read(0), pit.read(0)]).toEqual([0x7f, 0x7f]);
    pit.write(3, 0x24); // MSB
    pit.write(0, 0x80);
    ticks(2);
    expect(pit.read(0)).toBe(0x7f);
  });

  test("a count of zero is 65536, in BCD 10000", () => {
    const { irq, program, ticks, count, pit } = make();
    program(0, 2, 0);
    ticks(65536);
    const before = irq.rises;
    ticks(1);
    expect(irq.rises).toBe(before + 1);
    pit.setGate2(true);
    program(2, 2, 0, 1);
    ticks(2);
    expect(count(2)).toBe(0x9999);
  });

  test("BCD counts are written and read as digits", () => {
    const { program, ticks, count, pit } = make();
    pit.setGate2(true);
    program(2, 0, 0x1000, 1);
    ticks(2);
    expect(count(2)).toBe(0x0999);
  });

  test("read-back latches status before count, of several counters", () => {
    const { pit, program, ticks } = make();
    program(0, 3, 0x1000);
    program(1, 2, 0x0012);
    ticks(3);
    pit.write(3, 0xc0 | 0x06);
    expect(pit.read(0)).toBe(0x80 | 0x30 | 0x06);
    expect([pit.read(0), pit.read(0)]).toEqual([0xfc, 0x0f]);
    expect(pit.read(1)).toBe(0x80 | 0x30 | 0x04);
    expect([pit.read(1), pit.read(1)]).toEqual([0x10, 0x00]);
  });

  test("the null count flag shows a count that is not yet loaded", () => {
    const { pit, program, ticks, status } = make();
    pit.write(3, 0x34);
    expect(status(0) & 0x40).toBe(0x40);
    program(0, 2, 100);
    expect(status(0) & 0x40).toBe(0x40);
    ticks(1);
    expect(status(0) & 0x40).toBe(0);
    pit.write(0, 50);
    pit.write(0, 0);
    expect(status(0) & 0x40).toBe(0x40);
    ticks(100);
    expect(status(0) & 0x40).toBe(0);
  });
});

describe("8254 interrupts", () => {
  test("mode 2 and mode 3 cost one callback per period and never drift", () => {
    for (const mode of [2, 3]) {
      const { irq, program, clock } = make();
      program(0, mode, 1193);
      const before = irq.rises;
      clock.advance(1e9);
      expect(irq.rises - before).toBe(Math.floor(ticksAt(PIT_TICKS, 1e9) / 1193));
      expect(clock.fired).toBe(irq.rises - before);
    }
  });

  test("a new count without a control word changes the rate at the next period", () => {
    const { irq, program, clock, pit } = make();
    program(0, 3, 0);
    clock.advance(1e6);
    pit.write(0, 0xa9);
    pit.write(0, 0x04);
    const before = irq.rises;
    clock.advance(1e9);
    expect(irq.rises - before).toBeGreaterThan(970);
    expect(irq.rises - before).toBeLessThan(1001);
  });

  test("the one-shot modes rise once", () => {
    const { irq, program, ticks } = make();
    program(0, 4, 1000);
    const before = irq.rises;
    ticks(1001);
    expect(irq.rises).toBe(before);
    ticks(1);
    expect(irq.rises).toBe(before + 1);
    ticks(200_000);
    expect(irq.rises).toBe(before + 1);
  });

  test("rates beyond reason do not flood the machine", () => {
    const { program, clock } = make();
    program(0, 2, 2);
    clock.advance(1e6);
    expect(clock.fired).toBeLessThan(110);
    expect(clock.fired).toBeGreaterThan(80);
  });
});

describe("port 61h and the speaker", () => {
  test("gate and data bits make a tone of counter 2's frequency", () => {
    const { tones, port61, program } = make();
    program(2, 3, 1193);
    port61.write(0, 0x01);
    expect(tones).toEqual([]);
    port61.write(0, 0x03);
    port61.write(0, 0x03);
    program(2, 3, 2386);
    port61.write(0, 0x00);
    expect(tones).toEqual([1000, 0, 500, 0]);
  });

  test("bit 4 toggles every refresh and bit 5 shows OUT2", () => {
    const { clock, port61, program, ticks } = make();
    port61.write(0, 0xfd);
    program(2, 0, 10);
    expect(port61.read()).toBe(0x0d);
    ticks(11);
    expect(port61.read()).toBe(0x2d);
    clock.advance(15_085);
    expect(port61.read() & 0x10).toBe(0x10);
    clock.advance(15_085);
    expect(port61.read() & 0x10).toBe(0);
  });
});

test("timer conversions are exact at every tick boundary", () => {
  for (const tick of [0, 1, 2, 21, 1000, 123_456_789, 4_000_000_000_000]) {
    const ns = nsOfTick(PIT_TICKS, tick);
    expect(ticksAt(PIT_TICKS, ns)).toBe(tick);
    if (tick > 0) expect(ticksAt(PIT_TICKS, ns - 1)).toBe(tick - 1);
  }
});

deviceConformance("Pit8254", () => {
  const { pit, program, clock } = make();
  return {
    device: pit,
    exercise: () => {
      program(0, 2, 4000);
      pit.setGate2(true);
      program(2, 3, 1000);
      clock.advance(10_000_000);
      pit.write(2, 77);
      pit.write(2, 1);
      pit.write(0, 5);
      pit.write(3, 0xc2);
    },
  };
});

deviceConformance("SystemControlPortB", () => {
  const { port61 } = make();
  return { device: port61, exercise: () => port61.write(0, 0x0f) };
});
