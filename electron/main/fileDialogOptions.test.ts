import { describe, expect, test } from "vitest";
import { fileDialogOptions } from "./fileDialogOptions.ts";

describe("fileDialogOptions", () => {
  test("filters become Electron's, and no extension means every file", () => {
    const dialog = fileDialogOptions({
      title: "Choose",
      mode: "open",
      filters: [
        { label: "Discs", extensions: ["iso"] },
        { label: "All", extensions: [] },
      ],
      startAt: "/isos",
    });
    expect(dialog?.options).toMatchObject({
      defaultPath: "/isos",
      filters: [
        { name: "Discs", extensions: ["iso"] },
        { name: "All", extensions: ["*"] },
      ],
    });
  });

  test("saving asks the save dialog", () => {
    expect(fileDialogOptions({ title: "", mode: "save", filters: [] })?.mode).toBe("save");
  });

  test.each([
    undefined,
    null,
    "open",
    {},
    { title: "x", mode: "delete", filters: [] },
    { title: "x", mode: "open", filters: [{ label: "x", extensions: ["../x"] }] },
    { title: "x", mode: "open", filters: [], properties: ["openDirectory"] },
  ])("a malformed request opens nothing: %j", (request) => {
    expect(fileDialogOptions(request)).toBeUndefined();
  });
});
