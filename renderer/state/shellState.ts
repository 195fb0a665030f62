/** What the window itself shows: open dialogs, notices, the selected machine and its tab. Nothing here outlives the page. */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { ChooseFileOptions } from "../platform/HostPort.ts";

export type SettingsSection = "general" | "system" | "display" | "storage" | "serial";

/** What a dialog does with a medium. */
export type MediumWork = "copy" | "move" | "resize" | "check" | "remove";

/** A question with a destructive answer: names the thing and what is lost. */
export interface Confirmation {
  title: string;
  body: string;
  action: string;
  danger: boolean;
  run: () => void;
}

export type OpenDialog =
  | { kind: "newMachine" }
  | { kind: "settings"; id: string; section: SettingsSection }
  | { kind: "rename"; id: string }
  | { kind: "remove"; id: string }
  | { kind: "closeConsole"; id: string }
  /** `existing` is a machine of another program that stays where it is. */
  | { kind: "import"; existing?: true }
  /** The machine that is chosen at first; null for none. */
  | { kind: "export"; id: string | null }
  /** A new hard disk or diskette in a folder; `made` gets its path. */
  | { kind: "createDisk"; folder: string; made?: (path: string) => void }
  | { kind: "createDiskette"; folder: string; made?: (path: string) => void }
  | { kind: "medium"; work: MediumWork; path: string }
  | { kind: "takeSnapshot"; id: string }
  | { kind: "editSnapshot"; id: string; snapshotId: string }
  | { kind: "restoreSnapshot"; id: string; snapshotId: string }
  | { kind: "deleteSnapshot"; id: string; snapshotId: string }
  /** Null clones the machine as it is. */
  | { kind: "clone"; id: string; snapshotId: string | null }
  | { kind: "typeText"; id: string }
  | { kind: "captureHelp"; proceed: () => void }
  | { kind: "confirm"; confirmation: Confirmation }
  | { kind: "chooseFile"; options: ChooseFileOptions; answer: (path: string | undefined) => void }
  | { kind: "passphrase"; disk: string; wrong: boolean; answer: (passphrase: string | undefined) => void }
  | { kind: "palette" }
  | { kind: "about" }
  | { kind: "shortcuts" };

export interface PageNotice {
  id: number;
  kind: "info" | "error";
  title: string;
  body?: string | undefined;
  details?: string | undefined;
  /** The window that it is shown in; without one it stands in the corner. */
  dialog?: OpenDialog | undefined;
}

export interface ShellState {
  /** A file chooser opens on top of the dialog that asked for it. */
  dialogs: readonly OpenDialog[];
  notices: readonly PageNotice[];
}

export class Shell {
  readonly store: StoreApi<ShellState> = createStore<ShellState>(() => ({ dialogs: [], notices: [] }));
  #nextNotice = 1;

  open(dialog: OpenDialog): void {
    this.store.setState(({ dialogs }) => ({ dialogs: [...dialogs, dialog] }));
  }

  close(dialog: OpenDialog): void {
    this.store.setState(({ dialogs, notices }) => ({
      dialogs: dialogs.filter((other) => other !== dialog),
      notices: notices.filter((notice) => notice.dialog !== dialog),
    }));
  }

  /** The window on top, which what the user does now belongs to. What failed in it before is tried again: its notice goes. */
  beginAttempt(): OpenDialog | undefined {
    const dialog = this.store.getState().dialogs.at(-1);
    if (dialog !== undefined) {
      this.store.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.dialog !== dialog) }));
    }
    return dialog;
  }

  notify(notice: Omit<PageNotice, "id">): void {
    const id = this.#nextNotice++;
    this.store.setState(({ dialogs, notices }) => {
      const { dialog, ...words } = notice;
      const stays = dialog !== undefined && dialogs.includes(dialog);
      return { notices: [...notices.slice(-3), { ...words, id, ...(stays ? { dialog } : {}) }] };
    });
    // What went wrong stays until it was read; what went well goes by itself.
    if (notice.kind === "info") setTimeout(() => this.dismiss(id), 4000);
  }

  dismiss(id: number): void {
    this.store.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) }));
  }
}
