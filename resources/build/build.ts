/**
 * Builds everything into `dist/`: the processor's WebAssembly units, the built-in guest, the bundles of all processes and the
 * pages. What is up to date is skipped, so that a repeated build takes a moment.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BuildStamps } from "./BuildStamps.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const stamps = new BuildStamps(root);
const everywhere = ["package-lock.json", "resources/build"];

/** Parts that other rooms own; absent ones are left out. */
async function runPart(script: string, functionName: string): Promise<void> {
  const path = join(root, script);
  if (!existsSync(path)) return;
  const part = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const make = part[functionName];
  if (typeof make !== "function") throw new Error(`${script} does not export ${functionName}.`);
  await make();
}

// The processor's build tells by itself what is due, and writes sources that the others read.
await runPart("resources/build/buildCpu.ts", "buildCpu");

if (existsSync(join(root, "resources/guest/buildGuest.ts"))) {
  const inputs = [...everywhere, "resources/guest", "resources/assembler"];
  await stamps.step("guest", inputs, ["dist/guest/tour.img"], () =>
    runPart("resources/guest/buildGuest.ts", "buildGuest"),
  );
}

await stamps.step(
  "engine",
  [...everywhere, "engine"],
  [
    "dist/host/engineProcess.js",
    "dist/host/hostDaemon.js",
    "dist/host/pageThread.js",
    "dist/web/main.js",
    "dist/cli/main.js",
  ],
  async () => (await import("./buildEngine.ts")).buildEngine(root),
);

if (existsSync(join(root, "electron/main/main.ts"))) {
  const inputs = [...everywhere, "engine", "electron"];
  await stamps.step("electron", inputs, ["dist/electron/main.js"], async () =>
    (await import("./buildEngine.ts")).buildElectron(root),
  );
}

if (existsSync(join(root, "renderer/index.html"))) {
  const inputs = [...everywhere, "renderer", "engine/api", "engine/base"];
  await stamps.step("pages", inputs, ["dist/renderer/index.html"], async () => {
    const { build } = await import("vite");
    await build({ configFile: join(root, "renderer/vite.config.ts"), logLevel: "warn" });
  });
}
