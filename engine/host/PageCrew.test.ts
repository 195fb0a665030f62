import { describe, expect, test } from "vitest";
import { RandomValues } from "../../tests/fixtures/RandomValues.ts";
import { capturedFrom, SnapshotFiles } from "../../tests/fixtures/SnapshotFiles.ts";
import { type ArrivingPages, STATE_PAGE_BYTES } from "../contracts/MachineStateParts.ts";
import { describedDigest } from "../snapshot/container/describedDigest.ts";
import type { PageThreads } from "../snapshot/SnapshotServices.ts";
import { StateStore } from "../snapshot/StateStore.ts";
import { PageCrew } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";

/** Half of it is content that becomes no smaller. */
const RAM_BYTES = 16 * 1024 * 1024;
const PAGES = RAM_BYTES / STATE_PAGE_BYTES;
const BEFORE_BYTES = 2 * STATE_PAGE_BYTES;
const header = { digest: describedDigest({}), machine: {}, savedAtMs: 1, appVersion: "0" };

function filledRam(): Uint8Array {
  const random = new RandomValues(7);
  const ram = new Uint8Array(RAM_BYTES);
  for (let at = 0; at < RAM_BYTES; at += STATE_PAGE_BYTES * (1 + random.below(3))) {
    ram.set(random.bytes(STATE_PAGE_BYTES), at);
  }
  return ram;
}

async function saved(ram: Uint8Array): Promise<SnapshotFiles> {
  const files = new SnapshotFiles();
  await new StateStore(files, snapshotServices).save("one", header, capturedFrom(ram, []));
  return files;
}

/** A machine's memory: shared, and not at the start of its buffer. */
const sharedMemory = () => new Uint8Array(new SharedArrayBuffer(RAM_BYTES + BEFORE_BYTES), BEFORE_BYTES);

async function load(files: SnapshotFiles, target: Uint8Array, pageThreads: PageThreads): Promise<ArrivingPages> {
  return await new StateStore(files, { ...snapshotServices, pageThreads }).load("one", (state) =>
    state.readRam(target),
  );
}

const pageOf = (bytes: Uint8Array, page: number) =>
  Buffer.from(bytes.subarray(page * STATE_PAGE_BYTES, (page + 1) * STATE_PAGE_BYTES));

describe("threads that unpack a saved state", { timeout: 60_000 }, () => {
  test("fill the memory that they share with the machine, and end", async () => {
    const ram = filledRam();
    const target = sharedMemory();
    const crew = new PageCrew();
    let ended = false;
    const threads: PageThreads = {
      unpack: async (...order) => {
        await crew.unpack(...order);
        ended = true;
      },
    };
    const pages = await load(await saved(ram), target, threads);
    await pages.arrived();
    expect(ended).toBe(true);
    expect(Buffer.compare(target, ram)).toBe(0);
    expect(new Uint8Array(target.buffer, 0, BEFORE_BYTES).every((byte) => byte === 0)).toBe(true);
  });

  test("give way to whoever wants a page at once, and overwrite nothing that was written since", async () => {
    const ram = filledRam();
    const target = sharedMemory();
    const pages = await load(await saved(ram), target, new PageCrew());
    const arrived = pages.arrived();
    const random = new RandomValues(3);
    for (let round = 0; round < 200; round++) {
      const page = random.below(PAGES);
      pages.bring(page);
      expect(pages.isAbsent(page)).toBe(false);
      expect(Buffer.compare(pageOf(target, page), pageOf(ram, page))).toBe(0);
      target.fill(round, page * STATE_PAGE_BYTES, (page + 1) * STATE_PAGE_BYTES);
      ram.fill(round, page * STATE_PAGE_BYTES, (page + 1) * STATE_PAGE_BYTES);
    }
    await arrived;
    expect(Buffer.compare(target, ram)).toBe(0);
  });

  test("that die leave the rest to the machine's own", async () => {
    const ram = filledRam();
    const target = sharedMemory();
    const crew = new PageCrew();
    const pages = await load(await saved(ram), target, crew);
    const arrived = pages.arrived();
    await crew.close();
    await arrived;
    expect(Buffer.compare(target, ram)).toBe(0);
  });

  test("bring nothing more when the machine forgets it", async () => {
    const target = sharedMemory();
    const pages = await load(await saved(filledRam()), target, new PageCrew());
    const arrived = pages.arrived();
    pages.forget();
    target.fill(0);
    await arrived;
    expect(target.every((byte) => byte === 0)).toBe(true);
  });

  test("damaged pages are found before the first is unpacked", async () => {
    const files = await saved(filledRam());
    const pages = files.files.get("one.pages")!;
    pages[pages.length >> 1]! ^= 0x55;
    const target = sharedMemory();
    const crew = new PageCrew();
    await expect(load(files, target, crew)).rejects.toMatchObject({ kind: "state-damaged" });
    expect(target.every((byte) => byte === 0)).toBe(true);
    await crew.close();
  });
});
