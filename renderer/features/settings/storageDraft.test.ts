import { describe, expect, test } from "vitest";
import {
  diskProblem,
  interfaceForNewDisk,
  type Storage,
  storageControllers,
  withAttributes,
  withDisk,
  withOpticalInterface,
  withoutDevice,
  withPath,
} from "./storageDraft.ts";

const storage: Storage = {
  disks: [{ path: "a.img" }, { path: "b.qcow2", interface: "nvme" }, { path: "c.img" }],
  opticals: [{ path: null }],
  floppies: [{ path: "boot.img" }],
};

function device(id: string) {
  const found = storageControllers(storage)
    .flatMap(({ devices }) => devices)
    .find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
}

describe("the storage of a draft", () => {
  test("hangs on controllers, those without anything left out", () => {
    const outline = storageControllers(storage).map(({ id, devices }) => [id, ...devices.map((at) => at.id)]);
    expect(outline).toEqual([
      ["ide", "disk0", "disk2", "optical0"],
      ["nvme", "disk1"],
      ["floppy", "floppy0"],
    ]);
    expect(device("disk2").place).toBe(1);
    expect(device("optical0").place).toBe(2);
  });

  test("takes a new disk beside the last, and elsewhere when IDE is full", () => {
    expect(interfaceForNewDisk({ disks: [], opticals: [], floppies: [] }, 4)).toBe("ide");
    const full = { ...storage, opticals: [{ path: null }, { path: null }] };
    expect(interfaceForNewDisk(full, 4)).toBe("ahci");
    expect(interfaceForNewDisk({ ...storage, disks: [{ path: "b", interface: "nvme" }] }, 4)).toBe("nvme");
    expect(withDisk(storage, "d.img", "ide").disks.at(-1)).toEqual({ path: "d.img" });
    expect(withDisk(storage, "d.img", "ahci").disks.at(-1)).toEqual({ path: "d.img", interface: "ahci" });
  });

  test("has optical drives on controllers that take them", () => {
    const moved = withOpticalInterface(storage, 0, "ahci");
    expect(moved.opticals).toEqual([{ path: null, interface: "ahci" }]);
    expect(storageControllers(moved).map(({ id }) => id)).toEqual(["ide", "ahci", "nvme", "floppy"]);
    expect(withOpticalInterface(moved, 0, "ide")).toEqual(storage);
  });

  test("counts only drives of IDE on IDE, and shows the places that drives say and get", () => {
    const mixed: Storage = {
      disks: [
        { path: "a" },
        { path: "b", interface: "ahci", port: 4 },
        { path: "c", interface: "nvme" },
        { path: "d", interface: "virtio-blk", port: 8 },
        { path: "e", interface: "nvme" },
      ],
      opticals: [{ path: null, interface: "ahci" }, { path: null }, { path: null, interface: "virtio-scsi" }],
      floppies: [],
    };
    const places = storageControllers(mixed).flatMap(({ id, devices }) =>
      devices.map((at) => `${id} ${at.id} ${at.place}`),
    );
    expect(places).toEqual([
      "ide disk0 0",
      "ide optical1 2",
      "ahci disk1 4",
      "ahci optical0 0",
      "virtio-blk disk3 8",
      "virtio-scsi optical2 0",
      "nvme disk2 9",
      "nvme disk4 10",
    ]);
    const onPort = { path: "b", interface: "ahci", port: 4 } as const;
    expect(withAttributes(onPort, { removable: true })).toEqual({ ...onPort, removable: true });
    expect(withAttributes(onPort, { interface: "nvme" })).toEqual({ path: "b", interface: "nvme" });
  });

  test("loses one device and no other", () => {
    expect(withoutDevice(storage, device("disk1")).disks.map(({ path }) => path)).toEqual(["a.img", "c.img"]);
    expect(withoutDevice(storage, device("optical0")).opticals).toEqual([]);
  });

  test("keeps a disk's attributes when its file changes; an emptied drive is empty", () => {
    expect(withPath(storage, device("disk1"), "new.qcow2").disks[1]).toEqual({ path: "new.qcow2", interface: "nvme" });
    expect(withPath(storage, device("floppy0"), "").floppies).toEqual([{ path: null }]);
  });
});

test("attributes at their defaults are left out", () => {
  const disk = withAttributes({ path: "a", format: "raw" }, { kind: "immutable", solidState: true, discard: false });
  expect(disk).toEqual({ path: "a", format: "raw", kind: "immutable", solidState: true, discard: false });
  expect(withAttributes(disk, { kind: "normal", solidState: false, discard: true })).toEqual({
    path: "a",
    format: "raw",
  });
});

test("a disk has a file, and a serial number that controllers can tell", () => {
  expect(diskProblem({ path: "a", serial: "WD-1234" })).toBeUndefined();
  expect(diskProblem({ path: " " })).toBe("disk-missing");
  expect(diskProblem({ path: "a", serial: "磁盘" })).toBe("disk-serial");
  expect(diskProblem({ path: "a", serial: "x".repeat(21) })).toBe("disk-serial-long");
});
