/**
 * A folder of files in memory behind the StoreOpener interface: disposable disks and tests. Names may have folders ("a/b"); relative
 * ones are taken from the folder of the file that names them, and ".." is resolved. Every open of a name shares one content;
 * closing a store leaves the content.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import type { StoreOpener } from "../../contracts/DiskImage.ts";
import { MemoryStore } from "./MemoryStore.ts";

export class MemoryFiles implements StoreOpener {
  readonly files: Map<string, MemoryStore>;
  readonly #folder: string;

  constructor(files = new Map<string, MemoryStore>(), folder = "/") {
    this.files = files;
    this.#folder = folder;
  }

  async open(name: string, access: "read" | "write"): Promise<ByteStore> {
    const file = this.files.get(this.#resolve(name));
    if (file === undefined) throw new GuesthouseError("file-missing", `There is no file “${name}”.`, { name });
    return new SharedStore(file, access === "write");
  }

  async create(name: string): Promise<ByteStore> {
    const path = this.#resolve(name);
    if (this.files.has(path)) throw new GuesthouseError("file-exists", `“${name}” exists.`, { name });
    const file = new MemoryStore();
    this.files.set(path, file);
    return new SharedStore(file, true);
  }

  async remove(name: string): Promise<void> {
    this.files.delete(this.#resolve(name));
  }

  async identify(name: string): Promise<string> {
    return this.#resolve(name);
  }

  beside(name: string): StoreOpener {
    const path = this.#resolve(name);
    return new MemoryFiles(this.files, path.slice(0, path.lastIndexOf("/") + 1));
  }

  #resolve(name: string): string {
    const parts: string[] = [];
    for (const part of (name.startsWith("/") ? name : this.#folder + name).split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    return `/${parts.join("/")}`;
  }
}

/** One opening of a file: closing it leaves the file to the others. */
class SharedStore implements ByteStore {
  readonly #file: MemoryStore;
  readonly #writable: boolean;
  #closed = false;

  constructor(file: MemoryStore, writable: boolean) {
    this.#file = file;
    this.#writable = writable;
  }

  async size(): Promise<number> {
    this.#check(false);
    return await this.#file.size();
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    this.#check(false);
    return await this.#file.read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#check(true);
    await this.#file.write(offset, source);
  }

  async truncate(size: number): Promise<void> {
    this.#check(true);
    await this.#file.truncate(size);
  }

  async flush(): Promise<void> {
    this.#check(false);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(writing: boolean): void {
    if (this.#closed) throw new GuesthouseError("closed", "The store is closed.");
    if (writing && !this.#writable) throw new GuesthouseError("read-only", "The store is read-only.");
  }
}
