/** The server's end of a WebSocket. Text frames carry JSON; one that is no JSON is handed on as text, which no validator takes. */
import type { WebSocket } from "ws";
import type { EndpointMessage } from "../api/Endpoint.ts";
import { EndpointCore } from "../api/EndpointCore.ts";

/** RFC 6455, 7.4.1: the reason of a close frame has at most 123 bytes. */
const REASON_BYTES_MAX = 123;

export class SocketEndpoint extends EndpointCore {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.on("message", (data: Buffer, binary: boolean) => this.received(binary ? new Uint8Array(data) : parse(data)));
    socket.on("close", () => this.close("the page closed the connection"));
    socket.on("error", (error) => this.close(error.message));
  }

  override close(reason = "closed"): void {
    if (!this.closed) this.#reason = reason;
    super.close(reason);
  }

  #reason = "";

  protected override transmit(message: EndpointMessage): void {
    this.#socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  protected override shut(): void {
    const reason = Buffer.from(this.#reason, "utf8")
      .subarray(0, REASON_BYTES_MAX)
      .toString("utf8")
      .replace(/\uFFFD+$/, "");
    this.#socket.close(1000, reason);
  }
}

function parse(data: Buffer): unknown {
  const text = data.toString("utf8");
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
