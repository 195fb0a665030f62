import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { InterruptRouter } from "./InterruptRouter.ts";

function make() {
  const clock = new ManualClock();
  const events: string[] = [];
  const router = new InterruptRouter({
    clock,
    onPendingChanged: (pending) => events.push(`pending ${pending}`),
    onNmi: () => events.push("nmi"),
    onInit: () => events.push("init"),
    onStartup: (vector) => events.push(`startup ${vector}`),
    onLocalApicMoved: (address) => events.push(`apic ${address?.toString(16)}`),
  });
  const write = (offset: number, value: number) => router.localApic.write(offset, value, 4);
  const read = (offset: number) => router.localApic.read(offset, 4);
  const redirect = (pin: number, low: number, high = 0) => {
    router.ioApic.write(0, 0x10 + 2 * pin, 1);
    router.ioApic.write(0x10, low, 4);
    router.ioApic.write(0, 0x11 + 2 * pin, 1);
    router.ioApic.write(0x10, high, 4);
  };
  const redirection = (pin: number) => {
    router.ioApic.write(0, 0x10 + 2 * pin, 1);
    return router.ioApic.read(0x10, 4);
  };
  const startPic = () => {
    for (const [ports, base] of [
      [router.pic.masterPorts, 0x08],
      [router.pic.slavePorts, 0x70],
    ] as const) {
      ports.write(0, 0x11, 1);
      for (const word of [base, base === 8 ? 4 : 2, 1, 0]) ports.write(1, word, 1);
    }
  };
  const enable = () => write(0xf0, 0x1ff);
  return { clock, events, router, write, read, redirect, redirection, startPic, enable };
}

describe("8259 requests", () => {
  test("reach the processor through LINT0 after reset, and directly with the local APIC off", () => {
    const { router, startPic, events } = make();
    startPic();
    router.line(1).set(true);
    expect(events).toEqual(["pending true"]);
    expect(router.acknowledge()).toBe(0x09);
    expect(router.pending()).toBe(false);
    router.pic.masterPorts.write(0, 0x20, 1);
    router.setBaseMsr(0xfee00000n);
    router.line(4).set(true);
    expect(router.acknowledge()).toBe(0x0c);
  });

  test("stop at a masked LINT0, and pass through I/O APIC pin 0 programmed as ExtINT", () => {
    const { router, startPic, enable, write, redirect } = make();
    startPic();
    enable();
    write(0x350, 0x10700);
    router.line(1).set(true);
    expect(router.pending()).toBe(false);
    redirect(0, 0x00700);
    expect(router.pending()).toBe(true);
    expect(router.acknowledge()).toBe(0x09);
  });

  test("become a local vector when LINT0 is programmed as fixed", () => {
    const { router, startPic, enable, write } = make();
    startPic();
    enable();
    write(0x350, 0x00031);
    router.line(0).set(true);
    expect(router.acknowledge()).toBe(0x31);
    expect(router.pending()).toBe(false);
  });
});

describe("I/O APIC", () => {
  test("identifies itself with 24 pins, all masked", () => {
    const { router, redirection } = make();
    router.ioApic.write(0, 1, 1);
    expect(router.ioApic.read(0x10, 4)).toBe(0x00170011);
    expect(redirection(5)).toBe(0x10000);
  });

  test("IRQ0 arrives at pin 2 and others at their own", () => {
    const { router, enable, redirect } = make();
    enable();
    redirect(2, 0x30);
    redirect(9, 0x49);
    router.line(0).set(true);
    expect(router.acknowledge()).toBe(0x30);
    router.line(9).set(true);
    expect(router.acknowledge()).toBe(0x49);
  });

  test("an edge is sent once; an edge on a masked pin is lost", () => {
    const { router, enable, redirect } = make();
    enable();
    const line = router.line(4);
    line.set(true);
    redirect(4, 0x44);
    expect(router.pending()).toBe(false);
    line.set(false);
    line.set(true);
    line.set(false);
    expect(router.acknowledge()).toBe(0x44);
    expect(router.pending()).toBe(false);
  });

  test("a level is sent again after end of interrupt while it is asserted", () => {
    const { router, enable, redirect, redirection, write } = make();
    enable();
    redirect(11, 0x80bb);
    const [one, other] = [router.line(11), router.line(11)];
    one.set(true);
    other.set(true);
    expect(redirection(11)).toBe(0xc0bb);
    expect(router.acknowledge()).toBe(0xbb);
    one.set(false);
    write(0xb0, 0);
    expect(router.acknowledge()).toBe(0xbb);
    other.set(false);
    write(0xb0, 0);
    expect([router.pending(), redirection(11)]).toEqual([false, 0x80bb]);
  });

  test("a masked level waits, and remote IRR goes when the pin is turned to edge", () => {
    const { router, enable, redirect, redirection } = make();
    enable();
    redirect(20, 0x180cc);
    router.line(20).set(true);
    expect(router.pending()).toBe(false);
    redirect(20, 0x080cc);
    expect(router.pending()).toBe(true);
    redirect(20, 0x100cc);
    expect(redirection(20)).toBe(0x100cc);
  });

  test("messages to other processors are not taken", () => {
    const { router, enable, redirect, write } = make();
    enable();
    redirect(5, 0x55, 0x03000000);
    router.line(5).set(true);
    expect(router.pending()).toBe(false);
    write(0xd0, 0x02000000);
    redirect(6, 0x856, 0x02000000);
    router.line(6).set(true);
    expect(router.acknowledge()).toBe(0x56);
  });
});

