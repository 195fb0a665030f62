import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { defaultMachineDraft } from "../../engine/api/MachineConfig.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { DiskImage } from "../../engine/contracts/DiskImage.ts";
import { diskServices } from "../../engine/host/diskServices.ts";
import { FileOpener } from "../../engine/host/FileOpener.ts";
import { parseDocument } from "../../engine/snapshot/tree/parseDocument.ts";
import type { LayersBySlot, SnapshotDocument } from "../../engine/snapshot/tree/SnapshotDocument.ts";
import { diskFormat, openDisk } from "../../engine/storage/openDisk.ts";
import { HostProcess, isAlive, pause, until } from "../fixtures/HostProcess.ts";
import {
  expectContains,
  NUMBERED_DISK_BYTES,
  numberingFloppy,
  prepareNumberedDisk,
  readStory,
  Story,
} from "../fixtures/numberedSectors.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

const MOST_SNAPSHOTS = 8;
const LONGEST_WAIT_MS = 1200;
const LONGEST_DELETE_MS = 250;
const FILLER = "filler";

/** What happens meanwhile: a process is killed, or the file system is full. */
export type Mishap = "engine" | "host" | "full";

interface Known {
  readonly story: Story;
  /** Of a machine that ran meanwhile, a snapshot may hold a little more than was heard of. */
  exact: boolean;
}

type Ending = "done" | "killed" | "refused";

/**
 * A machine whose guest writes numbered sectors, in a host process of its own, and what a person does to it: snapshots, saved states, clones,
 * conversions; with mishaps in the middle. It knows what was flushed and promised, and judges by the files what became of it.
 */
export class MistreatedMachine {
  readonly random: RandomValues;
  readonly folder: string;
  readonly log: string[] = [];
  readonly counts = new Map<string, number>();
  /** What each snapshot holds. */
  readonly snapshots = new Map<string, Known>();
  host!: HostProcess;
  id = "";
  machineFolder = "";
  story = new Story();
  #heard = "";
  #lines = 0;
  #names = 0;
  #running = false;
  #wasFull = false;

  /** `folder` is empty, and holds everything. */
  constructor(folder: string, seed: number) {
    this.folder = folder;
    this.random = new RandomValues(seed * 7919);
  }

  /** Remembered for the report of a failure, and counted by `what`. */
  note(what: string, detail = ""): void {
    this.log.push(`${what}${detail}`);
    if (this.log.length > 40) this.log.shift();
    this.counts.set(what, 1 + (this.counts.get(what) ?? 0));
  }

  async open(): Promise<void> {
    this.host = await HostProcess.start(this.folder);
    if (this.id !== "") await this.#listen();
  }

