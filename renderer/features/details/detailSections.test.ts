import { describe, expect, test } from "vitest";
import { defaultMachineDraft, type MachineConfig } from "../../../engine/api/MachineConfig.ts";
import { createTranslations } from "../../i18n/languages.ts";
import { detailSections, idePositions } from "./detailSections.ts";

const { t } = createTranslations("en");

function config(change: Partial<MachineConfig>): MachineConfig {
  return { version: 1, id: "00000000-0000-4000-8000-000000000001", ...defaultMachineDraft("Guest"), ...change };
}

function lines(section: string, change: Partial<MachineConfig>): string[] {
  const found = detailSections(config(change), t, "en").find(({ id }) => id === section);
  return (found?.lines ?? []).map(({ name, value }) => `${name}: ${value}`);
}

describe("detailSections", () => {
  test("drives stand at their places on the controller", () => {
    const storage = {
      disks: [{ path: "disk.img" }, { path: "/data/second.img" }],
      opticals: [{ path: "/isos/debian.iso" }, { path: null }],
      floppies: [{ path: null }],
    };
    expect(lines("storage", { storage })).toEqual([
      "IDE primary master: disk.img",
      "IDE primary slave: second.img",
      "IDE secondary master: [Optical drive] debian.iso",
      "IDE secondary slave: [Optical drive] Empty",
      "Floppy A:: Empty",
    ]);
  });

  test("a disk shows its size, and under snapshots the name that its user knows", () => {
    const storage = { disks: [{ path: "snapshots/25f5badd.qcow2" }], opticals: [], floppies: [] };
    const facts = { name: "disk.qcow2", sizeBytes: 20 * 2 ** 30, encrypted: false };
    const shown = (encrypted: boolean) =>
      detailSections(config({ storage }), t, "en", new Map([["snapshots/25f5badd.qcow2", { ...facts, encrypted }]]))
        .find(({ id }) => id === "storage")
        ?.lines.map(({ value }) => value);
    expect(shown(false)).toEqual(["disk.qcow2 (20 GiB)"]);
    expect(shown(true)).toEqual(["disk.qcow2 (20 GiB, encrypted)"]);
  });

  test("optical drives begin at secondary master and take what disks leave", () => {
    expect(idePositions(0, 1)).toEqual({ disks: [], opticals: [2] });
    expect(idePositions(3, 0)).toEqual({ disks: [0, 1, 2], opticals: [] });
    expect(idePositions(3, 1)).toEqual({ disks: [0, 1, 3], opticals: [2] });
    expect(idePositions(1, 3)).toEqual({ disks: [0], opticals: [2, 3, 1] });
  });

  test("only removable drives can be changed right in the pane", () => {
    const sections = detailSections(config({}), t, "en");
    const drives = sections.flatMap((section) => section.lines).flatMap(({ drive }) => (drive ? [drive.kind] : []));
    expect(drives).toEqual(["optical", "floppy"]);
  });

  test("nothing is said as nothing, and what is special is shown", () => {
    expect(lines("storage", { storage: { disks: [], opticals: [], floppies: [] } })).toEqual([": None"]);
    expect(lines("description", {})).toEqual([": None"]);
    const system = lines("system", {
      memoryMiB: 1536,
      debugPorts: { console: true, exit: false },
      directBoot: { kernel: "/boot/vmlinuz", initrd: null, commandLine: "quiet" },
    });
    expect(system).toContain("Memory: 1.5 GiB");
    expect(system).toContain("Kernel: vmlinuz");
    expect(system).toContain("Debug ports: 0xE9");
  });
});
