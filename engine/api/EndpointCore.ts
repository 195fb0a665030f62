/** What all endpoints share: listeners, the queue before the first one, closing once. Carriers extend it by `transmit` and `shut`. */
import type { Disposable } from "../base/Disposable.ts";
import type { Endpoint, EndpointMessage } from "./Endpoint.ts";

export abstract class EndpointCore implements Endpoint {
  readonly #messageListeners = new Set<(message: unknown) => void>();
  readonly #closeListeners = new Set<(reason: string) => void>();
  #early: unknown[] = [];
  #closedBecause: string | undefined;

  /** Hands a message to the carrier. Only called while open. */
  protected abstract transmit(message: EndpointMessage): void;
  /** Lets go of the carrier. Called once. */
  protected abstract shut(): void;

  get closed(): boolean {
    return this.#closedBecause !== undefined;
  }

  send(message: EndpointMessage): void {
    if (!this.closed) this.transmit(message);
  }

  onMessage(listener: (message: unknown) => void): Disposable {
    this.#messageListeners.add(listener);
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.received(message);
    return { dispose: () => void this.#messageListeners.delete(listener) };
  }

  onClose(listener: (reason: string) => void): Disposable {
    if (this.#closedBecause !== undefined) {
      listener(this.#closedBecause);
      return { dispose: () => {} };
    }
    this.#closeListeners.add(listener);
    return { dispose: () => void this.#closeListeners.delete(listener) };
  }

  close(reason = "closed"): void {
    if (this.closed) return;
    this.#closedBecause = reason;
    this.shut();
    for (const listener of [...this.#closeListeners]) listener(reason);
    this.#closeListeners.clear();
    this.#messageListeners.clear();
  }

  /** Carriers call this for each arriving message. */
  protected received(message: unknown): void {
    if (this.closed) return;
    if (this.#messageListeners.size === 0) this.#early.push(message);
    else for (const listener of [...this.#messageListeners]) listener(message);
  }
}
