import { describe, expect, test } from "vitest";
import { fakeMedium } from "../../platform/FakeMedia.ts";
import { flattenForest, mediaForest } from "./mediaForest.ts";

const base = fakeMedium("/d/base.qcow2", "disk", {
  attachedTo: [{ machineId: "1", machineName: "Debian", slot: 0, snapshotId: "s", snapshotName: "Clean" }],
});
const overlay = fakeMedium("/d/overlay.qcow2", "disk", { parentPath: "/d/base.qcow2" });
const other = fakeMedium("/d/disk10.vdi", "disk", { format: "vdi" });
const ninth = fakeMedium("/d/disk9.vdi", "disk", { format: "vdi" });
const disc = fakeMedium("/d/disc.iso", "optical");
const media = [overlay, other, disc, ninth, base];
const shown = (search: string) => flattenForest(mediaForest(media, "disk", search)).map(({ name }) => name);

describe("the forest of media", () => {
  test("hangs differencing images below what they rest on, names as people sort them", () => {
    expect(shown("")).toEqual(["base.qcow2", "overlay.qcow2", "disk9.vdi", "disk10.vdi"]);
    expect(mediaForest(media, "disk", "")[0]?.children[0]?.medium).toBe(overlay);
  });

  test("keeps what stands above a match, and finds machines and formats", () => {
    expect(shown("overlay")).toEqual(["base.qcow2", "overlay.qcow2"]);
    expect(shown("debian")).toEqual(["base.qcow2"]);
    expect(shown("VDI 9")).toEqual(["disk9.vdi"]);
    expect(shown("nothing")).toEqual([]);
  });

  test("shows an image whose parent is not known, and images that name each other, at the top", () => {
    const orphan = fakeMedium("/d/orphan.qcow2", "disk", { parentPath: "/gone" });
    const left = fakeMedium("/d/left.qcow2", "disk", { parentPath: "/d/right.qcow2" });
    const right = fakeMedium("/d/right.qcow2", "disk", { parentPath: "/d/left.qcow2" });
    const roots = mediaForest([orphan, left, right], "disk", "").map(({ medium }) => medium.name);
    expect(roots).toEqual(["left.qcow2", "orphan.qcow2", "right.qcow2"]);
  });
});
