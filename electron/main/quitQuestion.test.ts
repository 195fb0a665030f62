import { expect, test } from "vitest";
import { quitQuestion, quitQuestions } from "./quitQuestion.ts";

test("a locale gets its language and English serves the rest", () => {
  expect(quitQuestion("zh-Hant-HK").message).toBe(quitQuestions["zh-TW"].message);
  expect(quitQuestion("zh").message).toBe(quitQuestions["zh-CN"].message);
  expect(quitQuestion("de-AT").message).toBe(quitQuestions.en.message);
});
