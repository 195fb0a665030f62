/**
 * An endpoint over anything with the manners of a MessagePort. DOM ports call listeners with an event that carries `data`,
 * ports of Node's worker_threads and of Electron's main process are event emitters; both are told apart by what they
 * offer, so that one class serves all.
 */
import type { EndpointMessage } from "./Endpoint.ts";
import { EndpointCore } from "./EndpointCore.ts";

/** A DOM MessagePort. */
export interface DomPort {
  postMessage(message: unknown): void;
  addEventListener(type: "message" | "close", listener: (event: { data?: unknown }) => void): void;
  start?(): void;
  close(): void;
}

/** A port as an event emitter: Node's MessagePort hands over the value, Electron's MessagePortMain an event with `data`. */
export interface EmitterPort {
  postMessage(message: unknown): void;
  on(type: "message" | "close", listener: (value?: unknown) => void): unknown;
  start?(): void;
  close(): void;
}

export class PortEndpoint extends EndpointCore {
  readonly #port: DomPort | EmitterPort;

  /** `payload` says what an emitter hands to its listeners. */
  constructor(port: DomPort | EmitterPort, payload: "event" | "value" = "event") {
    super();
    this.#port = port;
    if ("addEventListener" in port && payload === "event") {
      port.addEventListener("message", (event) => this.received(event.data));
      port.addEventListener("close", () => this.close("the port closed"));
    } else if ("on" in port) {
      port.on("message", (value) =>
        this.received(payload === "event" ? (value as { data?: unknown } | undefined)?.data : value),
      );
      port.on("close", () => this.close("the port closed"));
    }
    port.start?.();
  }

  protected override transmit(message: EndpointMessage): void {
    this.#port.postMessage(message);
  }

  protected override shut(): void {
    this.#port.close();
  }
}
