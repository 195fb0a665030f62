import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { Uart16550 } from "./Uart16550.ts";

const RBR = 0,
  IER = 1,
  IIR = 2,
  FCR = 2,
  LCR = 3,
  MCR = 4,
  LSR = 5,
  MSR = 6,
  SCR = 7;

function make() {
  const clock = new ManualClock();
  const irq = new RecordedLine();
  const sent: number[] = [];
  const uart = new Uart16550({ id: "com1", clock, irq, backend: { transmit: (byte) => sent.push(byte) } });
  const receive = (text: string) => uart.receive(new TextEncoder().encode(text));
  /** Reads as a driver does: while data is ready. */
  const drain = () => {
    let text = "";
    while (uart.read(LSR) & 1) text += String.fromCharCode(uart.read(RBR));
    return text;
  };
  return { clock, irq, sent, uart, receive, drain };
}

describe("16550 transmitter", () => {
  test("characters leave at once and the transmitter always has room", () => {
    const { uart, sent } = make();
    for (const byte of [1, 2, 3]) {
      expect(uart.read(LSR)).toBe(0x60);
      uart.write(0, byte);
    }
    expect(sent).toEqual([1, 2, 3]);
  });

  test("the THR-empty interrupt comes at enabling, goes with IIR, and comes again after a write", () => {
    const { uart, irq, clock } = make();
    uart.write(MCR, 0x08);
    uart.write(IER, 0x02);
    expect([irq.level, uart.read(IIR), irq.level, uart.read(IIR)]).toEqual([true, 0x02, false, 0x01]);
    uart.write(0, 0x41);
    uart.write(0, 0x42);
    expect(irq.level).toBe(false);
    clock.advance(10_000);
    expect([irq.level, irq.rises, clock.fired]).toEqual([true, 2, 1]);
    uart.write(0, 0x43);
    expect(irq.level).toBe(false);
  });

  test("OUT2 gates the interrupt", () => {
    const { uart, irq } = make();
    uart.write(IER, 0x02);
    expect(irq.level).toBe(false);
    uart.write(MCR, 0x08);
    expect(irq.level).toBe(true);
  });

  test("the divisor latch hides behind DLAB", () => {
    const { uart, sent } = make();
    uart.write(LCR, 0x83);
    uart.write(0, 0x0c);
    uart.write(1, 0x01);
    expect([uart.read(0), uart.read(1)]).toEqual([0x0c, 0x01]);
    uart.write(LCR, 0x03);
    expect([uart.read(1), sent.length]).toEqual([0, 0]);
    uart.write(SCR, 0x5a);
    expect(uart.read(SCR)).toBe(0x5a);
  });
});

describe("16550 receiver", () => {
  test("without FIFOs one character at a time arrives, each with its interrupt, and none is lost", () => {
    const { uart, irq, clock, receive, drain } = make();
    uart.write(MCR, 0x08);
    uart.write(IER, 0x01);
    receive("hello");
    let text = "";
    for (let i = 0; i < 5; i++) {
      clock.advance(10_000);
      expect(uart.read(IIR)).toBe(0x04);
      text += drain();
      expect(irq.level).toBe(false);
    }
    expect([text, irq.rises]).toEqual(["hello", 5]);
  });

  test("with FIFOs the trigger level interrupts and the rest times out", () => {
    const { uart, irq, clock, receive, drain } = make();
    uart.write(MCR, 0x08);
    uart.write(IER, 0x01);
    uart.write(FCR, 0x87); // FIFOs on, 8 characters
    receive("0123456789");
    clock.advance(100_000);
    expect([uart.read(IIR), irq.level]).toEqual([0xc4, true]);
    for (let i = 0; i < 3; i++) uart.read(RBR);
    expect([uart.read(IIR), irq.level]).toEqual([0xc1, false]);
    clock.advance(40_000);
    expect([uart.read(IIR), irq.level]).toEqual([0xcc, true]);
    expect(drain()).toBe("3456789");
    clock.advance(1_000_000);
    expect([irq.level, irq.rises, clock.pending]).toEqual([false, 2, 0]);
  });

  test("a long text arrives whole and in order", () => {
    const { uart, clock, receive, drain } = make();
    uart.write(FCR, 0xc7);
    const text = Array.from({ length: 1000 }, (_, index) => String.fromCharCode(33 + (index % 90))).join("");
    receive(text.slice(0, 600));
    receive(text.slice(600));
    let got = "";
    for (let i = 0; i < 200; i++) {
      clock.advance(100_000);
      got += drain();
    }
    expect(got).toBe(text);
  });

  test("clearing the FIFO drops what it held, not what waits outside", () => {
    const { uart, clock, receive, drain } = make();
    uart.write(FCR, 0x01);
    receive("0123456789abcdefXYZ");
    clock.advance(200_000);
    uart.write(FCR, 0x03);
    expect(drain()).toBe("");
    clock.advance(200_000);
    expect(drain()).toBe("XYZ");
  });
});

describe("16550 modem and loopback", () => {
  test("the far end holds CTS, DSR and DCD", () => {
    expect(make().uart.read(MSR)).toBe(0xb0);
  });

  test("loopback returns characters and modem outputs, and keeps the line quiet", () => {
    const { uart, sent, irq } = make();
    uart.write(IER, 0x0d);
    uart.write(MCR, 0x1a); // loop, OUT2, RTS
    expect(uart.read(MSR)).toBe(0x90 | 0x02);
    uart.write(MCR, 0x15); // loop, OUT1, DTR
    expect(uart.read(MSR)).toBe(0x60 | 0x0b);
    uart.write(MCR, 0x11);
    expect(uart.read(MSR)).toBe(0x20 | 0x04);
    uart.write(0, 0x99);
    expect([uart.read(LSR), uart.read(RBR), sent.length, irq.rises]).toEqual([0x61, 0x99, 0, 0]);
  });

  test("an overrun in loopback is the highest interrupt and goes with LSR", () => {
    const { uart } = make();
    uart.write(IER, 0x0f);
    uart.write(MCR, 0x10);
    uart.read(MSR);
    uart.write(0, 1);
    uart.write(0, 2);
    expect(uart.read(IIR)).toBe(0x06);
    expect([uart.read(LSR) & 0x02, uart.read(IIR)]).toEqual([0x02, 0x04]);
    expect(uart.read(RBR)).toBe(1);
  });

  test("a change of the modem lines interrupts until MSR is read", () => {
    const { uart, irq } = make();
    uart.write(IER, 0x08);
    uart.write(MCR, 0x10);
    uart.write(MCR, 0x08);
    expect([irq.level, uart.read(IIR)]).toEqual([true, 0x00]);
    uart.read(MSR);
    expect([irq.level, uart.read(IIR)]).toEqual([false, 0x01]);
  });
});

deviceConformance("Uart16550", () => {
  const { uart, clock, receive } = make();
  return {
    device: uart,
    exercise: () => {
      uart.write(FCR, 0x81);
      uart.write(IER, 0x0f);
      uart.write(MCR, 0x0b);
      receive("some text that is longer than the FIFO");
      clock.advance(165_000);
      uart.read(RBR);
      uart.write(0, 0x41);
    },
  };
});
