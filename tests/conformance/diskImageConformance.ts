import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { BlockDevice } from "../../engine/contracts/BlockDevice.ts";
import type { CreateDiskOptions, DiskFormat, DiskImage, OpenDiskOptions } from "../../engine/contracts/DiskImage.ts";
import { rawFormat } from "../../engine/storage/formats/raw/RawDisk.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { CrashingFiles } from "../fixtures/CrashingFiles.ts";
import { DiskModel, expectBytes, expectContent, expectRange, SECTOR_BYTES, tagOf } from "../fixtures/DiskModel.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

export interface DiskImageSubject {
  readonly format: DiskFormat;
  readonly subformat?: string;
  /** The disk has this many sectors; small ones keep the test quick. */
  readonly sectorCount?: number;
  /** Tests the image on top of a raw disk of `backingSectorCount`, default the same size. */
  readonly differencing?: boolean;
  readonly backingSectorCount?: number;
  readonly passphrase?: string;
  /** Formats that cannot (a sequential VMDK, a fixed size) leave these out. */
  readonly without?: readonly ("resize" | "compact" | "crash" | "zero" | "rebase")[];
  /** What `backing.reference.identity` must be for the format. */
  readonly backingIdentity?: string;
}

/** Of each random run; `GUESTHOUSE_DISK_OPERATIONS=1000000` for a long one. */
const OPERATIONS = Number(process.env.GUESTHOUSE_DISK_OPERATIONS ?? 400);
const LONG_MS = 30_000 + OPERATIONS * 20;
/** One request in so many may be as long as the disk; most of a long run's time would go into copying them. */
const LONG_REQUEST_EVERY = OPERATIONS > 10_000 ? 100 : 8;
const CRASH_RUNS = Math.min(25, Math.max(2, OPERATIONS / 2000));
const NAME = "disk.img";
const BACKING_NAME = "base.raw";

/**
 * What every DiskImage promises, against a model of one number per sector: reads see writes, in the order of the calls and after reopening;
 * zeros stay zeros whatever lies behind; extents tell the truth; a check is clean; what was flushed survives a loss of power at any write.
 */
