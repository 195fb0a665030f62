import { describe, expect, test } from "vitest";
import type { DiskFormat, DiskImage } from "../../engine/contracts/DiskImage.ts";
import { diskFormats } from "../../engine/storage/diskFormats.ts";
import { createQcow2 } from "../../engine/storage/formats/qcow/qcow2Format.ts";
import { openDisk, probeDisk } from "../../engine/storage/openDisk.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { cpuMs } from "../fixtures/cpuTime.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { esxSparseImage, qcow1Image } from "../fixtures/handMadeImages.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/**
 * Disk images with harmed metadata: whatever a file claims, it opens or is refused with a typed error, in bounded time and memory, and so do reading,
 * checking, repairing and writing it. `GUESTHOUSE_FUZZ_SECONDS=600` runs each format for that long.
 */
const SECONDS = Number(process.env.GUESTHOUSE_FUZZ_SECONDS ?? 1.5);
const SLOWEST_MS = 10_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
const SIZE_BYTES = 1 << 20;
/** The host's disk: what is written far behind the end fills it, where a real file would have a hole. */
const STORE_BYTES_MAX = 64 * 1024 * 1024;
const services = { ...diskServices(), pbkdf2Iterations: 10 };

async function fill(disk: DiskImage): Promise<void> {
  const random = new RandomValues(0x5eed_0700);
  await disk.write(4096, random.bytes(65536));
  await disk.writeZeroes(131_072, 65536);
  await disk.writeCompressed?.(262_144, new Uint8Array(65536).fill(7));
  await disk.write(SIZE_BYTES - 4096, new Uint8Array(4096).fill(1));
  await disk.close();
}

/** Every kind of image that a format makes, as the bytes of its files. */
async function samples(format: DiskFormat): Promise<Map<string, Uint8Array>[]> {
  const made: Map<string, Uint8Array>[] = [];
  if (format.id === "qcow") made.push(qcow1Image());
  if (format.id === "vmdk") made.push(esxSparseImage());
  for (const subformat of format.subformats) {
    const files = new MemoryFiles();
    // Kinds that need something to rest on are refused here; their formats' own tests harm them.
    const disk = await format
      .create(files, "disk", { sizeBytes: SIZE_BYTES, services, subformat })
      .catch(() => undefined);
    if (disk === undefined) continue;
    await fill(disk).catch(() => disk.close());
    made.push(bytesOf(files));
  }
  if (format.id !== "qcow2") return made;
  for (const clusterBits of [9, 12]) {
    const layout = { version: 3, clusterBits, refcountOrder: 4, compression: "zlib" } as const;
    const files = new MemoryFiles();
    await fill(await createQcow2(files, "disk", { sizeBytes: SIZE_BYTES, services }, layout));
    made.push(bytesOf(files));
  }
  return made;
}

function bytesOf(files: MemoryFiles): Map<string, Uint8Array> {
  return new Map([...files.files].map(([path, store]) => [path, store.bytes.slice()]));
}

const interesting = [0, 1, 0x7f, 0x80, 0xff];

/** Changes a few bytes, mostly where metadata is: at the start, at the end, or where other bytes are not zero. */
function harm(bytes: Uint8Array, random: RandomValues): Uint8Array {
  const harmed = bytes.slice(0, random.below(8) === 0 ? random.below(bytes.length + 1) : bytes.length);
  for (let count = 1 + random.below(6); count > 0 && harmed.length > 0; count--) {
    const near = [4096, Math.min(harmed.length, 512), harmed.length][random.below(3)]!;
    let at = random.below(Math.min(harmed.length, near));
    if (random.below(6) === 0) at = harmed.length - 1 - random.below(Math.min(harmed.length, 512));
    for (let look = 0; look < 2000 && harmed[at] === 0; look++) at = (at + 1) % harmed.length;
    for (let width = [1, 2, 4, 8][random.below(4)]!; width > 0; width--, at++) {
      if (at < harmed.length) harmed[at] = random.below(2) === 0 ? random.pick(interesting) : random.below(256);
    }
  }
  return harmed;
}

