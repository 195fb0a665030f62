/**
 * An endpoint over a WebSocket, from the browser's side: text frames carry JSON, binary frames bytes. What is sent before the
 * socket is open waits. A text frame that is no JSON is handed on as a string, which no validator takes.
 */
import type { EndpointMessage } from "./Endpoint.ts";
import { EndpointCore } from "./EndpointCore.ts";

/** The part of a DOM WebSocket that is used. */
export interface DomWebSocket {
  binaryType: string;
  readonly readyState: number;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

const CONNECTING = 0;
const OPEN = 1;

export class WebSocketEndpoint extends EndpointCore {
  readonly #socket: DomWebSocket;
  #waiting: EndpointMessage[] = [];

  constructor(socket: DomWebSocket) {
    super();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const message of waiting) this.transmit(message);
      if (this.closed) socket.close();
    });
    socket.addEventListener("message", (event) => this.received(decode(event.data)));
    socket.addEventListener("close", (event) => this.close(event.reason || `the connection ended (${event.code})`));
    socket.addEventListener("error", () => this.close("the connection failed"));
  }

  protected override transmit(message: EndpointMessage): void {
    if (this.#socket.readyState !== OPEN) this.#waiting.push(message);
    else this.#socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  protected override shut(): void {
    // What waits for the connection still goes out; the open listener closes after it.
    if (this.#socket.readyState !== CONNECTING || this.#waiting.length === 0) this.#socket.close();
  }
}

function decode(data: unknown): unknown {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return data;
  }
}
