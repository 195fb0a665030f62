/**
 * Hands the page one MessagePort a connection and a few capabilities. Runs sandboxed and isolated: the page gets functions, never
 * Electron's objects. Which requests are granted is decided in the main process, because a page can call whatever it is given.
 */
import { contextBridge, ipcRenderer } from "electron";
import { type ChooseFileRequest, channels } from "./channels.ts";

contextBridge.exposeInMainWorld("guesthouse", {
  connect: (): void => ipcRenderer.send(channels.connect),
  chooseFile: (request: ChooseFileRequest): Promise<string | null> => ipcRenderer.invoke(channels.chooseFile, request),
  openWindow: (route: string): void => ipcRenderer.send(channels.openWindow, route),
  closeWindow: (): void => ipcRenderer.send(channels.closeWindow),
  showFolder: (path: string): void => ipcRenderer.send(channels.showFolder, path),
});

// A port cannot cross the bridge, but a window may post one to itself.
ipcRenderer.on(channels.port, (event) => {
  window.postMessage(channels.port, location.origin, event.ports);
});
