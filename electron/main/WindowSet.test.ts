import { EventEmitter } from "node:events";
import type { BrowserWindow, BrowserWindowConstructorOptions } from "electron";
import { describe, expect, test } from "vitest";
import { WindowSet } from "./WindowSet.ts";

class FakeWindow extends EventEmitter {
  readonly webContents = Object.assign(new EventEmitter(), {
    open: undefined as (() => { action: string }) | undefined,
    setWindowOpenHandler(handler: () => { action: string }) {
      this.open = handler;
    },
  });
  loaded = "";
  focused = 0;
  isMinimized = () => true;
  restore = () => {};
  show = () => {};
  focus = () => {
    this.focused += 1;
  };
  loadURL = async (url: string) => {
    this.loaded = url;
  };
}

function setUp() {
  const made: { window: FakeWindow; options: BrowserWindowConstructorOptions }[] = [];
  const windows = new WindowSet((options) => {
    const window = new FakeWindow();
    made.push({ window, options });
    return window as unknown as BrowserWindow;
  }, "/app/preload.cjs");
  return { made, windows };
}

describe("WindowSet", () => {
  test("a route has one window, which is brought to the front when asked for again", () => {
    const { made, windows } = setUp();
    windows.showMain();
    windows.show("#/console/1");
    windows.show("#/console/1");
    expect(made.map(({ window }) => window.loaded)).toEqual(["guesthouse://app/#/", "guesthouse://app/#/console/1"]);
    expect(made[1]?.window.focused).toBe(1);
  });

  test("a closed window is forgotten and can be opened again", () => {
    const { made, windows } = setUp();
    windows.showMain();
    made[0]?.window.emit("closed");
    expect(windows.count).toBe(0);
    windows.showMain();
    expect(made).toHaveLength(2);
  });

  test("every window is sandboxed, isolated and stays where it is", () => {
    const { made, windows } = setUp();
    windows.showMain();
    const { window, options } = made[0] ?? {};
    expect(options?.webPreferences).toMatchObject({ sandbox: true, contextIsolation: true, nodeIntegration: false });
    expect(window?.webContents.open?.()).toEqual({ action: "deny" });
    const visit = (url: string) => {
      let prevented = false;
      window?.webContents.emit("will-navigate", {
        url,
        preventDefault: () => {
          prevented = true;
        },
      });
      return prevented;
    };
    expect(visit("https://example.org/")).toBe(true);
    expect(visit("guesthouse://app/#/overview")).toBe(false);
  });
});
