/**
 * Where the app's own files lie. Sources (engine/host/x.ts, run by type stripping) and bundles (dist/<part>/x.js) are both two
 * folders below the root of the installation, so one rule finds everything; only the way to an entry point differs.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const runsFromSource = import.meta.url.endsWith(".ts");

/** A file of `dist/`, such as "guest/tour.img". It may be missing when nothing was built. */
export function builtFile(path: string): string {
  return fileURLToPath(new URL(`dist/${path}`, root));
}

/** The script of another process: "engineProcess" or "hostDaemon". */
export function hostEntry(name: string): string {
  return fileURLToPath(new URL(runsFromSource ? `engine/host/${name}.ts` : `dist/host/${name}.js`, root));
}

export function appVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version?: unknown };
  return String(manifest.version);
}
