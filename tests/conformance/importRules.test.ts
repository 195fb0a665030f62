import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

/**
 * The house stands on its import rules, so they are proved by breaking them: each case writes a file with a forbidden
 * import into a room and expects the import lint to name the rule.
 */
const root = fileURLToPath(new URL("../../", import.meta.url));
const probes: string[] = [];

afterAll(() => {
  for (const probe of probes) rmSync(probe, { force: true });
});

/** What the lint that watches this room says. */
function commandFor(path: string): string[] {
  return path.startsWith("renderer/")
    ? ["node_modules/@biomejs/biome/bin/biome", "lint", path]
    : ["node_modules/dependency-cruiser/bin/dependency-cruise.mjs", "--config", ".dependency-cruiser.cjs", path];
}

function lint(path: string, text: string): string {
  const probe = join(root, path);
  mkdirSync(join(probe, ".."), { recursive: true });
  probes.push(probe);
  writeFileSync(probe, text);
  try {
    return execFileSync(process.execPath, commandFor(path), {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}`;
  } finally {
    rmSync(probe, { force: true });
  }
}

test.each([
  [
    "renderer/forbiddenImportProbe.ts",
    'import "../engine/memory/Bus.ts";\n',
    "The renderer sees engine/api and engine/base",
  ],
  ["renderer/forbiddenImportProbe.tsx", 'import "node:fs";\n', "no Node"],
  ["engine/cpu/forbiddenImportProbe.ts", 'import "node:fs";\n', "pure-engine"],
  ["engine/devices/forbiddenImportProbe.ts", 'import "../memory/Bus.ts";\n', "devices-imports"],
  ["engine/snapshot/forbiddenImportProbe.ts", 'import "../machine/MachineControl.ts";\n', "snapshot-imports"],
  ["engine/appliance/forbiddenImportProbe.ts", 'import "../storage/openDisk.ts";\n', "appliance-imports"],
  ["engine/base/forbiddenImportProbe.ts", 'import "../contracts/Vcpu.ts";\n', "base-imports"],
])("%s: %s breaks %s", (path, text, rule) => {
  expect(lint(path, text)).toContain(rule);
});

test("an allowed import breaks nothing", () => {
  expect(lint("engine/memory/forbiddenImportProbe.ts", 'import "../contracts/Vcpu.ts";\n')).toContain(
    "no dependency violations found",
  );
});
