import { describe, expect, test } from "vitest";
import { hidUsages } from "./hidUsages.ts";
import { KeyboardCapture } from "./KeyboardCapture.ts";

function setUp() {
  const seen: string[] = [];
  const capture = new KeyboardCapture({
    key: (usage, pressed) => void seen.push(`${pressed ? "+" : "-"}${usage.toString(16)}`),
    command: (command) => void seen.push(command),
    captured: (captured) => void seen.push(captured ? "captured" : "released"),
  });
  return { seen, capture };
}

describe("KeyboardCapture", () => {
  test("keys stay with the window until the keyboard is captured", () => {
    const { seen, capture } = setUp();
    expect(capture.keyDown("KeyA")).toBe(false);
    expect(capture.keyUp("KeyA")).toBe(false);
    expect(seen).toEqual([]);
  });

  test("captured keys go to the guest once, whatever the repeat", () => {
    const { seen, capture } = setUp();
    capture.capture(true);
    expect(capture.keyDown("KeyA")).toBe(true);
    expect(capture.keyDown("KeyA", true)).toBe(true);
    expect(capture.keyUp("KeyA")).toBe(true);
    expect(seen).toEqual(["captured", "+4", "-4"]);
  });

  test("the host key alone toggles the capture and never reaches the guest", () => {
    const { seen, capture } = setUp();
    capture.keyDown("ControlRight");
    capture.keyUp("ControlRight");
    capture.keyDown("ControlRight");
    capture.keyUp("ControlRight");
    expect(seen).toEqual(["captured", "released"]);
  });

  test("a combination runs its command, swallows its keys and leaves the capture alone", () => {
    const { seen, capture } = setUp();
    capture.capture(true);
    capture.keyDown("ControlRight");
    expect(capture.keyDown("KeyF")).toBe(true);
    expect(capture.keyUp("KeyF")).toBe(true);
    capture.keyUp("ControlRight");
    expect(seen).toEqual(["captured", "fullScreen"]);
    expect(capture.isCaptured).toBe(true);
  });

  test("an unknown combination does nothing and does not release the keyboard", () => {
    const { seen, capture } = setUp();
    capture.capture(true);
    capture.keyDown("ControlRight");
    capture.keyDown("KeyZ");
    capture.keyUp("KeyZ");
    capture.keyUp("ControlRight");
    expect(seen).toEqual(["captured"]);
  });

  test("losing the focus releases every key the guest holds", () => {
    const { seen, capture } = setUp();
    capture.capture(true);
    capture.keyDown("ShiftLeft");
    capture.keyDown("KeyB");
    capture.blur();
    expect(seen).toEqual(["captured", "+e1", "+5", "-e1", "-5", "released"]);
    expect(capture.keyUp("KeyB")).toBe(false);
  });

  test("a host key held while the focus is lost is forgotten", () => {
    const { seen, capture } = setUp();
    capture.keyDown("ControlRight");
    capture.blur();
    capture.capture(true);
    capture.keyDown("KeyF");
    expect(seen).toEqual(["captured", "+9"]);
  });
});

describe("hidUsages", () => {
  test("agrees with the usage tables at their landmarks", () => {
    expect(hidUsages).toMatchObject({
      KeyA: 0x04,
      KeyZ: 0x1d,
      Digit1: 0x1e,
      Digit0: 0x27,
      F1: 0x3a,
      F12: 0x45,
      F13: 0x68,
      F24: 0x73,
      Numpad1: 0x59,
      Numpad0: 0x62,
      ArrowUp: 0x52,
      MetaRight: 0xe7,
    });
  });

  test("no two keys of one keyboard share a usage", () => {
    const aliases = new Set(["OSLeft", "OSRight"]);
    const usages = Object.entries(hidUsages).filter(([code]) => !aliases.has(code));
    expect(new Set(usages.map(([, usage]) => usage)).size).toBe(usages.length);
  });
});
