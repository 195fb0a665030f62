import { expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { PciHotPlug } from "./PciHotPlug.ts";

function make() {
  const events: string[] = [];
  const hotPlug = new PciHotPlug({
    onEvent: () => events.push("event"),
    onEject: (slot, wanted) => events.push(`eject ${slot}${wanted ? "" : " unasked"}`),
  });
  return { hotPlug, events };
}

test("a function that came is said once", () => {
  const { hotPlug, events } = make();
  hotPlug.announce(9);
  hotPlug.announce(31);
  expect([events, hotPlug.wasRead]).toEqual([["event", "event"], false]);
  expect([hotPlug.read(0, 4), hotPlug.read(0, 4), hotPlug.wasRead]).toEqual([0x8000_0200, 0, true]);
});

test("a function that is wanted back is asked for until the guest gives it up", () => {
  const { hotPlug, events } = make();
  hotPlug.requestEject(8);
  hotPlug.requestEject(31);
  expect([hotPlug.read(4, 4), hotPlug.read(4, 4)]).toEqual([0x8000_0100, 0x8000_0100]);
  hotPlug.write(8, 0x100, 4);
  hotPlug.withdrawEject(31);
  expect(hotPlug.read(4, 4)).toBe(0);
  hotPlug.write(8, 0x8000_0000, 4);
  expect(events).toEqual(["event", "event", "eject 8", "eject 31 unasked"]);
});

test("a function that comes while an older wish is being fulfilled is still said", () => {
  const { hotPlug, events } = make();
  hotPlug.requestEject(8);
  expect(hotPlug.read(4, 4)).toBe(0x100);
  hotPlug.withdrawEject(8);
  hotPlug.announce(8);
  hotPlug.write(8, 0x100, 4);
  expect([events, hotPlug.read(0, 4)]).toEqual([["event", "event", "eject 8 unasked"], 0x100]);
});

test("slots of the board's own functions cannot be ejected, and other widths do nothing", () => {
  const { hotPlug, events } = make();
  hotPlug.write(8, 0xff, 4);
  hotPlug.write(8, 0x100, 2);
  hotPlug.write(0, 0x100, 4);
  hotPlug.announce(8);
  expect([hotPlug.read(0, 2), hotPlug.read(0, 1), hotPlug.read(8, 4), hotPlug.read(12, 4)]).toEqual([
    0xffff, 0xff, 0, 0xffff_ff00,
  ]);
  expect([events, hotPlug.read(0, 4)]).toEqual([["event"], 0x100]);
});

test("a reset gives up what was wanted back and forgets what was not seen", () => {
  const { hotPlug, events } = make();
  hotPlug.read(0, 4);
  hotPlug.announce(12);
  hotPlug.requestEject(10);
  hotPlug.reset("hard");
  expect(events).toEqual(["event", "event", "eject 10"]);
  expect([hotPlug.wasRead, hotPlug.read(0, 4), hotPlug.read(4, 4)]).toEqual([false, 0, 0]);
});

deviceConformance("PciHotPlug", () => {
  const { hotPlug } = make();
  return {
    device: hotPlug,
    exercise: () => {
      hotPlug.read(0, 4);
      hotPlug.announce(20);
    },
  };
});
