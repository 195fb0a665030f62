import { defineConfig } from "vitest/config";

// Guest tests boot whole systems and run one after the other; everything else runs side by side.
export default defineConfig({
  test: {
    include: [
      "engine/**/*.test.ts",
      "electron/**/*.test.ts",
      "renderer/**/*.test.{ts,tsx}",
      "resources/**/*.test.ts",
      "tests/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**", "tests/e2e/**"],
    testTimeout: 30_000,
    // Processes start slowly when everything runs at once; waiting longer costs nothing when all is well.
    expect: { poll: { timeout: 15_000, interval: 20 } },
  },
});
