import { describe, expect, test } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { DiskFormatId, DiskImage } from "../../engine/contracts/DiskImage.ts";
import { vhdChecksum } from "../../engine/storage/formats/vhd/VhdFooter.ts";
import { crc32c } from "../../engine/storage/formats/vhdx/crc32c.ts";
import { diskFormat } from "../../engine/storage/openDisk.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { cpuMs } from "../fixtures/cpuTime.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/**
 * Differencing images, and checksummed ones, with damaged headers, tables and descriptors: opening, reading, writing, checking and repairing end in time, with the right thing or a
 * GuesthouseError, and never make a file that is larger than what was asked for. `GUESTHOUSE_FUZZ_SECONDS=600` runs each
 * for that long.
 */
const RUN_MS = Number(process.env.GUESTHOUSE_FUZZ_SECONDS ?? 1.5) * 1000;
const SLOWEST_MS = 5000;
const MOST_FILE_BYTES = 64 * 1024 * 1024;
const MEMORY_BYTES = 512 * 1024 * 1024;
const SIZE = 3 * 1024 * 1024 + 512;
const services = diskServices();
const interesting = [0, 1, 0x7f, 0x80, 0xff];

const cases: readonly (readonly [DiskFormatId, string, boolean])[] = [
  ["vdi", "differencing", true],
  ["vmdk", "monolithicSparse", true],
  ["vmdk", "twoGbMaxExtentSparse", true],
  ["vhd", "dynamic", false],
  ["vhd", "differencing", true],
  ["vhdx", "dynamic", false],
  ["vhdx", "differencing", true],
];

async function sample(format: DiskFormatId, subformat: string, differs: boolean): Promise<Map<string, Uint8Array>> {
  const files = new MemoryFiles();
  const reference = { names: ["base.raw"], format: "raw" as const, identity: undefined };
  const device = differs ? await diskFormat("raw").create(files, "base.raw", { sizeBytes: SIZE, services }) : undefined;
  const backing = device === undefined ? {} : { backing: { reference, device } };
  const options = { sizeBytes: SIZE, services, subformat, ...backing };
  const image = await diskFormat(format).create(files, "disk.img", options);
  await image.write(0, new Uint8Array(2 * 1024 * 1024).fill(0x5a));
  await image.write(SIZE - 512, new Uint8Array(512).fill(0xa5));
  await image.close();
  files.files.delete("/base.raw");
  return new Map([...files.files].map(([path, store]) => [path, store.bytes.slice()]));
}

/** Where the file is not one value over and over: tables and headers, by and large. */
function places(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += 64) {
    const part = bytes.subarray(at, at + 64);
    if (part.some((byte) => byte !== 0 && byte !== 0x5a)) found.push(at);
  }
  return found.slice(0, 400).concat(found.slice(-40));
}

function damaged(bytes: Uint8Array, from: readonly number[], random: RandomValues): Uint8Array {
  if (random.below(12) === 0) return bytes.slice(0, random.below(bytes.length + 1));
  const result = bytes.slice();
  for (let count = 1 + random.below(6); count > 0; count--) {
    const at = (from[random.below(from.length)] ?? 0) + random.below(64);
    const width = [1, 2, 4, 8][random.below(4)]!;
    const value = random.below(2) === 0 ? interesting[random.below(interesting.length)]! : random.below(256);
    result.fill(value, at, at + width);
  }
  return result;
}

/** Right checksums over damaged fields, so that what lies behind the checksums is tried too. */
function seal(bytes: Uint8Array, format: DiskFormatId): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === "vhd" && bytes.length > 2048) {
    for (const at of [0, bytes.length - 512]) view.setUint32(at + 64, vhdChecksum(bytes.subarray(at, at + 512), 64));
    view.setUint32(512 + 36, vhdChecksum(bytes.subarray(512, 512 + 1024), 36));
  }
  if (format !== "vhdx" || bytes.length < 320 * 1024) return;
  for (const [at, length] of [
    [64 * 1024, 4096],
    [128 * 1024, 4096],
    [192 * 1024, 65536],
    [256 * 1024, 65536],
  ] as const) {
    view.setUint32(at + 4, crc32c(bytes.subarray(at, at + length), 4), true);
  }
}

async function exercise(image: DiskImage, random: RandomValues): Promise<void> {
  const length = Math.min(image.sizeBytes, 1024 * 1024);
  const last = Math.floor((image.sizeBytes - length) / 512) * 512;
  const bytes = new Uint8Array(length);
  const steps: (() => Promise<unknown>)[] = [
    () => image.read(0, bytes),
    () => image.read(last, bytes),
    () => image.extentAt(last),
    () => image.info(),
    () => image.write(0, bytes.subarray(0, 4096)),
    () => image.writeZeroes(last, 512),
    () => image.flush(),
  ];
  // Walking a whole table is right and slow when a header makes it huge.
  if (image.sizeBytes < 2 ** 32)
    steps.push(
      () => image.check(false),
      () => image.check(random.below(2) === 0),
    );
  for (const step of steps) await typed(step);
  await typed(() => image.close());
}

async function typed(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof GuesthouseError)) throw error;
  }
}

describe("damaged images", () => {
  test.each(cases)("%s %s", { timeout: RUN_MS + 30_000 }, async (format, subformat, differs) => {
    const random = new RandomValues(0x5eed_0700);
    const original = await sample(format, subformat, differs);
    const spots = new Map([...original].map(([path, bytes]) => [path, places(bytes)]));
    const end = performance.now() + RUN_MS;
    const before = process.memoryUsage().arrayBuffers;
    let rounds = 0;
    for (; performance.now() < end; rounds++) {
      const seed = random.below(0x7fffffff);
      const round = new RandomValues(seed);
      const paths = [...original.keys()];
      const chosen = paths[round.below(paths.length)]!;
      const files = new MemoryFiles();
      for (const [path, bytes] of original) {
        const content = path === chosen ? damaged(bytes, spots.get(path)!, round) : bytes.slice();
        if (round.below(4) !== 0) seal(content, format);
        files.files.set(path, new MemoryStore(content));
      }
      const started = process.cpuUsage();
      const access = round.below(3) === 0 ? "read" : "write";
      await typed(async () => {
        const image = await diskFormat(format).open(files, "disk.img", { access, services });
        await exercise(image, round);
      });
      expect(cpuMs(started), `seed ${seed}`).toBeLessThan(SLOWEST_MS);
      expect(process.memoryUsage().arrayBuffers - before, `seed ${seed}`).toBeLessThan(MEMORY_BYTES);
      for (const store of files.files.values())
        expect(store.bytes.length, `seed ${seed}`).toBeLessThan(MOST_FILE_BYTES);
    }
    expect(rounds).toBeGreaterThan(3);
  });
});
