import { describe, expect, test } from "vitest";
import { fakeSnapshot } from "../../platform/FakeSnapshots.ts";
import { nextSnapshotName, type SnapshotNode, snapshotForest } from "./snapshotForest.ts";

function outline(nodes: readonly SnapshotNode[], depth = 0): string[] {
  return nodes.flatMap((node) => [`${"  ".repeat(depth)}${node.id}`, ...outline(node.children, depth + 1)]);
}

const snapshots = [
  fakeSnapshot("s3", "s2", "Third"),
  fakeSnapshot("s1", null, "First"),
  fakeSnapshot("s4", "s1", "Branch"),
  fakeSnapshot("s2", "s1", "Second"),
];

describe("the tree of snapshots", () => {
  test("has branches by age and the machine as it is below what it goes on from", () => {
    expect(outline(snapshotForest({ snapshots, currentId: "s2", changed: true }))).toEqual([
      "s1",
      "  s2",
      "    s3",
      "    current",
      "  s4",
    ]);
  });

  test("is the machine alone without snapshots", () => {
    expect(outline(snapshotForest({ snapshots: [], currentId: null, changed: false }))).toEqual(["current"]);
  });

  test("loses nothing whose parent is not known", () => {
    const orphan = fakeSnapshot("s9", "gone", "Orphan");
    expect(outline(snapshotForest({ snapshots: [orphan], currentId: "gone", changed: true }))).toEqual([
      "s9",
      "current",
    ]);
  });
});

test("new snapshots get a number that is free", () => {
  const nameOf = (number: number) => `Snapshot ${number}`;
  expect(nextSnapshotName([], nameOf)).toBe("Snapshot 1");
  expect(nextSnapshotName(["Snapshot 2"], nameOf)).toBe("Snapshot 3");
});
