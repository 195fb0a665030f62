import { describe, expect, test } from "vitest";
import { type OpenDialog, Shell } from "./shellState.ts";

const failure = { kind: "error", title: "The disk was not created" } as const;

describe("a failure is shown where it was begun", () => {
  test("in the window on top, until that is closed", () => {
    const shell = new Shell();
    const dialog: OpenDialog = { kind: "import" };
    shell.open(dialog);
    shell.notify({ ...failure, dialog: shell.beginAttempt() });
    expect(shell.store.getState().notices).toMatchObject([{ ...failure, dialog }]);
    shell.close(dialog);
    expect(shell.store.getState().notices).toEqual([]);
  });

  test("until it is tried again there", () => {
    const shell = new Shell();
    shell.notify(failure);
    shell.open({ kind: "import" });
    shell.notify({ ...failure, dialog: shell.beginAttempt() });
    expect(shell.store.getState().notices).toHaveLength(2);
    shell.beginAttempt();
    expect(shell.store.getState().notices).toMatchObject([failure]);
  });

  test("in the corner when the window has gone meanwhile, and when there was none", () => {
    const shell = new Shell();
    expect(shell.beginAttempt()).toBeUndefined();
    const dialog: OpenDialog = { kind: "import" };
    shell.open(dialog);
    const begun = shell.beginAttempt();
    shell.close(dialog);
    shell.notify({ ...failure, dialog: begun });
    expect(shell.store.getState().notices[0]).not.toHaveProperty("dialog");
  });
});
