/**
 * The host as a window of the desktop app reaches it: the preload script hands over one MessagePort a connection and a few
 * capabilities, and nothing else.
 */
import type { Endpoint } from "../../engine/api/Endpoint.ts";
import { PortEndpoint } from "../../engine/api/PortEndpoint.ts";
import type { ChooseFileOptions, HostPort } from "./HostPort.ts";

/** What the preload script puts into the page. The port itself comes as a message, because ports cannot cross its bridge. */
export interface GuesthouseBridge {
  /** Asks for a port; it arrives by `postMessage` with `PORT_MESSAGE`. */
  connect(): void;
  chooseFile(options: ChooseFileOptions): Promise<string | null>;
  openWindow(route: string): void;
  closeWindow(): void;
  showFolder(path: string): void;
}

export const PORT_MESSAGE = "guesthouse:port";
const PORT_TIMEOUT_MS = 10_000;

declare global {
  interface Window {
    readonly guesthouse?: GuesthouseBridge;
  }
}

export function electronHost(bridge: GuesthouseBridge): HostPort {
  return {
    connect: () => requestPort(bridge),
    capabilities: {
      chooseFile: async (options) => (await bridge.chooseFile(options)) ?? undefined,
      openWindow: (route) => bridge.openWindow(route),
      closeWindow: () => bridge.closeWindow(),
      showFolder: (path) => bridge.showFolder(path),
      ownsAllKeys: true,
    },
  };
}

function requestPort(bridge: GuesthouseBridge): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      removeEventListener("message", receive);
      reject(new Error("The host did not answer."));
    }, PORT_TIMEOUT_MS);
    const receive = (event: MessageEvent) => {
      const port = event.ports[0];
      // Only this window's own preload script posts to it with this name.
      if (event.source !== window || event.data !== PORT_MESSAGE || port === undefined) return;
      clearTimeout(timer);
      removeEventListener("message", receive);
      resolve(new PortEndpoint(port));
    };
    addEventListener("message", receive);
    bridge.connect();
  });
}
