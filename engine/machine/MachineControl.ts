import type { TypedEvent } from "../base/TypedEvent.ts";
import type { DebugTarget } from "../contracts/DebugTarget.ts";
import type { DisplaySource } from "../contracts/DisplaySink.ts";
import type { KeyboardSink, PointerSink } from "../contracts/InputSink.ts";
import type { CapturedState, RestorableState } from "../contracts/MachineStateParts.ts";
import type { RemovableDrive } from "../contracts/Medium.ts";
import type { MachineDescription } from "../snapshot/container/stateFileLayout.ts";
import type { AttachedDisk, DiskAttachment, MachineStop } from "./MachineOptions.ts";

/** Bytes moved since power-on, per light of the status bar. */
export interface ActivityCounters {
  diskRead: number;
  diskWritten: number;
  opticalRead: number;
  floppyRead: number;
  floppyWritten: number;
}

export interface MachineFigures {
  instructions: number;
  /** Guest time since power-on. */
  guestNs: number;
  /** Calls into port and memory-mapped device handlers. */
  exits: number;
  /** Host nanoseconds spent inside the vCPU. */
  busyNs: number;
}

/**
 * A machine as its owner (the engine process) drives it. Made by `createMachine(options)`; stopped until `start`.
 * All calls are synchronous and cheap; the guest runs in slices on the same thread.
 */
export interface MachineControl {
  start(): void;
  pause(): void;
  resume(): void;
  /** The reset button. */
  reset(): void;
  /** ACPI power button: asks the guest to shut down. */
  pressPowerButton(): void;
  /** Pulls the plug: flushes host caches, never loses what the guest flushed. Emits `stopped`. */
  powerOff(): void;

  /**
   * The state as it is now, of a machine that runs or is paused; it goes on at once, and RAM is read meanwhile. `label` is what a later
   * capture's `base` calls this one. Only between two events of the host, not from within a listener of this machine. Throws "illegal-state" while
   * the machine is off, or pages of the last capture are still to be taken.
   */
  captureState(label: string): CapturedState;
  /**
   * Makes a machine that is off one that is paused in that state. The media that were in the drives must be there already. Rejects with a
   * GuesthouseError ("state-...", "illegal-state"), and the machine is off then. The time of day follows the host, the guest's own time goes
   * on where it was.
   */
  restoreState(state: RestorableState): Promise<void>;
  /** What a state must be of to fit this machine. */
  readonly hardware: MachineDescription;

  readonly display: DisplaySource;
  readonly keyboard: KeyboardSink;
  readonly pointer: PointerSink;
  readonly opticalDrives: readonly RemovableDrive[];
  readonly floppyDrives: readonly RemovableDrive[];
  /** In the order of the machine's list, as they are now. Those that were plugged in belong to whoever did that. */
  readonly disks: readonly AttachedDisk[];
  /** Of the optical drives; undefined on IDE. */
  readonly opticalPorts: readonly (number | undefined)[];
  /** What `MachineOptions.entropyDevice` must be for another machine with these disks to be the same; undefined if nothing. */
  readonly entropyDevice: boolean | undefined;
  /**
   * Plugs a disk in behind the others of the list; the guest is told. Throws "not-hot-pluggable", "too-many-drives", or for virtio-blk and NVMe
   * "guest-without-hot-plug" while the guest does not listen for PCI functions that come. Answers its place in the list.
   */
  attachDisk(disk: DiskAttachment): number;
  /**
   * Takes a disk out; those behind it in the list move up, and its blocks may be closed. On AHCI and virtio-scsi it is pulled out at once, and what
   * the guest had under way is lost; of virtio-blk and NVMe the guest is asked, which takes seconds, unless `force` does it like the others. Rejects with "no-such-drive", "not-hot-pluggable",
   * "guest-without-hot-plug", or "guest-keeps-disk" when the guest has not given it up in time, also because it is paused.
   */
  detachDisk(slot: number, force?: boolean): Promise<AttachedDisk>;

  /** Bytes typed into serial port `index` (0 = COM1). Queued without loss. */
  sendSerial(index: number, bytes: Uint8Array): void;
  readonly serialOutput: TypedEvent<{ index: number; byte: number }>;
  /** Port 0xE9. */
  readonly debugOutput: TypedEvent<number>;
  readonly stopped: TypedEvent<MachineStop>;

  /** For debuggers outside of the guest. They may pause and resume the machine too. */
  readonly debug: DebugTarget;

  activity(): ActivityCounters;
  figures(): MachineFigures;
  /** One line for the user: which engine runs and why. */
  engineDescription(): string;
}
