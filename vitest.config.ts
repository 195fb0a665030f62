import { defineConfig } from "vitest/config";

// Test files run two at a time, also where that is every core there is: guests that boot whole systems take most of the time.
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
    maxWorkers: 2,
    testTimeout: 30_000,
    // Processes start slowly when everything runs at once; waiting longer costs nothing when all is well.
    expect: { poll: { timeout: 15_000, interval: 20 } },
  },
});
