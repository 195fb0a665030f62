import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { checkMachineDraft, lockedChanges } from "./checkMachineDraft.ts";
import { commandLegality, isLegal } from "./commandLegality.ts";
import { hostProtocol } from "./hostProtocol.ts";
import { defaultMachineDraft, type MachineDraft, machineDraftSchema } from "./MachineConfig.ts";
import { osTypeSchema } from "./OsType.ts";
import { guessOsType, osTypeById, osTypes } from "./osTypes.ts";

const good = defaultMachineDraft("Test");
const storage = good.storage;
const disks = (count: number) => Array.from({ length: count }, (_none, index) => ({ path: `/d${index}` }));

test("the default draft has the schema's shape and no findings", () => {
  expect(v.safeParse(machineDraftSchema, good).success).toBe(true);
  expect(checkMachineDraft(good)).toEqual([]);
});

test("debug ports that were one setting are read as both", () => {
  const parsed = v.parse(machineDraftSchema, { ...good, debugPorts: true });
  expect(parsed.debugPorts).toEqual({ console: true, exit: true });
});

test.each<[string, Partial<MachineDraft>]>([
  ["name-empty", { name: "  " }],
  ["name-too-long", { name: "x".repeat(121) }],
  ["name-characters", { name: "a\u0007" }],
  ["memory-not-whole", { memoryMiB: 1.5 }],
  ["memory-too-small", { memoryMiB: 0 }],
  ["memory-too-large", { memoryMiB: 1e9 }],
  ["boot-order-repeats", { bootOrder: ["disk", "disk"] }],
  ["ide-too-many", { storage: { ...storage, disks: disks(4) } }],
  ["disk-repeats", { storage: { ...storage, disks: [{ path: "/a" }, { path: "/a" }] } }],
  ["floppies-too-many", { storage: { ...storage, floppies: [{ path: null }, { path: null }, { path: null }] } }],
  ["serial-too-many", { serial: Array.from({ length: 5 }, () => ({ kind: "none" }) as const) }],
])("%s is found", (code, change) => {
  expect(checkMachineDraft({ ...good, ...change }).map((issue) => issue.code)).toEqual([code]);
});

test("a live machine locks what the hardware is made of", () => {
  const changed = { ...good, name: "Other", memoryMiB: 64 };
  expect(lockedChanges("running", good, changed)).toEqual(["memoryMiB"]);
  expect(lockedChanges("saved", good, changed)).toEqual(["memoryMiB"]);
  expect(lockedChanges("poweredOff", good, changed)).toEqual([]);
});

describe("commandLegality", () => {
  test("names every command, and machines only for commands that name one", () => {
    expect(Object.keys(commandLegality).sort()).toEqual(Object.keys(hostProtocol.commands).sort());
    for (const [command, states] of Object.entries(commandLegality)) {
      if (states === "always") continue;
      const { params } = hostProtocol.commands[command as keyof typeof hostProtocol.commands];
      expect(Object.keys(params.entries), command).toContain("id");
    }
  });

  test("a running machine pauses and does not start", () => {
    expect(isLegal("machine.pause", "running")).toBe(true);
    expect(isLegal("machine.start", "running")).toBe(false);
    expect(isLegal("machine.start", "aborted")).toBe(true);
  });
});

describe("the catalogue of guest systems", () => {
  test("has unique ids, sound values and patterns that compile", () => {
    expect(new Set(osTypes.map(({ id }) => id)).size).toBe(osTypes.length);
    for (const type of osTypes) {
      expect(v.safeParse(osTypeSchema, type).success, type.id).toBe(true);
      expect(type.memoryMinimumMiB).toBeLessThanOrEqual(type.memoryMiB);
      for (const pattern of type.imagePatterns) expect(() => new RegExp(pattern, "i")).not.toThrow();
    }
    expect(osTypeById("nonsense").id).toBe("other");
  });

  test.each([
    ["debian-13.0.0-amd64-netinst.iso", "debian64"],
    ["debian-12.5.0-i386-netinst.iso", "debian32"],
    ["FD13LIVE.iso", "freedos"],
    ["alpine-virt-3.20.0-x86_64.iso", "alpine64"],
    ["TinyCore-current.iso", "tinycore32"],
    ["xubuntu-24.04-desktop-amd64.iso", "ubuntu64"],
    ["FreeBSD-14.1-RELEASE-amd64-disc1.iso", "freebsd64"],
    ["windows_xp_sp3.iso", "windowsXp"],
    ["Win98SE.img", "windows98"],
    ["KolibriOS.img", "kolibri"],
  ])("%s is %s", (name, id) => {
    expect(guessOsType(name)?.id).toBe(id);
  });

  test("an unknown name guesses nothing", () => {
    expect(guessOsType("holiday.iso")).toBeUndefined();
  });
});
