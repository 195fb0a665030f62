/**
 * Joins layers of disks that the guest of this process is using, as the host orders it step by step. The host keeps the books: it has the upper layer's
 * content copied into the lower, then notes in its document that there is one layer, and has the upper one let go. Where the upper is what the guest
 * writes, the guest's requests wait for that note alone, and go into both files until then.
 */
import { resolve } from "node:path";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { DiskFormatId, StoreOpener } from "../contracts/DiskImage.ts";
import { openDisk } from "../storage/openDisk.ts";
import { BackingLink } from "../storage/overlay/BackingLink.ts";
import { LayerJoin } from "../storage/overlay/LayerJoin.ts";
import { reopenLink } from "../storage/overlay/reopenLink.ts";
import type { SwitchableDisk } from "../storage/SwitchableDisk.ts";
import { diskServices } from "./diskServices.ts";
import type { EngineProtocol, joinCommands } from "./engineProtocol.ts";
import type { OpenMachine } from "./openMachine.ts";
import { overlayReference } from "./snapshots/overlayReference.ts";

type Handlers = Pick<CommandHandlers<EngineProtocol, undefined>, keyof typeof joinCommands>;

/** What of a machine that is open is needed here. */
export interface JoinedMachine extends Pick<OpenMachine, "disks" | "passphrases" | "folder" | "disposable"> {
  openerBesideOwn(): StoreOpener;
}

/** A layer in a chain that the guest uses. */
interface Place {
  /** The disk whose guest sees the chain. */
  readonly disk: SwitchableDisk;
  /** Where the layer's image is: the disk itself, or a link below. */
  readonly holder: SwitchableDisk;
}

interface Joining extends Place {
  readonly file: string;
  readonly into: string;
  readonly join: LayerJoin;
  readonly lower: BackingLink;
  /** The lower image was opened for writing only for this. */
  readonly reopened: boolean;
}

const PROGRESS_MS = 100;

/** `milliseconds` is how long the guest's requests waited. */
type Log = (message: string, facts: Record<string, unknown>) => void;

export class JoinDesk {
  readonly handlers: Handlers;
  readonly #machine: () => JoinedMachine;
  readonly #progress: (fraction: number) => void;
  readonly #log: Log;
  #heldAtMs = 0;
  #joining: Joining | undefined;
  #copying: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  #closing = false;

