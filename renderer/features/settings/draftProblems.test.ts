import { expect, test } from "vitest";
import { defaultMachineDraft } from "../../../engine/api/MachineConfig.ts";
import { draftProblems } from "./draftProblems.ts";

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
