import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostBench } from "../../tests/fixtures/HostBench.ts";
import { RandomValues } from "../../tests/fixtures/RandomValues.ts";
import type { ApplianceEdits, ApplianceExport } from "../api/applianceProtocol.ts";
import type { HostClient } from "../api/HostClient.ts";
import { defaultMachineDraft } from "../api/MachineConfig.ts";
import { compareDiskFiles, copyDisk, openDiskFile } from "./mediumWork.ts";

const media = fileURLToPath(new URL("../../../shared/media/", import.meta.url));
const content = new RandomValues(99).bytes(150_016);
const noEdits: ApplianceEdits = { machines: [] };

let folder: string;
let bench: HostBench;
let client: HostClient;

beforeEach(async () => {
  bench = await HostBench.open("data");
  ({ folder, client } = bench);
});
afterEach(() => bench.close());

const inspect = async (path: string) =>
  (await client.call("appliance.inspect", { path, configuration: null })).appliance;
const importFile = async (path: string, edits: ApplianceEdits = noEdits) =>
  (await client.call("appliance.import", { path, configuration: null, edits })).machines;
const machineFolders = () => readdirSync(join(folder, "data", "machines"));

async function machineWithDisk(name: string) {
  const draft = { ...defaultMachineDraft(name), osType: "debian32", memoryMiB: 200, description: "One\nTwo" };
  writeFileSync(join(folder, "disc.iso"), new RandomValues(5).bytes(40_000));
  draft.storage.opticals = [{ path: join(folder, "disc.iso") }];
  const newDisks = [{ sizeBytes: 4 * 1024 * 1024, format: "qcow2" as const }];
  const { machine } = await client.call("library.create", { draft, newDisks });
  const disk = join(machine.folder, machine.config!.storage.disks[0]!.path);
  const image = await openDiskFile(disk, "write");
  await image.write(512 * 1024, content);
  await image.close();
  return { machine, disk };
}

function exportOf(machineIds: string[], path: string): ApplianceExport {
  return {
    machineIds,
    path,
    ovfVersion: "1.0",
    variant: "standard",
    manifest: true,
    media: true,
    macPolicy: "keepAll",
  };
}

describe.each(["ova", "ovf"])("a round trip by %s", (extension) => {
  test("gives the same machine and disk, and tells how far it is", async () => {
    const { machine, disk } = await machineWithDisk("Round");
    const path = join(folder, `pack.${extension}`);
    const kinds = new Set<string>();
    client.on("job.changed", ({ job }) => kinds.add(`${job.kind} ${job.state}`));
    const { files, sizeBytes } = await client.call("appliance.export", exportOf([machine.id], path));
    expect(files).toContain(`pack.${extension}`);
    expect(sizeBytes).toBeGreaterThan(150_000);
    expect((await inspect(path)).machines[0]).toMatchObject({ name: "Round", memoryMiB: 200, osType: "debian32" });
    const [made] = await importFile(path);
    const { id: _id, version: _version, name, storage, ...settings } = made!.config!;
    const { id: _otherId, version: _other, name: _name, storage: before, ...expected } = machine.config!;
    expect(name).toBe("Round 2");
    expect(settings).toEqual(expected);
    expect(storage.opticals).toHaveLength(before.opticals.length);
    expect(readFileSync(join(made!.folder, storage.opticals[0]!.path!))).toEqual(
      readFileSync(join(folder, "disc.iso")),
    );
    const copy = join(made!.folder, storage.disks[0]!.path);
    expect(await compareDiskFiles(disk, copy, {})).toMatchObject({ equal: true });
    expect([...kinds]).toEqual(expect.arrayContaining(["exportAppliance finished", "importAppliance finished"]));
    await expect(client.call("appliance.export", exportOf([machine.id], path))).rejects.toMatchObject({
      kind: "file-exists",
    });
  });

  test("damage and cancelling leave the library as it was", async () => {
    const { machine } = await machineWithDisk("Round");
    const path = join(folder, `pack.${extension}`);
    await client.call("appliance.export", exportOf([machine.id], path));
    const before = machineFolders();
    const cancel = client.on("job.changed", ({ job }) => {
      if (job.kind === "importAppliance" && job.state === "running") void client.call("jobs.cancel", { jobId: job.id });
    });
    await expect(importFile(path)).rejects.toMatchObject({ kind: "cancelled" });
    cancel.dispose();
    expect(machineFolders()).toEqual(before);
    const harmed = extension === "ova" ? path : join(folder, "pack-disk1.vmdk");
    const bytes = readFileSync(harmed);
    bytes[bytes.length - 80_000]! ^= 1;
    writeFileSync(harmed, bytes);
    await expect(importFile(path)).rejects.toMatchObject({ kind: "appliance-checksum" });
    expect(machineFolders()).toEqual(before);
  });
});

