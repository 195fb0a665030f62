import { describe, expect, test } from "vitest";
import { formatRoute, parseRoute, type Route } from "./routes.ts";

describe("routes", () => {
  test("every route comes back from its fragment", () => {
    const routes: Route[] = [
      { kind: "home" },
      { kind: "overview" },
      { kind: "media", tab: "optical" },
      { kind: "machine", id: "a b/c", tab: "logs" },
      { kind: "console", id: "1f" },
    ];
    for (const route of routes) expect(parseRoute(formatRoute(route))).toEqual(route);
  });

  test("what makes no sense leads home", () => {
    for (const fragment of ["", "#", "#/nowhere/1", "#/machines", "#/console/", "#%E0%A4%A"]) {
      expect(parseRoute(fragment)).toEqual({ kind: "home" });
    }
    expect(parseRoute("#/machines/1/nonsense")).toEqual({ kind: "machine", id: "1", tab: "details" });
  });
});
