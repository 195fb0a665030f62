import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { restorable, SteadyMachine, wholeState } from "../../tests/fixtures/SteadyMachine.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { MiB } from "../base/units.ts";
import type { ArrivingPages } from "../contracts/MachineStateParts.ts";
import type { Medium } from "../contracts/Medium.ts";
import { openImage } from "../storage/openImage.ts";
import { MemoryStore } from "../storage/stores/MemoryStore.ts";
import { diskInterfaces, type MachineOptions, type MachineStop } from "./MachineOptions.ts";

/** What guests do with their states is in `tests/guests/machineState.test.ts`; here is every device that a board can have. */
let units: MachineOptions["cpuUnits"];

beforeAll(async () => {
  const paths = await buildCpu();
  const bytes = (path: string | undefined) => new Uint8Array(readFileSync(path!));
  units = { system: bytes(paths.system), fpu: bytes(paths.fpu) };
}, 60_000);

const disk = (name: string): Promise<Medium> =>
  openImage(new MemoryStore(new Uint8Array(4 * MiB)), { name, use: "disk", readOnly: false });

test("a machine with every kind of disk comes back, section for section", { timeout: 60_000 }, async () => {
  const make = async () =>
    new SteadyMachine(units, {
      disks: await Promise.all(diskInterfaces.map(async (kind) => ({ ...(await disk(kind)), interface: kind }))),
    });
  const first = await make();
  first.machine.start();
  await first.runUntil(() => first.machine.figures().instructions > 200_000);
  const state = wholeState(first.machine.captureState("first"));
  expect(new Set(state.sections.map(({ id }) => id)).size).toBe(state.sections.length);
  const second = await make();
  second.synchronize(first);
  await second.machine.restoreState(restorable(state));
  const again = wholeState(second.machine.captureState("again"));
  for (const [index, section] of state.sections.entries()) expect(again.sections[index], section.id).toEqual(section);
  expect(Buffer.compare(again.ram, state.ram)).toBe(0);
  expect(second.machine.hardware).toEqual(first.machine.hardware);
  for (const one of [first, second]) one.machine.powerOff();
});

test("a machine whose memory cannot be unpacked stops and says why", { timeout: 60_000 }, async () => {
  const first = new SteadyMachine(units, {});
  first.machine.start();
  await first.runUntil(() => first.machine.figures().instructions > 200_000);
  const state = restorable(wholeState(first.machine.captureState("first")));
  first.machine.powerOff();
  const error = new GuesthouseError("state-damaged", "Pages cannot be unpacked.");
  const harmed = async (target: Uint8Array): Promise<ArrivingPages> => ({
    ...(await state.readRam(target)),
    bring: () => {
      throw error;
    },
  });
  const second = new SteadyMachine(units, {});
  second.synchronize(first);
  const stops: MachineStop[] = [];
  second.machine.stopped.subscribe((stop) => void stops.push(stop));
  await second.machine.restoreState({ ...state, readRam: harmed });
  second.machine.resume();
  await second.runUntil(() => stops.length > 0);
  expect(stops).toEqual([{ kind: "failure", error }]);
});
