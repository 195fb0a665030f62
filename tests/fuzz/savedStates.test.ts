import { expect, test } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { STATE_PAGE_BYTES } from "../../engine/contracts/MachineStateParts.ts";
import { readCpuState } from "../../engine/machine/cpuStateSection.ts";
import { preparePages, savePages } from "../../engine/machine/pageSection.ts";
import { describedDigest } from "../../engine/snapshot/container/describedDigest.ts";
import { pureSnapshotServices } from "../../engine/snapshot/SnapshotServices.ts";
import { openSingleState, saveSingleState } from "../../engine/snapshot/saveSingleState.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { cpuMs } from "../fixtures/cpuTime.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";
import { capturedFrom } from "../fixtures/SnapshotFiles.ts";

/**
 * Saved states with harmed bytes: refused with a typed error or read, in bounded time and memory. Checksums are told to match, so that what they would
 * have caught reaches the readers behind them. `GUESTHOUSE_FUZZ_SECONDS=600` runs for that long.
 */
const SECONDS = Number(process.env.GUESTHOUSE_FUZZ_SECONDS ?? 1.5);
const SLOWEST_MS = 5_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
const PAGES = 80;
const careless = { ...pureSnapshotServices, crc32: () => 0 };
const machine = { memory: 1 };
const header = { digest: describedDigest(machine), machine, savedAtMs: 1, appVersion: "0" };

async function sample(): Promise<Uint8Array> {
  const random = new RandomValues(0x5eed_0800);
  const ram = new Uint8Array(PAGES * STATE_PAGE_BYTES);
  for (let page = 0; page < PAGES; page += 2)
    ram.fill(random.below(256), page * STATE_PAGE_BYTES, page * STATE_PAGE_BYTES + 99);
  ram.set(random.bytes(3 * STATE_PAGE_BYTES), 40 * STATE_PAGE_BYTES);
  const sections = [
    { id: "cpu", version: 1, payload: random.bytes(3000) },
    { id: "device:pit", version: 1, payload: new Uint8Array(500).fill(3) },
  ];
  const store = new MemoryStore();
  await saveSingleState(store, header, capturedFrom(ram, sections), careless);
  return store.bytes.slice();
}

const interesting = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];

function harm(bytes: Uint8Array, random: RandomValues): Uint8Array {
  const harmed = bytes.slice(0, random.below(10) === 0 ? random.below(bytes.length + 1) : bytes.length);
  for (let count = 1 + random.below(5); count > 0 && harmed.length > 0; count--) {
    let at = [random.below(harmed.length), harmed.length - 1 - random.below(Math.min(harmed.length, 400))][
      random.below(2)
    ]!;
    for (let width = [1, 2, 4, 8][random.below(4)]!; width > 0 && at < harmed.length; width--, at++) {
      harmed[at] = random.below(2) === 0 ? random.pick(interesting) : random.below(256);
    }
  }
  return harmed;
}

async function attempt(action: () => unknown, what: string): Promise<boolean> {
  const began = process.cpuUsage();
  try {
    await action();
    return true;
  } catch (error) {
    expect(error, `${what}: ${String((error as Error).stack)}`).toBeInstanceOf(GuesthouseError);
    return false;
  } finally {
    expect(cpuMs(began), what).toBeLessThan(SLOWEST_MS);
    expect(process.memoryUsage().arrayBuffers, what).toBeLessThan(MEMORY_BYTES);
  }
}

test("harmed state files", { timeout: SECONDS * 1000 + 60_000 }, async () => {
  const bytes = await sample();
  const end = performance.now() + SECONDS * 1000;
  let opened = 0;
  let rounds = 0;
  for (let seed = 1; performance.now() < end; seed++, rounds++) {
    const harmed = harm(bytes, new RandomValues(seed * 2_654_435_761));
    const read = async () => {
      const { load } = await openSingleState(new MemoryStore(harmed), careless);
      const state = await load("fuzz");
      expect(state.ramBytes).toBeLessThanOrEqual(2 ** 35);
      if (state.ramBytes <= MEMORY_BYTES / 4) await state.readRam(new Uint8Array(state.ramBytes));
    };
    if (await attempt(read, `seed ${seed}`)) opened++;
  }
  expect(rounds).toBeGreaterThan(0);
  expect(opened).toBeLessThanOrEqual(rounds);
});

test("harmed sections of processor and memory", { timeout: SECONDS * 1000 + 60_000 }, async () => {
  const memory = new Uint8Array(8 * STATE_PAGE_BYTES);
  memory.fill(9, 5000, 20_000);
  const pages = savePages(memory);
  const end = performance.now() + SECONDS * 500;
  for (let seed = 1; performance.now() < end; seed++) {
    const random = new RandomValues(seed * 40_503);
    await attempt(() => preparePages(harm(pages, random), memory.slice())(), `pages, seed ${seed}`);
    await attempt(() => readCpuState(random.bytes(random.below(4000))), `cpu, seed ${seed}`);
  }
});
