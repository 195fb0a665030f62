/** Small pictures of screens: those of snapshots by the snapshot's id, that of a saved machine by its state's. */
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotFiles } from "./SnapshotFiles.ts";

const PICTURE = ".png";

export class SnapshotPictures {
  readonly #files: SnapshotFiles;
  readonly #folder: string;

  constructor(files: SnapshotFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Answers the file. Until the document names it, whoever forgets pictures removes it. */
  async keep(id: string, bytes: Uint8Array): Promise<string> {
    const file = this.#fileOf(id);
    const store = await this.#files.create(file);
    try {
      await store.write(0, bytes);
      await store.flush();
    } finally {
      await store.close();
    }
    return file;
  }

  /** A saved machine that came from a snapshot looks like that. */
  async ofSavedState({ nodes, current }: SnapshotDocument): Promise<string | undefined> {
    if (current.state === undefined) return undefined;
    const file = nodes.find(({ state }) => state === current.state)?.thumbnail ?? this.#fileOf(current.state);
    return (await this.#files.list(this.#folder)).includes(file) ? file : undefined;
  }

  /** Forgets what nothing in the document looks like. */
  async keepOnly(document: SnapshotDocument | undefined): Promise<void> {
    const wanted = new Set(document?.nodes.map(({ thumbnail }) => thumbnail));
    if (document?.current.state !== undefined) wanted.add(this.#fileOf(document.current.state));
    for (const file of await this.#files.list(this.#folder)) {
      if (file.endsWith(PICTURE) && !wanted.has(file)) await this.#files.remove(file);
    }
  }

  #fileOf(id: string): string {
    return `${this.#folder}/${id}${PICTURE}`;
  }
}
