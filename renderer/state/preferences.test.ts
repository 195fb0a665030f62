import { describe, expect, test } from "vitest";
import { readPreferences } from "./preferences.ts";

describe("readPreferences", () => {
  test("nothing stored gives defaults in the user's language", () => {
    expect(readPreferences(null, ["zh-HK", "en"])).toMatchObject({
      theme: "system",
      language: "zh-TW",
      scaleMode: "whole",
    });
    expect(readPreferences(null, ["fr", "zh"]).language).toBe("zh-CN");
    expect(readPreferences(null, ["fr"]).language).toBe("en");
  });

  test("damaged storage is no error, and only what is usable is taken", () => {
    expect(readPreferences("{", ["en"]).theme).toBe("system");
    expect(readPreferences("3", ["en"]).theme).toBe("system");
    expect(readPreferences('{"theme":"dark","scaleMode":"huge","captureExplained":1}', ["en"])).toMatchObject({
      theme: "dark",
      scaleMode: "whole",
      captureExplained: false,
    });
  });
});
