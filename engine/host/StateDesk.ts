/**
 * Saves and loads the state of the machine of this process, as the host orders it step by step. The host keeps the books: it says "hold", notes in its
 * document what the held state belongs to, and says "release"; between the two no request of the guest reaches a disk, so that what a
 * disk holds and what the document says always fit. The guest itself runs on meanwhile unless it is to be saved and ended. RAM is written afterwards.
 */
import { dirname, join, resolve } from "node:path";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { DiskImage } from "../contracts/DiskImage.ts";
import type { ArrivingPages, CapturedState, RestorableState } from "../contracts/MachineStateParts.ts";
import { checkDescription } from "../snapshot/container/describedDigest.ts";
import type { StateHeader } from "../snapshot/container/stateFileLayout.ts";
import { StateStore } from "../snapshot/StateStore.ts";
import { diskFormat } from "../storage/openDisk.ts";
import { BackingLink } from "../storage/overlay/BackingLink.ts";
import type { SwitchableDisk } from "../storage/SwitchableDisk.ts";
import { diskServices } from "./diskServices.ts";
import type { EngineProtocol, stateCommands } from "./engineProtocol.ts";
import { FileOpener } from "./FileOpener.ts";
import { FolderFiles } from "./FolderFiles.ts";
import { stateHeader } from "./machineStateFile.ts";
import { makeFolder } from "./makeFolder.ts";
import type { OpenMachine } from "./openMachine.ts";
import { PageCrew } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";
import { overlayReference } from "./snapshots/overlayReference.ts";
import { stateFolder } from "./snapshots/stateFolder.ts";
import { syncFolder } from "./writeFileAtomically.ts";

type Handlers = Pick<CommandHandlers<EngineProtocol, undefined>, keyof typeof stateCommands>;

interface Overlay {
  readonly disk: SwitchableDisk;
  readonly backing: string;
  readonly file: string;
  readonly base: BackingLink;
  readonly image: DiskImage;
}

interface Held {
  readonly machine: OpenMachine;
  readonly header: StateHeader;
  readonly captured: CapturedState;
  /** The machine ends when it is saved; until then it stands still. */
  readonly ending: boolean;
  /** It was running before. */
  readonly paused: boolean;
}

const PROGRESS_MS = 100;

type Log = (message: string, facts: Record<string, unknown>) => void;

export class StateDesk {
  readonly handlers: Handlers;
  readonly #machine: () => OpenMachine;
  readonly #progress: (fraction: number) => void;
  readonly #log: Log;
  #overlays: Overlay[] = [];
  #held: Held | undefined;
  #crew: PageCrew | undefined;
  #writing: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;

