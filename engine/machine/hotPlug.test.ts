import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { restorable, SteadyMachine, wholeState } from "../../tests/fixtures/SteadyMachine.ts";
import { slotListener } from "../../tests/fixtures/slotListener.ts";
import { MiB } from "../base/units.ts";
import { openImage } from "../storage/openImage.ts";
import { MemoryStore } from "../storage/stores/MemoryStore.ts";
import { EJECT_MS } from "./board/FunctionDisks.ts";
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
  await machine.detachDisk(0);
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
  await expect(machine.detachDisk(9)).rejects.toMatchObject({ kind: "no-such-drive" });
});

test.each(["ide", "virtio-scsi"] as const)(
  "%s disks do not come to a machine with AHCI alone, and go from none",
  async (kind) => {
    const { machine } = new SteadyMachine(units, { disks: [await disk("ahci")] });
    const wanted = await disk(kind);
    expect(() => machine.attachDisk(wanted)).toThrow(expect.objectContaining({ kind: "not-hot-pluggable" }));
    if (kind === "virtio-scsi") return;
    const other = new SteadyMachine(units, { disks: [wanted] }).machine;
    await expect(other.detachDisk(0)).rejects.toMatchObject({ kind: "not-hot-pluggable" });
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
  await first.machine.detachDisk(0);
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

describe("disks that are PCI functions", () => {
  const ALL = 0xffff_ff00;

  /** A machine whose guest listens to slots; `passTime` ends the wait for it. */
  async function listening(given: number, options: Partial<MachineOptions> = {}) {
    const waiting = new Set<() => void>();
    const bench = new SteadyMachine(units, {
      floppy: await slotListener(given),
      ...options,
      delay: (milliseconds, resume) => {
        if (milliseconds < EJECT_MS) {
          setImmediate(resume);
          return () => {};
        }
        waiting.add(resume);
        return () => void waiting.delete(resume);
      },
    });
    bench.machine.start();
    /** Lets the guest run until it has said it. */
    const hear = async (said: string) => {
      bench.machine.resume();
      await bench.runUntil(() => bench.serial === said);
    };
    const passTime = () => {
      for (const resume of waiting) resume();
    };
    /** The guest has taken ACPI over when a disk can come. */
    const plugFirst = async (first: DiskAttachment) => {
      await bench.runUntil(() => {
        try {
          bench.machine.attachDisk(first);
          return true;
        } catch (error) {
          expect(error).toMatchObject({ kind: "guest-without-hot-plug" });
          return false;
        }
      });
    };
    return { bench, machine: bench.machine, hear, passTime, plugFirst };
  }

  test("come into free slots, and go when the guest has given them up", { timeout: 60_000 }, async () => {
    const { machine, hear, plugFirst } = await listening(ALL, {
      disks: [await disk("virtio-blk"), await disk("nvme")],
    });
    await plugFirst(await disk("nvme"));
    await hear("J");
    machine.attachDisk({ ...(await disk("virtio-blk")), port: 31 });
    await hear("J_");
    expect(places(machine.disks)).toEqual([
      "virtio-blk 8 GH-D0000",
      "nvme 9 GH-D0001",
      "nvme 10 GH-D0002",
      "virtio-blk 31 GH-D0003",
    ]);
    await expect(machine.detachDisk(1)).rejects.toMatchObject({ kind: "guest-keeps-disk" });
    machine.resume();
    expect(await machine.detachDisk(1)).toMatchObject({ serialNumber: "GH-D0001" });
    machine.attachDisk(await disk("virtio-blk"));
    await hear("J_I");
    expect(places(machine.disks).at(-1)).toBe("virtio-blk 9 GH-D0004");
    machine.powerOff();
  });

  test("stay when the guest does not give them up in time, and go with a reset", { timeout: 60_000 }, async () => {
    const { machine, passTime, plugFirst } = await listening(1 << 9, { disks: [await disk("nvme")] });
    await plugFirst(await disk("nvme"));
    machine.resume();
    const kept = machine.detachDisk(0);
    await expect(machine.detachDisk(0)).rejects.toMatchObject({ kind: "guest-keeps-disk" });
    await machine.detachDisk(1);
    passTime();
    await expect(kept).rejects.toMatchObject({ kind: "guest-keeps-disk" });
    expect(places(machine.disks)).toEqual(["nvme 8 GH-D0000"]);
    const gone = machine.detachDisk(0);
    machine.reset();
    await gone;
    expect(machine.disks).toEqual([]);
    machine.powerOff();
  });

  test("go without being asked for, also from a guest that gives nothing up or is paused", async () => {
    const { machine, hear, passTime, plugFirst } = await listening(0);
    await plugFirst(await disk("virtio-blk"));
    await hear("H");
    machine.attachDisk(await disk("nvme"));
    await hear("HI");
    machine.resume();
    const asked = machine.detachDisk(0);
    expect(await machine.detachDisk(0, true)).toMatchObject({ interface: "virtio-blk" });
    expect(await asked).toMatchObject({ interface: "virtio-blk" });
    machine.pause();
    await machine.detachDisk(0, true);
    expect(machine.disks).toEqual([]);
    // The guest was asked for slots that were empty already, and is not any more.
    machine.attachDisk(await disk("nvme"));
    await hear("HIH");
    machine.resume();
    const again = machine.detachDisk(0);
    passTime();
    await expect(again).rejects.toMatchObject({ kind: "guest-keeps-disk" });
    machine.powerOff();
  });

  test("stay when the machine is switched off meanwhile, and do not come to one that is off", async () => {
    const { machine, plugFirst } = await listening(0);
    const one = await disk("virtio-blk");
    await plugFirst(one);
    machine.resume();
    const kept = machine.detachDisk(0);
    machine.powerOff();
    await expect(kept).rejects.toMatchObject({ kind: "guest-keeps-disk" });
    const off = new SteadyMachine(units, { disks: [one] }).machine;
    expect(() => off.attachDisk(one)).toThrow(expect.objectContaining({ kind: "guest-without-hot-plug" }));
    await expect(off.detachDisk(0)).rejects.toMatchObject({ kind: "guest-without-hot-plug" });
  });

  test("are in a state where they were, and the guest goes on listening", { timeout: 60_000 }, async () => {
    const first = await listening(ALL, { disks: [await disk("virtio-blk"), await disk("nvme")] });
    await first.plugFirst(await disk("nvme"));
    await first.hear("J");
    first.machine.resume();
    await first.machine.detachDisk(0);
    first.machine.pause();
    // This one is not seen before the state is kept.
    first.machine.attachDisk({ ...(await disk("nvme")), port: 20 });
    const state = wholeState(first.machine.captureState("first"));
    const same = await Promise.all(
      first.machine.disks.map(async (there) => ({ ...there, blocks: (await disk(there.interface)).blocks })),
    );
    expect(first.machine.entropyDevice).toBe(true);
    const second = await listening(ALL, { disks: same, entropyDevice: true });
    second.machine.powerOff();
    expect(second.machine.hardware).toEqual(first.machine.hardware);
    await second.machine.restoreState(restorable(state));
    expect(wholeState(second.machine.captureState("again")).sections.map(({ id }) => id)).toEqual(
      state.sections.map(({ id }) => id),
    );
    second.bench.serial = "";
    await second.hear("T");
    second.machine.resume();
    await second.machine.detachDisk(0);
    expect(places(second.machine.disks)).toEqual(["nvme 10 GH-D0002", "nvme 20 GH-D0003"]);
    const moved = new SteadyMachine(units, { disks: same.map(({ port: _port, ...there }) => there) });
    expect(moved.machine.hardware).not.toEqual(first.machine.hardware);
    for (const { machine } of [first, second]) machine.powerOff();
  });
});
