import { expect, test } from "vitest";
import { defaultMachineDraft } from "../../../engine/api/MachineConfig.ts";
import { draftProblems } from "./draftProblems.ts";
import { freePath } from "./NewDiskForm.tsx";

const draft = defaultMachineDraft("Guest");

test("sound settings have no problems", () => {
  expect([...draftProblems(draft, false)]).toEqual([]);
});

test("an emptied path is a gap, not a removal", () => {
  const gaps = draftProblems(
    { ...draft, storage: { ...draft.storage, disks: [{ path: " " }] }, serial: [{ kind: "file", path: "" }] },
    false,
  );
  expect([...gaps]).toEqual([
    ["storage.disks", "disk-missing"],
    ["serial", "serial-file-missing"],
  ]);
});

test("the API's findings come before a name that is taken", () => {
  expect(draftProblems({ ...draft, name: "" }, true).get("name")).toBe("name-empty");
  expect(draftProblems(draft, true).get("name")).toBe("name-taken");
});

test("a new disk gets the first free name, in the manner of its host", async () => {
  const taken = new Set(["/m/disk.img", "/m/disk2.img"]);
  expect(await freePath("/m", async (path) => taken.has(path))).toBe("/m/disk3.img");
  expect(await freePath("C:\\m", async () => false)).toBe("C:\\m\\disk.img");
});
