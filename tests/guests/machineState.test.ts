import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { StateSection } from "../../engine/contracts/MachineStateParts.ts";
import type { Medium } from "../../engine/contracts/Medium.ts";
import type { MachineOptions } from "../../engine/machine/MachineOptions.ts";
import { stateMigrations } from "../../engine/machine/stateMigrations.ts";
import { checkMigrations } from "../../engine/snapshot/container/migrateSections.ts";
import { openImage } from "../../engine/storage/openImage.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { buildTour } from "../../resources/guest/buildGuest.ts";
import { restorable, SteadyMachine, type WholeState, wholeState } from "../fixtures/SteadyMachine.ts";
import { guestsUnavailable, installerKernel } from "./debianGuests.ts";

/**
 * A state saved in the middle of a guest's work goes on in another machine as in its own: same serial output, same screen, and saved
 * again, at once or later, it is the same, byte for byte.
 */
const MINUTE = 60_000;
let units: MachineOptions["cpuUnits"];

beforeAll(async () => {
  const paths = await buildCpu();
  const bytes = (path: string | undefined) => new Uint8Array(readFileSync(path!));
  units = { system: bytes(paths.system), fpu: bytes(paths.fpu) };
}, MINUTE);

const tourFloppy = (): Promise<Medium> =>
  openImage(new MemoryStore(buildTour().slice()), { name: "tour", use: "floppy", readOnly: false });

const digest = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function differences(one: WholeState, other: WholeState): string[] {
  const found: string[] = [];
  for (const [index, section] of one.sections.entries()) {
    const twin = other.sections[index];
    if (twin?.id !== section.id || digest(twin.payload) !== digest(section.payload)) found.push(section.id);
  }
  for (let page = 0; page < one.ram.length; page += 4096) {
    if (Buffer.compare(one.ram.subarray(page, page + 4096), other.ram.subarray(page, page + 4096)) !== 0) {
      found.push(`page ${page.toString(16)}`);
    }
  }
  return found;
}

/** Saves `first`, goes on in a second machine as well, and expects both to be the same until `then`. */
async function goOnTwice(first: SteadyMachine, makeSecond: () => Promise<SteadyMachine>, then: RegExp): Promise<void> {
  const state = wholeState(first.machine.captureState("first"));
  const second = await makeSecond();
  second.synchronize(first);
  await second.machine.restoreState(restorable(state));
  expect(differences(state, wholeState(second.machine.captureState("again")))).toEqual([]);
  second.serial = first.serial;
  second.synchronize(first);
  for (const one of [first, second]) {
    one.machine.resume();
    await one.runTo(then, 3 * MINUTE);
  }
  expect(second.serial).toBe(first.serial);
  expect(second.serial).toMatch(/PASS/);
  expect(second.screen()).toBe(first.screen());
  expect(
    differences(wholeState(first.machine.captureState("end")), wholeState(second.machine.captureState("end"))),
  ).toEqual([]);
  for (const one of [first, second]) one.machine.powerOff();
}

describe("the tour", () => {
  test.each([
    ["TOUR cpu.real", "TOUR cpu.paging"],
    ["TOUR timer.pit", "TOUR display.mode13h"],
  ])("saved after %s goes on to %s", { timeout: 5 * MINUTE }, async (from, to) => {
    const first = new SteadyMachine(units, { floppy: await tourFloppy() });
    first.machine.start();
    await first.runTo(new RegExp(from), 2 * MINUTE);
    await goOnTwice(
      first,
      async () => new SteadyMachine(units, { floppy: await tourFloppy() }),
      new RegExp(`${to}[^\n]*\n`),
    );
  });
});

const unavailable = guestsUnavailable();
describe.skipIf(unavailable !== undefined)(`other people's guests${unavailable ?? ""}`, () => {
  test("a Linux kernel saved while it starts goes on", { timeout: 8 * MINUTE }, async () => {
    const { kernel, initrd } = installerKernel("amd64");
    const read = (path: string) => new Uint8Array(readFileSync(path));
    const make = async () =>
      new SteadyMachine(units, {
        accel: "auto",
        memoryBytes: 192 * 1024 * 1024,
        directBoot: { kernel: read(kernel), initrd: read(initrd), commandLine: "console=ttyS0 panic=1" },
      });
    const first = await make();
    first.machine.start();
    await first.runTo(/Linux version/, 3 * MINUTE);
    const state = wholeState(first.machine.captureState("first"));
    const second = await make();
    await second.machine.restoreState(restorable(state));
    expect(differences(state, wholeState(second.machine.captureState("again")))).toEqual([]);
    second.machine.resume();
    await second.runTo(/Freeing unused kernel/, 4 * MINUTE);
    expect(second.serial).toMatch(/Memory: \d+K/);
    for (const one of [first, second]) one.machine.powerOff();
  });
});

