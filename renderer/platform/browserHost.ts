/** The host as a page in a browser reaches it: one WebSocket to the loopback server that served the page. */
import type { Endpoint } from "../../engine/api/Endpoint.ts";
import { type DomWebSocket, WebSocketEndpoint } from "../../engine/api/WebSocketEndpoint.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { HostPort } from "./HostPort.ts";

/** A page that was let in once is not any more when its server was started anew. The browser keeps from a socket why it was refused. */
async function refuseIfStrange(): Promise<void> {
  const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => undefined);
  if (answer?.status === 401) throw new GuesthouseError("host-restarted", "The host was started anew.");
}

export function browserHost(): HostPort {
  const openedByUs = opener !== null || location.hash.startsWith("#/console/");
  let first = true;
  return {
    connect: async (): Promise<Endpoint> => {
      if (!first) await refuseIfStrange();
      first = false;
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocketEndpoint(new WebSocket(`${scheme}//${location.host}/api`) as DomWebSocket);
    },
    capabilities: {
      openWindow: (route) => void open(`/${route}`, windowName(route), "popup,width=1064,height=860"),
      ...(openedByUs ? { closeWindow: () => close() } : {}),
      ownsAllKeys: false,
    },
  };
}

/** One window a route: asking twice brings the first to the front. */
function windowName(route: string): string {
  return `guesthouse${route.replace(/[^a-z0-9]/gi, "-")}`;
}