describe("local APIC", () => {
  test("priorities: the task priority and the vector in service hold back their class and below", () => {
    const { router, enable, redirect, write, read } = make();
    enable();
    for (const [pin, vector] of [
      [3, 0x53],
      [4, 0x54],
      [5, 0x65],
    ] as const) {
      redirect(pin, vector);
      router.line(pin).set(true);
    }
    router.localApic.setCr8(6);
    expect([read(0x80), router.pending()]).toEqual([0x60, false]);
    write(0x80, 0x5f);
    expect(router.acknowledge()).toBe(0x65);
    expect(read(0xa0)).toBe(0x60);
    write(0x80, 0);
    expect(router.pending()).toBe(false);
    write(0xb0, 0);
    expect(router.acknowledge()).toBe(0x54);
    expect(router.pending()).toBe(false);
    write(0xb0, 0);
    expect(router.acknowledge()).toBe(0x53);
  });

  test("IRR, ISR and TMR show a level vector on its way", () => {
    const { router, enable, redirect, read } = make();
    enable();
    redirect(9, 0x8049);
    router.line(9).set(true);
    expect([read(0x220), read(0x120), read(0x1a0)]).toEqual([0x200, 0, 0x200]);
    router.acknowledge();
    expect([read(0x220), read(0x120)]).toEqual([0, 0x200]);
  });

  test("a request that the task priority overtakes ends as the spurious vector", () => {
    const { router, enable, redirect, write } = make();
    enable();
    write(0xf0, 0x1ef);
    redirect(9, 0x49);
    router.line(9).set(true);
    write(0x80, 0xf0);
    expect(router.acknowledge()).toBe(0xef);
  });

  test("the one-shot timer fires once with one clock callback", () => {
    const { clock, router, enable, write, read } = make();
    enable();
    write(0x3e0, 0x0b);
    write(0x320, 0x20);
    write(0x380, 1000);
    clock.advance(400);
    expect(read(0x390)).toBe(600);
    clock.advance(600);
    expect(router.acknowledge()).toBe(0x20);
    expect([read(0x390), clock.pending, clock.fired]).toEqual([0, 0, 1]);
  });

  test("the periodic timer keeps its phase, counts through a divider and arms nothing while masked", () => {
    const { clock, router, enable, write, read } = make();
    enable();
    write(0x3e0, 0x03); // divide by 16
    write(0x320, 0x20021);
    write(0x380, 62_500); // 1 ms
    for (let tick = 0; tick < 3; tick++) {
      clock.advance(999_999);
      expect(router.pending()).toBe(false);
      clock.advance(1);
      expect(router.acknowledge()).toBe(0x21);
      write(0xb0, 0);
    }
    expect(read(0x390)).toBe(62_500);
    write(0x320, 0x30021);
    expect(clock.pending).toBe(0);
    clock.advance(500_000);
    expect(read(0x390)).toBe(31_250);
  });

  test("a period too short to serve does not flood the machine", () => {
    const { clock, enable, write } = make();
    enable();
    write(0x3e0, 0x0b);
    write(0x320, 0x20021);
    write(0x380, 1);
    clock.advance(1_000_000);
    expect(clock.fired).toBe(100);
  });

  test("ICR reaches this processor alone", () => {
    const { events, router, enable, write } = make();
    enable();
    write(0x300, 0x40041); // self
    expect(router.acknowledge()).toBe(0x41);
    write(0x300, 0xc4500); // INIT, all but self
    write(0x310, 0x01000000);
    write(0x300, 0x00600 | 0x9a); // start-up to APIC 1
    write(0x310, 0);
    write(0x300, 0x00400);
    write(0x300, 0x04500);
    write(0x300, 0x08500); // INIT level de-assert
    write(0x300, 0x00610);
    expect(events.filter((event) => !event.startsWith("pending"))).toEqual(["nmi", "init", "startup 16"]);
  });

  test("illegal vectors and registers are reported through ESR after a write to it", () => {
    const { router, enable, write, read } = make();
    enable();
    write(0x370, 0x00fe);
    write(0x300, 0x40003);
    expect(router.acknowledge()).toBe(0xfe);
    expect(read(0x280)).toBe(0);
    read(0x010);
    write(0x280, 0);
    expect(read(0x280)).toBe(0xa0);
    write(0x280, 0);
    expect(read(0x280)).toBe(0);
  });

  test("software disable masks the local vectors and keeps them masked", () => {
    const { enable, write, read } = make();
    enable();
    write(0x320, 0x20);
    write(0xf0, 0x0ff);
    expect(read(0x320)).toBe(0x10020);
    write(0x320, 0x20);
    expect(read(0x320)).toBe(0x10020);
    enable();
    write(0x320, 0x20);
    expect(read(0x320)).toBe(0x20);
  });

  test("IA32_APIC_BASE moves and disables the page", () => {
    const { events, router } = make();
    expect(router.getBaseMsr()).toBe(0xfee00900n);
    router.setBaseMsr(0xfed00800n);
    router.setBaseMsr(0xfed00000n);
    expect(events).toEqual(["apic fed00000", "apic undefined"]);
    expect(router.getBaseMsr()).toBe(0xfed00100n);
  });

  test("LINT1 is the NMI", () => {
    const { events, router, enable, write } = make();
    router.raiseNmi();
    enable();
    write(0x360, 0x10400);
    router.raiseNmi();
    expect(events).toEqual(["nmi"]);
  });
});

