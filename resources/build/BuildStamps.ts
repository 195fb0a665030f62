/**
 * Remembers what each part of a build was made of, by content, so that a repeated build does only what is due. A step is
 * current when the digest of its inputs is the recorded one and all its outputs exist.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export class BuildStamps {
  readonly #path: string;
  readonly #root: string;
  readonly #digests: Record<string, string>;

  constructor(root: string) {
    this.#root = root;
    this.#path = join(root, "dist/.stamps.json");
    this.#digests = read(this.#path);
  }

  /** Runs `make` unless the step is current. `inputs` and `outputs` are files or folders below the root. */
  async step(name: string, inputs: readonly string[], outputs: readonly string[], make: () => Promise<void>) {
    const digest = this.#digestOf(inputs);
    const complete = outputs.every((output) => existsSync(join(this.#root, output)));
    if (complete && this.#digests[name] === digest) return;
    const started = performance.now();
    await make();
    this.#digests[name] = digest;
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, `${JSON.stringify(this.#digests, null, 2)}\n`);
    console.log(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }

  #digestOf(inputs: readonly string[]): string {
    const hash = createHash("sha256");
    for (const file of inputs.flatMap((input) => filesOf(this.#root, input)).sort()) {
      hash
        .update(file)
        .update("\0")
        .update(readFileSync(join(this.#root, file)));
    }
    return hash.digest("hex");
  }
}

function read(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}

const IGNORED = /\.test\.tsx?$|\.tsbuildinfo$|(^|\/)\./;

/** Tests are no input of what ships. */
function filesOf(root: string, input: string): string[] {
  const path = join(root, input);
  if (!existsSync(path)) return [];
  const entries = readdirSyncOrUndefined(path);
  if (entries === undefined) return [input];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !IGNORED.test(file));
}

function readdirSyncOrUndefined(path: string) {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true });
  } catch {
    return undefined;
  }
}
