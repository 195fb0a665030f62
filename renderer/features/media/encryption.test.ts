import { describe, expect, test } from "vitest";
import { encryptionProblem, newPassphrase, notEncrypted, targetPassphrase } from "./encryption.ts";

const chosen = { way: "new", passphrase: "secret", again: "secret" } as const;
const kept = { ...notEncrypted, way: "keep" } as const;

test("a passphrase is typed twice alike", () => {
  expect(encryptionProblem(notEncrypted)).toBeUndefined();
  expect(encryptionProblem({ ...notEncrypted, way: "new" })).toBe("passphrase-missing");
  expect(encryptionProblem({ ...chosen, again: "secrets" })).toBe("passphrases-differ");
  expect(encryptionProblem(chosen)).toBeUndefined();
});

test("only formats that can be encrypted get a passphrase", () => {
  expect(newPassphrase("qcow2", chosen)).toEqual({ passphrase: "secret" });
  expect(newPassphrase("vdi", chosen)).toEqual({});
  expect(newPassphrase("qcow2", notEncrypted)).toEqual({});
});

describe("a copy", () => {
  test("of an encrypted disk keeps its passphrase, gets another one, or becomes readable for everybody", () => {
    expect(targetPassphrase("qcow2", kept, true)).toEqual({});
    expect(targetPassphrase("qcow2", chosen, true)).toEqual({ targetPassphrase: "secret" });
    expect(targetPassphrase("qcow2", notEncrypted, true)).toEqual({ targetPassphrase: null });
    expect(targetPassphrase("raw", kept, true)).toEqual({ targetPassphrase: null });
  });

  test("of a readable disk stays so unless somebody types a passphrase", () => {
    expect(targetPassphrase("qcow2", notEncrypted, false)).toEqual({});
    expect(targetPassphrase("qcow2", chosen, false)).toEqual({ targetPassphrase: "secret" });
    expect(targetPassphrase("vmdk", chosen, false)).toEqual({});
  });
});
