import { expect, test } from "vitest";
import { openImage } from "../../storage/openImage.ts";
import { MemoryStore } from "../../storage/stores/MemoryStore.ts";
import { placeIdeDrives } from "./driveSlots.ts";

const silent = { read: () => {}, write: () => {} };

async function places(disks: number, opticals: number): Promise<string> {
  const media = Array.from({ length: disks }, (_, index) =>
    openImage(new MemoryStore(new Uint8Array(1024 * 1024)), { name: `disk ${index}`, use: "disk", readOnly: false }),
  );
  const drives = placeIdeDrives(
    { disks: await Promise.all(media), opticalDrives: new Array(opticals).fill(undefined), log: () => {} },
    { disk: silent, optical: silent, floppy: silent },
  );
  const name = (drive: (typeof drives.slots)[number]): string => {
    const disk = (drives.disks as readonly unknown[]).indexOf(drive);
    if (disk >= 0) return `D${disk}`;
    return drive === undefined ? "-" : `C${(drives.opticals as readonly unknown[]).indexOf(drive)}`;
  };
  return drives.slots.map(name).join(" ");
}

test.each([
  [1, 1, "D0 - C0 -"],
  [3, 0, "D0 D1 D2 -"],
  [4, 0, "D0 D1 D2 D3"],
  [3, 1, "D0 D1 C0 D2"],
  [1, 3, "D0 C2 C0 C1"],
  [0, 4, "C3 C2 C0 C1"],
])("%i disks and %i optical drives", async (disks, opticals, expected) => {
  expect(await places(disks, opticals)).toBe(expected);
});

test("five drives are too many", async () => {
  await expect(places(3, 2)).rejects.toMatchObject({ kind: "too-many-drives" });
});