  /** `machine` throws "illegal-state" while there is none. */
  constructor(machine: () => JoinedMachine, progress: (fraction: number) => void, log: Log = () => {}) {
    this.#machine = machine;
    this.#progress = progress;
    this.#log = log;
    const done = (action: Promise<void>) => action.then(() => ({}));
    this.handlers = {
      joinLayers: ({ file, into, format }) => done(this.#copy(file, into, format ?? undefined)),
      cancelJoin: () => {
        this.#copying?.abort.abort();
        return {};
      },
      holdJoin: () => done(this.#hold()),
      releaseJoin: ({ joined }) => done(joined ? this.#conclude() : this.#giveUp()),
      rebaseLayer: ({ file, backing }) => done(this.#rebase(file, backing)),
      letGo: ({ file }) => done(this.#letGo(file)),
    };
  }

  /** Gives up what is under way: the media are to be closed. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#copying?.abort.abort();
    await this.#copying?.done.catch(() => undefined);
  }

  /** Gives up a join in the chain of a disk that is to be pulled out. */
  async leave(path: string): Promise<void> {
    const disk = this.#machine().disks.get(path);
    if (disk === undefined || this.#joining?.disk !== disk) return;
    this.#copying?.abort.abort();
    await this.#copying?.done.catch(() => undefined);
    await this.#giveUp();
  }

  async #copy(file: string, into: string, format: DiskFormatId | undefined): Promise<void> {
    if (this.#machine().disposable) {
      throw new GuesthouseError(
        "not-available",
        "The layers of a disk are not joined while its changes are only for this run.",
      );
    }
    if (this.#copying !== undefined || this.#joining !== undefined) {
      throw new GuesthouseError("illegal-state", "Layers are being joined already.");
    }
    const abort = new AbortController();
    const done = this.#begin(file, into, format).then((joining) => this.#fill(joining, abort.signal));
    this.#copying = { abort, done };
    try {
      await done;
    } catch (error) {
      if (!this.#closing) await this.#giveUp();
      throw error;
    } finally {
      this.#copying = undefined;
    }
  }

  async #begin(file: string, into: string, format: DiskFormatId | undefined): Promise<Joining> {
    const place = await this.#demand(file);
    const upper = place.holder.image;
    const lower = upper.backing;
    if (!(lower instanceof BackingLink) || lower.file !== (await this.#opener().identify(into)))
      throw notBelow(file, into);
    const reopened = lower.image.readOnly;
    if (reopened) await this.#reopen(lower, place.disk, { name: into, access: "write", format });
    const join = new LayerJoin(upper, lower.image);
    const joining = { ...place, file, into, join, lower, reopened };
    this.#joining = joining;
    if (lower.sizeBytes !== upper.sizeBytes) await lower.image.resize(upper.sizeBytes, true);
    if (place.holder === place.disk) await deputed(place.holder, join);
    return joining;
  }

  async #fill({ join }: Joining, signal: AbortSignal): Promise<void> {
    let saidMs = 0;
    const onProgress = (fraction: number): void => {
      const nowMs = performance.now();
      if (nowMs - saidMs < PROGRESS_MS) return;
      saidMs = nowMs;
      this.#progress(fraction);
    };
    await join.copy({ onProgress, signal });
  }

  /** Nothing that the guest writes from now on is done before `releaseJoin`, and the lower image has all that was. */
  async #hold(): Promise<void> {
    const { holder, join } = this.#demandJoining();
    this.#heldAtMs = performance.now();
    await holder.hold();
    try {
      await join.settle();
    } catch (error) {
      holder.release();
      throw error;
    }
  }

  /** The guest goes on with the lower image. */
  async #conclude(): Promise<void> {
    const { disk, holder, lower, file, into } = this.#demandJoining();
    this.#joining = undefined;
    const upper = holder.image;
    const image = await lower.takeOut();
    holder.appoint(undefined);
    holder.release(image);
    const milliseconds = Math.round(performance.now() - this.#heldAtMs);
    this.#log("Layers of a disk were joined.", { file, into, milliseconds });
    const { disks } = this.#machine();
    if (disks.get(file) === disk) {
      disks.delete(file);
      disks.set(into, disk);
    }
    // Everything in it is in the lower one.
    await upper.close().catch(() => undefined);
  }

  /** The guest goes on as before. */
  async #giveUp(): Promise<void> {
    const joining = this.#joining;
    this.#joining = undefined;
    if (joining === undefined) return;
    const { disk, holder, lower, reopened } = joining;
    if (holder === disk) await deputed(holder, undefined);
    if (reopened) await this.#toReading(lower, disk);
  }

  async #rebase(file: string, backing: string): Promise<void> {
    const { disk, holder } = await this.#demand(file);
    const opener = this.#opener();
    const identity = await opener.identify(backing);
    const below = linksBelow(disk).find((link) => link.file === identity);
    if (below === undefined) throw notBelow(file, backing);
    const info = await below.info();
    const reference = overlayReference(file, backing, info.format, info.identity);
    // What was the topmost layer in this run is still open for writing.
    if (!holder.image.readOnly) {
      await holder.image.rebase(reference);
      await holder.image.flush();
      return;
    }
    const request = { access: "write", services: diskServices, format: "qcow2", alone: true } as const;
    const image = await openDisk(opener, file, request);
    try {
      await image.rebase(reference);
      await image.flush();
    } finally {
      await image.close();
    }
  }

  /** A layer that was joined with the one below, and no guest needs to see. What no chain has is let go already. */
  async #letGo(file: string): Promise<void> {
    const place = await this.#find(file);
    if (place === undefined) return;
    const { disk, holder } = place;
    const lower = holder.image.backing;
    if (!(holder instanceof BackingLink) || !(lower instanceof BackingLink)) {
      throw new GuesthouseError("in-use", "The guest is using this layer.", { file });
    }
    const joining = this.#joining;
    this.#joining = undefined;
    const upper = holder.image;
    await holder.hold();
    holder.release(await lower.takeOut());
    holder.file = lower.file;
    await upper.close().catch(() => undefined);
    if (joining?.lower === lower && joining.reopened) await this.#toReading(holder, disk);
  }

  /** What is only read is open for reading, so that others may read it too. Where that cannot be, it stays as it is. */
  async #toReading(link: BackingLink, disk: SwitchableDisk): Promise<void> {
    const reopened = link
      .info()
      .then(({ format }) => this.#reopen(link, disk, { name: link.file, access: "read", format }));
    await reopened.catch(() => undefined);
  }

  async #reopen(
    link: BackingLink,
    disk: SwitchableDisk,
    how: { readonly name: string; readonly access: "read" | "write"; readonly format: DiskFormatId | undefined },
  ): Promise<void> {
    const passphrase = this.#machine().passphrases.get(disk);
    const { format, ...rest } = how;
    await reopenLink(link, this.#opener(), {
      ...rest,
      services: diskServices,
      ...(format === undefined ? {} : { format }),
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  }

  #opener(): StoreOpener {
    return this.#machine().openerBesideOwn();
  }

  #demandJoining(): Joining {
    if (this.#joining === undefined || this.#copying !== undefined) {
      throw new GuesthouseError("illegal-state", "No layers are joined.");
    }
    return this.#joining;
  }

  async #demand(file: string): Promise<Place> {
    const place = await this.#find(file);
    if (place === undefined) throw new GuesthouseError("illegal-state", "No guest is using this layer.", { file });
    return place;
  }

  async #find(file: string): Promise<Place | undefined> {
    const { disks, folder } = this.#machine();
    const top = disks.get(file);
    if (top !== undefined) return { disk: top, holder: top };
    const identity = await this.#opener().identify(resolve(folder, file));
    for (const disk of disks.values()) {
      const holder = linksBelow(disk).find((link) => link.file === identity);
      if (holder !== undefined) return { disk, holder };
    }
    return undefined;
  }
}

/** The nearest first. */
function linksBelow(disk: SwitchableDisk): BackingLink[] {
  const links: BackingLink[] = [];
  let at: BlockDevice | undefined = disk.image.backing;
  while (at instanceof BackingLink) {
    links.push(at);
    at = at.backing;
  }
  return links;
}

/** From one request to the next. */
async function deputed(holder: SwitchableDisk, deputy: LayerJoin | undefined): Promise<void> {
  await holder.hold();
  holder.appoint(deputy);
  holder.release();
}

function notBelow(file: string, into: string): GuesthouseError {
  return new GuesthouseError("illegal-state", "The layers do not rest on each other.", { file, into });
}
