/** An endpoint over the message channel between a Node process and its child, with structured serialization. */
import type { EndpointMessage } from "../api/Endpoint.ts";
import { EndpointCore } from "../api/EndpointCore.ts";

/** What `ChildProcess` and, in a child, `process` have in common. */
export interface MessageProcess {
  send?(message: unknown, handle?: undefined, options?: undefined, callback?: (error: Error | null) => void): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
  readonly connected: boolean;
  disconnect?(): void;
}

export class ProcessEndpoint extends EndpointCore {
  readonly #process: MessageProcess;

  constructor(process: MessageProcess) {
    super();
    this.#process = process;
    process.on("message", (message) => this.received(message));
    process.on("disconnect", () => this.close("the other process went away"));
  }

  protected override transmit(message: EndpointMessage): void {
    if (!this.#process.connected) return;
    // The callback takes the error of a channel that breaks meanwhile; "disconnect" tells of it.
    this.#process.send?.(message, undefined, undefined, () => {});
  }

  protected override shut(): void {
    if (this.#process.connected) this.#process.disconnect?.();
  }
}
