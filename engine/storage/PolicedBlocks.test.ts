import { expect, test } from "vitest";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import { type BlockPolicy, PolicedBlocks } from "./PolicedBlocks.ts";

async function callsUnder(policy: BlockPolicy): Promise<string[]> {
  const calls: string[] = [];
  const note = (name: string) => async () => void calls.push(name);
  const blocks: BlockDevice = {
    sizeBytes: 1024,
    blockSize: 512,
    readOnly: false,
    read: note("read"),
    write: note("write"),
    flush: note("flush"),
    discard: note("discard"),
    close: note("close"),
  };
  const policed = new PolicedBlocks(blocks, policy);
  await policed.write(0, new Uint8Array(512));
  await policed.discard(0, 512);
  await policed.flush();
  await policed.close();
  return calls;
}

test("each policy lets through what it should", async () => {
  expect(await callsUnder({ hostCache: "writeBack", discard: true })).toEqual([
    "write",
    "discard",
    "flush",
    "flush",
    "close",
  ]);
  expect(await callsUnder({ hostCache: "writeThrough", discard: false })).toEqual([
    "write",
    "flush",
    "flush",
    "flush",
    "close",
  ]);
  expect(await callsUnder({ hostCache: "ignoreFlush", discard: true })).toEqual(["write", "discard", "flush", "close"]);
});
