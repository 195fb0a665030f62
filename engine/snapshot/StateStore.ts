import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import type { CapturedState, RestorableState } from "../contracts/MachineStateParts.ts";
import { StateFile } from "./container/StateFile.ts";
import { StateFileWriter } from "./container/StateFileWriter.ts";
import type { StateHeader } from "./container/stateFileLayout.ts";
import { PagePack } from "./pages/PagePack.ts";
import { PagePackWriter } from "./pages/PagePackWriter.ts";
import type { PageTable } from "./pages/PageTable.ts";
import { type ParentPages, savePages } from "./pages/savePages.ts";
import type { SnapshotServices } from "./SnapshotServices.ts";
import { type StateFiles, UNFINISHED, writeWhole } from "./StateFiles.ts";
import { readPageTable, toRestorable, writeSections } from "./stateSections.ts";

/**
 * The states of one machine in one folder: `<name>.state` for each, and packs of pages (`<name>.pages`) that states share. A pack holds what was new when
 * the state of its name was saved; it goes when no state refers to it any more, found by looking at all of them. A state is there when its
 * file has its name; a pack without a state is what a crash left.
 */
const STATE = ".state";
const PAGES = ".pages";

export class StateStore {
  readonly #files: StateFiles;
  readonly #services: SnapshotServices;

  constructor(files: StateFiles, services: SnapshotServices) {
    this.#files = files;
    this.#services = services;
  }

  /**
   * Saves under a new name, in the order pack, state. `parent` names a state that pages are shared with; best is the one that the machine was
   * captured as or restored from before, under that label. The captured pages are taken whatever happens.
   */
  async save(
    name: string,
    header: StateHeader,
    captured: CapturedState,
    parent?: string,
    work: LongWork = {},
  ): Promise<void> {
    const opened = new OpenStates(this.#files, this.#services);
    try {
      const shared = parent === undefined ? undefined : await this.#parentPages(parent, opened);
      const table = await this.#savePack(name, captured, shared, work);
      await writeWhole(this.#files, `${name}${STATE}`, async (store) => {
        const writer = new StateFileWriter(store, this.#services);
        await writer.writeHeader(header);
        await writeSections(writer, captured, table);
        await writer.finish();
      });
    } finally {
      captured.ram.dispose();
      await opened.close();
    }
  }

  async #parentPages(parent: string, opened: OpenStates): Promise<ParentPages> {
    const table = await readPageTable(await opened.state(parent));
    return { label: parent, table, openPack: (pack) => opened.pack(pack) };
  }

  async #savePack(
    name: string,
    captured: CapturedState,
    parent: ParentPages | undefined,
    work: LongWork,
  ): Promise<PageTable> {
    let table: PageTable | undefined;
    await writeWhole(this.#files, `${name}${PAGES}`, async (store) => {
      const pack = new PagePackWriter(new StoreSink(store), this.#services);
      await pack.begin();
      table = await savePages(captured, pack, name, parent, this.#services, work);
      await pack.finish();
    });
    return table!;
  }

  async header(name: string): Promise<StateHeader> {
    const opened = new OpenStates(this.#files, this.#services);
    try {
      return (await opened.state(name)).header;
    } finally {
      await opened.close();
    }
  }

  /** Hands a state to `use`, checked but for its pages, which are as they are read; files are open until that ends. */
  async load<T>(name: string, use: (state: RestorableState, header: StateHeader) => Promise<T>): Promise<T> {
    const opened = new OpenStates(this.#files, this.#services);
    try {
      const file = await opened.state(name);
      const state = await toRestorable(file, name, (pack) => opened.pack(pack), this.#services);
      return await use(state, file.header);
    } finally {
      await opened.close();
    }
  }

  /** Removes all states but these, packs that none of these needs, and what a crash left. Interrupted, it is simply done again. */
  async keepOnly(names: readonly string[]): Promise<void> {
    for (const { file } of await this.#unneeded(names)) await this.#files.remove(file);
  }

  /** Bytes on disk that `keepOnly` would give back. */
  async freedBy(names: readonly string[]): Promise<number> {
    let bytes = 0;
    for (const { file } of await this.#unneeded(names)) bytes += await this.#sizeOf(file);
    return bytes;
  }

  /** Bytes on disk of a state and of the pages that came with it; undefined when it is not there whole. */
  async bytesOf(name: string): Promise<number | undefined> {
    const present = await this.#files.list();
    if (!present.includes(`${name}${STATE}`)) return undefined;
    const ours = [`${name}${STATE}`, `${name}${PAGES}`].filter((file) => present.includes(file));
    let bytes = 0;
    for (const file of ours) bytes += await this.#sizeOf(file);
    return bytes;
  }

  async #unneeded(names: readonly string[]): Promise<{ file: string }[]> {
    const needed = new Set<string>();
    const opened = new OpenStates(this.#files, this.#services);
    try {
      for (const name of names) {
        needed.add(`${name}${STATE}`);
        // A state that cannot be read might need any pack: nothing is removed then.
        const table = await readPageTable(await opened.state(name));
        for (const pack of table.packs) needed.add(`${pack}${PAGES}`);
      }
    } finally {
      await opened.close();
    }
    const ours = (file: string) => [STATE, PAGES, UNFINISHED].some((ending) => file.endsWith(ending));
    const found = (await this.#files.list()).filter((file) => ours(file) && !needed.has(file));
    // States first, so that none is ever without its pack.
    const states = found.filter((file) => file.endsWith(STATE));
    return [...states, ...found.filter((file) => !file.endsWith(STATE))].map((file) => ({ file }));
  }

  async #sizeOf(file: string): Promise<number> {
    const store = await this.#files.open(file);
    try {
      return await store.size();
    } finally {
      await store.close();
    }
  }
}

/** Files that were opened for one piece of work. */
class OpenStates {
  readonly #files: StateFiles;
  readonly #services: SnapshotServices;
  readonly #stores: ByteStore[] = [];
  readonly #packs = new Map<string, Promise<PagePack>>();

  constructor(files: StateFiles, services: SnapshotServices) {
    this.#files = files;
    this.#services = services;
  }

  async state(name: string): Promise<StateFile> {
    return await StateFile.open(await this.#open(`${name}${STATE}`), this.#services);
  }

  pack(name: string): Promise<PagePack> {
    let pack = this.#packs.get(name);
    if (pack === undefined) {
      pack = this.#openPack(name);
      this.#packs.set(name, pack);
    }
    return pack;
  }

  async #openPack(name: string): Promise<PagePack> {
    // The name comes from a file.
    if (!/^[\w-]{1,128}$/.test(name))
      throw new GuesthouseError("state-damaged", "The saved state names no proper file.");
    const store = await this.#open(`${name}${PAGES}`);
    return await PagePack.open({ store, offset: 0, length: await store.size() }, this.#services);
  }

  async #open(file: string): Promise<ByteStore> {
    const store = await this.#files.open(file);
    this.#stores.push(store);
    return store;
  }

  async close(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
  }
}

class StoreSink {
  readonly #store: ByteStore;
  position = 0;

  constructor(store: ByteStore) {
    this.#store = store;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const at = this.position;
    this.position += bytes.length;
    await this.#store.write(at, bytes);
  }
}
