import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandFolder } from "../../tests/fixtures/CommandFolder.ts";
import { fillDisk } from "../../tests/fixtures/diskBytes.ts";
import { openDiskFile } from "../host/mediumWork.ts";
import { bytesOf } from "./mediumActions.ts";

const qemuImg = spawnSync("qemu-img", ["--version"]).status === 0;
const MiB = 1024 ** 2;

let commands: CommandFolder;
beforeEach(() => {
  commands = new CommandFolder();
});
afterEach(() => commands.remove());

const medium = (...args: string[]) => commands.run("medium", ...args);

const write = (name: string, value: number) => fillDisk(commands.at(name), value, MiB, 64 * 1024);

test("create, info, convert, compare, resize, compact, check, remove", async () => {
  expect(await medium("create", "a.qcow2", "--size", "8M")).toMatchObject({ status: 0 });
  await write("a.qcow2", 7);
  const converted = await medium(
    "convert",
    "a.qcow2",
    "a.vmdk",
    "--format",
    "vmdk",
    "--subformat",
    "streamOptimized",
    "--json",
  );
  expect(JSON.parse(converted.output)).toMatchObject({
    format: "vmdk",
    subformat: "streamOptimized",
    sizeBytes: 8 * MiB,
  });
  expect(await medium("compare", "a.qcow2", "a.vmdk")).toMatchObject({ status: 0, output: "Equal.\n" });
  expect(await medium("create", "b.qcow2", "--backing", "a.qcow2")).toMatchObject({ status: 0 });
  await write("b.qcow2", 8);
  const compared = await medium("compare", "a.vmdk", "b.qcow2", "--json");
  expect(compared.status).toBe(1);
  expect(JSON.parse(compared.output)).toEqual({ equal: false, firstDifferentSector: 2048, sameSize: true });
  expect((await medium("info", "b.qcow2")).output).toContain(`rests on   ${commands.at("a.qcow2")}`);
  expect(JSON.parse((await medium("resize", "b.qcow2", "16M", "--json")).output)).toMatchObject({
    sizeBytes: 16 * MiB,
  });
  expect(await medium("compact", "b.qcow2")).toMatchObject({ status: 0 });
  expect(await medium("check", "b.qcow2", "--json")).toMatchObject({ status: 0 });
  if (qemuImg) {
    expect(spawnSync("qemu-img", ["check", commands.at("b.qcow2")]).status).toBe(0);
    expect(spawnSync("qemu-img", ["compare", commands.at("a.qcow2"), commands.at("a.vmdk")]).status).toBe(0);
  }
  expect(await medium("remove", "b.qcow2")).toMatchObject({ status: 0 });
  expect(readdirSync(commands.folder).filter((name) => !name.startsWith("."))).toEqual(["a.qcow2", "a.vmdk"]);
}, 60_000);

test("a new image is of the format that its name promises, unless another is asked for", async () => {
  const formatOf = async (...args: string[]) => JSON.parse((await medium(...args, "--json")).output).format;
  expect(await formatOf("create", "a.VDI", "--size", "1M")).toBe("vdi");
  expect(await formatOf("create", "a.img", "--size", "1M")).toBe("raw");
  expect(await formatOf("create", "disk", "--size", "1M")).toBe("qcow2");
  expect(await formatOf("create", "b.vdi", "--size", "1M", "--format", "vhdx")).toBe("vhdx");
  expect(await formatOf("convert", "a.VDI", "c.vmdk")).toBe("vmdk");
  expect(await medium("convert", "a.VDI", "copy")).toMatchObject({
    status: 2,
    errors: expect.stringContaining("--format"),
  });
}, 60_000);

test("diskettes are made in their customary sizes", async () => {
  const made = async (...args: string[]) => JSON.parse((await medium("create", ...args, "--json")).output);
  expect(await made("a.img", "--diskette", "1.44M")).toMatchObject({ sizeBytes: 1_474_560 });
  expect(await made("b.img", "--diskette", "720k", "--blank")).toMatchObject({ sizeBytes: 737_280 });
  expect(readFileSync(commands.at("a.img")).toString("latin1", 54, 59)).toBe("FAT12");
  expect(readFileSync(commands.at("b.img")).every((byte) => byte === 0)).toBe(true);
  for (const wrong of [
    ["--diskette", "2M"],
    ["--diskette", "1.44M", "--size", "1M"],
    ["--blank", "--size", "1M"],
  ]) {
    expect(await medium("create", "c.img", ...wrong), wrong.join(" ")).toMatchObject({ status: 2 });
  }
  expect(await medium("create", "a.img", "--diskette", "1.2M")).toMatchObject({ status: 8 });
}, 60_000);

