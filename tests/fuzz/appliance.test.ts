import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as v from "valibot";
import { expect, test } from "vitest";
import { applianceDescriptionSchema } from "../../engine/api/applianceProtocol.ts";
import { machineDraftSchema } from "../../engine/api/MachineConfig.ts";
import { ArchiveFiles, FolderFiles, openerOf } from "../../engine/appliance/ApplianceFiles.ts";
import { tarHeader, tarPadding } from "../../engine/appliance/archive/tarHeader.ts";
import { type InspectServices, inspectForeignMachine, inspectOvf } from "../../engine/appliance/inspectAppliance.ts";
import { planImport } from "../../engine/appliance/planImport.ts";
import { unpackGzip } from "../../engine/appliance/unpackGzip.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { cpuMs } from "../fixtures/cpuTime.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/**
 * Appliances with harmed descriptors, archives, manifests and compressed files: whatever they hold, they are described or refused with a typed error, in
 * bounded time and memory, and what is described is a description and a configuration. `GUESTHOUSE_FUZZ_SECONDS=600` runs each target for that long.
 */
const SECONDS = Number(process.env.GUESTHOUSE_FUZZ_SECONDS ?? 1.5);
const SLOWEST_MS = 10_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
const media = fileURLToPath(new URL("../../../shared/media/appliances/", import.meta.url));
const services: InspectServices = {
  createDigest: (algorithm) => {
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
  },
};
const utf8 = (text: string) => new TextEncoder().encode(text);

const plain = `<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="r" xmlns:vbox="http://www.virtualbox.org/ovf/machine"><References><File ovf:id="f" ovf:href="disk.vmdk" ovf:size="4"/></References>
<DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="4" ovf:capacityAllocationUnits="byte * 2^30" ovf:format="x#vmdk"/></DiskSection>
<DeploymentOptionSection><Configuration ovf:id="c"/></DeploymentOptionSection>
<VirtualSystem ovf:id="a"><Name>A</Name><OperatingSystemSection ovf:id="94"/><VirtualHardwareSection>
<Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
<Item ovf:configuration="c"><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:AllocationUnits>MB</rasd:AllocationUnits><rasd:VirtualQuantity>64</rasd:VirtualQuantity></Item>
<Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>20</rasd:ResourceType><rasd:ResourceSubType>AHCI</rasd:ResourceSubType></Item>
<Item><rasd:InstanceID>4</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType><rasd:Parent>3</rasd:Parent><rasd:HostResource>/disk/d</rasd:HostResource></Item>
</VirtualHardwareSection><vbox:Machine name="B"><Hardware><Memory RAMSize="3"/></Hardware></vbox:Machine></VirtualSystem></Envelope>`;
const vbox = `<VirtualBox><Machine name="x" OSType="Ubuntu_64"><MediaRegistry><HardDisks><HardDisk uuid="{a}" location="a.vdi" format="VDI"/></HardDisks></MediaRegistry>
<Hardware><CPU count="1"/><Memory RAMSize="64"/><Boot><Order position="1" device="DVD"/></Boot></Hardware><StorageControllers><StorageController name="c" type="AHCI">
<AttachedDevice type="HardDisk" port="0" device="0"><Image uuid="{a}"/></AttachedDevice></StorageController></StorageControllers></Machine></VirtualBox>`;
const vmx = `.encoding = "windows-1252"\nconfig.version = "8"\nguestOS = "debian10-64"\nmemsize = "64"\nide0:0.present = "TRUE"\nide0:0.fileName = "a|22.vmdk"\nethernet0.present = "TRUE"\n`;

function descriptors(): string[] {
  if (!existsSync(media)) {
    console.warn("../shared/media is not there: descriptors of other tools are not harmed.");
    return [plain];
  }
  const names = readdirSync(media).filter((name) => name.endsWith(".ovf"));
  return [plain, ...names.map((name) => readFileSync(media + name, "utf8"))];
}

/** Elements and attributes change places more often than characters do. */
function harmXml(random: RandomValues, text: string): string {
  if (random.below(3) === 0) return random.harm(text);
  const pieces = text.split(/(?=<)/);
  for (let count = 1 + random.below(5); count > 0; count--) {
    const at = random.below(pieces.length);
    const piece = random.pick([
      "",
      random.pick(pieces),
      pieces[at]! + pieces[at]!,
      pieces[at]!.replace(/"[^"]*"/, `"${random.pick(values)}"`),
      pieces[at]!.replace(/>[^<]*/, `>${random.pick(values)}`),
    ]);
    pieces[at] = piece;
  }
  return pieces.join("");
}
const values = [
  "",
  "-1",
  "0",
  "99999999999999999999",
  "../../etc/passwd",
  "/etc/passwd",
  "%2e%2e%2f",
  "\u0000",
  "true",
  "3",
  "17",
  "byte * 2^99",
  "byte * 99^99",
  "ovf:/disk/d",
  "__proto__",
  "constructor",
  "a".repeat(5000),
  "NaN",
  "2e9",
];

