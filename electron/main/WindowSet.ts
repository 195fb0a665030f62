/**
 * The app's windows: one main window and at most one console window a machine. Every window is sandboxed and isolated, stays on
 * our page, and opens nothing by itself.
 */
import type { BrowserWindow, BrowserWindowConstructorOptions } from "electron";
import { isOurPage, PAGE_ORIGIN } from "./pageAddress.ts";

const MAIN_ROUTE = "#/";

/** Makes a window; `new BrowserWindow`, or a fake. */
export type MakeWindow = (options: BrowserWindowConstructorOptions) => BrowserWindow;

export class WindowSet {
  readonly #make: MakeWindow;
  readonly #preload: string;
  readonly #windows = new Map<string, BrowserWindow>();

  constructor(make: MakeWindow, preload: string) {
    this.#make = make;
    this.#preload = preload;
  }

  get count(): number {
    return this.#windows.size;
  }

  showMain(): void {
    this.show(MAIN_ROUTE);
  }

  /** Brings the route's window to the front, or makes it. */
  show(route: string): void {
    const existing = this.#windows.get(route);
    if (existing !== undefined) {
      if (existing.isMinimized()) existing.restore();
      existing.show();
      existing.focus();
      return;
    }
    const window = this.#make(this.#options(route));
    this.#windows.set(route, window);
    window.once("ready-to-show", () => window.show());
    window.on("closed", () => this.#windows.delete(route));
    window.webContents.setWindowOpenHandler(() => ({ action: "deny" }));
    window.webContents.on("will-navigate", (event) => {
      if (!isOurPage(event.url)) event.preventDefault();
    });
    void window.loadURL(`${PAGE_ORIGIN}/${route}`);
  }

  #options(route: string): BrowserWindowConstructorOptions {
    const isMain = route === MAIN_ROUTE;
    return {
      width: isMain ? 1180 : 1064,
      height: isMain ? 780 : 860,
      minWidth: 640,
      minHeight: 420,
      show: false,
      title: "Guesthouse",
      autoHideMenuBar: true,
      webPreferences: {
        preload: this.#preload,
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        webviewTag: false,
        spellcheck: false,
        // A console behind another window still paints its preview and keeps its terminal.
        backgroundThrottling: false,
      },
    };
  }
}
