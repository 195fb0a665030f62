import { expect, test } from "vitest";
import { keysOfText } from "./keysOfText.ts";

test.each([
  ["aZ1!", [[0x04], [0xe1, 0x1d], [0x1e], [0xe1, 0x1e]]],
  ["dir{enter}", [[0x07], [0x0c], [0x15], [0x28]]],
  ["{f1}{F12}", [[0x3a], [0x45]]],
  ["{ctrl-alt-del}", [[0xe0, 0xe2, 0x4c]]],
  ["{ctrl-c}", [[0xe0, 0x06]]],
  ["{up}{left}", [[0x52], [0x50]]],
  ["a\r\n", [[0x04], [0x28]]],
  [
    "{{}{}}",
    [
      [0xe1, 0x2f],
      [0xe1, 0x30],
    ],
  ],
])("%s", (text, strokes) => {
  expect(keysOfText(text)).toEqual(strokes);
});

test.each(["é", "{nonsense}", "{hyper-a}", "{f13}", "{f0}", "{constructor}"])("%s is refused", (text) => {
  expect(() => keysOfText(text)).toThrow(expect.objectContaining({ kind: "unknown-key" }));
});
