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

function lint(path: string, text: string): string {
  const probe = join(root, path);
  mkdirSync(join(probe, ".."), { recursive: true });
  probes.push(probe);
  writeFileSync(probe, text);
  try {
    return execFileSync(
      process.execPath,
      [
        join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
        "--config",
        ".dependency-cruiser.cjs",
        path,
      ],
      { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
    );
  } catch (error) {
    return String((error as { stdout?: string }).stdout);
  } finally {
    rmSync(probe, { force: true });
  }
}

test.each([
  ["renderer/forbiddenImportProbe.ts", 'import "../engine/memory/Bus.ts";\n', "renderer-sees-api"],
  ["engine/cpu/forbiddenImportProbe.ts", 'import "node:fs";\n', "pure-engine"],
  ["engine/devices/forbiddenImportProbe.ts", 'import "../memory/Bus.ts";\n', "devices-imports"],
  ["engine/base/forbiddenImportProbe.ts", 'import "../contracts/Vcpu.ts";\n', "base-imports"],
])("%s: %s breaks %s", (path, text, rule) => {
  expect(lint(path, text)).toContain(rule);
});

test("an allowed import breaks nothing", () => {
  expect(lint("engine/memory/forbiddenImportProbe.ts", 'import "../contracts/Vcpu.ts";\n')).toContain(
    "no dependency violations found",
  );
});
