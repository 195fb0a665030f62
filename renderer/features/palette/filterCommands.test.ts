import { expect, test } from "vitest";
import { filterCommands } from "./filterCommands.ts";

const commands = ["Restart", "Start: Debian", "Go to Debian", "Show log"].map((label) => ({ label }));
const labels = (typed: string) => filterCommands(commands, typed).map(({ label }) => label);

test("nothing typed shows everything as it comes", () => {
  expect(labels("  ")).toEqual(commands.map(({ label }) => label));
});

test("every word must occur, and a beginning beats a middle", () => {
  expect(labels("start")).toEqual(["Start: Debian", "Restart"]);
  expect(labels("deb go")).toEqual(["Go to Debian"]);
  expect(labels("nothing of the kind")).toEqual([]);
});