export function diskImageConformance(name: string, subject: DiskImageSubject): void {
  const bench = new Bench(subject);
  const without = new Set(subject.without ?? []);
  describe(`${name} keeps the promises of a disk image`, () => {
    test("a new image reads as what lies behind it", async () => {
      const { image, model } = await bench.create(new MemoryFiles());
      expect(image.sizeBytes).toBe(model.sectorCount * SECTOR_BYTES);
      expect(image.blockSize).toBe(SECTOR_BYTES);
      await expectContent(image, model, "new");
      await expectClean(image);
      await image.close();
    });

    test("random requests, one after the other", { timeout: LONG_MS }, async () => {
      await randomRun(bench, new RandomValues(0x5eed_0100), OPERATIONS, without);
    });

    test("random requests at once, in the order of the calls", { timeout: LONG_MS }, async () => {
      await overlappingRun(bench, new RandomValues(0x5eed_0101), Math.ceil(OPERATIONS / 8));
    });

    test("zeros stay zeros over anything, also after reopening", async () => {
      const files = new MemoryFiles();
      const { image, model } = await bench.create(files);
      await image.writeZeroes(0, image.sizeBytes);
      model.tags.fill(0);
      await expectContent(image, model, "after zeros");
      await image.write(SECTOR_BYTES, model.bytes(1, 3));
      await image.close();
      const again = await bench.open(files, "write");
      await expectContent(again, model, "reopened");
      await expectClean(again);
      await again.close();
    });

    test("extents tell what the image holds", async () => {
      const { image, model } = await bench.create(new MemoryFiles());
      const random = new RandomValues(0x5eed_0102);
      for (let round = 0; round < 20; round++) await oneRequest(image, model, random);
      for (let at = 0; at < image.sizeBytes; ) {
        const extent = await image.extentAt(at);
        expect(extent.length % SECTOR_BYTES).toBe(0);
        expect(extent.length).toBeGreaterThan(0);
        expect(at + extent.length).toBeLessThanOrEqual(image.sizeBytes);
        for (
          let sector = at / SECTOR_BYTES;
          extent.kind !== "data" && sector * SECTOR_BYTES < at + extent.length;
          sector++
        ) {
          const expected = extent.kind === "zero" ? 0 : bench.backingTag(sector);
          expect(model.tags[sector], `${extent.kind} sector ${sector}`).toBe(expected);
        }
        at += extent.length;
      }
      await image.close();
    });

    test("refuses what lies outside, writes to a read-only image, and everything when closed", async () => {
      const files = new MemoryFiles();
      const { image } = await bench.create(files);
      const sector = new Uint8Array(SECTOR_BYTES);
      await expect(image.read(image.sizeBytes, sector)).rejects.toMatchObject({ kind: "out-of-range" });
      await expect(image.write(image.sizeBytes, sector)).rejects.toMatchObject({ kind: "out-of-range" });
      await expect(image.discard(0, image.sizeBytes + SECTOR_BYTES)).rejects.toMatchObject({ kind: "out-of-range" });
      await expect(image.writeZeroes(-SECTOR_BYTES, SECTOR_BYTES)).rejects.toMatchObject({ kind: "out-of-range" });
      await image.close();
      await image.close();
      await expect(image.read(0, sector)).rejects.toMatchObject({ kind: "closed" });
      await expect(image.flush()).rejects.toMatchObject({ kind: "closed" });
      const before = snapshot(files);
      const reader = await bench.open(files, "read");
      expect(reader.readOnly).toBe(true);
      await expect(reader.write(0, sector)).rejects.toMatchObject({ kind: "read-only" });
      await expect(reader.writeZeroes(0, SECTOR_BYTES)).rejects.toMatchObject({ kind: "read-only" });
      await expect(reader.resize(SECTOR_BYTES)).rejects.toMatchObject({ kind: "read-only" });
      await reader.read(0, sector);
      await reader.flush();
      await reader.close();
      expect(snapshot(files)).toEqual(before);
    });

    test("says what it is", async () => {
      const files = new MemoryFiles();
      const { image } = await bench.create(files);
      const info = await image.info();
      expect(info).toMatchObject({ format: subject.format.id, sizeBytes: image.sizeBytes, dirty: false });
      expect(info.encrypted).toBe(subject.passphrase !== undefined);
      expect(info.backing?.names[0]).toBe(subject.differencing === true ? BACKING_NAME : undefined);
      await image.close();
      expect(await subject.format.probe(await files.open(NAME, "read"))).toBe(true);
      await expect(subject.format.create(files, NAME, bench.createOptions(undefined))).rejects.toMatchObject({
        kind: "file-exists",
      });
    });

    test.skipIf(without.has("resize"))("grows with zeros and shrinks when told to", async () => {
      await resizing(bench);
    });

    test.skipIf(without.has("compact"))("is smaller and the same after compaction", async () => {
      await compacting(bench, without.has("zero"));
    });

    test.skipIf(without.has("crash"))(
      "keeps what was flushed when the power fails at any write",
      { timeout: LONG_MS },
      async () => {
        for (let seed = 0; seed < CRASH_RUNS; seed++) await crashRun(bench, 0x5eed_0200 + seed * 2);
      },
    );

    test.skipIf(subject.differencing !== true)("opens without what lies behind it, to be inspected", async () => {
      const files = new MemoryFiles();
      const { image } = await bench.create(files);
      await image.write(0, new Uint8Array(SECTOR_BYTES));
      await image.close();
      const alone = await subject.format.open(files, NAME, { access: "read", ...bench.common });
      expect((await alone.info()).backing?.names[0]).toBe(BACKING_NAME);
      await expect(alone.read(0, new Uint8Array(alone.sizeBytes))).rejects.toMatchObject({ kind: "backing-missing" });
      await alone.close();
    });

    test.skipIf(subject.differencing !== true || without.has("rebase"))("names another image behind it", async () => {
      const files = new MemoryFiles();
      const { image } = await bench.create(files);
      const reference = (await image.info()).backing!;
      await image.rebase({ ...reference, names: ["moved/longer-name.raw"] });
      await image.close();
      const moved = await subject.format.open(files, NAME, { access: "read", ...bench.common });
      expect((await moved.info()).backing?.names).toContain("moved/longer-name.raw");
      await moved.close();
    });
  });
}

