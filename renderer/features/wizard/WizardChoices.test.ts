import { describe, expect, test } from "vitest";
import { osTypeById } from "../../../engine/api/osTypes.ts";
import {
  draftFromChoices,
  initialChoices,
  issuesOf,
  knownPassphrases,
  newDisks,
  touch,
  withImage,
  withSystem,
} from "./WizardChoices.ts";

describe("WizardChoices", () => {
  test("an image sets name, system and the system's defaults", () => {
    const choices = withImage(initialChoices(), "/isos/alpine-virt-3.19.1-x86_64.iso");
    expect(choices.name).toBe("Alpine Linux 3.19.1");
    expect(choices.osType).toBe("alpine64");
    expect(choices.memoryMiB).toBe(osTypeById("alpine64").memoryMiB);
    expect(issuesOf(choices)).toEqual({});
  });

  test("what was set by hand survives every guess", () => {
    let choices = touch(initialChoices(), { name: "Mine", memoryMiB: 77 }, "name", "memoryMiB");
    choices = withImage(choices, "/isos/debian-9-i386.iso");
    choices = withSystem(choices, osTypeById("windows98"));
    expect(choices.name).toBe("Mine");
    expect(choices.memoryMiB).toBe(77);
    expect(choices.osType).toBe("windows98");
  });

  test("the medium that was put in is tried first", () => {
    const floppy = withImage(
      { ...withSystem(initialChoices(), osTypeById("debian32")), bootMedium: "floppy" },
      "/x/boot.img",
    );
    const draft = draftFromChoices(floppy);
    expect(draft.bootOrder[0]).toBe("floppy");
    expect(draft.storage.floppies).toEqual([{ path: "/x/boot.img" }]);
    expect(draft.storage.opticals).toEqual([{ path: null }]);
  });

  test("a system without a disk proposes none, and a new disk is asked of the host", () => {
    expect(withSystem(initialChoices(), osTypeById("kolibri")).disk).toBe("none");
    const three = { ...initialChoices(), diskMiB: 3 };
    const disk = { sizeBytes: 3 * 1024 * 1024, format: "qcow2", subformat: "v3" };
    expect(newDisks(three)).toEqual([disk]);
    expect(knownPassphrases(three)).toEqual([]);
    const locked = { ...three, encryption: { way: "new", passphrase: "secret", again: "secret" } } as const;
    expect(newDisks(locked)).toEqual([{ ...disk, passphrase: "secret" }]);
    expect(knownPassphrases(locked)).toEqual([{ slot: 0, passphrase: "secret" }]);
    expect(issuesOf({ ...locked, encryption: { ...locked.encryption, again: "" } }).encryption).toBe(
      "passphrases-differ",
    );
    expect(newDisks({ ...initialChoices(), disk: "none" })).toEqual([]);
  });

  test("a disk, new or existing, hangs on the controller that was chosen", () => {
    const chosen = { ...initialChoices(), diskInterface: "nvme" } as const;
    expect(newDisks(chosen)).toMatchObject([{ interface: "nvme" }]);
    const existing = { ...chosen, disk: "existing", diskPath: "/d.vdi" } as const;
    expect(draftFromChoices(existing).storage.disks).toEqual([{ path: "/d.vdi", interface: "nvme" }]);
    expect(newDisks(initialChoices())[0]).not.toHaveProperty("interface");
  });

  test("a kernel boots directly", () => {
    const choices = { ...initialChoices(), name: "K", bootMedium: "kernel" as const, kernelPath: "/k", initrdPath: "" };
    expect(draftFromChoices(choices).directBoot).toEqual({
      kernel: "/k",
      initrd: null,
      commandLine: choices.commandLine,
    });
  });

  test("every gap is named at its field", () => {
    expect(issuesOf(initialChoices())).toEqual({ name: "name-empty", imagePath: "image-missing" });
    expect(issuesOf({ ...initialChoices(), bootMedium: "builtin" })).toEqual({});
    expect(
      issuesOf({ ...initialChoices(), name: "x", bootMedium: "kernel", disk: "existing", memoryMiB: 99_999 }),
    ).toEqual({ kernelPath: "kernel-missing", diskPath: "disk-missing", memoryMiB: "memory-too-large" });
  });
});
