import { mkdtempSync, realpathSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { decodeBinaryMessage } from "../../engine/api/binaryMessage.ts";
import type { HostClient } from "../../engine/api/HostClient.ts";
import { type DiskInterface, defaultMachineDraft } from "../../engine/api/MachineConfig.ts";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { forkEngine } from "../../engine/host/forkEngine.ts";
import { HostService } from "../../engine/host/HostService.ts";
import { openDiskFile } from "../../engine/host/mediumWork.ts";
import { assemble } from "../../resources/assembler/assemble.ts";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { connectTo } from "../fixtures/HostBench.ts";

/**
 * A guest of one sector that counts: the count is kept in memory, written to the second sector of its disk and said on its serial port, without
 * end. So its memory and its disk are never more than one apart, whatever is done to the machine.
 */
const counter = `
bits 16
org 0x7c00
sector equ 0x7e00

start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    xor bp, bp
    mov al, 66
    call put
count:
    inc bp
    mov [sector], bp
    mov ax, 0x0301
    mov bx, sector
    mov cx, 2
    mov dx, 0x0080
    int 0x13
    mov cx, 4
digit:
    rol bp, 4
    mov ax, bp
    and al, 15
    add al, 97
    call put
    loop digit
    mov al, 10
    call put
    jmp count
put:
    mov dx, 0x3f8
    out dx, al
    ret
`;
const SECTOR_BYTES = 512;

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

async function makeMachine(kind: DiskInterface): Promise<string> {
  const disk = join(folder, "disk.img");
  const image = new Uint8Array(4 * 1024 * 1024);
  image.set(assemble(counter).bytes);
  image.set([0x55, 0xaa], SECTOR_BYTES - 2);
  await writeFile(disk, image);
  const plain = defaultMachineDraft("Counter");
  const disks = [{ path: disk, format: "raw" as const, interface: kind }];
  const draft = { ...plain, memoryMiB: 16, bootOrder: ["disk" as const], storage: { ...plain.storage, disks } };
  return (await client.call("library.create", { draft, newDisks: [] })).machine.id;
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

/** Of the whole lines since `said` was emptied. */
function counts(): number[] {
  return [...said.matchAll(/\b([a-p]{4})\n/g)].map(([, digits]) =>
    [...digits!].reduce((sum, digit) => sum * 16 + digit.charCodeAt(0) - 97, 0),
  );
}

async function countsUp(by = 20): Promise<number> {
  said = "";
  await expect.poll(() => counts().length, { timeout: 60_000 }).toBeGreaterThan(by);
  return counts().at(-1)!;
}

const diskIn = ({ folder: place, config }: MachineSummary): string => resolve(place, config!.storage.disks[0]!.path);

async function diskOf(id: string): Promise<string> {
  const { machines } = await client.call("library.list", {});
  return diskIn(machines.find((candidate) => candidate.id === id)!);
}

async function countOnDisk(id: string): Promise<number> {
  const { machines } = await client.call("library.list", {});
  const image = await openDiskFile(diskIn(machines.find((candidate) => candidate.id === id)!), "read");
  const sector = new Uint8Array(SECTOR_BYTES);
  await image.read(SECTOR_BYTES, sector).finally(() => image.close());
  return sector[0]! | (sector[1]! << 8);
}

/** The guest goes on from what its disk holds, and does not begin anew. */
async function expectGoesOnFrom(id: string, onDisk: number): Promise<void> {
  said = "";
  await client.call("machine.start", { id });
  await expect.poll(() => counts().length, { timeout: 60_000 }).toBeGreaterThan(3);
  expect(said).not.toContain("B");
  expect(counts()[0]! - onDisk).toBeGreaterThanOrEqual(0);
  expect(counts()[0]! - onDisk).toBeLessThanOrEqual(2);
}

test.each(["ide", "ahci", "virtio-blk", "nvme"] as const)(
  "a guest that writes without end (%s) is snapshotted, goes on, is brought back, saved and resumed, and loses its snapshots",
  { timeout: 240_000 },
  async (kind) => {
    const id = await makeMachine(kind);
    await listen(id);
    await client.call("machine.start", { id });
    await countsUp();
    const first = (await client.call("snapshot.take", { id, name: "first", description: "" })).snapshot;
    const middle = await countsUp();
    const second = (await client.call("snapshot.take", { id, name: "second", description: "" })).snapshot;
    expect(second.memory).toBe("kept");
    const third = (await client.call("snapshot.take", { id, name: "third", description: "" })).snapshot;
    await countsUp();
    await client.call("snapshot.delete", { id, snapshotId: third.id });
    const last = await countsUp();
    await client.call("machine.powerOff", { id });
    expect(await countOnDisk(id)).toBeGreaterThanOrEqual(last);

    await client.call("snapshot.restore", { id, snapshotId: second.id, takeCurrent: null });
    const atSecond = await countOnDisk(id);
    expect(atSecond).toBeGreaterThanOrEqual(middle);
    await expectGoesOnFrom(id, atSecond);

    await client.call("machine.saveState", { id });
    const saved = await countOnDisk(id);
    expect(saved).toBeGreaterThan(atSecond);
    await expectGoesOnFrom(id, saved);
    await client.call("machine.powerOff", { id });

    await client.call("snapshot.restore", { id, snapshotId: first.id, takeCurrent: null });
    const atFirst = await countOnDisk(id);
    expect(atFirst).toBeLessThan(middle);
    await expectGoesOnFrom(id, atFirst);
    // Under the guest both go, down to the disk that it began with.
    for (const { id: snapshotId } of [second, first]) await client.call("snapshot.delete", { id, snapshotId });
    expect(await diskOf(id)).toMatch(/disk\.img$/);
    const end = await countsUp();
    await client.call("machine.powerOff", { id });
    expect(await countOnDisk(id)).toBeGreaterThanOrEqual(end);
  },
);
