import { describe, expect, test } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { HostSession } from "./HostSession.ts";
import { startMachine, withMachinePassphrases, withPassphrase } from "./passphrases.ts";
import { Shell } from "./shellState.ts";

/** Answers every question with the next of these; undefined cancels. */
function shellThatTypes(answers: readonly (string | undefined)[]) {
  const shell = new Shell();
  const asked: { disk: string; wrong: boolean }[] = [];
  const rest = [...answers];
  shell.store.subscribe(({ dialogs }) => {
    const dialog = dialogs.at(-1);
    if (dialog?.kind !== "passphrase") return;
    asked.push({ disk: dialog.disk, wrong: dialog.wrong });
    shell.close(dialog);
    dialog.answer(rest.shift());
  });
  return { shell, asked };
}

/** A host with one machine whose disks have these passphrases. */
function sessionWithDisks(disks: readonly string[]) {
  const calls: unknown[] = [];
  const call = async (_command: string, params: { passphrases?: { slot: number; passphrase: string }[] }) => {
    calls.push(params);
    for (const [slot, passphrase] of disks.entries()) {
      const given = params.passphrases?.find((known) => known.slot === slot);
      if (given?.passphrase === passphrase) continue;
      const kind = given === undefined ? "passphrase-needed" : "passphrase-wrong";
      throw new GuesthouseError(kind, "no", { slot, path: `/d${slot}`, name: `d${slot}` });
    }
    return {};
  };
  return { session: { call } as unknown as HostSession, calls };
}

describe("starting a machine", () => {
  test("asks for each disk's passphrase, again when it was wrong, and keeps those that were right", async () => {
    const { shell, asked } = shellThatTypes(["one", "too", "two"]);
    const { session, calls } = sessionWithDisks(["one", "two"]);
    await startMachine(session, shell, "m");
    expect(asked).toEqual([
      { disk: "d0", wrong: false },
      { disk: "d1", wrong: false },
      { disk: "d1", wrong: true },
    ]);
    expect(calls[0]).toEqual({ id: "m" });
    expect(calls.at(-1)).toEqual({
      id: "m",
      passphrases: [
        { slot: 0, passphrase: "one" },
        { slot: 1, passphrase: "two" },
      ],
    });
  });

  test("is given up when no passphrase comes, and asks nothing when none is needed", async () => {
    const { shell } = shellThatTypes([undefined]);
    await expect(startMachine(sessionWithDisks(["one"]).session, shell, "m")).rejects.toMatchObject({
      kind: "cancelled",
    });
    const plain = shellThatTypes([]);
    await startMachine(sessionWithDisks([]).session, plain.shell, "m");
    expect(plain.asked).toEqual([]);
  });
});

test("the disks of several machines are told apart", async () => {
  const { shell, asked } = shellThatTypes(["one", "two"]);
  const given: unknown[] = [];
  await withMachinePassphrases(shell, async ({ passphrases = [] }) => {
    given.push(passphrases);
    const machineId = ["a", "b"].find((id) => !passphrases.some((known) => known.machineId === id));
    if (machineId === undefined) return;
    throw new GuesthouseError("passphrase-needed", "no", { machineId, slot: 0, path: `/${machineId}` });
  });
  expect(asked.map(({ disk }) => disk)).toEqual(["/a", "/b"]);
  expect(given.at(-1)).toEqual([
    { machineId: "a", slot: 0, passphrase: "one" },
    { machineId: "b", slot: 0, passphrase: "two" },
  ]);
});

test("other errors pass, and work on a medium is done again with what was typed", async () => {
  const { shell, asked } = shellThatTypes(["wrong", "right"]);
  const work = async ({ passphrase }: { passphrase?: string }) => {
    if (passphrase === "right") return "done";
    throw new GuesthouseError(passphrase === undefined ? "passphrase-needed" : "passphrase-wrong", "no", {
      path: "/v",
    });
  };
  expect(await withPassphrase(shell, work)).toBe("done");
  expect(asked).toEqual([
    { disk: "/v", wrong: false },
    { disk: "/v", wrong: true },
  ]);
  const broken = () => Promise.reject(new GuesthouseError("corrupt-image", "no", {}));
  await expect(withPassphrase(shell, broken)).rejects.toMatchObject({ kind: "corrupt-image" });
});