/** Runs the target until the time is up; only typed errors may come out. */
async function fuzz(seed: number, target: (random: RandomValues) => Promise<void>): Promise<void> {
  const random = new RandomValues(seed);
  const until = performance.now() + SECONDS * 1000;
  const memory = process.memoryUsage.rss();
  for (let round = 0; round < 20 || performance.now() < until; round++) {
    const begun = process.cpuUsage();
    try {
      await target(random);
    } catch (error) {
      if (!(error instanceof GuesthouseError)) throw new Error(`round ${round}`, { cause: error });
    }
    expect(cpuMs(begun)).toBeLessThan(SLOWEST_MS);
  }
  expect(process.memoryUsage.rss() - memory).toBeLessThan(MEMORY_BYTES);
}

function judge(inspected: Awaited<ReturnType<typeof inspectOvf>>): void {
  expect(v.safeParse(applianceDescriptionSchema, inspected.description).issues).toBeUndefined();
  const ids = inspected.description.machines.map(({ items }) => items.map(({ id }) => id));
  for (const list of ids) expect(new Set(list).size).toBe(list.length);
  for (const { draft, disks, opticals } of planImport(inspected, true)) {
    expect(v.safeParse(machineDraftSchema, draft).issues).toBeUndefined();
    for (const { target } of disks) expect(target.fileName).not.toMatch(/[/\\]|^\.|^$/);
    for (const { file } of opticals) if (file !== undefined) expect(file.fileName).not.toMatch(/[/\\]|^\.|^$/);
  }
}

const timeout = 60_000 + SECONDS * 2_000;

test("descriptors", { timeout }, async () => {
  const texts = descriptors();
  await fuzz(1, async (random) => {
    const text = harmXml(random, random.pick(texts));
    const files = new Map([
      ["/a.ovf", new MemoryStore(utf8(text))],
      ["/disk.vmdk", new MemoryStore(utf8("KDMV"))],
    ]);
    judge(await inspectOvf(new FolderFiles(new MemoryFiles(files), "a.ovf"), "a.ovf", services));
  });
});

test("archives and manifests", { timeout }, async () => {
  const manifest = `SHA1(a.ovf)= ${createHash("sha1").update(plain).digest("hex")}\nSHA256(disk.vmdk)= ${"0".repeat(64)}\n`;
  await fuzz(2, async (random) => {
    const members: [string, Uint8Array][] = [
      ["a.ovf", utf8(plain)],
      ["a.mf", utf8(random.below(2) === 0 ? manifest : random.harm(manifest))],
      ["disk.vmdk", random.bytes(600)],
    ];
    const parts = members.flatMap(([name, bytes]) => [
      tarHeader(name, bytes.length, 0),
      bytes,
      new Uint8Array(tarPadding(bytes.length)),
    ]);
    const archive = harmHeaders(random, new Uint8Array(Buffer.concat([...parts, new Uint8Array(1024)])));
    const files = await ArchiveFiles.open(new MemoryStore(archive));
    judge(await inspectOvf(files, "a.ova", services));
    for (const name of files.names)
      await (await openerOf(files).open(name, "read")).read(random.below(1000), new Uint8Array(512));
  });
});

/** Also with checksums that fit, or nothing behind them would be tried. */
function harmHeaders(random: RandomValues, archive: Uint8Array): Uint8Array<ArrayBuffer> {
  const harmed = Uint8Array.from(archive);
  const at = 512 * random.below(harmed.length / 512);
  const field = random.pick([0, 100, 124, 156, 257, 345]);
  harmed.set(random.bytes(1 + random.below(12)), at + field);
  const header = harmed.subarray(at, at + 512);
  header.set(utf8("        "), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  if (random.below(4) > 0) header.set(utf8(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return random.below(4) === 0 ? Uint8Array.from(random.harmBytes(harmed)) : harmed;
}

test("machines of VirtualBox and VMware", { timeout }, async () => {
  await fuzz(3, async (random) => {
    const kind = random.pick(["vbox", "vmx"] as const);
    const text = kind === "vbox" ? harmXml(random, vbox) : random.harm(vmx);
    judge(await inspectForeignMachine(kind, utf8(text), `x.${kind}`, async () => random.below(1000)));
  });
});

test("compressed files", { timeout }, async () => {
  const packed = new Uint8Array(gzipSync(new RandomValues(3).bytes(40_000)));
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(40 * 1024 * 1024)));
  await fuzz(4, async (random) => {
    const source = random.below(8) === 0 ? bomb : random.harmBytes(packed);
    const target = new MemoryStore();
    await unpackGzip(new MemoryStore(Uint8Array.from(source)), target, 100_000).finally(async () => {
      expect(await target.size()).toBeLessThanOrEqual(100_000);
    });
  });
});
