import type { TFunction } from "i18next";
import { expect, test } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { describeError } from "./describeError.ts";

const words = ((key: string, facts?: { path?: string }) => `${key} ${facts?.path ?? ""}`.trim()) as TFunction;

test("kinds with a sentence get it, whatever is wrong with a saved state reads the same, others show the host's", () => {
  const sentence = (kind: string, context = {}) =>
    describeError(new GuesthouseError(kind, "It is so.", context), words).sentence;
  expect(sentence("file-missing", { path: "/a" })).toBe("errors.kind.file-missing /a");
  expect(sentence("state-truncated")).toBe(sentence("state-damaged"));
  expect(sentence("state-other-machine")).not.toBe(sentence("state-damaged"));
  expect(sentence("medium-shrunk")).toBe("It is so.");
  expect(describeError(new Error("Broken."), words).sentence).toBe("Broken.");
});

test("the details keep the host's own words and facts", () => {
  const error = new GuesthouseError("state-truncated", "It ends too early.", { atByte: 100 });
  expect(describeError(error, words).details).toBe("state-truncated: It ends too early.\natByte: 100");
});
