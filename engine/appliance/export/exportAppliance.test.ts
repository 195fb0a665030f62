import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { diskServices } from "../../../tests/fixtures/diskServices.ts";
import { RandomValues } from "../../../tests/fixtures/RandomValues.ts";
import { convertDisk } from "../../storage/convertDisk.ts";
import { diskFormat, openDisk } from "../../storage/openDisk.ts";
import { MemoryFiles } from "../../storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../../storage/stores/MemoryStore.ts";
import { ArchiveFiles, FolderFiles, openerOf } from "../ApplianceFiles.ts";
import { inspectOvf } from "../inspectAppliance.ts";
import { type CreateDigest, digestOf } from "../manifest.ts";
import { planImport } from "../planImport.ts";
import type { ExportMachine } from "./ExportMachine.ts";
import { type ExportRequest, type ExportServices, exportAppliance } from "./exportAppliance.ts";

const createDigest: CreateDigest = (algorithm) => {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
};
const SIZE_BYTES = 3 * 1024 * 1024;
const content = new RandomValues(7).bytes(200_000);
const disc = new RandomValues(8).bytes(70_001);

function machine(name: string, change: Partial<ExportMachine> = {}): ExportMachine {
  return {
    name,
    description: "Two lines,\nwith <signs> & “quotes”.",
    osType: "tinycore32",
    memoryMiB: 96,
    bootOrder: ["cdrom", "disk"],
    rtcUtc: true,
    cpuLevel: "v2",
    serialPorts: 2,
    product: undefined,
    licence: "",
    disks: [
      { href: `${name}-disk1.vmdk`, sizeBytes: 1000, capacityBytes: SIZE_BYTES, interface: "ide" },
      { href: `${name}-disk2.vmdk`, sizeBytes: 1000, capacityBytes: SIZE_BYTES, interface: "ahci" },
      { href: `${name}-disk3.vmdk`, sizeBytes: 1000, capacityBytes: SIZE_BYTES, interface: "virtio-blk" },
      { href: `${name}-disk4.vmdk`, sizeBytes: 1000, capacityBytes: SIZE_BYTES, interface: "nvme" },
    ],
    opticals: [
      { interface: "ide", file: { href: `${name}-disc1.iso`, sizeBytes: disc.length } },
      { interface: "ahci", file: undefined },
    ],
    floppies: [undefined],
    ...change,
  };
}

async function sourceDisk() {
  const disk = await diskFormat("qcow2").create(new MemoryFiles(), "source", {
    sizeBytes: SIZE_BYTES,
    services: diskServices(),
  });
  await disk.write(1024 * 1024, content.subarray(0, 199_680));
  return disk;
}

const services: ExportServices = {
  createDigest,
  nowMs: () => Date.UTC(2026, 0, 2),
  async writeDisk(_disk, opener, name, work) {
    const options = { sizeBytes: SIZE_BYTES, services: diskServices(), subformat: "streamOptimized" };
    const target = await diskFormat("vmdk").create(opener, name, options);
    await convertDisk(await sourceDisk(), target, { ...work, compress: true });
    await target.close();
  },
  openFile: async () => new MemoryStore(disc.slice()),
};

function request(change: Partial<ExportRequest> = {}): ExportRequest {
  return {
    layout: "ova",
    version: "1.0",
    variant: "standard",
    name: "pack",
    manifest: true,
    machines: [machine("one")],
    ...change,
  };
}

async function inspect(files: MemoryFiles, name: string) {
  const packed = name.endsWith(".ova")
    ? await ArchiveFiles.open(await files.open(name, "read"))
    : new FolderFiles(files, name);
  return { packed, ...(await inspectOvf(packed, name, { createDigest })) };
}

