/** The built pages: files below one folder, by the path of a request. Nothing else of the host can be reached. */
import { readFile, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};

export interface StaticFile {
  readonly bytes: Uint8Array;
  readonly type: string;
  /** The name carries a hash of the content. */
  readonly immutable: boolean;
}

export class StaticFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `path` is the decoded path of an address. */
  async read(path: string): Promise<StaticFile | undefined> {
    const name = path === "/" ? "/index.html" : path;
    if (name.includes("\0") || name.includes("\\")) return undefined;
    try {
      const root = await realpath(this.#folder);
      const file = await realpath(join(root, name));
      if (!file.startsWith(root + sep)) return undefined;
      const bytes = await readFile(file);
      return {
        bytes,
        type: types[extname(file)] ?? "application/octet-stream",
        immutable: name.startsWith("/assets/"),
      };
    } catch {
      return undefined;
    }
  }
}
