import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { RandomValues } from "../../tests/fixtures/RandomValues.ts";
import { capturedFrom, SnapshotFiles } from "../../tests/fixtures/SnapshotFiles.ts";
import { STATE_PAGE_BYTES } from "../contracts/MachineStateParts.ts";
import { describedDigest } from "../snapshot/container/describedDigest.ts";
import { StateStore } from "../snapshot/StateStore.ts";
import { PageCrew } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";

/** Half of it is content that becomes no smaller: enough for some batches. */
const RAM_BYTES = 16 * 1024 * 1024;
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

async function load(files: SnapshotFiles, target: Uint8Array, byThreads: { count: number }): Promise<void> {
  const services = {
    ...snapshotServices,
    pageThreads: (memory: Uint8Array, batches: number) => {
      const crew = PageCrew.of(memory, batches);
      if (crew === undefined) return undefined;
      const fill: PageCrew["fill"] = (batch) => {
        const filled = crew.fill(batch);
        if (filled !== undefined) byThreads.count++;
        return filled;
      };
      return { batchesAtOnce: crew.batchesAtOnce, fill, close: () => crew.close() };
    },
  };
  await new StateStore(files, services).load("one", (state) => state.readRam(target));
}

describe.skipIf(availableParallelism() < 2)("threads that read a saved state", { timeout: 60_000 }, () => {
  test("fill the memory that they share with the machine", async () => {
    const ram = filledRam();
    const target = sharedMemory();
    const byThreads = { count: 0 };
    await load(await saved(ram), target, byThreads);
    expect(byThreads.count).toBeGreaterThan(0);
    expect(Buffer.compare(target, ram)).toBe(0);
    expect(new Uint8Array(target.buffer, 0, BEFORE_BYTES).every((byte) => byte === 0)).toBe(true);
  });

  test("say of damaged pages what the machine's own thread says", async () => {
    const files = await saved(filledRam());
    const pages = files.files.get("one.pages")!;
    for (let at = 64 * 1024; at < pages.length - 1024 * 1024; at += 128 * 1024) pages[at]! ^= 0x55;
    await expect(load(files, sharedMemory(), { count: 0 })).rejects.toMatchObject({ kind: "state-damaged" });
    await expect(load(files, new Uint8Array(RAM_BYTES), { count: 0 })).rejects.toMatchObject({ kind: "state-damaged" });
  });

  test("are left alone where there is little to do, or no memory to share", () => {
    expect(PageCrew.of(sharedMemory(), 4)).toBeUndefined();
    expect(PageCrew.of(new Uint8Array(RAM_BYTES), 1000)).toBeUndefined();
  });
});
