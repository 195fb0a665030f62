/**
 * One end of a two-way connection that keeps order and message boundaries: plain objects (JSON values) for control, bytes
 * for bulk. Whatever carries it (a MessagePort, a WebSocket, process messages, memory) is invisible. What arrives is not
 * trusted: `ProtocolClient` and `ProtocolServer` validate it.
 */
import type { Disposable } from "../base/Disposable.ts";

export type EndpointMessage = Readonly<Record<string, unknown>> | Uint8Array;

export interface Endpoint {
  /** Sends in order; after `close` it does nothing. Bytes belong to the endpoint from then on. */
  send(message: EndpointMessage): void;
  /** What arrives, unvalidated. Messages before the first listener wait for it. */
  onMessage(listener: (message: unknown) => void): Disposable;
  /** Called once, whoever closed. */
  onClose(listener: (reason: string) => void): Disposable;
  close(reason?: string): void;
}