/** Uses the image like a machine and a person would. Typed errors are fine, anything else is not. */
async function exercise(files: MemoryFiles, format: DiskFormat, random: RandomValues): Promise<string> {
  const access = format.id === "qcow" || random.below(2) === 0 ? "read" : "write";
  let opened = "refused";
  const attempts: ((disk: DiskImage) => Promise<unknown>)[] = [
    (disk) => disk.info(),
    (disk) => disk.read(0, new Uint8Array(Math.min(disk.sizeBytes, SIZE_BYTES))),
    (disk) => disk.extentAt(0),
    (disk) => disk.check(false),
    (disk) => disk.write(0, new Uint8Array(Math.min(disk.sizeBytes, 8192)).fill(1)),
    (disk) => disk.check(true),
    (disk) => disk.writeZeroes(0, Math.min(disk.sizeBytes, 131_072)),
    (disk) => disk.flush(),
    (disk) => disk.close(),
  ];
  let disk: DiskImage | undefined;
  for (const attempt of [() => Promise.resolve(), ...attempts]) {
    try {
      if (disk === undefined) {
        disk = await openDisk(files, "disk", { access, services, format: format.id, alone: true });
        opened = "opened";
        continue;
      }
      await attempt(disk);
    } catch (error) {
      if ((error as Error).name !== "GuesthouseError") throw error;
      if (disk === undefined) break;
    }
  }
  return opened;
}

describe("harmed disk images", () => {
  for (const format of diskFormats.filter(({ id }) => id !== "raw")) {
    test(`of ${format.id} open or are refused`, { timeout: 60_000 + SECONDS * 2000 }, async () => {
      const made = await samples(format);
      expect(made.length).toBeGreaterThan(0);
      const ends = new Map<string, number>();
      const stop = performance.now() + SECONDS * 1000;
      const before = process.memoryUsage().arrayBuffers;
      for (let seed = 1; performance.now() < stop; seed++) {
        const random = new RandomValues(0x5eed_0800 + seed * 2);
        const sample = random.pick(made);
        const files = new MemoryFiles();
        const victim = random.pick([...sample.keys()]);
        for (const [path, bytes] of sample) {
          files.files.set(
            path,
            new MemoryStore(path === victim ? harm(bytes, random) : bytes.slice(), STORE_BYTES_MAX),
          );
        }
        const started = process.cpuUsage();
        let end: string;
        try {
          end = await exercise(files, format, random);
        } catch (error) {
          throw new Error(`seed ${seed} broke ${format.id}`, { cause: error });
        }
        ends.set(end, (ends.get(end) ?? 0) + 1);
        expect(cpuMs(started), `time of seed ${seed}`).toBeLessThan(SLOWEST_MS);
        expect(process.memoryUsage().arrayBuffers - before, `memory of seed ${seed}`).toBeLessThan(MEMORY_BYTES);
      }
      // Some must have got past the header, or little was tried.
      expect(ends.get("opened")).toBeGreaterThan(0);
    });
  }

  test("kinds that are only read show what was put into them, before they are harmed", async () => {
    for (const [id, image, marks] of [
      [
        "qcow",
        qcow1Image(),
        [
          [0, 1],
          [8192, 2],
          [100 * 4096, 0x5a],
          [4096, 0],
          [716_800, 0],
        ],
      ],
      [
        "vmdk",
        esxSparseImage(),
        [
          [0, 0x77],
          [512, 0],
          [3 * 512, 0x77],
        ],
      ],
    ] as const) {
      const files = new MemoryFiles(new Map([...image].map(([path, bytes]) => [path, new MemoryStore(bytes)])));
      const disk = await openDisk(files, "disk", { access: "read", services });
      expect((await disk.info()).format).toBe(id);
      for (const [at, mark] of marks) {
        const sector = new Uint8Array(512);
        await disk.read(at, sector);
        expect([id, at, sector[0], sector[511]]).toEqual([id, at, mark, mark]);
      }
      await disk.close();
    }
  });

  test("random bytes are probed and opened as what they look like", async () => {
    const random = new RandomValues(0x5eed_0900);
    for (let round = 0; round < 300; round++) {
      const files = new MemoryFiles();
      files.files.set("/disk", new MemoryStore(random.bytes(1 + random.below(2000))));
      const id = await probeDisk(files, "disk");
      if (id !== "raw") continue;
      const disk = await openDisk(files, "disk", { access: "read", services });
      await disk.read(0, new Uint8Array(disk.sizeBytes));
      await disk.close();
    }
  });
});
