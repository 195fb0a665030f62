import type { BlockDevice } from "./BlockDevice.ts";

/** What lies in a removable drive: identity for people, and the blocks. */
export interface Medium {
  readonly name: string;
  readonly blocks: BlockDevice;
}

/** A drive whose medium can change while the machine runs. `insert` replaces; `undefined` is the empty drive. */
export interface RemovableDrive {
  readonly medium: Medium | undefined;
  /** False when the guest has locked the tray and `force` is not set. */
  insert(medium: Medium | undefined, force?: boolean): boolean;
}
