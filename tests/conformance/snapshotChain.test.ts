import { expect, test } from "vitest";
import type { DiskFormatId, DiskImage } from "../../engine/contracts/DiskImage.ts";
import { JoinDesk } from "../../engine/host/JoinDesk.ts";
import type { LiveImages } from "../../engine/host/snapshots/KeptMachine.ts";
import { overlayReference } from "../../engine/host/snapshots/overlayReference.ts";
import type { LayersBySlot } from "../../engine/snapshot/tree/SnapshotDocument.ts";
import { diskFormat, openDisk } from "../../engine/storage/openDisk.ts";
import { BackingLink } from "../../engine/storage/overlay/BackingLink.ts";
import { type Requests, SwitchableDisk } from "../../engine/storage/SwitchableDisk.ts";
import { DiskModel, expectContent, expectRange, SECTOR_BYTES } from "../fixtures/DiskModel.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";
import { BLOCK, BLOCKS, StoredMachine } from "../fixtures/StoredMachine.ts";

/**
 * A machine whose guest writes without a pause while snapshots are taken and deleted under it, and which is restored to others in between: more than
 * 30 at a time, with branches, in random order. Every snapshot and the disk stay what a model of one number per sector says, byte for byte,
 * and in the end, without a snapshot, the first image alone holds it all. GUESTHOUSE_CHAIN_STEPS sets how long it goes on at full length,
 * GUESTHOUSE_CHAIN_REQUESTS how many requests at most lie between two snapshots.
 */
const STEPS = Number(process.env.GUESTHOUSE_CHAIN_STEPS ?? 15);
const REQUESTS = Number(process.env.GUESTHOUSE_CHAIN_REQUESTS ?? 25);
const CHAIN = 32;
const SECTORS = (BLOCK * BLOCKS) / SECTOR_BYTES;
const services = diskServices();
const texts = (name: string) => ({ name, description: "", takenAtMs: 1 });

/** Follows a disk with a model: what is asked of the image is what the model holds from then on. */
class ModelledDisk {
  model: DiskModel;

  constructor(model: DiskModel) {
    this.model = model;
  }

