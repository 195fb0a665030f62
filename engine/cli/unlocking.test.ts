import { expect, test } from "vitest";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { type KnownPassphrase, unlocking } from "./unlocking.ts";

/** Two machines with two encrypted disks each. */
const disks = ["a", "b"].flatMap((machineId) => [0, 1].map((slot) => ({ machineId, slot })));

async function work(known: readonly KnownPassphrase[]): Promise<number> {
  for (const { machineId, slot } of disks) {
    const given = known.find((disk) => disk.machineId === machineId && disk.slot === slot);
    if (given?.passphrase === "right") continue;
    const kind = given === undefined ? "passphrase-needed" : "passphrase-wrong";
    throw new GuesthouseError(kind, "No.", { machineId, slot });
  }
  return known.length;
}

test("one passphrase is for each disk that asks for one", async () => {
  expect(await unlocking("right", work)).toBe(4);
});

test("a wrong one is tried once, none is never", async () => {
  await expect(unlocking("wrong", work)).rejects.toMatchObject({ kind: "passphrase-wrong", context: { slot: 0 } });
  await expect(unlocking(undefined, work)).rejects.toMatchObject({ kind: "passphrase-needed" });
});

test("other failures, and disks without a place, are none of its business", async () => {
  const broken = () => Promise.reject(new GuesthouseError("corrupt-image", "No.", { slot: 0 }));
  await expect(unlocking("right", broken)).rejects.toMatchObject({ kind: "corrupt-image" });
  const nowhere = () => Promise.reject(new GuesthouseError("passphrase-needed", "No.", { path: "/d" }));
  await expect(unlocking("right", nowhere)).rejects.toMatchObject({ kind: "passphrase-needed" });
});
