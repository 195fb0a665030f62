import { expect, test } from "vitest";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { MessageRecorder } from "../../../tests/fixtures/MessageRecorder.ts";
import { InterruptRouter } from "../irq/InterruptRouter.ts";
import { Msix } from "./Msix.ts";
import { PciConfigSpace } from "./PciConfigSpace.ts";

function make() {
  const sink = new MessageRecorder();
  const config = new PciConfigSpace({ id: "function", vendorId: 1, deviceId: 2, classCode: 0 });
  const msix = new Msix({ config, vectors: 3, bar: 1, sink });
  config.onWrite = () => msix.configWritten();
  const entry = (vector: number, data: number, masked: boolean) => {
    msix.table.write(16 * vector, 0xfee0_0000, 4);
    msix.table.write(16 * vector + 8, data, 4);
    msix.table.write(16 * vector + 12, masked ? 1 : 0, 4);
  };
  return { sink, config, msix, entry };
}

test("is found in the list of capabilities", () => {
  const { config } = make();
  expect(config.readConfig(6, 2) & 0x10).toBe(0x10);
  const at = config.readConfig(0x34, 1);
  expect(config.readConfig(at, 4)).toBe(0x0002_0011);
  expect([config.readConfig(at + 4, 4), config.readConfig(at + 8, 4)]).toEqual([1, 0x801]);
});

test("sends nothing while disabled, and pending messages when a mask goes", () => {
  const { sink, config, msix, entry } = make();
  entry(0, 0x41, false);
  entry(1, 0x42, true);
  msix.raise(0);
  config.writeConfig(0x42, 0x8000, 2);
  msix.raise(0);
  msix.raise(1);
  msix.raise(0xffff);
  expect([sink.sent, msix.table.read(0x800, 4)]).toEqual([[0x41], 2]);
  msix.table.write(0x1c, 0, 4);
  expect([sink.sent, msix.table.read(0x800, 4)]).toEqual([[0x41, 0x42], 0]);
  config.writeConfig(0x42, 0xc000, 2);
  msix.raise(0);
  expect(sink.sent.length).toBe(2);
  config.writeConfig(0x42, 0x8000, 2);
  expect(sink.sent).toEqual([0x41, 0x42, 0x41]);
});

test("a message becomes a vector of the local APIC", () => {
  const router = new InterruptRouter({
    clock: new ManualClock(),
    onPendingChanged: () => undefined,
    onNmi: () => undefined,
  });
  router.localApic.write(0xf0, 0x1ff, 4);
  router.send(0xfee0_0000, 0x61);
  expect([router.pending(), router.acknowledge()]).toEqual([true, 0x61]);
  router.send(0xfee0_1000, 0x62); // Another processor's.
  router.send(0xfed0_0000, 0x63);
  expect(router.pending()).toBe(false);
});