/** Makes and opens images of one subject. */
class Bench {
  readonly subject: DiskImageSubject;
  readonly sectorCount: number;
  readonly common: Pick<OpenDiskOptions, "services" | "passphrase">;

  constructor(subject: DiskImageSubject) {
    this.subject = subject;
    this.sectorCount = subject.sectorCount ?? 5000;
    this.common = {
      services: diskServices(0x5eed_0300),
      ...(subject.passphrase === undefined ? {} : { passphrase: subject.passphrase }),
    };
  }

  backingTag(sector: number): number {
    const { differencing, backingSectorCount = this.sectorCount } = this.subject;
    return differencing === true && sector < backingSectorCount ? -1 - sector : 0;
  }

  createOptions(device: BlockDevice | undefined): CreateDiskOptions {
    const { subformat, differencing, backingIdentity } = this.subject;
    const reference = { names: [BACKING_NAME], format: "raw", identity: backingIdentity } as const;
    return {
      sizeBytes: this.sectorCount * SECTOR_BYTES,
      ...this.common,
      ...(subformat === undefined ? {} : { subformat }),
      ...(differencing === true ? { backing: { reference, ...(device === undefined ? {} : { device }) } } : {}),
    };
  }

  async create(files: MemoryFiles | CrashingFiles): Promise<{ image: DiskImage; model: DiskModel }> {
    const { format, differencing, backingSectorCount = this.sectorCount } = this.subject;
    const model = new DiskModel(this.sectorCount);
    for (let sector = 0; sector < this.sectorCount; sector++) model.tags[sector] = this.backingTag(sector);
    let device: BlockDevice | undefined;
    if (differencing === true) {
      const behind = new DiskModel(backingSectorCount);
      for (let sector = 0; sector < backingSectorCount; sector++) behind.tags[sector] = -1 - sector;
      const store = await files.create(BACKING_NAME);
      await store.write(0, behind.bytes(0, backingSectorCount));
      await store.flush();
      device = await rawFormat.open(files, BACKING_NAME, { access: "read", ...this.common });
    }
    return { image: await format.create(files, NAME, this.createOptions(device)), model };
  }

  async open(files: MemoryFiles | CrashingFiles, access: "read" | "write"): Promise<DiskImage> {
    return await this.subject.format.open(files, NAME, {
      access,
      ...this.common,
      openBacking: async ({ names }) => await rawFormat.open(files, names[0]!, { access: "read", ...this.common }),
    });
  }
}

async function randomRun(
  bench: Bench,
  random: RandomValues,
  operations: number,
  without: ReadonlySet<string>,
): Promise<void> {
  const files = new MemoryFiles();
  let { image, model } = await bench.create(files);
  const turn = Math.max(50, Math.floor(operations / 40));
  for (let count = 1; count <= operations; count++) {
    await oneRequest(image, model, random);
    if (count % turn !== 0) continue;
    if (!without.has("compact") && random.below(4) === 0) await image.compact();
    await image.close();
    image = await bench.open(files, "write");
    await expectClean(image);
    await expectContent(image, model, `after ${count} operations`);
  }
  await image.close();
}

/** One request of any kind; the model follows. */
async function oneRequest(image: DiskImage, model: DiskModel, random: RandomValues): Promise<void> {
  const { first, count } = model.range(random, LONG_REQUEST_EVERY);
  const [offset, length] = [first * SECTOR_BYTES, count * SECTOR_BYTES];
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
      model.tags.fill(model.newTag(), first, first + count);
      return await image.write(offset, model.bytes(first, count));
    case 4:
      if (image.writeCompressed === undefined) return await image.flush();
      model.tags.fill(model.newTag(), first, first + count);
      return await image.writeCompressed(offset, model.bytes(first, count));
    case 5:
      model.tags.fill(0, first, first + count);
      return await image.writeZeroes(offset, length);
    case 6:
      await image.discard(offset, length);
      return await adoptDiscarded(image, model, first, count);
    case 7:
      return await image.flush();
    default:
      return await expectRange(image, model, first, count, "read");
  }
}

