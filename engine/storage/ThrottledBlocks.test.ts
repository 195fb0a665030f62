import { expect, test } from "vitest";
import { RawDisk } from "./formats/raw/RawDisk.ts";
import { MemoryStore } from "./stores/MemoryStore.ts";
import { ThrottledBlocks } from "./ThrottledBlocks.ts";

/** A timer that jumps to whatever is waited for. */
async function throttled(bytesPerSecond: number, operationsPerSecond: number) {
  let nowMs = 0;
  const timer = {
    nowMs: () => nowMs,
    delay: (milliseconds: number, resume: () => void) => {
      nowMs += milliseconds;
      resume();
    },
  };
  const blocks = await RawDisk.open(new MemoryStore(new Uint8Array(1024 * 1024)), { readOnly: false });
  const limited = new ThrottledBlocks(blocks, { bytesPerSecond, operationsPerSecond }, timer);
  return { blocks: limited, now: () => nowMs };
}

test("bytes take their time after a first burst", async () => {
  const { blocks, now } = await throttled(1_024_000, 0);
  for (let index = 0; index < 20; index++) await blocks.write(index * 51200, new Uint8Array(51200).fill(index));
  // 20 times 50 ms, less the burst and the last one's own share.
  expect(now()).toBeCloseTo(850, 0);
  const back = new Uint8Array(512);
  await blocks.read(51200, back);
  expect(back[0]).toBe(1);
});

test("operations count whatever their size", async () => {
  const { blocks, now } = await throttled(0, 100);
  for (let index = 0; index < 30; index++) await blocks.flush();
  expect(now()).toBeCloseTo(190, 0);
});
