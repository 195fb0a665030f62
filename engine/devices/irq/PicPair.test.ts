import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { Pic8259 } from "./Pic8259.ts";
import { PicPair } from "./PicPair.ts";

function make(icw4 = 0x01) {
  const pic = new PicPair({ onInterruptRequest: () => {} });
  const initialise = (ports: typeof pic.masterPorts, base: number, icw3: number) => {
    ports.write(0, 0x11, 1);
    for (const word of [base, icw3, icw4, 0x00]) ports.write(1, word, 1);
  };
  initialise(pic.masterPorts, 0x08, 0x04);
  initialise(pic.slavePorts, 0x70, 0x02);
  const master = (value: number) => pic.masterPorts.write(0, value, 1);
  const slave = (value: number) => pic.slavePorts.write(0, value, 1);
  const isr = () => {
    master(0x0b);
    return pic.masterPorts.read(0, 1);
  };
  const irr = () => {
    master(0x0a);
    return pic.masterPorts.read(0, 1);
  };
  return { pic, master, slave, isr, irr };
}

describe("8259A pair", () => {
  test("an edge is requested, acknowledged with its vector and ended", () => {
    const { pic, master, isr, irr } = make();
    pic.setInterrupt(1, true);
    expect(pic.pending()).toBe(true);
    expect(irr()).toBe(0x02);
    expect(pic.acknowledge()).toBe(0x09);
    expect([irr(), isr(), pic.pending()]).toEqual([0, 0x02, false]);
    pic.setInterrupt(1, false);
    pic.setInterrupt(1, true);
    expect(pic.pending()).toBe(false);
    master(0x20);
    expect(isr()).toBe(0);
    expect(pic.pending()).toBe(true);
  });

  test("an input held high asks only once in edge mode, again and again in level mode", () => {
    const { pic, master, slave } = make();
    pic.setInterrupt(11, true);
    expect(pic.acknowledge()).toBe(0x73);
    slave(0x20);
    master(0x20);
    expect(pic.pending()).toBe(false);
    pic.elcrPorts.write(1, 0x08, 1);
    expect(pic.pending()).toBe(true);
    expect(pic.acknowledge()).toBe(0x73);
    slave(0x20);
    master(0x20);
    expect(pic.pending()).toBe(true);
    pic.setInterrupt(11, false);
    expect(pic.pending()).toBe(false);
  });

  test("system interrupts stay edge-triggered whatever is written to the ELCR", () => {
    const { pic } = make();
    pic.elcrPorts.write(0, 0xff, 1);
    pic.elcrPorts.write(1, 0xff, 1);
    expect([pic.elcrPorts.read(0, 1), pic.elcrPorts.read(1, 1)]).toEqual([0xf8, 0xde]);
  });

  test("higher priorities interrupt lower ones and not the other way", () => {
    const { pic, master } = make();
    pic.setInterrupt(5, true);
    expect(pic.acknowledge()).toBe(0x0d);
    pic.setInterrupt(6, true);
    expect(pic.pending()).toBe(false);
    pic.setInterrupt(3, true);
    expect(pic.acknowledge()).toBe(0x0b);
    master(0x20); // ends 3
    expect(pic.pending()).toBe(false);
    master(0x20); // ends 5
    expect(pic.acknowledge()).toBe(0x0e);
  });

  test("the slave ranks between IRQ1 and IRQ3 and needs both EOIs", () => {
    const { pic, master, slave } = make();
    pic.setInterrupt(3, true);
    pic.setInterrupt(12, true);
    pic.setInterrupt(14, true);
    expect(pic.acknowledge()).toBe(0x74);
    expect(pic.pending()).toBe(false);
    slave(0x20);
    expect(pic.pending()).toBe(false);
    master(0x20);
    expect(pic.acknowledge()).toBe(0x76);
    slave(0x20);
    master(0x20);
    expect(pic.acknowledge()).toBe(0x0b);
  });

  test("special fully nested mode lets a higher slave level through", () => {
    const nested = make(0x11);
    nested.pic.setInterrupt(14, true);
    expect(nested.pic.acknowledge()).toBe(0x76);
    nested.pic.setInterrupt(8, true);
    expect(nested.pic.pending()).toBe(true);
    const plain = make();
    plain.pic.setInterrupt(14, true);
    plain.pic.acknowledge();
    plain.pic.setInterrupt(8, true);
    expect(plain.pic.pending()).toBe(false);
  });

  test("masked requests wait in the IRR", () => {
    const { pic, irr } = make();
    pic.masterPorts.write(1, 0x10, 1);
    pic.setInterrupt(4, true);
    expect([pic.pending(), irr(), pic.masterPorts.read(1, 1)]).toEqual([false, 0x10, 0x10]);
    pic.masterPorts.write(1, 0x00, 1);
    expect(pic.pending()).toBe(true);
  });

  test("a request that vanishes gives spurious IRQ7 without service", () => {
    const { pic, isr } = make();
    pic.setInterrupt(4, true);
    pic.setInterrupt(4, false);
    expect(pic.pending()).toBe(false);
    expect(pic.acknowledge()).toBe(0x0f);
    expect(isr()).toBe(0);
  });

  test("a slave that is asked after its request vanished answers level 7 without service", () => {
    const slave = new Pic8259({ elcrMask: 0xde, cascadeInputs: 0, onOutput: () => {} });
    slave.write(0, 0x11);
    for (const word of [0x70, 0x02, 0x01, 0x00]) slave.write(1, word);
    slave.setPin(2, true);
    slave.setPin(2, false);
    expect(slave.vectorOf(slave.acknowledge())).toBe(0x77);
    slave.write(0, 0x0b);
    expect(slave.read(0)).toBe(0);
  });

  test("rotation on non-specific EOI makes the served level the lowest", () => {
    const { pic, master } = make();
    pic.setInterrupt(4, true);
    pic.acknowledge();
    master(0xa0);
    pic.setInterrupt(4, false);
    pic.setInterrupt(4, true);
    pic.setInterrupt(5, true);
    expect(pic.acknowledge()).toBe(0x0d);
  });

  test("set priority and rotation on specific EOI", () => {
    const { pic, master } = make();
    master(0xc0 | 4);
    pic.setInterrupt(0, true);
    pic.setInterrupt(6, true);
    expect(pic.acknowledge()).toBe(0x0e);
    master(0xe0 | 6);
    expect(pic.acknowledge()).toBe(0x08);
  });

  test("automatic EOI leaves nothing in service, and rotates when told to", () => {
    const { pic, master, isr } = make(0x03);
    pic.setInterrupt(3, true);
    expect(pic.acknowledge()).toBe(0x0b);
    expect(isr()).toBe(0);
    master(0x80);
    pic.setInterrupt(5, true);
    pic.acknowledge();
    pic.setInterrupt(4, true);
    pic.setInterrupt(6, true);
    expect(pic.acknowledge()).toBe(0x0e);
  });

  test("special mask mode lets everything but the masked level interrupt its handler", () => {
    const { pic, master, isr } = make();
    pic.setInterrupt(3, true);
    pic.acknowledge();
    pic.masterPorts.write(1, 0x08, 1);
    pic.setInterrupt(6, true);
    expect(pic.pending()).toBe(false);
    master(0x68);
    expect(pic.acknowledge()).toBe(0x0e);
    master(0x20);
    expect(isr()).toBe(0x08);
    master(0x63);
    expect(isr()).toBe(0);
  });

  test("polling takes the request like an acknowledge cycle", () => {
    const { pic, master, isr } = make();
    pic.setInterrupt(6, true);
    master(0x0c);
    expect(pic.masterPorts.read(0, 1)).toBe(0x86);
    expect(pic.pending()).toBe(false);
    expect(isr()).toBe(0x40);
    master(0x0c);
    expect(pic.masterPorts.read(0, 1)).toBe(0);
  });

  test("initialisation clears masks and forgets edges of inputs that are already high", () => {
    const { pic, irr } = make();
    pic.setInterrupt(7, true);
    pic.masterPorts.write(1, 0xff, 1);
    pic.masterPorts.write(0, 0x13, 1);
    pic.masterPorts.write(1, 0x20, 1);
    pic.masterPorts.write(1, 0x01, 1);
    expect([irr(), pic.masterPorts.read(1, 1)]).toEqual([0, 0]);
    pic.setInterrupt(7, false);
    pic.setInterrupt(7, true);
    expect(pic.acknowledge()).toBe(0x27);
  });

  test("two slave requests under automatic EOI each reach the master", () => {
    const { pic } = make(0x03);
    pic.setInterrupt(9, true);
    pic.setInterrupt(10, true);
    expect([pic.acknowledge(), pic.acknowledge()]).toEqual([0x71, 0x72]);
    expect(pic.pending()).toBe(false);
  });
});

deviceConformance("PicPair", () => {
  const pic = new PicPair({ onInterruptRequest: () => {} });
  return {
    device: pic,
    exercise: () => {
      pic.masterPorts.write(0, 0x11, 1);
      for (const word of [0x20, 0x04, 0x01, 0x00]) pic.masterPorts.write(1, word, 1);
      pic.elcrPorts.write(1, 0x0c, 1);
      pic.slavePorts.write(1, 0x00, 1);
      pic.setInterrupt(11, true);
      pic.setInterrupt(5, true);
      pic.acknowledge();
      pic.setInterrupt(11, false);
      pic.setInterrupt(5, false);
    },
  };
});