test("edits change what comes", async () => {
  const { machine, disk } = await machineWithDisk("Edited");
  const path = join(folder, "pack.ova");
  await client.call("appliance.export", exportOf([machine.id], path));
  const items = (await inspect(path)).machines[0]!.items;
  const diskId = items.find(({ kind }) => kind === "disk")!.id;
  const discId = items.find(({ kind }) => kind === "optical")!.id;
  const [made] = await importFile(path, {
    diskFormat: "vdi",
    machines: [
      {
        index: 0,
        name: "Other",
        memoryMiB: 77,
        osType: "msdos",
        items: [
          { id: diskId, format: "vhd", fileName: "system.vhd" },
          { id: discId, include: false },
        ],
      },
    ],
  });
  expect(made!.config).toMatchObject({ name: "Other", memoryMiB: 77, osType: "msdos" });
  expect(made!.config!.storage).toMatchObject({ disks: [{ path: "system.vhd", format: "vhd" }], opticals: [] });
  const comparison = await compareDiskFiles(disk, join(made!.folder, "system.vhd"), {});
  expect(comparison).toMatchObject({ equal: true });
  const wrong = (edit: object) => importFile(path, { machines: [{ index: 0, ...edit }] });
  await expect(wrong({ osType: "nothing" })).rejects.toMatchObject({ kind: "invalid-edit" });
  await expect(wrong({ items: [{ id: "nothing" }] })).rejects.toMatchObject({ kind: "invalid-edit" });
  await expect(wrong({ items: [{ id: diskId, fileName: "../x" }] })).rejects.toMatchObject({ kind: "invalid-edit" });
  await expect(wrong({ items: [{ id: diskId, fileName: "machine.json" }] })).rejects.toMatchObject({
    kind: "invalid-edit",
  });
  await expect(wrong({ include: false })).rejects.toMatchObject({ kind: "appliance-empty" });
});

test("a disk compressed with gzip, and one that grows without end", async () => {
  const image = join(folder, "plain.img");
  const bytes = Buffer.alloc(2 * 1024 * 1024);
  bytes.set(content, 4096);
  writeFileSync(image, bytes);
  const ovf = (capacity: number) => `<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
    xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="r">
    <References><File ovf:id="f" ovf:href="disk.gz" ovf:compression="gzip"/></References>
    <DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="${capacity}"/></DiskSection>
    <VirtualSystem ovf:id="zipped"><VirtualHardwareSection><Item><rasd:ResourceType>17</rasd:ResourceType>
    <rasd:HostResource>/disk/d</rasd:HostResource></Item></VirtualHardwareSection></VirtualSystem></Envelope>`;
  const path = join(folder, "zipped.ovf");
  writeFileSync(path, ovf(bytes.length));
  writeFileSync(join(folder, "disk.gz"), gzipSync(bytes));
  const [made] = await importFile(path);
  const copy = join(made!.folder, made!.config!.storage.disks[0]!.path);
  expect(await compareDiskFiles(image, copy, {}, [{ format: "raw" }, {}])).toMatchObject({ equal: true });
  expect(readdirSync(made!.folder).toSorted()).toEqual(["disk.qcow2", "machine.json"]);
  writeFileSync(join(folder, "disk.gz"), gzipSync(Buffer.alloc(80 * 1024 * 1024)));
  const before = machineFolders();
  writeFileSync(path, ovf(1024));
  await expect(importFile(path)).rejects.toMatchObject({ kind: "appliance-too-large" });
  writeFileSync(join(folder, "disk.gz"), gzipSync(bytes).subarray(0, 1000));
  await expect(importFile(path)).rejects.toMatchObject({ kind: "appliance-truncated" });
  expect(machineFolders()).toEqual(before);
});

test("what a crashed import left goes with the next", async () => {
  const { machine } = await machineWithDisk("After");
  const path = join(folder, "pack.ova");
  await client.call("appliance.export", exportOf([machine.id], path));
  const left = join(folder, "data", "machines", ".import-0123456789ab");
  mkdirSync(left);
  writeFileSync(join(left, "disk"), "x");
  await importFile(path);
  expect(existsSync(left)).toBe(false);
});

