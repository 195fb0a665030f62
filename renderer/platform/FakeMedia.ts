/**
 * The media of the fake host: a list with a tree of differencing images, in every state, and commands that do to it what a host
 * would, long work as a job that takes a few seconds and can be cancelled.
 */
import type { HostProtocol } from "../../engine/api/hostProtocol.ts";
import { disketteSizes, type Medium, type MediumKind } from "../../engine/api/mediumProtocol.ts";
import type { ParamsOf, ResultOf } from "../../engine/api/ProtocolSpec.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { FakeJobs } from "./FakeJobs.ts";

const GIB = 2 ** 30;

export type EmitMedia = (changed: Medium[], removed: string[]) => void;

/** A medium as a host would describe it. */
export function fakeMedium(path: string, kind: MediumKind, more: Partial<Medium> = {}): Medium {
  const format = kind === "disk" ? "qcow2" : kind === "optical" ? "iso" : "floppy";
  return {
    path,
    name: path.slice(path.lastIndexOf("/") + 1),
    kind,
    format,
    subformat: kind === "disk" ? "v3" : null,
    sizeBytes: kind === "disk" ? 8 * GIB : kind === "optical" ? 629 * 2 ** 20 : 1_474_560,
    allocatedBytes: kind === "disk" ? 2.1 * GIB : kind === "optical" ? 629 * 2 ** 20 : 1_474_560,
    parentPath: null,
    encrypted: false,
    dirty: false,
    state: { kind: "ready" },
    attachedTo: [],
    added: true,
    ...more,
  };
}

export class FakeMedia {
  media: Medium[];
  readonly #jobs: FakeJobs;
  readonly #emit: EmitMedia;

  constructor(media: readonly Medium[], jobs: FakeJobs, emit: EmitMedia) {
    this.media = [...media];
    this.#jobs = jobs;
    this.#emit = emit;
  }

  #get(path: string): Medium {
    const medium = this.media.find((candidate) => candidate.path === path);
    if (medium === undefined) throw new GuesthouseError("file-missing", `There is no file ${path}.`, { path });
    return medium;
  }

  #put(medium: Medium): { medium: Medium } {
    this.media = [...this.media.filter((other) => other.path !== medium.path), medium];
    this.#emit([medium], []);
    return { medium };
  }

  #drop(path: string): void {
    this.media = this.media.filter((other) => other.path !== path);
    this.#emit([], [path]);
  }

  #create({ path, format, subformat, sizeBytes, parentPath }: ParamsOf<HostProtocol, "media.create">) {
    if (this.media.some((other) => other.path === path)) {
      throw new GuesthouseError("file-exists", `${path} exists.`, { path });
    }
    const parent = parentPath === null ? undefined : this.#get(parentPath);
    return this.#put(
      fakeMedium(path, "disk", {
        format,
        subformat,
        sizeBytes: sizeBytes ?? parent?.sizeBytes ?? 0,
        allocatedBytes: 196_608,
        parentPath,
      }),
    );
  }

  #createDiskette({ path, size }: ParamsOf<HostProtocol, "media.createDiskette">) {
    const sizeBytes = disketteSizes.find(({ label }) => label === size)?.sizeBytes ?? 0;
    return this.#put(fakeMedium(path, "floppy", { sizeBytes, allocatedBytes: sizeBytes }));
  }

  async #copy({ path, target, format, subformat }: ParamsOf<HostProtocol, "media.copy">) {
    const source = this.#get(path);
    await this.#jobs.work("copyMedium", source.name, null);
    return this.#put(
      fakeMedium(target, source.kind, {
        format: format ?? source.format,
        subformat: subformat ?? source.subformat,
        sizeBytes: source.sizeBytes,
        allocatedBytes: source.allocatedBytes,
      }),
    );
  }

  async #move({ path, target }: ParamsOf<HostProtocol, "media.move">) {
    const medium = this.#get(path);
    await this.#jobs.work("moveMedium", medium.name, null);
    this.#drop(path);
    for (const child of this.media.filter((other) => other.parentPath === path)) {
      this.#put({ ...child, parentPath: target });
    }
    return this.#put({ ...medium, path: target, name: target.slice(target.lastIndexOf("/") + 1) });
  }

  async #resize({ path, sizeBytes, truncate }: ParamsOf<HostProtocol, "media.resize">) {
    const medium = this.#get(path);
    if (sizeBytes < medium.allocatedBytes && !truncate) {
      throw new GuesthouseError("truncation-needed", "Data lies behind the new end.", { path });
    }
    await this.#jobs.work("resizeMedium", medium.name, null);
    return this.#put({ ...medium, sizeBytes });
  }

  async #compact(path: string) {
    const medium = this.#get(path);
    await this.#jobs.work("compactMedium", medium.name, null);
    return this.#put({ ...medium, allocatedBytes: Math.round(medium.allocatedBytes * 0.6) });
  }

  async #check({
    path,
    repair,
  }: ParamsOf<HostProtocol, "media.check">): Promise<ResultOf<HostProtocol, "media.check">> {
    const medium = this.#get(path);
    await this.#jobs.work("checkMedium", medium.name, null);
    if (!medium.dirty) return { errors: [], leakedBytes: 0, repaired: 0 };
    if (repair) this.#put({ ...medium, dirty: false });
    return repair
      ? { errors: [], leakedBytes: 0, repaired: 3 }
      : { errors: ["Cluster 1820 is in use and has a reference count of 0."], leakedBytes: 131_072, repaired: 0 };
  }

  #release({ path, machineId }: ParamsOf<HostProtocol, "media.release">): Record<string, never> {
    const medium = this.#get(path);
    const attachedTo = medium.attachedTo.filter((use) => machineId !== null && use.machineId !== machineId);
    this.#put({ ...medium, attachedTo });
    return {};
  }

  handlers() {
    return {
      "media.list": () => ({ media: this.media }),
      "media.add": ({ path, kind }: ParamsOf<HostProtocol, "media.add">) => this.#put(fakeMedium(path, kind)),
      "media.info": ({ path }: { path: string }): ResultOf<HostProtocol, "media.info"> => {
        const medium = this.media.find((candidate) => candidate.path === path) ?? fakeMedium(path, "disk");
        const parent = this.media.find((candidate) => candidate.path === medium.parentPath);
        return {
          medium,
          chain:
            parent === undefined
              ? []
              : [{ path: parent.path, format: parent.format ?? "", allocatedBytes: parent.allocatedBytes }],
          innerSnapshots: [],
        };
      },
      "media.create": (params: ParamsOf<HostProtocol, "media.create">) => this.#create(params),
      "media.createDiskette": (params: ParamsOf<HostProtocol, "media.createDiskette">) => this.#createDiskette(params),
      "media.copy": (params: ParamsOf<HostProtocol, "media.copy">) => this.#copy(params),
      "media.move": (params: ParamsOf<HostProtocol, "media.move">) => this.#move(params),
      "media.resize": (params: ParamsOf<HostProtocol, "media.resize">) => this.#resize(params),
      "media.compact": ({ path }: { path: string }) => this.#compact(path),
      "media.check": (params: ParamsOf<HostProtocol, "media.check">) => this.#check(params),
      "media.release": (params: ParamsOf<HostProtocol, "media.release">) => this.#release(params),
      "media.remove": ({ path }: { path: string }): Record<string, never> => {
        this.#drop(path);
        return {};
      },
    };
  }
}