  /** `machine` throws "illegal-state" while there is none. */
  constructor(machine: () => OpenMachine, progress: (fraction: number) => void, log: Log) {
    this.#machine = machine;
    this.#progress = progress;
    this.#log = log;
    const done = (action: Promise<void>) => action.then(() => ({}));
    this.handlers = {
      prepareOverlay: ({ file, backing }) => done(this.#prepare(file, backing)),
      holdState: ({ label, pause }) => done(this.#hold(label, pause)),
      releaseState: ({ overlays }) => done(this.#release(overlays)),
      writeState: ({ name, parent }) => done(this.#write(name, parent)),
      cancelState: () => {
        this.cancel();
        return {};
      },
    };
  }

  /** Makes the machine, which is off, one that is paused in the state of that name. Rejects with why it cannot. */
  async load(name: string): Promise<void> {
    const { control, folder } = this.#machine();
    const began = performance.now();
    const crew = new PageCrew();
    this.#crew = crew;
    const readRam = async (state: RestorableState, target: Uint8Array): Promise<ArrivingPages> => {
      const pages = await state.readRam(target);
      void pages.arrived().then(
        () => this.#log("All memory of the saved state is unpacked.", { milliseconds: since(began) }),
        // The machine stops with the reason.
        () => undefined,
      );
      return pages;
    };
    await storeOf(folder, crew).load(name, async (state, header) => {
      checkDescription(header, control.hardware);
      await control.restoreState({ ...state, readRam: (target) => readRam(state, target) });
    });
    this.#log("The saved state was loaded.", { milliseconds: since(began) });
  }

  cancel(): void {
    this.#writing?.abort.abort();
  }

  /** Waits for what is being written: the machine may have stopped meanwhile, its memory is still there. */
  async close(): Promise<void> {
    await this.#writing?.done.catch(() => undefined);
    await this.#crew?.close();
    await this.#dropOverlays();
    if (this.#held?.ending === true) this.#held.machine.keepOverlays = true;
  }

  async #prepare(file: string, backing: string): Promise<void> {
    const { disks, passphrases, folder, disposable } = this.#machine();
    const disk = disks.get(backing);
    if (disposable || disk === undefined) {
      throw new GuesthouseError(
        "not-available",
        "The changes of this run are forgotten at its end: nothing of it is kept.",
        {
          path: backing,
        },
      );
    }
    const path = resolve(folder, file);
    await makeFolder(dirname(path));
    const { format, identity, passphraseWork } = await disk.image.info();
    const passphrase = passphrases.get(disk);
    const opener = new FileOpener({ folder });
    const base = new BackingLink(disk.image, await opener.identify(backing));
    base.lend();
    await opener.remove(file);
    const image = await diskFormat("qcow2").create(opener, file, {
      sizeBytes: disk.sizeBytes,
      services: diskServices,
      backing: { reference: overlayReference(file, backing, format, identity), device: base },
      ...(passphrase === undefined ? {} : { passphrase, passphraseWork }),
    });
    this.#overlays.push({ disk, backing, file, base, image });
    await image.flush();
    await syncFolder(dirname(path));
  }

  /** Afterwards the images hold all that the guest was told is written, and nothing more comes. */
  async #hold(label: string, pause: boolean): Promise<void> {
    const machine = this.#machine();
    const { control, disks, disposable } = machine;
    if (this.#held !== undefined)
      throw new GuesthouseError("illegal-state", "The machine's state is being saved already.");
    if (disposable) {
      throw new GuesthouseError(
        "not-available",
        "The changes of this run are forgotten at its end: nothing of it is kept.",
      );
    }
    // Most of it now, while the guest's requests still pass.
    for (const { image } of disks.values()) if (!image.readOnly) await image.flush();
    const paused = pause && control.debug.state === "running";
    if (paused) control.pause();
    try {
      await Promise.all([...disks.values()].map((disk) => disk.hold()));
      for (const { image } of disks.values()) if (!image.readOnly) await image.flush();
      const began = performance.now();
      const captured = control.captureState(label);
      this.#log("The state of the machine was captured.", { milliseconds: since(began) });
      this.#held = { machine, header: stateHeader(control), captured, ending: pause, paused };
    } catch (error) {
      for (const disk of disks.values()) disk.release();
      if (paused) control.resume();
      throw error;
    }
  }

  async #release(overlays: boolean): Promise<void> {
    const { control, disks } = this.#machine();
    const held = this.#held;
    if (!overlays || held?.ending === true) {
      this.#held = undefined;
      held?.captured.ram.dispose();
      await this.#dropOverlays();
    }
    for (const { disk, backing, file, base, image } of this.#overlays.splice(0)) {
      base.handOver();
      disk.release(image);
      disks.delete(backing);
      disks.set(file, disk);
    }
    for (const disk of disks.values()) disk.release();
    if (held?.paused === true) control.resume();
  }

  async #write(name: string, parent: string | null): Promise<void> {
    const held = this.#held;
    if (held === undefined || this.#writing !== undefined) {
      throw new GuesthouseError("illegal-state", "No state is held.");
    }
    const abort = new AbortController();
    const done = this.#save(held, name, parent, abort.signal);
    this.#writing = { abort, done };
    try {
      await done;
    } finally {
      this.#writing = undefined;
      if (!held.ending) this.#held = undefined;
    }
  }

  async #save(
    { machine, header, captured }: Held,
    name: string,
    parent: string | null,
    signal: AbortSignal,
  ): Promise<void> {
    const store = storeOf(machine.folder);
    let saidMs = 0;
    const onProgress = (fraction: number): void => {
      const nowMs = performance.now();
      if (fraction < 1 && nowMs - saidMs < PROGRESS_MS) return;
      saidMs = nowMs;
      this.#progress(fraction);
    };
    const shared = parent !== null && (await isReadable(store, parent)) ? parent : undefined;
    await store.save(name, header, captured, shared, { onProgress, signal });
  }

  /** Nothing rests on them yet, and nobody names them. */
  async #dropOverlays(): Promise<void> {
    for (const { image } of this.#overlays.splice(0)) await image.close().catch(() => undefined);
  }
}

function since(beganMs: number): number {
  return Math.round(performance.now() - beganMs);
}

function storeOf(folder: string, crew?: PageCrew): StateStore {
  const services = crew === undefined ? snapshotServices : { ...snapshotServices, pageThreads: crew };
  return new StateStore(new FolderFiles(join(folder, stateFolder)), services);
}

/** Sharing pages with a state that is damaged or gone is given up, not the new state. */
async function isReadable(store: StateStore, name: string): Promise<boolean> {
  return await store.header(name).then(
    () => true,
    () => false,
  );
}
