/**
 * Entry of the desktop app: one instance, the host service in this process, engines in utility processes, windows on our own
 * scheme. A page reaches the host by a MessagePort that it asks for; everything else it may ask is checked here.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  app,
  BrowserWindow,
  dialog,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
  ipcMain,
  Menu,
  MessageChannelMain,
  protocol,
  session,
  shell,
  utilityProcess,
} from "electron";
import { PortEndpoint } from "../../engine/api/PortEndpoint.ts";
import { ControlSocket } from "../../engine/host/ControlSocket.ts";
import { dataFolder } from "../../engine/host/dataFolder.ts";
import { HostService } from "../../engine/host/HostService.ts";
import { builtFile, hostEntry } from "../../engine/host/installation.ts";
import { channels } from "../preload/channels.ts";
import { fileDialogOptions } from "./fileDialogOptions.ts";
import { consoleRoute, isOurPage, PAGE_POLICY, PAGE_SCHEME, pageFile } from "./pageAddress.ts";
import { quitQuestion } from "./quitQuestion.ts";
import { utilityEngineSpawner } from "./spawnUtilityEngine.ts";
import { WindowSet } from "./WindowSet.ts";

/** What a console needs of the browser; nothing else is granted. */
const permissions = ["pointerLock", "fullscreen", "keyboardLock", "clipboard-sanitized-write"];

function servePages(): void {
  const folder = builtFile("renderer");
  protocol.handle(PAGE_SCHEME, async (request) => {
    const file = pageFile(request.url);
    const bytes = file === undefined ? undefined : await readFile(join(folder, file.path)).catch(() => undefined);
    if (file === undefined || bytes === undefined) return new Response("Not found.", { status: 404 });
    return new Response(bytes, {
      headers: {
        "Content-Type": file.type,
        "Content-Security-Policy": PAGE_POLICY,
        "X-Content-Type-Options": "nosniff",
      },
    });
  });
}

function restrictPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((contents, permission, answer) =>
    answer(permissions.includes(permission) && isOurPage(contents.getURL())),
  );
  session.defaultSession.setPermissionCheckHandler(
    (_contents, permission, origin) => permissions.includes(permission) && isOurPage(origin.replace(/\/$/, "")),
  );
}

/** Drops what does not come from our page's own frame. */
function fromOurPage(event: IpcMainEvent | IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame.parent === null && isOurPage(frame.url);
}

function answerPages(host: HostService, windows: WindowSet): void {
  ipcMain.on(channels.connect, (event) => {
    if (!fromOurPage(event)) return;
    const { port1, port2 } = new MessageChannelMain();
    host.serve(new PortEndpoint(port1));
    event.sender.postMessage(channels.port, null, [port2]);
  });
  ipcMain.handle(channels.chooseFile, async (event, request: unknown) => {
    const window = BrowserWindow.fromWebContents(event.sender);
    const asked = fromOurPage(event) ? fileDialogOptions(request) : undefined;
    if (asked === undefined || window === null) return null;
    if (asked.mode === "save") return (await dialog.showSaveDialog(window, asked.options)).filePath || null;
    return (await dialog.showOpenDialog(window, asked.options)).filePaths[0] ?? null;
  });
  ipcMain.on(channels.openWindow, (event, route: unknown) => {
    const allowed = consoleRoute(route);
    if (fromOurPage(event) && allowed !== undefined) windows.show(allowed);
  });
  ipcMain.on(channels.closeWindow, (event) => {
    if (fromOurPage(event)) BrowserWindow.fromWebContents(event.sender)?.close();
  });
  ipcMain.on(channels.showFolder, (event, path: unknown) => {
    if (fromOurPage(event) && typeof path === "string") shell.showItemInFolder(path);
  });
}

/** Without windows the app stays for as long as machines need it, if the user wants them to go on. */
function watchLastWindow(host: HostService, windows: WindowSet): void {
  app.on("window-all-closed", () => {
    if (host.liveMachineCount === 0) return app.quit();
    const { message, detail, buttons } = quitQuestion(app.getLocale());
    const answer = dialog.showMessageBoxSync({ type: "question", message, detail, buttons, defaultId: 0, cancelId: 2 });
    if (answer === 1) app.quit();
    else if (answer === 2) windows.showMain();
  });
}

/** Machines are powered off in order before the app goes. */
function closeHostBeforeQuitting(host: HostService, socket: ControlSocket | undefined): void {
  let closed = false;
  app.on("will-quit", (event) => {
    if (closed) return;
    event.preventDefault();
    const close = async () => {
      await socket?.close();
      await host.close();
    };
    void close().finally(() => {
      closed = true;
      app.quit();
    });
  });
}

async function run(): Promise<void> {
  await app.whenReady();
  if (process.platform !== "darwin") Menu.setApplicationMenu(null);
  const folder = dataFolder(process.env, process.platform);
  const host = await HostService.open({
    dataFolder: folder,
    shell: "electron",
    spawnEngine: utilityEngineSpawner((...args) => utilityProcess.fork(...args), hostEntry("engineProcess")),
    keepEngineReady: true,
    onFault: (error, command) => console.error(`${command}:`, error),
  });
  const socket = await ControlSocket.listen(folder, (endpoint) => host.serve(endpoint));
  servePages();
  restrictPermissions();
  const preload = fileURLToPath(new URL("preload.cjs", import.meta.url));
  const windows = new WindowSet((options) => new BrowserWindow(options), preload);
  answerPages(host, windows);
  watchLastWindow(host, windows);
  closeHostBeforeQuitting(host, socket);
  app.on("second-instance", () => windows.showMain());
  app.on("activate", () => windows.showMain());
  windows.showMain();
}

protocol.registerSchemesAsPrivileged([
  { scheme: PAGE_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
]);
if (app.requestSingleInstanceLock()) {
  run().catch((error: unknown) => {
    dialog.showErrorBox("Guesthouse", error instanceof Error ? error.message : String(error));
    app.exit(1);
  });
} else {
  app.quit();
}
