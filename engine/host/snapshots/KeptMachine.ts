/** What the snapshots of a machine need of it: its files and settings, its states, and while it runs the images that its engine holds. */
import type { MachineDraft } from "../../api/MachineConfig.ts";
import type { DiskFormatId, DiskServices, LongWork } from "../../contracts/DiskImage.ts";
import type { DiskPassphrase } from "../encryptedDisks.ts";
import type { SnapshotFiles } from "./SnapshotFiles.ts";

export interface KeptMachine {
  readonly files: SnapshotFiles;
  readonly services: DiskServices;
  /** Of encrypted disks, as they came with the command. */
  readonly passphrases?: readonly DiskPassphrase[];
  draft(): MachineDraft;
  /** Changes the settings at one stroke. The same twice is harmless. */
  apply(change: (draft: MachineDraft) => MachineDraft): Promise<void>;
  /** Never the same twice; letters, digits and "-". */
  newId(): string;
  /** Forgets all saved states but these. */
  keepStates(names: readonly string[]): Promise<void>;
  /** What a state takes on the host, shared pages left out; undefined when it is not there whole. */
  stateBytes(name: string): Promise<number | undefined>;
  /** What `keepStates` would give back. */
  freedByStates(names: readonly string[]): Promise<number>;
  /** Given while the machine runs or is paused. */
  readonly live?: LiveImages;
}

/** The images and the memory of a machine that runs, in its engine's hands. */
export interface LiveImages {
  addOverlay(file: string, base: string): Promise<void>;
  /**
   * Keeps memory as it is, and the images, while `commit` makes the overlays count; then the guest goes on with these, or as before when `commit`
   * fails. The memory is called `label` from then on.
   */
  switching(label: string, commit: () => Promise<void>): Promise<void>;
  /** Keeps memory as it is under that name, and the guest from going on. */
  saveState(name: string, parent: string | undefined, work: LongWork): Promise<void>;
  /** Gives up overlays and memory that were kept: the guest goes on as before. */
  abandon(): Promise<void>;
  /** Puts what `upper` holds into `lower` while the guest works, and what it writes from then on into both. Throws "not-available" where it cannot. */
  join(upper: string, lower: string, format: DiskFormatId | undefined, work: LongWork): Promise<void>;
  /** What was joined is the topmost layer: while `commit` makes the lower one count no write is done, then the guest goes on with that. */
  concluding(commit: () => Promise<void>): Promise<void>;
  /** The guest goes on with what it had before `join`. */
  leaveJoin(): Promise<void>;
  rebase(file: string, backing: string): Promise<void>;
  /** A file that is to be removed is closed, if it is in use: a layer that was joined, or an overlay that came to nothing. */
  letGo(file: string): Promise<void>;
}
