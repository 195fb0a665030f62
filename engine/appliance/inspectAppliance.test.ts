import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { ApplianceDescription } from "../api/applianceProtocol.ts";
import { MemoryFiles } from "../storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../storage/stores/MemoryStore.ts";
import { ArchiveFiles, FolderFiles } from "./ApplianceFiles.ts";
import { tarHeader, tarPadding } from "./archive/tarHeader.ts";
import { type InspectServices, inspectOvf } from "./inspectAppliance.ts";

const media = fileURLToPath(new URL("../../../shared/media/", import.meta.url));
const services: InspectServices = {
  createDigest: (algorithm) => {
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
  },
};
const utf8 = (text: string) => new TextEncoder().encode(text);

async function inspectFile(path: string): Promise<ApplianceDescription> {
  const bytes = new Uint8Array(readFileSync(path));
  if (path.endsWith(".ova")) {
    return (await inspectOvf(await ArchiveFiles.open(new MemoryStore(bytes)), path, services)).description;
  }
  return await inspectFolder({ "a.ovf": bytes });
}

async function inspectFolder(files: Record<string, Uint8Array>, configuration: string | null = null) {
  const stores = new Map(Object.entries(files).map(([name, bytes]) => [`/${name}`, new MemoryStore(bytes)]));
  const folder = new FolderFiles(new MemoryFiles(stores), "a.ovf");
  return (await inspectOvf(folder, "a.ovf", services, configuration)).description;
}

