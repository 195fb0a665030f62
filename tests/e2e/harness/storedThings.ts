/** Media and snapshots of the made-up library: differencing images, every state, a tree with branches. */

import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import { fakeMedium } from "../../../renderer/platform/FakeMedia.ts";
import { type FakeTree, fakeSnapshot } from "../../../renderer/platform/FakeSnapshots.ts";

const home = "/home/ada/.local/share/guesthouse/machines";

function use(machine: MachineSummary | undefined, snapshot: [string, string] | null = null) {
  return {
    machineId: machine?.id ?? "",
    machineName: machine?.name ?? "",
    slot: 0,
    snapshotId: snapshot?.[0] ?? null,
    snapshotName: snapshot?.[1] ?? null,
  };
}

export function someMedia([debian, dos, windows]: readonly MachineSummary[]): Medium[] {
  const base = `${home}/Debian 12/disk.qcow2`;
  const middle = `${home}/Debian 12/snapshots/s1.qcow2`;
  return [
    fakeMedium(base, "disk", { attachedTo: [use(debian, ["s1", "Clean install"])] }),
    fakeMedium(middle, "disk", { parentPath: base, attachedTo: [use(debian, ["s2", "Build tools"])] }),
    fakeMedium(`${home}/Debian 12/snapshots/s2.qcow2`, "disk", {
      parentPath: middle,
      allocatedBytes: 48_000_000,
      state: { kind: "inUse" },
      attachedTo: [use(debian)],
    }),
    fakeMedium(`${home}/FreeDOS/disk.vdi`, "disk", {
      format: "vdi",
      subformat: "dynamic",
      sizeBytes: 512 * 2 ** 20,
      allocatedBytes: 31 * 2 ** 20,
      attachedTo: [use(dos)],
    }),
    fakeMedium(`${home}/Windows 98/win98.vmdk`, "disk", {
      format: "vmdk",
      subformat: "monolithicSparse",
      sizeBytes: 2 ** 31,
      allocatedBytes: 700 * 2 ** 20,
      dirty: true,
      attachedTo: [use(windows)],
    }),
    fakeMedium("/home/ada/Images/lost.vhdx", "disk", {
      format: null,
      subformat: null,
      sizeBytes: 0,
      allocatedBytes: 0,
      state: { kind: "missing" },
    }),
    fakeMedium("/home/ada/Images/torn.qcow2", "disk", {
      state: { kind: "broken", reason: "The refcount table lies behind the end of the file." },
    }),
    fakeMedium("/home/ada/Images/vault.qcow2", "disk", { encrypted: true, sizeBytes: 64 * 2 ** 30 }),
    fakeMedium("/home/ada/Images/debian-12.5.0-amd64-netinst.iso", "optical", { attachedTo: [use(debian)] }),
    fakeMedium("/home/ada/Images/FD13LIVE.iso", "optical"),
    fakeMedium("/home/ada/Images/boot.img", "floppy"),
  ];
}

export function someSnapshots([debian, dos]: readonly MachineSummary[]): Record<string, FakeTree> {
  return {
    [debian?.id ?? ""]: {
      snapshots: [
        fakeSnapshot("s1", null, "Clean install", { description: "Straight from the installer,\nnothing added." }),
        fakeSnapshot("s2", "s1", "Build tools", { withState: true, hasThumbnail: true }),
        fakeSnapshot("s3", "s2", "Kernel 6.8 trial", { withState: true, hasThumbnail: true, allocatedBytes: 2 ** 30 }),
        fakeSnapshot("s4", "s1", "With desktop"),
        fakeSnapshot("s5", "s4", "Torn by the power", { memory: "lost" }),
        fakeSnapshot("s6", "s2", "Just now", { memory: "arriving" }),
      ],
      currentId: "s2",
      changed: true,
    },
    [dos?.id ?? ""]: { snapshots: [fakeSnapshot("s1", null, "Fresh")], currentId: "s1", changed: false },
  };
}
