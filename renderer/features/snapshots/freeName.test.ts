import { expect, test } from "vitest";
import { freeName } from "./freeName.ts";

test("a proposed name is one that nobody has", () => {
  expect(freeName("Notes clone", ["Notes"])).toBe("Notes clone");
  expect(freeName("Notes clone", ["Notes", "notes Clone", "Notes clone 2"])).toBe("Notes clone 3");
});
