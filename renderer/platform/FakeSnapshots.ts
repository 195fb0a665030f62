/** Snapshot trees of the fake host's machines, kept in memory. */
import type { HostProtocol } from "../../engine/api/hostProtocol.ts";
import type { ParamsOf, ResultOf } from "../../engine/api/ProtocolSpec.ts";
import type { Snapshot } from "../../engine/api/snapshotProtocol.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { FakeJobs } from "./FakeJobs.ts";

export interface FakeTree {
  snapshots: Snapshot[];
  currentId: string | null;
  changed: boolean;
}

export function fakeSnapshot(
  id: string,
  parentId: string | null,
  name: string,
  more: Partial<Snapshot> = {},
): Snapshot {
  return {
    id,
    parentId,
    name,
    description: "",
    takenMs: 1_720_000_000_000 + Number(id.replace(/\D/g, "")) * 7_260_000,
    withState: false,
    memory: more.withState === true ? "kept" : "none",
    hasThumbnail: false,
    allocatedBytes: 310 * 2 ** 20,
    ...more,
  };
}

export interface FakeSnapshotsOptions {
  trees: Record<string, FakeTree>;
  jobs: FakeJobs;
  changed: (id: string) => void;
  nameOf: (id: string) => string;
  isLive: (id: string) => boolean;
  thumbnail: () => Promise<string | null>;
}

export class FakeSnapshots {
  readonly #options: FakeSnapshotsOptions;
  readonly #trees: Map<string, FakeTree>;
  #next = 100;

  constructor(options: FakeSnapshotsOptions) {
    this.#options = options;
    this.#trees = new Map(Object.entries(options.trees));
  }

  #tree(id: string): FakeTree {
    const tree = this.#trees.get(id) ?? { snapshots: [], currentId: null, changed: true };
    this.#trees.set(id, tree);
    return tree;
  }

  #get(id: string, snapshotId: string): Snapshot {
    const snapshot = this.#tree(id).snapshots.find((candidate) => candidate.id === snapshotId);
    if (snapshot === undefined)
      throw new GuesthouseError("no-such-snapshot", "No snapshot has this id.", { snapshotId });
    return snapshot;
  }

  #set(id: string, change: Partial<FakeTree>): void {
    this.#trees.set(id, { ...this.#tree(id), ...change });
    this.#options.changed(id);
  }

  #add(id: string, name: string, description: string): Snapshot {
    const tree = this.#tree(id);
    const withState = this.#options.isLive(id);
    const snapshot = fakeSnapshot(`s${this.#next++}`, tree.currentId, name, {
      description,
      withState,
      hasThumbnail: withState,
      takenMs: Date.now(),
    });
    this.#set(id, { snapshots: [...tree.snapshots, snapshot], currentId: snapshot.id, changed: false });
    return snapshot;
  }

  async #take({ id, name, description }: ParamsOf<HostProtocol, "snapshot.take">) {
    await this.#options.jobs.work("takeSnapshot", this.#options.nameOf(id), id);
    return { snapshot: this.#add(id, name, description) };
  }

  async #restore({ id, snapshotId, takeCurrent }: ParamsOf<HostProtocol, "snapshot.restore">) {
    if (takeCurrent !== null) this.#add(id, takeCurrent.name, takeCurrent.description);
    await this.#options.jobs.work("restoreSnapshot", this.#options.nameOf(id), id);
    this.#set(id, { currentId: snapshotId, changed: false });
    return {};
  }

  async #delete(id: string, snapshotId: string) {
    const gone = this.#get(id, snapshotId);
    await this.#options.jobs.work("deleteSnapshot", this.#options.nameOf(id), id);
    const tree = this.#tree(id);
    this.#set(id, {
      snapshots: tree.snapshots
        .filter((snapshot) => snapshot.id !== snapshotId)
        .map((snapshot) => (snapshot.parentId === snapshotId ? { ...snapshot, parentId: gone.parentId } : snapshot)),
      currentId: tree.currentId === snapshotId ? gone.parentId : tree.currentId,
      changed: tree.changed || tree.currentId === snapshotId,
    });
    return {};
  }

  #edit({ id, snapshotId, name, description }: ParamsOf<HostProtocol, "snapshot.edit">) {
    const snapshot = { ...this.#get(id, snapshotId), name, description };
    const tree = this.#tree(id);
    this.#set(id, { snapshots: tree.snapshots.map((other) => (other.id === snapshotId ? snapshot : other)) });
    return { snapshot };
  }

  handlers() {
    return {
      "snapshot.list": ({ id }: { id: string }): ResultOf<HostProtocol, "snapshot.list"> => this.#tree(id),
      "snapshot.take": (params: ParamsOf<HostProtocol, "snapshot.take">) => this.#take(params),
      "snapshot.restore": (params: ParamsOf<HostProtocol, "snapshot.restore">) => this.#restore(params),
      "snapshot.delete": ({ id, snapshotId }: ParamsOf<HostProtocol, "snapshot.delete">) =>
        this.#delete(id, snapshotId),
      "snapshot.deleteCost": () => ({
        neededBytes: 310 * 2 ** 20,
        freedBytes: 1.2 * 2 ** 30,
        availableBytes: 212 * 2 ** 30,
      }),
      "snapshot.edit": (params: ParamsOf<HostProtocol, "snapshot.edit">) => this.#edit(params),
      "snapshot.thumbnail": async ({ id, snapshotId }: ParamsOf<HostProtocol, "snapshot.thumbnail">) => ({
        pngBase64:
          snapshotId === null || this.#get(id, snapshotId).hasThumbnail ? await this.#options.thumbnail() : null,
      }),
    };
  }
}