test("machines of VirtualBox and VMware, copied and in place", async () => {
  const { disk } = await machineWithDisk("Source");
  const kept = join(folder, "kept");
  mkdirSync(join(kept, "My Disks"), { recursive: true });
  await copyDisk(disk, join(kept, "My Disks", "one.vdi"), { format: "vdi" });
  await copyDisk(disk, join(kept, "two.vmdk"), { format: "vmdk", subformat: "twoGbMaxExtentSparse" });
  const vbox = join(kept, "a.vbox");
  writeFileSync(vbox, virtualBoxMachine);
  const vmx = join(kept, "b.vmx");
  writeFileSync(vmx, vmwareMachine);
  expect((await inspect(vbox)).machines[0]).toMatchObject({
    name: "Kept",
    osType: "windowsXp",
    memoryMiB: 300,
    firmware: "bios",
  });
  expect((await inspect(vmx)).machines[0]).toMatchObject({ name: "Kept “too”", osType: "debian64", memoryMiB: 512 });
  const [copied] = await importFile(vbox);
  expect(copied!.config!.storage.disks).toEqual([{ path: "one.qcow2", format: "qcow2" }]);
  const copy = join(copied!.folder, "one.qcow2");
  expect(await compareDiskFiles(disk, copy, {})).toMatchObject({ equal: true });
  const [inPlace] = await importFile(vmx, { machines: [], inPlace: true });
  expect(inPlace!.config!.storage.disks[0]).toMatchObject({ path: join(kept, "two.vmdk") });
  const [again] = await importFile(vmx);
  const second = join(again!.folder, again!.config!.storage.disks[0]!.path);
  expect(await compareDiskFiles(disk, second, {})).toMatchObject({ equal: true });
});

test.skipIf(!existsSync(media))("an appliance that VirtualBox wrote", async () => {
  const path = join(folder, "ubuntu.ovf");
  copyFileSync(`${media}appliances/cot-ubuntu.2.0.ovf`, path);
  expect((await inspect(path)).notes.map(({ code }) => code)).toContain("file-missing");
  await expect(importFile(path)).rejects.toMatchObject({ kind: "appliance-file-missing" });
  copyFileSync(`${media}disks/cot-ubuntu.2.0-disk1.vmdk`, join(folder, "ubuntu.2.0-disk1.vmdk"));
  const [made] = await importFile(path);
  expect(made!.config).toMatchObject({ name: "ubuntu", osType: "ubuntu64", bootOrder: ["floppy", "cdrom", "disk"] });
});

const virtualBoxMachine = `<?xml version="1.0"?>
<VirtualBox xmlns="http://www.virtualbox.org/" version="1.16-linux">
  <Machine uuid="{11111111-1111-1111-1111-111111111111}" name="Kept" OSType="WindowsXP">
    <MediaRegistry><HardDisks><HardDisk uuid="{22222222-2222-2222-2222-222222222222}" location="My Disks/one.vdi" format="VDI" type="Normal"/></HardDisks>
    </MediaRegistry>
    <Hardware><CPU count="2"/><Memory RAMSize="300"/><Network><Adapter slot="0" enabled="true" MACAddress="080027AABBCC" type="Am79C973"><NAT/></Adapter></Network></Hardware>
    <StorageControllers><StorageController name="IDE" type="PIIX4">
      <AttachedDevice type="HardDisk" port="0" device="0"><Image uuid="{22222222-2222-2222-2222-222222222222}"/></AttachedDevice>
      <AttachedDevice type="DVD" port="1" device="0"/>
    </StorageController></StorageControllers>
  </Machine>
</VirtualBox>`;

const vmwareMachine = `.encoding = "UTF-8"
config.version = "8"
virtualHW.version = "10"
displayName = "Kept “too”"
guestOS = "debian10-64"
memsize = "512"
scsi0.present = "TRUE"
scsi0.virtualDev = "lsilogic"
scsi0:0.present = "TRUE"
scsi0:0.fileName = "two.vmdk"
ide1:0.present = "TRUE"
ide1:0.deviceType = "cdrom-raw"
ide1:0.fileName = "auto detect"
ethernet0.present = "TRUE"
ethernet0.generatedAddress = "00:0c:29:01:02:03"
annotation = "Line|0Anext"
`;
