import { describe, expect, test } from "vitest";
import { BadArguments } from "./BadArguments.ts";
import { debugExitStatus, exitStatus } from "./exitStatus.ts";
import { OutputWatch } from "./OutputWatch.ts";
import { parseRunOptions, type RunArguments } from "./RunOptions.ts";

const plain: RunArguments = { memory: "128", accel: "auto", disk: [], serial: "stdio", keys: [], screenshot: [] };

test("what is given becomes the machine", () => {
  const { config, keys, screenshots, timeoutSeconds } = parseRunOptions({
    ...plain,
    memory: "64",
    kernel: "bzImage",
    append: "quiet",
    cdrom: "a.iso",
    disk: ["one.img", "two.img"],
    boot: "disk,cdrom",
    serial: "file:log.txt",
    keys: ["a@b{enter}@1.5"],
    screenshot: ["x.png@3", "end.png"],
    timeout: "10",
  });
  expect(config).toMatchObject({
    memoryMiB: 64,
    bootOrder: ["disk", "cdrom"],
    storage: { disks: [{ path: "one.img" }, { path: "two.img" }], opticals: [{ path: "a.iso" }] },
    directBoot: { kernel: "bzImage", initrd: null, commandLine: "quiet" },
    serial: [{ kind: "file", path: "log.txt" }],
    debugPorts: { console: false, exit: false },
  });
  expect(keys[0]).toMatchObject({ atSeconds: 1.5, strokes: expect.objectContaining({ length: 4 }) });
  expect(screenshots).toEqual([
    { path: "x.png", atSeconds: 3 },
    { path: "end.png", atSeconds: undefined },
  ]);
  expect(timeoutSeconds).toBe(10);
});

test("four disks leave no room for an optical drive, and the boot order follows what is given", () => {
  const { config } = parseRunOptions({ ...plain, disk: ["a", "b", "c", "d"], floppy: "f" });
  expect(config.storage.opticals).toEqual([]);
  expect(config.bootOrder).toEqual(["floppy", "disk"]);
});

test("the debug ports are there when they are of use", () => {
  expect(parseRunOptions({ ...plain, debugExit: true }).config.debugPorts).toEqual({ console: true, exit: true });
  expect(parseRunOptions({ ...plain, until: "ready" }).config.debugPorts).toEqual({ console: true, exit: false });
});

test("a debugger's port, and what follows it", () => {
  expect(parseRunOptions({ ...plain }).gdb).toBeUndefined();
  expect(parseRunOptions({ ...plain, gdb: "1234" }).gdb).toEqual({ port: 1234, wait: false, architecture: undefined });
  expect(parseRunOptions({ ...plain, gdb: "0,i386,wait" }).gdb).toEqual({ port: 0, wait: true, architecture: "i386" });
});

test.each<[string, Partial<RunArguments>]>([
  ["--gdb", { gdb: "70000" }],
  ["--gdb", { gdb: "1234,later" }],
  ["--memory", { memory: "lots" }],
  ["memory", { memory: "0" }],
  ["--accel", { accel: "magic" }],
  ["--cpu", { cpu: "v5" }],
  ["--initrd", { initrd: "i" }],
  ["--boot", { boot: "net" }],
  ["--boot", { boot: "disk,disk" }],
  ["--serial", { serial: "file:" }],
  ["--serial", { serial: "tcp" }],
  ["--until", { until: "(" }],
  ["--keys", { keys: ["abc"] }],
  ["--keys", { keys: ["{nokey}@1"] }],
  ["--timeout", { timeout: "-1" }],
  ["disks", { disk: ["a", "b", "c", "d", "e"] }],
])("bad %s is refused", (_option, change) => {
  expect(() => parseRunOptions({ ...plain, ...change })).toThrow(BadArguments);
});

test("debug exits are odd and never look like another status", () => {
  expect([0, 1, 0x7f, 0x80, 0xff].map(debugExitStatus)).toEqual([1, 3, 255, 1, 255]);
  // "Different" is what comparing media ends with; a run never does.
  const { different: _, ...ofRun } = exitStatus;
  expect(Object.values(ofRun).every((status) => status % 2 === 0)).toBe(true);
});

describe("OutputWatch", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  test("finds what arrives in pieces, and only in one source", () => {
    const watch = new OutputWatch(/login: $/);
    watch.put("serial", bytes("log"));
    watch.put("debug", bytes("in: "));
    expect(watch.found(undefined)).toBe(false);
    watch.put("serial", bytes("in: "));
    expect(watch.found(undefined)).toBe(true);
  });

  test("finds lines on the screen and characters of several bytes", () => {
    expect(new OutputWatch(/^C:\\>$/m).found(["Starting", "C:\\>"])).toBe(true);
    const watch = new OutputWatch(/größe/);
    const text = bytes("größe");
    watch.put("serial", text.subarray(0, 3));
    watch.put("serial", text.subarray(3));
    expect(watch.found(undefined)).toBe(true);
  });

  test("line ends are as the pattern's author thinks of them", () => {
    const watch = new OutputWatch(/^done$/m);
    watch.put("serial", bytes("x\r\ndone\r\n"));
    expect(watch.found(undefined)).toBe(true);
  });
});

describe("--disk", () => {
  const disk = (text: string) => parseRunOptions({ ...plain, disk: [text] }).config.storage.disks[0];

  test("takes options from its end", () => {
    expect(disk("a,b.img")).toEqual({ path: "a,b.img" });
    expect(disk("a,b.img,if=virtio,format=qcow2,snapshot=on,ssd=on,serial=X1")).toEqual({
      path: "a,b.img",
      interface: "virtio-blk",
      format: "qcow2",
      kind: "immutable",
      solidState: true,
      serial: "X1",
    });
    expect(disk("c.img,if=nvme")).toEqual({ path: "c.img", interface: "nvme" });
  });

  test("names files with passphrases, and puts none into the configuration", () => {
    const { config, passphraseFiles } = parseRunOptions({
      ...plain,
      disk: ["a.img", "b.qcow2,passphrase-file=/k,removable=on"],
    });
    expect(passphraseFiles).toEqual([{ slot: 1, file: "/k" }]);
    expect(config.storage.disks[1]).toEqual({ path: "b.qcow2", removable: true });
  });

  test.each(["a.img,if=floppy", "a.img,format=doc", "a.img,snapshot=yes", ",if=ide"])("refuses %s", (text) => {
    expect(() => disk(text)).toThrow(BadArguments);
  });
});
