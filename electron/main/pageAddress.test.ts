import { describe, expect, test } from "vitest";
import { consoleRoute, isOurPage, PAGE_POLICY, pageFile } from "./pageAddress.ts";

describe("pageAddress", () => {
  test("addresses of the page mean files below its folder", () => {
    expect(pageFile("guesthouse://app/")).toEqual({ path: "index.html", type: "text/html; charset=utf-8" });
    expect(pageFile("guesthouse://app/assets/index-1a.js?x#y")?.path).toBe("assets/index-1a.js");
  });

  test.each([
    "guesthouse://app/..%2f..%2fetc%2fpasswd.json",
    "guesthouse://app/%2e%2e/secret.json",
    "guesthouse://app/a%00b.js",
    "guesthouse://other/index.html",
    "file:///etc/passwd",
    "guesthouse://app/machine.exe",
    "guesthouse://app/%E0%A4%A.js",
    "nonsense",
  ])("%s is refused", (address) => {
    const file = pageFile(address);
    // A normalised address may lead back into the folder; it never leads out of it.
    expect(file === undefined || !file.path.includes("..")).toBe(true);
    expect(file?.path ?? "").not.toMatch(/passwd/);
  });

  test("only our own page may ask for things", () => {
    expect(isOurPage("guesthouse://app/#/console/1")).toBe(true);
    expect(isOurPage("guesthouse://application/")).toBe(false);
    expect(isOurPage("https://example.org/guesthouse://app/")).toBe(false);
  });

  test("only consoles get windows of their own", () => {
    expect(consoleRoute("#/console/00000000-0000-4000-8000-000000000001")).toBeDefined();
    for (const route of ["#/", "https://example.org", "#/console/", "#/console/a/b", 3, null]) {
      expect(consoleRoute(route)).toBeUndefined();
    }
  });

  test("scripts are neither inline nor evaluated", () => {
    const scripts = PAGE_POLICY.split("; ").find((rule) => rule.startsWith("script-src"));
    expect(scripts).toBe("script-src 'self'");
  });
});
