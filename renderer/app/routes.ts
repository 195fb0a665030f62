/** The page's places, kept in the URL fragment so that reload and a window of its own come back to them. */
import type { MediumKind } from "../../engine/api/mediumProtocol.ts";

export type MachineTab = "details" | "console" | "snapshots" | "logs" | "activity";
const machineTabs: readonly MachineTab[] = ["details", "console", "snapshots", "logs", "activity"];

const mediumTabs: readonly MediumKind[] = ["disk", "optical", "floppy"];

export type Route =
  | { kind: "home" }
  | { kind: "overview" }
  | { kind: "media"; tab: MediumKind }
  | { kind: "machine"; id: string; tab: MachineTab }
  /** A console that fills its window. */
  | { kind: "console"; id: string };

export function parseRoute(fragment: string): Route {
  const [place, id, tab] = fragment
    .replace(/^#?\/?/, "")
    .split("/")
    .map(decode);
  if (place === "overview") return { kind: "overview" };
  if (place === "media") return { kind: "media", tab: mediumTabs.find((known) => known === id) ?? "disk" };
  if (place === "console" && id) return { kind: "console", id };
  if (place === "machines" && id) {
    return { kind: "machine", id, tab: machineTabs.find((known) => known === tab) ?? "details" };
  }
  return { kind: "home" };
}

export function formatRoute(route: Route): string {
  switch (route.kind) {
    case "home":
      return "#/";
    case "overview":
      return "#/overview";
    case "media":
      return `#/media/${route.tab}`;
    case "console":
      return `#/console/${encodeURIComponent(route.id)}`;
    case "machine":
      return `#/machines/${encodeURIComponent(route.id)}/${route.tab}`;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function navigate(route: Route): void {
  location.hash = formatRoute(route);
}