test("sections of older versions become present ones, and each of those is kept", { timeout: MINUTE }, async () => {
  const first = new SteadyMachine(units, { floppy: await tourFloppy() });
  first.machine.start();
  await first.runUntil(() => first.machine.figures().instructions > 100_000);
  const state = wholeState(first.machine.captureState("first"));
  first.machine.powerOff();
  checkMigrations(stateMigrations, new Map(state.sections.map(({ id, version }) => [id, version])));
  for (const { section, from } of stateMigrations) {
    const file = `${section.replace("device:", "")}-${from}.bin`;
    // Sections that were not there yet have no file.
    const payload =
      from === 0
        ? new Uint8Array()
        : new Uint8Array(readFileSync(new URL(`../fixtures/states/${file}`, import.meta.url)));
    const old = state.sections.flatMap((present) => {
      if (present.id !== section) return [present];
      return from === 0 ? [] : [{ id: section, version: from, payload }];
    });
    const second = new SteadyMachine(units, { floppy: await tourFloppy() });
    await second.machine.restoreState(restorable({ ...state, sections: old }));
    const saved = wholeState(second.machine.captureState("again")).sections.find(({ id }) => id === section);
    expect(saved?.version, file).toBe(state.sections.find(({ id }) => id === section)?.version);
    expect(saved?.payload.length, file).toBeGreaterThanOrEqual(payload.length);
    second.machine.powerOff();
  }
});

describe("a state that does not fit", () => {
  async function saved(): Promise<{ second: SteadyMachine; state: WholeState }> {
    const first = new SteadyMachine(units, { floppy: await tourFloppy() });
    first.machine.start();
    await first.runUntil(() => first.machine.figures().instructions > 100_000);
    const state = wholeState(first.machine.captureState("first"));
    first.machine.powerOff();
    return { second: new SteadyMachine(units, { floppy: await tourFloppy() }), state };
  }
  const changed = (state: WholeState, change: (sections: StateSection[]) => StateSection[]): WholeState => ({
    ...state,
    sections: change([...state.sections]),
  });

  test("is refused by kind, and the machine can be started afterwards", { timeout: MINUTE }, async () => {
    const { second, state } = await saved();
    const refused = (bad: WholeState, kind: string) =>
      expect(second.machine.restoreState(restorable(bad)), kind).rejects.toMatchObject({ kind });
    await refused(
      changed(state, (sections) => sections.slice(1)),
      "state-section-missing",
    );
    await refused(
      changed(state, (sections) => [...sections, { ...sections[0]!, id: "device:toaster" }]),
      "state-section-unknown",
    );
    await refused(
      changed(state, (sections) => [{ ...sections[0]!, version: 99 }, ...sections.slice(1)]),
      "state-version",
    );
    await refused({ ...state, ram: state.ram.subarray(4096) }, "state-other-machine");
    for (const { id } of state.sections) {
      const cut = changed(state, (sections) =>
        sections.map((section) =>
          section.id === id ? { ...section, payload: section.payload.slice(0, -1) } : section,
        ),
      );
      if (state.sections.find((section) => section.id === id)!.payload.length === 0) continue;
      await expect(second.machine.restoreState(restorable(cut)), id).rejects.toMatchObject({
        kind: expect.stringMatching(/^state-/),
      });
    }
    second.machine.start();
    await second.runTo(/TOUR cpu.real PASS/);
    second.machine.powerOff();
    await expect(async () => second.machine.captureState("off")).rejects.toMatchObject({ kind: "illegal-state" });
  });
});

test("RAM is read as it was while the guest goes on, and the next capture knows what changed", {
  timeout: 2 * MINUTE,
}, async () => {
  const one = new SteadyMachine(units, { floppy: await tourFloppy(), accel: "auto" });
  one.machine.start();
  await one.runTo(/TOUR cpu.real/);
  const captured = one.machine.captureState("first");
  const before = Buffer.concat(
    Array.from({ length: captured.ram.pageCount }, (_, page) => captured.ram.page(page).slice()),
  );
  expect(captured.base).toBeUndefined();
  expect(() => one.machine.captureState("second")).toThrow("being saved already");
  one.machine.resume();
  await one.runTo(/TOUR disk.floppy/);
  let different = 0;
  for (let page = 0; page < captured.ram.pageCount; page++) {
    if (Buffer.compare(captured.ram.page(page), before.subarray(page * 4096, (page + 1) * 4096)) !== 0) different++;
    captured.ram.take(page);
  }
  expect(different).toBe(0);
  const next = one.machine.captureState("second");
  expect(next.base?.label).toBe("first");
  let missed = 0;
  for (let page = 0; page < next.ram.pageCount; page++) {
    const same = Buffer.compare(next.ram.page(page), before.subarray(page * 4096, (page + 1) * 4096)) === 0;
    if (!same && next.base?.changed[page] === 0) missed++;
  }
  expect(missed).toBe(0);
  expect(next.base!.changed.reduce((sum, flag) => sum + flag, 0)).toBeGreaterThan(0);
  expect(next.base!.changed.reduce((sum, flag) => sum + flag, 0)).toBeLessThan(next.ram.pageCount / 2);
  next.ram.dispose();
  one.machine.powerOff();
});