function use({ clock, router, write, redirect, enable, startPic }: ReturnType<typeof make>) {
  startPic();
  enable();
  write(0x3e0, 0x0b);
  write(0x320, 0x20040);
  write(0x380, 1_000_000);
  redirect(10, 0x805a);
  const lines = [router.line(10), router.line(1), router.line(12)];
  for (const line of lines) line.set(true);
  router.acknowledge();
  clock.advance(2_300_000);
  for (const line of lines) line.set(false);
}

for (const part of ["localApic", "ioApic", "pic"] as const) {
  deviceConformance(`InterruptRouter.${part}`, () => {
    const subject = make();
    return { device: subject.router[part], exercise: () => use(subject) };
  });
}

describe("x2APIC", () => {
  const inX2Mode = () => {
    const made = make();
    made.router.setBaseMsr(0xfee00c00n);
    made.router.localApic.writeX2(0x0f, 0x1ff, 0);
    return made;
  };
  test("takes the register page away", () => {
    const { events } = inX2Mode();
    expect(events).toContain("apic undefined");
  });
  test("has identifiers of 32 bits", () => {
    const { localApic } = inX2Mode().router;
    expect([localApic.readX2(0x02), localApic.readX2(0x0d)]).toEqual([0n, 1n]);
  });
  test("the command register is one write, and a self interrupt another", () => {
    const { router } = inX2Mode();
    expect(router.localApic.writeX2(0x30, 0x4055, 0)).toBe(true);
    expect(router.localApic.readX2(0x30)).toBe(0x4055n);
    expect(router.acknowledge()).toBe(0x55);
    router.localApic.writeX2(0x0b, 0, 0);
    expect(router.localApic.writeX2(0x3f, 0x66, 0)).toBe(true);
    expect(router.acknowledge()).toBe(0x66);
  });
  test.each([
    [0x08, 0x100, 0],
    [0x0b, 1, 0],
    [0x02, 0, 0],
    [0x0e, 0, 0],
    [0x31, 0, 0],
    [0x38, 5, 1],
    [0x3e, 4, 0],
  ])("register %i does not take %i, %i", (register, low, high) => {
    expect(inX2Mode().router.localApic.writeX2(register, low, high)).toBe(false);
  });
  test("a message to another processor goes nowhere", () => {
    const { router } = inX2Mode();
    router.localApic.writeX2(0x30, 0x55, 7);
    expect(router.pending()).toBe(false);
  });
});

describe("the timer's deadline mode", () => {
  const armed = (ticks: number, lvt = 0x40040) => {
    const made = make();
    made.enable();
    made.write(0x320, lvt);
    made.router.localApic.deadlineTicks = ticks;
    return made;
  };
  test("interrupts once when the counter gets there", () => {
    const { clock, router } = armed(5_000);
    clock.advance(4_999);
    expect(router.pending()).toBe(false);
    clock.advance(1);
    expect(router.acknowledge()).toBe(0x40);
    expect(router.localApic.deadlineTicks).toBe(0);
  });
  test("a deadline in the past is due at once", () => {
    const made = make();
    made.enable();
    made.write(0x320, 0x40040);
    made.clock.advance(10_000);
    made.router.localApic.deadlineTicks = 1;
    expect(made.router.pending()).toBe(true);
  });
  test("zero disarms, and so does another mode", () => {
    const { clock, router } = armed(5_000);
    router.localApic.deadlineTicks = 0;
    clock.advance(10_000);
    expect(router.pending()).toBe(false);
    const other = armed(5_000);
    other.write(0x320, 0x00040);
    other.clock.advance(10_000);
    expect(other.router.pending()).toBe(false);
  });
  test("a deadline that passes while it is masked is lost", () => {
    const { clock, router, write } = armed(5_000, 0x50040);
    clock.advance(10_000);
    write(0x320, 0x40040);
    clock.advance(1);
    expect([router.pending(), router.localApic.deadlineTicks]).toEqual([false, 0]);
  });
  test("the count registers stand still, and deadlines mean nothing in other modes", () => {
    const { router, write, read } = armed(5_000);
    write(0x380, 1000);
    expect([read(0x380), read(0x390)]).toEqual([0, 0]);
    write(0x320, 0x40);
    router.localApic.deadlineTicks = 77;
    expect(router.localApic.deadlineTicks).toBe(0);
  });
});
