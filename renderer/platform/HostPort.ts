/**
 * How the page reaches its host, and what this shell can do beyond a web page. Components ask for a capability and offer
 * something else where it is missing; none asks which shell it runs in.
 */
import type { Endpoint } from "../../engine/api/Endpoint.ts";

export interface FileFilter {
  label: string;
  /** Without the dot; empty means every file. */
  extensions: readonly string[];
}

export interface ChooseFileOptions {
  title: string;
  /** "open" picks a file that exists, "save" names one that may not. */
  mode: "open" | "save";
  filters: readonly FileFilter[];
  /** Where to begin: a folder, or a file whose folder it is. */
  startAt?: string | undefined;
}

export interface ShellCapabilities {
  /** The system's own file dialog. Without it the page shows its own over `files.list`. */
  readonly chooseFile?: (options: ChooseFileOptions) => Promise<string | undefined>;
  /** Opens, or brings to the front, a window of its own for a route of this page. */
  readonly openWindow: (route: string) => void;
  /** Closes this window; without it the page goes back to the list. */
  readonly closeWindow?: () => void;
  /** Shows a folder in the system's file browser. */
  readonly showFolder?: (path: string) => void;
  /** True where no browser keeps shortcuts such as Ctrl+N for itself. */
  readonly ownsAllKeys: boolean;
}

export interface HostPort {
  /** A fresh connection; rejects with a sentence when there is none to be had. */
  connect(): Promise<Endpoint>;
  readonly capabilities: ShellCapabilities;
}
