import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { AcpiPowerManagement } from "./AcpiPowerManagement.ts";

function make() {
  const clock = new ManualClock();
  const sci = new RecordedLine();
  const events: string[] = [];
  const pm = new AcpiPowerManagement({
    clock,
    sci,
    onWindowChanged: (base) => events.push(`window ${base?.toString(16)}`),
    onPowerOff: () => events.push("off"),
    onSuspend: () => events.push("suspend"),
    onWake: () => events.push("wake"),
  });
  const enableAcpi = () => pm.smiPorts.write(0, 0xf1, 1);
  return { clock, sci, events, pm, enableAcpi };
}

describe("PIIX4 power management", () => {
  test("the block appears at PMBA when firmware enables it", () => {
    const { pm, events } = make();
    expect(pm.readConfig(0, 4)).toBe(0x71138086);
    pm.writeConfig(0x40, 0x601, 4);
    expect(events).toEqual([]);
    pm.writeConfig(0x80, 1, 1);
    pm.writeConfig(0x40, 0xb001, 4);
    pm.writeConfig(0x80, 0, 1);
    expect(events).toEqual(["window 600", "window b000", "window undefined"]);
    expect(pm.readConfig(0x40, 4)).toBe(0xb001);
  });

  test("firmware finds SMM set up after every reset, since there is none to wait for", () => {
    const { pm } = make();
    const apmcEnable = 1 << 25;
    expect(pm.readConfig(0x58, 4)).toBe(apmcEnable);
    pm.writeConfig(0x58, 0, 4);
    pm.reset("hard");
    expect(pm.readConfig(0x58, 4)).toBe(apmcEnable);
  });

  test("the timer counts 3.579545 MHz in 24 bits", () => {
    const { clock, pm } = make();
    clock.advance(1e9);
    expect(pm.read(8, 4)).toBe(3_579_545);
    expect(pm.read(8, 2) | (pm.read(10, 2) << 16)).toBe(3_579_545);
    expect(pm.read(9, 1)).toBe((3_579_545 >> 8) & 0xff);
    clock.advance(4e9);
    expect(pm.read(8, 4)).toBe(17_897_727 - 0x1000000);
  });

  test("TMR_STS follows the top bit, with an SCI and a clock callback only when enabled", () => {
    const { clock, sci, pm, enableAcpi } = make();
    clock.advance(2_400_000_000);
    expect(pm.read(0, 2)).toBe(1);
    pm.write(0, 1, 2);
    expect([pm.read(0, 2), clock.pending]).toEqual([0, 0]);
    enableAcpi();
    pm.write(2, 1, 2);
    clock.advance(2_400_000_000);
    expect([sci.rises, pm.read(0, 2)]).toEqual([1, 1]);
    pm.write(0, 1, 2);
    expect(sci.level).toBe(false);
    clock.advance(2_400_000_000);
    expect([sci.rises, clock.fired]).toEqual([2, 2]);
  });

  test("the power button asks through SCI once the guest listens", () => {
    const { sci, pm, enableAcpi } = make();
    expect(pm.pressPowerButton()).toBe(false);
    expect([sci.level, pm.read(0, 2)]).toEqual([false, 0x100]);
    pm.write(0, 0x100, 2);
    enableAcpi();
    pm.write(3, 0x01, 1);
    expect(pm.pressPowerButton()).toBe(true);
    expect(sci.level).toBe(true);
    pm.write(0, 0x100, 2);
    expect(sci.level).toBe(false);
  });

  test("SMI_CMD hands over ACPI mode and back", () => {
    const { pm } = make();
    pm.smiPorts.write(0, 0xf1, 1);
    expect(pm.read(4, 2)).toBe(1);
    pm.smiPorts.write(1, 0x42, 1);
    pm.smiPorts.write(0, 0xf0, 1);
    expect([pm.read(4, 2), pm.smiPorts.read(0, 1), pm.smiPorts.read(1, 1)]).toEqual([0, 0xf0, 0x42]);
  });

  test("SLP_EN with the S5 type powers off, other types do not", () => {
    const { pm, events } = make();
    pm.write(4, 0x2801, 2);
    expect(events).toEqual([]);
    pm.write(4, 0x0001, 2);
    pm.write(5, 0x20, 1);
    expect(events).toEqual(["off"]);
    expect(pm.read(4, 2)).toBe(1);
  });

  test("suspend to RAM lasts until an enabled event, and what woke the machine outlives the reset", () => {
    const { pm, events } = make();
    pm.write(2, 0x400, 2);
    pm.write(4, 0x2400, 2);
    expect(events).toEqual(["suspend"]);
    pm.rtcInterrupt();
    expect(events).toEqual(["suspend", "wake"]);
    pm.reset("hard");
    expect(pm.read(0, 2)).toBe(0x8400);
    pm.reset("hard");
    expect(pm.read(0, 2)).toBe(0);
  });

  test("the clock's interrupt wakes nobody who has not enabled it; the power button always does", () => {
    const { pm, events } = make();
    pm.write(4, 0x2400, 2);
    pm.rtcInterrupt();
    expect(events).toEqual(["suspend"]);
    pm.pressPowerButton();
    expect(events).toEqual(["suspend", "wake"]);
  });

  test("general purpose events raise SCI when enabled", () => {
    const { sci, pm, enableAcpi } = make();
    enableAcpi();
    pm.raiseGpe(3);
    expect(sci.level).toBe(false);
    pm.write(0x0c, 0x00080000, 4);
    expect([sci.level, pm.read(0x0c, 4)]).toEqual([true, 0x00080008]);
    pm.write(0x0c, 0x08, 1);
    expect(sci.level).toBe(false);
  });
});

deviceConformance("AcpiPowerManagement", () => {
  const { pm, clock, enableAcpi } = make();
  return {
    device: pm,
    exercise: () => {
      pm.writeConfig(0x40, 0x601, 4);
      pm.writeConfig(0x80, 1, 1);
      enableAcpi();
      pm.write(2, 0x101, 2);
      clock.advance(3e9);
      pm.pressPowerButton();
    },
  };
});
