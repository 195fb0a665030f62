import { expect, test } from "vitest";
import type { FileEntry } from "../../../engine/api/hostProtocol.ts";
import { shownEntries } from "./shownEntries.ts";

function entry(name: string, kind: FileEntry["kind"] = "file"): FileEntry {
  return { name, path: `/x/${name}`, kind, sizeBytes: 1, modifiedMs: 0, readable: true };
}

const entries = [
  entry("disk10.iso"),
  entry("disk9.ISO"),
  entry("notes.txt"),
  entry("music", "folder"),
  entry(".cache", "folder"),
  entry("null", "other"),
];
const names = (extensions: string[], words = "") => shownEntries(entries, extensions, words).map(({ name }) => name);

test("folders lead, numbers count, devices and hidden entries stay out", () => {
  expect(names([])).toEqual(["music", "disk9.ISO", "disk10.iso", "notes.txt"]);
});

test("a filter keeps folders and ignores case", () => {
  expect(names(["iso"])).toEqual(["music", "disk9.ISO", "disk10.iso"]);
});

test("words narrow the list and a dot finds what is hidden", () => {
  expect(names([], "10")).toEqual(["disk10.iso"]);
  expect(names([], ".ca")).toEqual([".cache"]);
});