  follow<Image extends Requests>(image: Image): Image {
    const fill = (offset: number, length: number, tag: number) =>
      this.model.tags.fill(tag, offset / SECTOR_BYTES, (offset + length) / SECTOR_BYTES);
    return new Proxy(image, {
      get: (target, name) => {
        if (name === "write") {
          return (offset: number, source: Uint8Array) => {
            const tag = new DataView(source.buffer, source.byteOffset).getInt32(0, true);
            fill(offset, source.length, tag);
            return target.write(offset, source);
          };
        }
        if (name === "writeZeroes") {
          return (offset: number, length: number) => {
            fill(offset, length, 0);
            return target.writeZeroes(offset, length);
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}

/** What passes it is followed, whichever image it goes to. */
class FollowedDisk extends SwitchableDisk {
  readonly #followed: ModelledDisk;

  constructor(image: DiskImage, followed: ModelledDisk) {
    super(followed.follow(image));
    this.#followed = followed;
  }

  override release(image?: DiskImage): void {
    super.release(image === undefined ? undefined : this.#followed.follow(image));
  }

  override appoint(deputy: Requests | undefined): void {
    super.appoint(deputy === undefined ? undefined : this.#followed.follow(deputy));
  }
}

/** The machine's run: a disk that is switched under a guest that keeps several requests under way. */
class Run implements LiveImages {
  readonly #machine: StoredMachine;
  readonly #random: RandomValues;
  readonly #followed: ModelledDisk;
  readonly #disk: SwitchableDisk;
  readonly #disks = new Map<string, SwitchableDisk>();
  readonly #joins: JoinDesk["handlers"];
  #overlay: { image: DiskImage; base: BackingLink; file: string; below: string } | undefined;
  #stopped = false;
  readonly #workers: Promise<void>[] = [];
  /** What the disk held at the moment of the last switch. */
  frozen: DiskModel | undefined;
  requests = 0;

  private constructor(machine: StoredMachine, random: RandomValues, followed: ModelledDisk, image: DiskImage) {
    this.#machine = machine;
    this.#random = random;
    this.#followed = followed;
    this.#disk = new FollowedDisk(image, followed);
    this.#disks.set(machine.draft.storage.disks[0]!.path, this.#disk);
    const shown = { folder: "/m", disposable: false, disks: this.#disks, passphrases: new WeakMap() };
    const desk = new JoinDesk(
      () => ({ ...shown, openerBesideOwn: () => machine.files }),
      () => {},
    );
    this.#joins = desk.handlers;
  }

  static async begin(machine: StoredMachine, random: RandomValues, followed: ModelledDisk): Promise<Run> {
    const { path, format } = machine.draft.storage.disks[0]!;
    const image = await openDisk(machine.files, path, {
      access: "write",
      services,
      format: format!,
      link: (link, identity) => new BackingLink(link, identity),
    });
    const run = new Run(machine, random, followed, image);
    for (let worker = 0; worker < 3; worker++) run.#workers.push(run.#work());
    return run;
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const { first, count } = this.#followed.model.range(this.#random, 40);
      const choice = this.#random.below(8);
      const offset = first * SECTOR_BYTES;
      const words = new Int32Array((count * SECTOR_BYTES) / 4).fill(1 + this.#random.below(2 ** 30));
      if (choice < 5) await this.#disk.write(offset, new Uint8Array(words.buffer));
      else if (choice < 7) await this.#disk.writeZeroes(offset, count * SECTOR_BYTES);
      else await this.#disk.flush();
      this.requests++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async addOverlay(file: string, base: string): Promise<void> {
    const { files } = this.#machine;
    const { image, sizeBytes } = this.#disk;
    const { format, identity } = await image.info();
    const reference = overlayReference(file, base, format as DiskFormatId, identity);
    const device = new BackingLink(image, await files.identify(base));
    const made = await diskFormat("qcow2").create(files, file, { sizeBytes, services, backing: { reference, device } });
    this.#overlay = { image: made, base: device, file, below: base };
  }

  async switching(_label: string, commit: () => Promise<void>): Promise<void> {
    await this.#disk.hold();
    await this.#disk.image.flush();
    this.frozen = this.#followed.model.copy();
    await commit();
    const { image, file, below } = this.#overlay!;
    this.#disks.delete(below);
    this.#disks.set(file, this.#disk);
    this.#disk.release(image);
  }

  async saveState(name: string): Promise<void> {
    await this.#machine.keepState(name);
  }

  async abandon(): Promise<void> {}

  async join(file: string, into: string, format: DiskFormatId | undefined): Promise<void> {
    await this.#joins.joinLayers({ file, into, format: format ?? null }, undefined);
  }

  async concluding(commit: () => Promise<void>): Promise<void> {
    await this.#joins.holdJoin({}, undefined);
    await commit();
    await this.#joins.releaseJoin({ joined: true }, undefined);
  }

  async leaveJoin(): Promise<void> {
    await this.#joins.releaseJoin({ joined: false }, undefined);
  }

  async rebase(file: string, backing: string): Promise<void> {
    await this.#joins.rebaseLayer({ file, backing }, undefined);
  }

  async letGo(file: string): Promise<void> {
    await this.#joins.letGo({ file }, undefined);
  }

  async end(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    await expectContent(this.#disk, this.#followed.model, "at the end of a run");
    await this.#disk.close();
  }
}

class Chain {
  readonly machine = new StoredMachine();
  readonly random: RandomValues;
  readonly disk = new ModelledDisk(new DiskModel(SECTORS));
  readonly models = new Map<string, DiskModel>();
  requests = 0;
  branches = 0;
  longest = 0;
  removedLive = 0;

  constructor(seed: number) {
    this.random = new RandomValues(seed);
  }

  async runWithSnapshots(count: number): Promise<void> {
    const run = await Run.begin(this.machine, this.random, this.disk);
    for (let taken = 0; taken < count; taken++) {
      await this.#letWrite(run);
      const node = await this.machine.snapshots(run).takeLive(texts("live"), undefined);
      this.models.set(node.id, run.frozen!);
      await this.machine.keepState(node.awaited);
      await this.machine.snapshots(run).arrived(node.id);
    }
    await this.#letWrite(run);
    await run.end();
    this.requests += run.requests;
  }

  async #letWrite(run: Run): Promise<void> {
    const wanted = run.requests + 5 + this.random.below(REQUESTS - 5);
    while (run.requests < wanted) await new Promise((resolve) => setImmediate(resolve));
  }

  async take(): Promise<void> {
    this.models.set((await this.machine.snapshots().take(texts("at rest"))).id, this.disk.model.copy());
  }

  async restore(): Promise<void> {
    const id = this.random.pick([...this.models.keys()]);
    await this.machine.snapshots().restore(id);
    this.disk.model = this.models.get(id)!.copy();
    await this.machine.snapshots().discardState();
  }

  async remove(): Promise<void> {
    const id = this.random.pick([...this.models.keys()]);
    await this.machine.remove(id);
    this.models.delete(id);
  }

  /** Deletes some while the guest writes. */
  async runWithRemovals(count: number): Promise<void> {
    const run = await Run.begin(this.machine, this.random, this.disk);
    for (let removed = 0; removed < count && this.models.size > 0; removed++) {
      await this.#letWrite(run);
      const id = this.random.pick([...this.models.keys()]);
      const snapshots = this.machine.snapshots(run);
      await snapshots.remove(id);
      await snapshots.join();
      this.models.delete(id);
      this.removedLive++;
    }
    await this.#letWrite(run);
    await run.end();
    this.requests += run.requests;
  }

  /** Of the present disk, and of the layers that a snapshot names. */
  async #expectLayers(layers: LayersBySlot, model: DiskModel, where: string): Promise<void> {
    const document = await this.machine.snapshots().document();
    const file = document.layers.find(({ id }) => id === Object.values(layers)[0])!.file;
    const image = await openDisk(this.machine.files, file, { access: "read", services });
    await expectContent(image, model, where).finally(() => image.close());
  }

  async judge(all: boolean): Promise<void> {
    const { nodes, layers, current } = await this.machine.snapshots().document();
    expect(nodes.map(({ id }) => id).sort()).toEqual([...this.models.keys()].sort());
    const parents = nodes.map(({ parent }) => parent);
    this.branches = Math.max(this.branches, parents.length - new Set(parents).size);
    this.longest = Math.max(this.longest, nodes.length);
    await this.#expectLayers(current.layers, this.disk.model, "the machine");
    for (const node of nodes) if (all) await this.#expectLayers(node.layers, this.models.get(node.id)!, node.id);
    const overlays = layers.filter(({ original }) => !original).map(({ file }) => file);
    const images = (await this.machine.files.list("snapshots")).filter((file) => file.endsWith(".qcow2"));
    expect(images.sort()).toEqual(overlays.sort());
  }
}

test.each([
  ["raw", 11],
  ["qcow2", 12],
  ["vdi", 13],
] as const)(
  "30 snapshots and more of a machine on %s, in random order under load, are their models",
  {
    timeout: 120_000 + (STEPS + CHAIN) * (3_000 + REQUESTS * 5),
  },
  async (format, seed) => {
    const chain = new Chain(seed);
    await chain.machine.addDisk("disk.img", format);
    while (chain.models.size < CHAIN) {
      await chain.runWithSnapshots(1 + chain.random.below(4));
      if (chain.random.below(2) === 0) await chain.restore();
      await chain.judge(false);
    }
    for (let step = 0; step < STEPS; step++) {
      const choice = chain.random.below(8);
      if (choice < 3 || chain.models.size < CHAIN - 2) await chain.runWithSnapshots(1 + chain.random.below(2));
      else if (choice < 4) await chain.take();
      else if (choice < 5) await chain.restore();
      else if (choice < 6) await chain.remove();
      else await chain.runWithRemovals(1 + chain.random.below(2));
      await chain.judge(step % 10 === 0);
    }
    // How many requests fit between two snapshots depends on the host.
    while (chain.requests <= 1000) await chain.runWithSnapshots(0);
    await chain.judge(true);
    expect(chain.longest).toBeGreaterThan(30);
    expect(chain.branches).toBeGreaterThan(3);
    while (chain.models.size > 0) {
      if (chain.random.below(2) === 0) await chain.remove();
      else await chain.runWithRemovals(1 + chain.random.below(4));
      await chain.judge(chain.models.size % 8 === 0);
    }
    expect(chain.machine.draft.storage.disks.map(({ path }) => path)).toEqual(["disk.img"]);
    const image = await openDisk(chain.machine.files, "disk.img", { access: "read", services, format });
    await expectRange(image, chain.disk.model, 0, SECTORS, "the first image");
    expect(await image.check(false)).toMatchObject({ errors: [] });
    await image.close();
    console.info(
      `${chain.requests} requests, ${chain.longest} snapshots, ${chain.branches} branches, ${chain.removedLive} deleted live`,
    );
    expect(chain.requests).toBeGreaterThan(1000);
  },
);
