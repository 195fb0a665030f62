import { mkdtempSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { decodeBinaryMessage } from "../../engine/api/binaryMessage.ts";
import type { HostClient } from "../../engine/api/HostClient.ts";
import { defaultMachineDraft } from "../../engine/api/MachineConfig.ts";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { diskServices } from "../../engine/host/diskServices.ts";
import { FileOpener } from "../../engine/host/FileOpener.ts";
import { forkEngine } from "../../engine/host/forkEngine.ts";
import { HostService } from "../../engine/host/HostService.ts";
import { openDiskFile } from "../../engine/host/mediumWork.ts";
import { diskFormat } from "../../engine/storage/openDisk.ts";
import { assemble } from "../../resources/assembler/assemble.ts";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { connectTo } from "../fixtures/HostBench.ts";

/**
 * A guest of one sector that counts within itself, writes itself to the sector behind its own and says the last digit of the count on its serial port, without
 * end. What it writes holds a sentence that is not to be read in any file.
 */
const diary = `
bits 16
org 0x7c00

start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
again:
    add word [day], 1
    adc word [day + 2], 0
    mov ax, 0x0301
    mov bx, 0x7c00
    mov cx, 2
    mov dx, 0x0080
    int 0x13
    mov ax, [day]
    and al, 7
    add al, 48
    mov dx, 0x3f8
    out dx, al
    jmp again
day:
    dw 0, 0
`;
const sentence = "Dear diary, nobody else reads this.";
const SENTENCE_AT = 256;
const SECTOR_BYTES = 512;
const passphrase = "open sesame";
const passphrases = [{ slot: 0, passphrase }];

let folder: string;
let host: HostService;
let client: HostClient;
let said = "";

beforeAll(() => buildCpu(), 120_000);
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "guesthouse-test-")));
  host = await HostService.open({ dataFolder: folder, shell: "cli", spawnEngine: forkEngine });
  client = connectTo(host);
});
afterEach(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

async function makeMachine(): Promise<MachineSummary> {
  const sector = new Uint8Array(SECTOR_BYTES);
  sector.set(assemble(diary).bytes);
  sector.set(new TextEncoder().encode(sentence), SENTENCE_AT);
  sector.set([0x55, 0xaa], SECTOR_BYTES - 2);
  const plain = defaultMachineDraft("Diary");
  const draft = { ...plain, memoryMiB: 16, bootOrder: ["disk" as const] };
  const { machine } = await client.call("library.create", { draft, newDisks: [] });
  const image = await diskFormat("qcow2").create(new FileOpener({ folder: machine.folder }), "diary.qcow2", {
    sizeBytes: 4 * 1024 * 1024,
    services: { ...diskServices, pbkdf2Iterations: 1000 },
    passphrase,
  });
  await image.write(0, sector).finally(() => image.close());
  const disk = { path: "diary.qcow2", format: "qcow2" as const, interface: "virtio-blk" as const };
  await client.call("machine.attachDisk", { id: machine.id, disk });
  return machine;
}

async function listen(id: string): Promise<void> {
  const { channel } = await client.call("serial.open", { id, port: 0 });
  client.binary.subscribe((bytes) => {
    const message = decodeBinaryMessage(bytes);
    if (message.kind !== "serialOutput" || message.channel !== channel) return;
    said += new TextDecoder().decode(message.bytes);
    client.post("serial.credit", { channel, bytes: message.bytes.length });
  });
  client.post("serial.credit", { channel, bytes: 65_536 });
}

async function days(count = 20): Promise<void> {
  said = "";
  await expect.poll(() => said.length, { timeout: 60_000 }).toBeGreaterThan(count);
}

/** What the guest wrote last, as the machine's settings have its disk. */
async function dayOnDisk({ id, folder: place }: MachineSummary): Promise<number> {
  const { machines } = await client.call("library.list", {});
  const disk = machines.find((machine) => machine.id === id)!.config!.storage.disks[0]!;
  const image = await openDiskFile(resolve(place, disk.path), "read", { passphrase });
  const sector = new Uint8Array(SECTOR_BYTES);
  await image.read(SECTOR_BYTES, sector).finally(() => image.close());
  expect(new TextDecoder().decode(sector)).toContain(sentence);
  return new DataView(sector.buffer).getUint32(assemble(diary).bytes.length - 4, true);
}

/** Files of images; memory is not encrypted. */
function expectNothingReadable(place: string): number {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const images = files.map((entry) => join(entry.parentPath, entry.name)).filter((path) => path.endsWith(".qcow2"));
  for (const path of images) expect(readFileSync(path).includes(sentence), path).toBe(false);
  return images.length;
}

test("a guest with an encrypted disk is snapshotted while it runs, brought back and goes on; no image of it can be read", {
  timeout: 300_000,
}, async () => {
  const machine = await makeMachine();
  const { id } = machine;
  await listen(id);
  await expect(client.call("machine.start", { id })).rejects.toMatchObject({ kind: "passphrase-needed" });
  await client.call("machine.start", { id, passphrases });
  await days();
  const first = (await client.call("snapshot.take", { id, name: "first", description: "" })).snapshot;
  expect(first.memory).toBe("kept");
  await days();
  const second = (await client.call("snapshot.take", { id, name: "second", description: "" })).snapshot;
  await days();
  expect(expectNothingReadable(machine.folder)).toBe(3);
  // Layers that the guest uses are joined by its engine, which has the passphrase.
  await client.call("snapshot.delete", { id, snapshotId: second.id });
  await days();
  await client.call("machine.powerOff", { id });
  const last = await dayOnDisk(machine);
  expect(expectNothingReadable(machine.folder)).toBe(2);

  const restore = { id, snapshotId: first.id, takeCurrent: null };
  await expect(client.call("snapshot.restore", restore)).rejects.toMatchObject({ kind: "passphrase-needed" });
  await client.call("snapshot.restore", { ...restore, passphrases });
  const before = await dayOnDisk(machine);
  expect(last - before).toBeGreaterThan(20);
  await expect(client.call("machine.start", { id })).rejects.toMatchObject({
    kind: "passphrase-needed",
    context: { slot: 0, name: "diary.qcow2" },
  });
  await client.call("machine.start", { id, passphrases });
  await days();
  await client.call("machine.saveState", { id });
  expect(await dayOnDisk(machine)).toBeGreaterThan(before + 20);
  await client.call("machine.start", { id, passphrases });
  await days();
  await client.call("machine.powerOff", { id });
  await client.call("snapshot.delete", { id, snapshotId: first.id, passphrases });
  expect(await dayOnDisk(machine)).toBeGreaterThan(before + 40);
  expect(expectNothingReadable(machine.folder)).toBe(1);
});