function tar(files: Record<string, Uint8Array>, patch: (header: Uint8Array) => void = () => {}): MemoryStore {
  const parts: Uint8Array[] = [];
  for (const [name, bytes] of Object.entries(files)) {
    const header = tarHeader(name, bytes.length, 0);
    patch(header);
    header.set(utf8("        "), 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(utf8(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    parts.push(header, bytes, new Uint8Array(tarPadding(bytes.length)));
  }
  parts.push(new Uint8Array(1024));
  return new MemoryStore(new Uint8Array(Buffer.concat(parts)));
}

function envelope(inside: string, head = ""): Uint8Array {
  return utf8(`<?xml version="1.0"?>${head}
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">${inside}</Envelope>`);
}
const item = (type: number, rest: string, attributes = "") =>
  `<Item ${attributes}><rasd:ResourceType>${type}</rasd:ResourceType>${rest}</Item>`;
const system = (items: string) =>
  `<VirtualSystem ovf:id="one"><Info/><VirtualHardwareSection><Info/>${items}</VirtualHardwareSection></VirtualSystem>`;

describe.skipIf(!existsSync(media))("appliances of other programs", () => {
  test("all descriptors open, whatever their version and dialect", async () => {
    const folder = `${media}appliances/`;
    const paths = [folder, `${folder}virtualbox/`].flatMap((place) =>
      readdirSync(place).flatMap((name) => (/\.(ovf|ova)$/.test(name) ? [place + name] : [])),
    );
    expect(paths.length).toBeGreaterThan(10);
    const facts = new Map<string, string>();
    for (const path of paths) {
      const { ovfVersion, dialect, machines } = await inspectFile(path);
      const [machine] = machines;
      const kinds = machine!.items.filter(({ kind }) => kind === "disk" || kind === "optical").length;
      facts.set(
        path.slice(folder.length),
        [ovfVersion, dialect, machine!.name, machine!.osType, machine!.cpus, machine!.memoryMiB, kinds].join(" "),
      );
    }
    expect(Object.fromEntries(facts)).toMatchInlineSnapshot(`
      {
        "cot-input.ovf": "1.0 vmware test linux64 4 4096 3",
        "cot-ubuntu.2.0.ovf": "2.0 virtualbox ubuntu ubuntu64 1 512 2",
        "cot-v0.9.ovf": "0.9 vmware v0.9 linux64 1 8192 2",
        "cot-vmware.ovf": "1.0 vmware vmw fedora64 2 1536 1",
        "glance-testserver.ova": "1.0 virtualbox testserver ubuntu64 1 512 2",
        "virtualbox/vbox1.ovf": "1.0 virtualbox vbox1 windowsXp 1 192 2",
        "virtualbox/vbox2.ovf": "1.0 virtualbox vbox2 other 2 192 2",
        "virtualbox/vbox3.ovf": "1.0 virtualbox vbox3 other 1 512 2",
        "virtualbox/vbox4.ovf": "1.0 virtualbox vbox4 other 1 384 3",
        "virtualbox/vbox5.ovf": "1.0 virtualbox vbox5 ubuntu32 1 384 2",
        "virtualbox/vbox6.ovf": "1.0 virtualbox vbox6 windowsXp 1 192 2",
        "virtualbox/vbox7.ovf": "1.0 virtualbox vbox7 windowsXp 1 192 0",
      }
    `);
  });

  test.each([
    ["cot-invalid.ovf", "appliance-broken-reference"],
    ["glance-testserver-bad-ovf.ova", "appliance-xml"],
    ["glance-testserver-no-disk.ova", "appliance-file-missing"],
    ["glance-testserver-no-ovf.ova", "appliance-no-descriptor"],
    ["glance-testserver-not-tar.ova", "appliance-not-recognized"],
    ["govmomi-ttylinux-pc_i486-16.1.ova", "appliance-file-size"],
  ])("%s is refused with %s", async (name, kind) => {
    await expect(inspectFile(`${media}bad/${name}`)).rejects.toMatchObject({ name: "GuesthouseError", kind });
  });
});

describe("descriptors", () => {
  test("a configuration's items stand in for general ones", async () => {
    const options = `<DeploymentOptionSection><Info/><Configuration ovf:id="small"><Label>S</Label></Configuration>
      <Configuration ovf:id="large"><Label>L</Label></Configuration></DeploymentOptionSection>`;
    const memory = (mib: number) =>
      `<rasd:InstanceID>2</rasd:InstanceID><rasd:VirtualQuantity>${mib}</rasd:VirtualQuantity><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>`;
    const items = item(4, memory(64)) + item(4, memory(256), 'ovf:configuration="large"');
    const files = { "a.ovf": envelope(options + system(items)) };
    expect((await inspectFolder(files)).machines[0]!.memoryMiB).toBe(64);
    expect((await inspectFolder(files, "large")).machines[0]!.memoryMiB).toBe(256);
    await expect(inspectFolder(files, "huge")).rejects.toMatchObject({ kind: "invalid-edit" });
  });

  test.each([
    ["MegaBytes", "512", 512],
    ["MB", "512", 512],
    ["byte * 2^20", "512", 512],
    ["GigaBytes", "2", 2048],
    ["byte * 2^30", "1", 1024],
    ["byte * 10^9", "1", 954],
    ["bytes", "67108864", 64],
  ])("memory in %s", async (unit, amount, mib) => {
    const rest = `<rasd:VirtualQuantity>${amount}</rasd:VirtualQuantity><rasd:AllocationUnits>${unit}</rasd:AllocationUnits>`;
    const { machines } = await inspectFolder({ "a.ovf": envelope(system(item(4, rest))) });
    expect(machines[0]!.memoryMiB).toBe(mib);
  });

  test("words that every object knows are words like any other", async () => {
    const text = new TextDecoder().decode(
      envelope(system(item(4, "<rasd:AllocationUnits>constructor</rasd:AllocationUnits>"))),
    );
    const odd = utf8(text.replaceAll("http://schemas.dmtf.org/ovf/envelope/1", "__proto__"));
    expect(await inspectFolder({ "a.ovf": odd })).toMatchObject({ ovfVersion: "0.9", machines: [{ memoryMiB: 0 }] });
  });

  test("a name without end is shortened to what the library takes", async () => {
    const bytes = envelope(`<VirtualSystem ovf:id="one"><Name>${"a".repeat(5000)}</Name></VirtualSystem>`);
    expect((await inspectFolder({ "a.ovf": bytes })).machines[0]!.name).toMatch(/^a{100,120}$/);
  });

  test("unknown hardware fails unless it may be left out", async () => {
    const needed = { "a.ovf": envelope(system(item(99, ""))) };
    await expect(inspectFolder(needed)).rejects.toMatchObject({ kind: "appliance-unsupported" });
    const { machines } = await inspectFolder({ "a.ovf": envelope(system(item(99, "", 'ovf:required="false"'))) });
    expect(machines[0]!.items[0]).toMatchObject({ kind: "other", outcome: "skipped" });
  });

  test.each(["ovf://disk/d", "ovf:/disk/d", "/disk/d"])("a disk behind %s, in parts", async (resource) => {
    const disks = `<References><File ovf:id="f" ovf:href="my%20disk.vmdk" ovf:chunkSize="4"/></References>
      <DiskSection><Info/><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="3" ovf:capacityAllocationUnits="byte * 2^30"/></DiskSection>`;
    const items = item(17, `<rasd:HostResource>${resource}</rasd:HostResource>`);
    const description = await inspectFolder({
      "a.ovf": envelope(disks + system(items)),
      "my disk.vmdk.000000000": utf8("abcd"),
      "my disk.vmdk.000000001": utf8("ef"),
    });
    expect(description.machines[0]!.items[0]).toMatchObject({
      kind: "disk",
      file: "my disk.vmdk",
      format: "vmdk",
      capacityBytes: 3 * 2 ** 30,
      storedBytes: 6,
    });
  });

  test.each([
    ["a document type", envelope("", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'), "appliance-xml"],
    ["an entity nobody declared", envelope("<Info>&b;</Info>"), "appliance-xml"],
    ["elements inside elements", utf8("<a>".repeat(100_000)), "appliance-xml"],
    ["elements inside elements that end", utf8("<a>".repeat(90_000) + "</a>".repeat(90_000)), "appliance-xml"],
    ["elements without number", envelope("<a/>".repeat(300_000)), "appliance-too-large"],
    ["a descriptor beyond all sense", new Uint8Array(5 * 1024 * 1024), "appliance-too-large"],
    ["bytes that are no text", Uint8Array.of(0x3c, 0xff, 0xc3), "appliance-xml"],
    ["another document", utf8("<html/>"), "appliance-not-recognized"],
    ["no machine", envelope(""), "appliance-empty"],
    [
      "a file elsewhere",
      envelope('<References><File ovf:id="f" ovf:href="http://x/y"/></References>'),
      "appliance-unsupported",
    ],
    [
      "a file outside",
      envelope('<References><File ovf:id="f" ovf:href="../y"/></References>'),
      "appliance-unsafe-name",
    ],
    [
      "a whole path",
      envelope('<References><File ovf:id="f" ovf:href="/etc/passwd"/></References>'),
      "appliance-unsafe-name",
    ],
    [
      "a hidden way out",
      envelope('<References><File ovf:id="f" ovf:href="%2e%2e/y"/></References>'),
      "appliance-unsafe-name",
    ],
    ["an encrypted one", envelope("<EncryptionSection/>"), "appliance-unsupported"],
  ])("%s is refused", async (_what, bytes, kind) => {
    await expect(inspectFolder({ "a.ovf": bytes })).rejects.toMatchObject({ name: "GuesthouseError", kind });
  });

  test("the manifest's word on the descriptor is checked, and what it leaves out is noted", async () => {
    const bytes = envelope(system(""));
    const hex = createHash("sha512").update(bytes).digest("hex");
    const description = await inspectFolder({
      "a.ovf": bytes,
      "a.mf": utf8(`SHA512 (a.ovf) = ${hex.toUpperCase()}\r\n`),
    });
    expect(description.manifest).toBe("sha512");
    const wrong = { "a.ovf": envelope(system(" ")), "a.mf": utf8(`SHA512(a.ovf)= ${hex}`) };
    await expect(inspectFolder(wrong)).rejects.toMatchObject({ kind: "appliance-checksum" });
    const senseless = { "a.ovf": bytes, "a.mf": utf8("SHA512(a.ovf)= 12") };
    await expect(inspectFolder(senseless)).rejects.toMatchObject({ kind: "appliance-manifest" });
  });
});

describe("archives", () => {
  const good = { "a.ovf": envelope(system("")) };

  test("order does not matter, nor folders and leading dots", async () => {
    const files = await ArchiveFiles.open(tar({ "./z/disk.img": utf8("x"), "./z/a.ovf": good["a.ovf"] }));
    expect((await inspectOvf(files, "x.ova", services)).description.machines).toHaveLength(1);
  });

  test.each([
    ["a link", (header: Uint8Array) => header.set(utf8("2"), 156), "appliance-unsafe-name"],
    ["a device", (header: Uint8Array) => header.set(utf8("3"), 156), "appliance-unsafe-name"],
    ["a way out", (header: Uint8Array) => header.set(utf8("../x\0"), 0), "appliance-unsafe-name"],
    ["a whole path", (header: Uint8Array) => header.set(utf8("/tmp\0"), 0), "appliance-unsafe-name"],
    ["too large a size", (header: Uint8Array) => header.set(utf8("77777777777"), 124), "appliance-truncated"],
    ["a negative size", (header: Uint8Array) => header.fill(0xff, 124, 136), "appliance-truncated"],
  ])("%s is refused", async (_what, patch, kind) => {
    await expect(ArchiveFiles.open(tar(good, patch))).rejects.toMatchObject({ name: "GuesthouseError", kind });
  });

  test("sizes beyond eight gibibytes survive the header", async () => {
    const header = new MemoryStore(tarHeader("x", 9 * 2 ** 30, 0));
    class HugeStore extends MemoryStore {
      override size = async () => 10 * 2 ** 30;
      override read = (offset: number, target: Uint8Array) => header.read(offset, target);
    }
    const files = await ArchiveFiles.open(new HugeStore());
    expect(await files.sizeOf("x")).toBe(9 * 2 ** 30);
  });
});