describe.each(["ova", "ovf"] as const)("%s", (layout) => {
  test.each([
    ["1.0", "standard"],
    ["2.0", "standard"],
    ["1.0", "vmware"],
  ] as const)("OVF %s for %s reads back as it was", async (version, variant) => {
    const files = new MemoryFiles();
    const name = `pack.${layout}`;
    const made = await exportAppliance(files, name, request({ layout, version, variant }), services);
    expect([...files.files.keys()].toSorted()).toEqual(made.map((file) => `/${file}`).toSorted());
    const { packed, description, manifest, gzipFiles } = await inspect(files, name);
    expect(description).toMatchObject({ kind: layout, ovfVersion: version, dialect: "guesthouse", notes: [] });
    expect(description.manifest).toBe(version === "2.0" ? "sha256" : "sha1");
    for (const line of manifest)
      expect(await digestOf(await packed.open(line.name), createDigest(line.algorithm))).toBe(line.hex);
    const [planned] = planImport({ description, manifest, gzipFiles }, false);
    const {
      product: _product,
      licence: _licence,
      serialPorts,
      disks,
      opticals,
      floppies,
      ...settings
    } = machine("one");
    expect(planned!.draft).toMatchObject(settings);
    expect(planned!.draft.serial).toHaveLength(serialPorts);
    const interfaces = variant === "standard" ? disks.map((disk) => disk.interface) : ["ide", "ide", "ahci", "ahci"];
    expect(planned!.disks.map((disk) => [disk.source, disk.capacityBytes, disk.interface])).toEqual(
      disks.map(({ href, capacityBytes }, index) => [href, capacityBytes, interfaces[index]]),
    );
    expect(planned!.opticals.map((drive) => [drive.interface, drive.file?.source])).toEqual(
      opticals.map((drive) => [variant === "standard" ? drive.interface : "ide", drive.file?.href]),
    );
    expect(planned!.floppies).toEqual(floppies);
    const image = await openDisk(openerOf(packed), "one-disk2.vmdk", { access: "read", services: diskServices() });
    const bytes = new Uint8Array(199_680);
    await image.read(1024 * 1024, bytes);
    expect(Buffer.from(bytes).equals(content.subarray(0, 199_680))).toBe(true);
    const packedDisc = await packed.open("one-disc1.iso");
    expect(await digestOf(packedDisc, createDigest("sha1"))).toBe(createHash("sha1").update(disc).digest("hex"));
  });

  test("several machines with product and licence", async () => {
    const files = new MemoryFiles();
    const product = {
      name: "Thing",
      vendor: "Somebody",
      version: "1",
      fullVersion: "1.2",
      productUrl: "",
      vendorUrl: "",
      appUrl: "",
    };
    const disks = (name: string) => machine(name).disks.slice(0, 1);
    const machines = [
      machine("one", { disks: disks("one"), product, licence: "You may.\nYou may not." }),
      machine("two", { disks: disks("two"), opticals: [] }),
    ];
    await exportAppliance(files, `pack.${layout}`, request({ layout, machines, manifest: false }), services);
    const inspected = await inspect(files, `pack.${layout}`);
    expect(inspected.description.manifest).toBeNull();
    expect(inspected.description.machines.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(inspected.description.machines[0]).toMatchObject({ product, licence: "You may.\nYou may not." });
    expect(() => planImport(inspected, false)).toThrow(expect.objectContaining({ kind: "licence-not-accepted" }));
    expect(planImport(inspected, true)).toHaveLength(2);
  });

  test("a failed or cancelled export leaves nothing", async () => {
    const files = new MemoryFiles();
    let fraction = 0;
    let aborted = false;
    const signal = {
      get aborted() {
        return aborted;
      },
    } as AbortSignal;
    const onProgress = (done: number): void => {
      fraction = done;
      aborted = done > 0.4;
    };
    const cancelled = exportAppliance(files, `pack.${layout}`, request({ layout }), services, { signal, onProgress });
    await expect(cancelled).rejects.toMatchObject({ kind: "cancelled" });
    expect(fraction).toBeGreaterThan(0.4);
    expect([...files.files.keys()]).toEqual([]);
    const failing = { ...services, openFile: () => Promise.reject(new Error("gone")) };
    await expect(exportAppliance(files, `pack.${layout}`, request({ layout }), failing)).rejects.toThrow("gone");
    expect([...files.files.keys()]).toEqual([]);
  });
});