test("what makes no sense ends with 2, what cannot be done with 8, and nothing is replaced", async () => {
  writeFileSync(commands.at("full.img"), "precious");
  expect(await medium("create", "x", "--format", "zip", "--size", "1M")).toMatchObject({ status: 2 });
  expect(await medium("create", "x", "--subformat", "round", "--size", "1M")).toMatchObject({ status: 2 });
  expect(await medium("create", "x")).toMatchObject({ status: 2 });
  expect(await medium("create", "full.img", "--size", "1M")).toMatchObject({ status: 8 });
  expect(statSync(commands.at("full.img")).size).toBe(8);
  expect(await medium("info", "none.img")).toMatchObject({ status: 8, errors: expect.stringContaining("none.img") });
}, 60_000);

test("an image that somebody writes to is left alone; one with faults says so", async () => {
  await medium("create", "a.qcow2", "--size", "4M");
  await write("a.qcow2", 1);
  const image = await openDiskFile(commands.at("a.qcow2"), "write");
  expect(await medium("resize", "a.qcow2", "8M")).toMatchObject({
    status: 8,
    errors: expect.stringContaining("in use"),
  });
  await image.close();
  truncateSync(commands.at("a.qcow2"), statSync(commands.at("a.qcow2")).size - 65_536);
  expect((await medium("check", "a.qcow2")).status).not.toBe(0);
}, 60_000);

const secret = ["--object", "secret,id=key,file=key"];
const locked = (name: string) => `driver=qcow2,encrypt.key-secret=key,file.filename=${name}`;

test.skipIf(!qemuImg)(
  "disks are encrypted by passphrases out of files, as qemu-img does it, and copies stay so until somebody says otherwise",
  async () => {
    const { folder } = commands;
    const qemu = (...args: string[]) => spawnSync("qemu-img", args, { cwd: folder, encoding: "utf8" });
    writeFileSync(commands.at("key"), "open sesame");
    writeFileSync(commands.at("line"), "open sesame\n");
    writeFileSync(commands.at("wrong"), "open barley\n");
    writeFileSync(commands.at("plain.raw"), Buffer.alloc(2 * MiB, "secret stuff "));
    const luks = ["-O", "qcow2", "-o", "encrypt.format=luks,encrypt.iter-time=10,encrypt.key-secret=key"];
    expect(qemu("convert", ...secret, "-f", "raw", ...luks, "plain.raw", "theirs.qcow2").status).toBe(0);
    const known = await medium("info", "theirs.qcow2", "--json");
    expect(JSON.parse(known.output)).toMatchObject({ encrypted: true, sizeBytes: 2 * MiB, state: "ready" });
    const wrong = await medium("info", "theirs.qcow2", "--passphrase-file", "wrong");
    expect(wrong).toMatchObject({
      status: 8,
      errors: expect.stringContaining("does not open the disk “theirs.qcow2”"),
    });
    const convert = ["convert", "theirs.qcow2", "--passphrase-file", "line"];
    expect(await medium(...convert, "ours.qcow2", "--format", "qcow2")).toMatchObject({ status: 0 });
    expect(readFileSync(commands.at("ours.qcow2")).includes("secret stuff")).toBe(false);
    const plain = "driver=raw,file.filename=plain.raw";
    expect(qemu("compare", ...secret, "--image-opts", plain, locked("ours.qcow2")).stdout).toContain("identical");
    expect(qemu("check", ...secret, "--image-opts", locked("ours.qcow2")).status).toBe(0);
    const readable = [...convert, "readable.raw", "--format", "raw"];
    expect(await medium(...readable)).toMatchObject({
      status: 8,
      errors: expect.stringContaining("cannot be encrypted"),
    });
    expect(await medium(...readable, "--decrypt")).toMatchObject({ status: 0 });
    expect(readFileSync(commands.at("readable.raw")).equals(readFileSync(commands.at("plain.raw")))).toBe(true);
  },
  180_000,
);

test.each([
  ["512", 512],
  ["1K", 1024],
  ["1.5G", 1.5 * 1024 ** 3],
  ["20GiB", 20 * 1024 ** 3],
  ["1000", 1024],
])("%s is %i bytes", (text, bytes) => {
  expect(bytesOf("--size", text)).toBe(bytes);
});
