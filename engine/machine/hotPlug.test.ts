import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { restorable, SteadyMachine, wholeState } from "../../tests/fixtures/SteadyMachine.ts";
import { MiB } from "../base/units.ts";
import { openImage } from "../storage/openImage.ts";
import { MemoryStore } from "../storage/stores/MemoryStore.ts";
import type { AttachedDisk, DiskAttachment, DiskInterface, MachineOptions } from "./MachineOptions.ts";

let units: MachineOptions["cpuUnits"];

beforeAll(async () => {
  const paths = await buildCpu();
  const bytes = (path: string | undefined) => new Uint8Array(readFileSync(path!));
  units = { system: bytes(paths.system), fpu: bytes(paths.fpu) };
}, 60_000);

async function disk(kind: DiskInterface): Promise<DiskAttachment> {
  const store = new MemoryStore(new Uint8Array(MiB));
  return { ...(await openImage(store, { name: kind, use: "disk", readOnly: false })), interface: kind };
}

const places = (disks: readonly AttachedDisk[]) =>
  disks.map(({ interface: kind, port, serialNumber }) => `${kind} ${port} ${serialNumber}`);

test("disks get free ports and names that no other has; those that stay keep theirs", async () => {
  const { machine } = new SteadyMachine(units, {
    disks: [await disk("ahci"), await disk("virtio-scsi"), await disk("ahci")],
    opticalDrives: [undefined],
    opticalInterfaces: ["ahci"],
  });
  expect(machine.opticalPorts).toEqual([2]);
  expect(machine.attachDisk(await disk("ahci"))).toBe(3);
  expect(machine.attachDisk({ ...(await disk("virtio-scsi")), port: 7 })).toBe(4);
  machine.detachDisk(0);
  machine.attachDisk(await disk("ahci"));
  expect(places(machine.disks)).toEqual([
    "virtio-scsi 0 GH-D0001",
    "ahci 1 GH-D0002",
    "ahci 3 GH-D0003",
    "virtio-scsi 7 GH-D0004",
    "ahci 0 GH-D0005",
  ]);
  machine.attachDisk(await disk("ahci"));
  machine.attachDisk(await disk("ahci"));
  const one = await disk("ahci");
  expect(() => machine.attachDisk(one)).toThrow(expect.objectContaining({ kind: "too-many-drives" }));
  expect(() => machine.detachDisk(9)).toThrow(expect.objectContaining({ kind: "no-such-drive" }));
});

test.each(["ide", "virtio-blk", "nvme", "virtio-scsi"] as const)(
  "%s disks do not come to a machine with AHCI alone, and go from none",
  async (kind) => {
    const { machine } = new SteadyMachine(units, { disks: [await disk("ahci")] });
    const wanted = await disk(kind);
    expect(() => machine.attachDisk(wanted)).toThrow(expect.objectContaining({ kind: "not-hot-pluggable" }));
    if (kind === "virtio-scsi") return;
    const other = new SteadyMachine(units, { disks: [wanted] }).machine;
    expect(() => other.detachDisk(0)).toThrow(expect.objectContaining({ kind: "not-hot-pluggable" }));
  },
);

test("a controller without drives takes some", async () => {
  const { machine } = new SteadyMachine(units, { controllers: ["ahci", "virtio-scsi"] });
  machine.attachDisk(await disk("virtio-scsi"));
  machine.attachDisk(await disk("ahci"));
  expect(places(machine.disks)).toEqual(["virtio-scsi 0 GH-D0000", "ahci 0 GH-D0001"]);
});

test("a state with disks that came and went fits a machine that is made with those", { timeout: 60_000 }, async () => {
  const optical = { opticalDrives: [undefined], opticalInterfaces: ["ahci"] } as const;
  const first = new SteadyMachine(units, { disks: [await disk("ahci"), await disk("virtio-scsi")], ...optical });
  first.machine.start();
  await first.runUntil(() => first.machine.figures().instructions > 100_000);
  first.machine.attachDisk(await disk("ahci"));
  first.machine.attachDisk({ ...(await disk("virtio-scsi")), port: 5 });
  first.machine.detachDisk(1);
  first.machine.detachDisk(0);
  const state = wholeState(first.machine.captureState("first"));
  const same = await Promise.all(
    first.machine.disks.map(async (there) => ({ ...there, blocks: (await disk(there.interface)).blocks })),
  );
  const second = new SteadyMachine(units, { disks: same, ...optical, opticalPorts: first.machine.opticalPorts });
  expect(second.machine.hardware).toEqual(first.machine.hardware);
  second.synchronize(first);
  await second.machine.restoreState(restorable(state));
  const again = wholeState(second.machine.captureState("again"));
  for (const [index, section] of state.sections.entries()) expect(again.sections[index], section.id).toEqual(section);
  const moved = new SteadyMachine(units, { disks: same.map(({ port: _port, ...there }) => there), ...optical });
  expect(moved.machine.hardware).not.toEqual(first.machine.hardware);
  for (const one of [first, second]) one.machine.powerOff();
});