/** A discarded sector holds zeros or what it held. */
async function adoptDiscarded(image: DiskImage, model: DiskModel, first: number, count: number): Promise<void> {
  const found = new Uint8Array(count * SECTOR_BYTES);
  await image.read(first * SECTOR_BYTES, found);
  for (let sector = 0; sector < count; sector++) {
    const tag = tagOf(found.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    if (tag !== model.tags[first + sector] && tag !== 0) {
      expect.fail(`discarded sector ${first + sector} holds ${tag}, before it was ${model.tags[first + sector]}`);
    }
    model.tags[first + sector] = tag!;
  }
}

async function overlappingRun(bench: Bench, random: RandomValues, rounds: number): Promise<void> {
  const files = new MemoryFiles();
  const { image, model } = await bench.create(files);
  for (let round = 0; round < rounds; round++) {
    const window = random.below(Math.max(1, model.sectorCount - 300));
    const requests: Promise<void>[] = [];
    for (let count = 0; count < 8; count++) {
      const first = window + random.below(200);
      const length = 1 + random.below(Math.min(100, model.sectorCount - first));
      requests.push(overlappingRequest(image, model, random, first, length));
    }
    await Promise.all(requests);
  }
  await expectContent(image, model, "after requests at once");
  await image.flush();
  await expectClean(image);
  await image.close();
}

function overlappingRequest(
  image: DiskImage,
  model: DiskModel,
  random: RandomValues,
  first: number,
  count: number,
): Promise<void> {
  const offset = first * SECTOR_BYTES;
  switch (random.below(6)) {
    case 0:
    case 1:
      model.tags.fill(model.newTag(), first, first + count);
      return image.write(offset, model.bytes(first, count));
    case 2:
      model.tags.fill(0, first, first + count);
      return image.writeZeroes(offset, count * SECTOR_BYTES);
    case 3:
      return image.flush();
    default: {
      const expected = model.bytes(first, count);
      const found = new Uint8Array(expected.length);
      return image.read(offset, found).then(() => expectBytes(found, expected, first, "read among others"));
    }
  }
}

async function resizing(bench: Bench): Promise<void> {
  const files = new MemoryFiles();
  const { image, model } = await bench.create(files);
  const oldCount = model.sectorCount;
  model.tags.fill(model.newTag(), 0, oldCount);
  await image.write(0, model.bytes(0, oldCount));
  const shorter = Math.floor(oldCount / 3);
  await expect(image.resize(shorter * SECTOR_BYTES)).rejects.toMatchObject({ kind: "truncation-needed" });
  await expectContent(image, model, "after a refused cut");
  const sizes = [shorter, oldCount + 7, oldCount * 3];
  let grown = model;
  for (const count of sizes) {
    await image.resize(count * SECTOR_BYTES, true);
    const tags = new Int32Array(count);
    tags.set(grown.tags.subarray(0, count));
    grown = new DiskModel(0, tags);
    expect(image.sizeBytes).toBe(count * SECTOR_BYTES);
    await expectContent(image, grown, `resized to ${count} sectors`);
  }
  grown.tags.fill(77, oldCount * 2);
  await image.write(oldCount * 2 * SECTOR_BYTES, grown.bytes(oldCount * 2, oldCount));
  await image.close();
  const again = await bench.open(files, "write");
  await expectContent(again, grown, "reopened");
  await expectClean(again);
  await again.close();
}

async function compacting(bench: Bench, sameSize: boolean): Promise<void> {
  const files = new MemoryFiles();
  const { image, model } = await bench.create(files);
  const half = Math.floor(model.sectorCount / 2);
  model.tags.fill(9);
  await image.write(0, model.bytes(0, model.sectorCount));
  await image.flush();
  const before = (await image.info()).allocatedBytes;
  model.tags.fill(0, 0, half);
  await image.write(0, model.bytes(0, half));
  const seen: number[] = [];
  await image.compact({ onProgress: (fraction) => seen.push(fraction) });
  expect(seen.every((fraction, index) => fraction >= (seen[index - 1] ?? 0) && fraction <= 1)).toBe(true);
  await expectContent(image, model, "compacted");
  if (!sameSize) expect((await image.info()).allocatedBytes).toBeLessThan(before * 0.75);
  model.tags.fill(11, 3, 200);
  await image.write(3 * SECTOR_BYTES, model.bytes(3, 197));
  await expectClean(image);
  await image.close();
  const again = await bench.open(files, "read");
  await expectContent(again, model, "compacted and reopened");
  await again.close();
}

interface Change {
  /** The log's length when the request began. */
  readonly position: number;
  readonly first: number;
  readonly tags: Int32Array;
}

/** Records a run, then opens what may be left of it at many moments. */
async function crashRun(bench: Bench, seed: number): Promise<void> {
  const random = new RandomValues(seed);
  const files = new CrashingFiles();
  const { image, model } = await bench.create(files);
  await image.flush();
  const created = files.position;
  const flushes = [{ position: created, model: model.copy() }];
  const changes: Change[] = [];
  for (let count = 0; count < 120; count++) {
    const position = files.position;
    const { first, count: length } = model.range(random);
    const before = model.tags.slice(first, first + length);
    await crashRequest(image, model, random, first, length);
    const after = model.tags.slice(first, first + length);
    if (before.some((tag, index) => tag !== after[index])) changes.push({ position, first, tags: after });
    if (random.below(6) !== 0) continue;
    await image.flush();
    flushes.push({ position: files.position, model: model.copy() });
  }
  await image.close();
  for (let round = 0; round < (OPERATIONS > 1000 ? 200 : 25); round++) {
    const position = created + random.below(files.position - created + 1);
    const left = await CrashingFiles.afterCrash(new Map(), files.log, position, random);
    await expectSurvived(bench, left, { position, flushes, changes });
  }
}

async function crashRequest(
  image: DiskImage,
  model: DiskModel,
  random: RandomValues,
  first: number,
  count: number,
): Promise<void> {
  const kind = random.below(6);
  if (kind < 3) {
    model.tags.fill(model.newTag(), first, first + count);
    await image.write(first * SECTOR_BYTES, model.bytes(first, count));
  } else if (kind === 3) {
    model.tags.fill(0, first, first + count);
    await image.writeZeroes(first * SECTOR_BYTES, count * SECTOR_BYTES);
  } else if (kind === 4) {
    await image.discard(first * SECTOR_BYTES, count * SECTOR_BYTES);
    await adoptDiscarded(image, model, first, count);
  } else if (image.writeCompressed !== undefined) {
    model.tags.fill(model.newTag(), first, first + count);
    await image.writeCompressed(first * SECTOR_BYTES, model.bytes(first, count));
  }
}

interface Recorded {
  readonly position: number;
  readonly flushes: readonly { position: number; model: DiskModel }[];
  readonly changes: readonly Change[];
}

async function expectSurvived(
  bench: Bench,
  left: MemoryFiles,
  { position, flushes, changes }: Recorded,
): Promise<void> {
  const flushed = flushes.findLast((flush) => flush.position <= position)!;
  const where = `power lost after step ${position}`;
  const image = await bench.open(left, "write");
  const found = new Uint8Array(image.sizeBytes);
  await image.read(0, found);
  // Requests that began before the flush ended and were awaited before it are part of it; only later ones are in doubt.
  const doubtful = changes.filter((change) => change.position >= flushed.position && change.position <= position);
  for (let sector = 0; sector < bench.sectorCount; sector++) {
    const tag = tagOf(found.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    if (tag === flushed.model.tags[sector]) continue;
    const allowed = doubtful.some(({ first, tags }) => tags[sector - first] === tag);
    if (tag === undefined || !allowed) {
      expect.fail(`${where}: sector ${sector} holds ${tag}, flushed was ${flushed.model.tags[sector]}`);
    }
  }
  const repaired = await image.check(true);
  expect(repaired.errors, where).toEqual([]);
  const after = new Uint8Array(image.sizeBytes);
  await image.read(0, after);
  expect(Buffer.compare(after, found), `${where}: the repair changed content`).toBe(0);
  await expectClean(image);
  await image.write(0, found.subarray(0, 64 * SECTOR_BYTES));
  await image.close();
}

async function expectClean(image: DiskImage): Promise<void> {
  expect(await image.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
}

function snapshot(files: MemoryFiles): string[] {
  return [...files.files].map(([path, store]) => `${path} ${createHash("sha256").update(store.bytes).digest("hex")}`);
}