  /** Once for each host: it tells every new listener what was said before, also by the guest of a state that was given up. */
  async #listen(): Promise<void> {
    await this.host.client.openSerial(this.id, 0, ({ bytes }) => {
      this.#heard += Buffer.from(bytes).toString("latin1");
      for (let end = this.#heard.indexOf("\n"); end >= 0; end = this.#heard.indexOf("\n")) {
        this.#lines += this.#hear(this.#heard.slice(0, end)) ? 1 : 0;
        this.#heard = this.#heard.slice(end + 1);
      }
    });
  }

  async create(): Promise<void> {
    await this.open();
    const floppy = join(this.folder, "numbers.img");
    writeFileSync(floppy, numberingFloppy());
    const disk = join(this.folder, "disk.img");
    const format = this.random.pick(["raw", "qcow2", "vdi", "vmdk", "vhdx"] as const);
    const files = new FileOpener({ folder: this.folder });
    const image = await diskFormat(format).create(files, disk, {
      sizeBytes: NUMBERED_DISK_BYTES,
      services: diskServices,
    });
    await prepareNumberedDisk(image);
    await image.flush();
    await image.close();
    const plain = defaultMachineDraft("Numbers");
    const storage = { disks: [{ path: disk, format }], opticals: [], floppies: [{ path: floppy }] };
    const draft = { ...plain, memoryMiB: 16, storage };
    const { machine } = await this.host.client.call("library.create", { draft, newDisks: [] });
    this.id = machine.config!.id;
    this.machineFolder = machine.folder;
    await this.#listen();
  }

  async state(): Promise<string> {
    const { machines } = await this.host.client.call("library.list", {});
    const machine = machines.find(({ config }) => config?.id === this.id);
    if (machine === undefined) throw new Error(`The machine is gone from the library: ${JSON.stringify(machines)}`);
    return machine.state.kind;
  }

  /** Starts the guest and hears of a few numbers. */
  async start(): Promise<void> {
    this.#heard = "";
    this.#lines = 0;
    const { client } = this.host;
    const before = this.story.last;
    await client.call("machine.start", { id: this.id });
    this.#running = true;
    const wanted = 1 + this.random.below(12);
    await until(() => this.#lines >= wanted, `numbers after ${before}`, 60_000);
  }

  #hear(line: string): boolean {
    const [, kind, digits, mark] = /^([BFE])([0-9a-f]{8}) ([0-9a-f]{8})$/.exec(line) ?? [];
    if (kind === undefined) return false;
    const number = Number.parseInt(digits!, 16);
    if (kind === "E" && !this.#wasFull) throw new Error(`The guest's disk failed at ${number}.`);
    if (kind === "E") return false;
    // What a guest finds as it starts is on its disk: what nobody heard of is part of the story then.
    if (number > 0) this.story.add(number, Number.parseInt(mark!, 16));
    return true;
  }

  /** Does one thing and, if asked, kills somebody meanwhile. */
  async act(
    name: string,
    victim: Mishap | undefined,
    action: () => Promise<unknown>,
    longestMs = LONGEST_WAIT_MS,
  ): Promise<Ending> {
    let ending: Ending | undefined;
    let failure: unknown;
    if (victim === "full") this.#fill();
    const acted = action().then(
      () => {
        ending = "done";
      },
      (error: unknown) => {
        ending = "killed";
        failure = error;
      },
    );
    if (victim === undefined) {
      await acted;
      if (failure instanceof GuesthouseError) return this.#refused(name, failure);
      if (failure !== undefined) throw failure;
      this.note(name);
      return "done";
    }
    const wait = this.random.below(10) === 0 ? 0 : this.random.below(longestMs);
    if (victim === "full") await acted;
    else await pause(wait);
    const known = ending;
    await this.suffer(victim);
    await acted;
    this.note(`${name} ${known ?? "under way"}, ${victim} killed`, ` after ${wait} ms: ${String(failure ?? "done")}`);
    if (failure !== undefined && !(failure instanceof GuesthouseError)) throw failure;
    // What was answered before the kill is promised; so is an answer that came all the same.
    return ending === "done" ? "done" : "killed";
  }

  #refused(name: string, failure: GuesthouseError): Ending {
    this.note(`${name} refused`, `: ${failure.kind}`);
    if (!["not-available", "illegal-state", "memory-not-kept"].includes(failure.kind)) throw failure;
    return "refused";
  }

  async suffer(victim: Mishap): Promise<void> {
    if (victim === "full") {
      await rm(join(this.folder, FILLER));
      // There may have been just room enough to save it.
      if (this.#running && (await this.state()) !== "saved") await this.powerOff();
      this.#running = false;
      return;
    }
    if (victim === "host") {
      await this.host.kill();
      await this.open();
    } else {
      for (const pid of this.host.engines()) if (isAlive(pid)) process.kill(pid, "SIGKILL");
      await until(
        async () => !["starting", "running", "paused", "stopping"].includes(await this.state()),
        "the run's end",
      );
    }
    this.#running = false;
  }

  /** Leaves so little room on the folder's file system that what is to be done may fit, or not. */
  #fill(): void {
    const { bavail, bsize } = statfsSync(this.folder);
    const left = this.random.below(3) === 0 ? 0 : this.random.below(20) * bsize * this.random.below(10);
    try {
      writeFileSync(join(this.folder, FILLER), new Uint8Array(Math.max(0, bavail * bsize - left)));
    } catch (error) {
      // The guest was quicker: full is full.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
    this.#wasFull = true;
  }

  document(): SnapshotDocument | undefined {
    const file = join(this.machineFolder, "snapshots.json");
    return existsSync(file) ? parseDocument(readFileSync(file, "utf8")) : undefined;
  }

  async #image(path: string): Promise<DiskImage> {
    const files = new FileOpener({ folder: this.machineFolder, readLock: "none" });
    const format = path.endsWith(".qcow2") ? ({ format: "qcow2" } as const) : {};
    return await openDisk(files, path, { access: "read", services: diskServices, ...format });
  }

  async #storyOf(path: string, where: string): Promise<Story> {
    const image = await this.#image(path);
    return await readStory(image, where).finally(() => image.close());
  }

  async storyOfLayers(layers: LayersBySlot, document: SnapshotDocument, where: string): Promise<Story> {
    const file = document.layers.find(({ id }) => id === Object.values(layers)[0])!.file;
    return await this.#storyOf(file, where);
  }

  async currentStory(where: string): Promise<Story> {
    const { machines } = await this.host.client.call("library.list", {});
    const { config } = machines.find((machine) => machine.config?.id === this.id)!;
    return await this.#storyOf(config!.storage.disks[0]!.path, where);
  }

  /** An edit that changes nothing makes the host finish or undo what was interrupted; what it was to edit may be gone then. */
  async #settle(): Promise<void> {
    const node = this.document()?.nodes[0];
    if (node === undefined) return;
    const { id, name, description } = node;
    const edited = this.host.client.call("snapshot.edit", { id: this.id, snapshotId: id, name, description });
    await edited.catch((error: GuesthouseError) => {
      if (error.kind !== "snapshot-missing") throw error;
    });
  }

  /** Everything that the machine's folder says, with the machine at rest: throws when anything was lost. */
  async judge(where: string): Promise<void> {
    await this.#settle();
    const { snapshots, currentId } = await this.host.client.call("snapshot.list", { id: this.id });
    const document = this.document();
    const found = await this.currentStory(`${where}: the machine`);
    expectContains(found, this.story, `${where}: the machine`);
    this.story = found;
    if (document === undefined) return;
    expect(document.nodes.map(({ id }) => id).sort()).toEqual(snapshots.map(({ id }) => id).sort());
    expect(currentId).toBe(document.current.parent ?? null);
    for (const node of document.nodes) {
      const known = this.snapshots.get(node.id);
      const story = await this.storyOfLayers(node.layers, document, `${where}: snapshot ${node.name}`);
      if (known === undefined) continue;
      expectContains(story, known.story, `${where}: snapshot ${node.name}`);
      if (known.exact) expect(story.last, `${where}: snapshot ${node.name}`).toBe(known.story.last);
      this.snapshots.set(node.id, { story, exact: true });
    }
    if (document.nodes.length > 0) this.#expectNoLeftovers(document, where);
  }

  #expectNoLeftovers(document: SnapshotDocument, where: string): void {
    const folder = join(this.machineFolder, "snapshots");
    const images = existsSync(folder) ? readdirSync(folder).filter((name) => /^[^.].*\.qcow2$/.test(name)) : [];
    const named = document.layers.filter(({ original }) => !original).map(({ file }) => file.replace("snapshots/", ""));
    expect(images.sort(), `${where}: images`).toEqual(named.sort());
    expect(existsSync(join(this.machineFolder, "snapshots.journal.json")), `${where}: a journal is left`).toBe(false);
  }

  /** Takes a snapshot in any state of the machine. */
  async take(victim?: Mishap): Promise<void> {
    const before = new Set(this.document()?.nodes.map(({ id }) => id));
    const heard = this.story.copy();
    const exact = !this.#running;
    const name = `s${++this.#names}`;
    const order = { id: this.id, name, description: "" };
    const ending = await this.act(`take${exact ? "" : " running"}`, victim, () =>
      this.host.client.call("snapshot.take", order),
    );
    const node = this.document()?.nodes.find(({ id }) => !before.has(id));
    if (ending === "done") expect(node?.name, "a snapshot that was promised").toBe(name);
    if (node !== undefined) this.snapshots.set(node.id, { story: heard, exact });
  }

  async restore(victim?: Mishap): Promise<void> {
    const node = this.random.pick(this.document()!.nodes);
    const revision = this.document()!.revision;
    const ending = await this.act("restore", victim, () =>
      this.host.client.call("snapshot.restore", { id: this.id, snapshotId: node.id, takeCurrent: null }),
    );
    if (victim !== undefined)
      await this.host.client.call("snapshot.edit", {
        id: this.id,
        snapshotId: node.id,
        name: node.name,
        description: node.description,
      });
    const { current, revision: now } = this.document()!;
    const restored =
      ending === "done" || (now > revision + (victim === undefined ? 0 : 1) && current.parent === node.id);
    if (ending === "refused") return;
    if (ending === "done") expect(current.parent).toBe(node.id);
    if (restored) this.story = this.snapshots.get(node.id)!.story.copy();
  }

  async remove(victim?: Mishap): Promise<void> {
    const node = this.random.pick(this.document()!.nodes);
    const ending = await this.act(
      `delete${this.#running ? " running" : ""}`,
      victim,
      () => this.host.client.call("snapshot.delete", { id: this.id, snapshotId: node.id }),
      LONGEST_DELETE_MS,
    );
    if (ending === "done") expect(this.document()!.nodes.map(({ id }) => id)).not.toContain(node.id);
  }

  /** A clone is whole, or not there, or says that it cannot be used. */
  async clone(victim?: Mishap): Promise<void> {
    const nodes = this.document()?.nodes ?? [];
    const node = nodes.length > 0 && this.random.below(2) === 0 ? this.random.pick(nodes) : undefined;
    const story = (node === undefined ? this.story : this.snapshots.get(node.id)!.story).copy();
    const name = `clone ${++this.#names}`;
    const linked = node !== undefined && this.random.below(2) === 0;
    const order = { id: this.id, snapshotId: node?.id ?? null, name, linked, scope: "state" } as const;
    const ending = await this.act(linked ? "clone linked" : "clone", victim, () =>
      this.host.client.call("machine.clone", order),
    );
    const { machines } = await this.host.client.call("library.list", {});
    const clones = machines.filter(({ config }) => config?.id !== this.id);
    if (ending === "done") expect(clones.map(({ config }) => config?.name)).toContain(name);
    for (const { config, folder } of clones) {
      if (config === null) continue;
      const { path } = config.storage.disks[0]!;
      expectContains(await this.#storyOf(resolve(folder, path), "the clone"), story, "the clone");
      await this.host.client.call("library.remove", { id: config.id, withFiles: true });
    }
  }

  async convert(victim?: Mishap): Promise<void> {
    const { machines } = await this.host.client.call("library.list", {});
    const { config } = machines.find((machine) => machine.config?.id === this.id)!;
    const { path } = config!.storage.disks[0]!;
    const target = join(this.folder, `copy ${++this.#names}.img`);
    const format = this.random.pick(["raw", "qcow2", "vdi", "vmdk", "vhd", "vhdx"] as const);
    const order = { path: resolve(this.machineFolder, path), target, format, subformat: null, compress: false };
    const ending = await this.act("convert", victim, () => this.host.client.call("media.copy", order));
    if (ending === "done") expect(existsSync(target)).toBe(true);
    if (existsSync(target)) expectContains(await this.#storyOf(target, "the copy"), this.story, "the copy");
    await rm(target, { force: true });
  }

  async save(victim?: Mishap): Promise<void> {
    const ending = await this.act("save", victim, () => this.host.client.call("machine.saveState", { id: this.id }));
    if (ending === "refused") return;
    const state = await this.state();
    if (ending === "done") expect(state).toBe("saved");
    this.#running = state === "running";
  }

  async powerOff(): Promise<void> {
    await this.host.client.call("machine.powerOff", { id: this.id });
    await until(async () => !["running", "stopping"].includes(await this.state()), "the machine's end");
    this.#running = false;
  }

  /** One mishap, in the middle of something. */
  async round(number: number, mishaps: readonly Mishap[]): Promise<void> {
    const atRest = this.random.pick(mishaps.filter((mishap) => mishap !== "engine"));
    const many = (this.document()?.nodes.length ?? 0) >= MOST_SNAPSHOTS;
    if (this.random.below(3) > 0) await this.#whileRunning(number, mishaps);
    else {
      const some = (this.document()?.nodes.length ?? 0) > 0;
      const choice = many ? 7 : this.random.below(some ? 8 : 4);
      if (choice < 1) await this.convert(atRest);
      else if (choice < 2) await this.clone(atRest);
      else if (choice < 4) await this.take(atRest);
      else if (choice < 6) await this.restore(atRest);
      else await this.remove(atRest);
    }
    await this.judge(`round ${number}, at rest`);
    // And without a kill, so that there is something to lose.
    const nodes = this.document()?.nodes.length ?? 0;
    if (nodes > 0 && this.random.below(3) === 0) await this.restore();
    else if (nodes < MOST_SNAPSHOTS && this.random.below(2) === 0) await this.take();
    if (this.random.below(4) === 0 && (await this.state()) === "saved") {
      await this.act("discard", undefined, () => this.host.client.call("machine.discardState", { id: this.id }));
    }
    await this.judge(`round ${number}, afterwards`);
  }

  async #whileRunning(number: number, mishaps: readonly Mishap[]): Promise<void> {
    await this.start();
    const victim = this.random.pick(mishaps);
    if (this.random.below(3) === 0 && (this.document()?.nodes.length ?? 0) < MOST_SNAPSHOTS) await this.take();
    else if (this.random.below(3) === 0 && (this.document()?.nodes.length ?? 0) > 1) await this.remove();
    switch (this.random.below((this.document()?.nodes.length ?? 0) > 0 ? 8 : 5)) {
      case 0:
        await this.act("write", victim, () => pause(this.random.below(LONGEST_WAIT_MS)));
        break;
      case 1:
        await this.powerOff();
        await this.judge(`round ${number}, powered off`);
        await this.take(victim === "engine" ? undefined : victim);
        break;
      case 2:
        await this.save(victim);
        break;
      case 5:
      case 6:
      case 7:
        await this.remove(victim);
        break;
      default:
        await this.take(victim);
    }
  }

  async close(): Promise<void> {
    await this.host.stop();
  }
}
