/**
 * The answering side of a protocol on one endpoint. Waits for the client's hello, then validates every message and hands it to
 * `handle`. What is malformed (no envelope, unknown command, parameters of the wrong shape) is answered with a typed failure
 * and ends this connection alone. A handler that throws answers its one call.
 */
import * as v from "valibot";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { Endpoint, EndpointMessage } from "./Endpoint.ts";
import { type ClientMessage, clientMessageSchema, firstIssue, toWireError } from "./message.ts";
import type { CommandNames, EventNames, ParamsOf, PayloadOf, ProtocolSpec, ResultOf } from "./ProtocolSpec.ts";

/** One function a command. What it throws reaches the caller as a typed error. */
export type CommandHandlers<P extends ProtocolSpec, Context> = {
  readonly [C in CommandNames<P>]: (
    params: ParamsOf<P, C>,
    context: Context,
  ) => ResultOf<P, C> | Promise<ResultOf<P, C>>;
};

export interface ProtocolServerOptions<P extends ProtocolSpec, Context> {
  readonly protocol: P;
  readonly endpoint: Endpoint;
  readonly handlers: CommandHandlers<P, Context>;
  /** Handed to every handler: who is calling. */
  readonly context: Context;
  readonly onBinary?: (bytes: Uint8Array, context: Context) => void;
  readonly onReady?: (context: Context) => void;
  readonly onClose?: (reason: string, context: Context) => void;
  /** Errors that are no GuesthouseError: a fault of ours that belongs into a log. */
  readonly onFault?: (error: unknown, command: string) => void;
}

export class ProtocolServer<P extends ProtocolSpec, Context> {
  readonly #options: ProtocolServerOptions<P, Context>;
  #greeted = false;
  #closed = false;

  constructor(options: ProtocolServerOptions<P, Context>) {
    this.#options = options;
    options.endpoint.onMessage((message) => this.#receive(message));
    options.endpoint.onClose((reason) => {
      this.#closed = true;
      options.onClose?.(reason, options.context);
    });
  }

  get context(): Context {
    return this.#options.context;
  }

  emit<E extends EventNames<P>>(event: E, payload: PayloadOf<P, E>): void {
    if (this.#greeted) this.#send({ type: "event", event, payload });
  }

  sendBinary(bytes: Uint8Array): void {
    if (this.#greeted) this.#send(bytes);
  }

  close(reason?: string): void {
    this.#options.endpoint.close(reason);
  }

  #send(message: EndpointMessage): void {
    if (!this.#closed) this.#options.endpoint.send(message);
  }

  #receive(raw: unknown): void {
    if (raw instanceof Uint8Array) {
      this.#receiveBinary(raw);
      return;
    }
    const parsed = v.safeParse(clientMessageSchema, raw);
    if (!parsed.success) this.#refuse(null, "malformed-message", firstIssue(parsed.issues));
    else if (parsed.output.type === "hello") this.#receiveHello(parsed.output);
    else if (!this.#greeted) this.#refuse(null, "handshake-missing", "The first message must be a hello.");
    else this.#receiveCommand(parsed.output);
  }

  #receiveBinary(bytes: Uint8Array): void {
    const { onBinary, context } = this.#options;
    try {
      if (this.#greeted && onBinary !== undefined) onBinary(bytes, context);
      else this.#refuse(null, "malformed-message", "No bytes are expected here.");
    } catch (error) {
      this.#refuse(null, "malformed-message", toWireError(error).message);
    }
  }

  #receiveHello(hello: { protocol: string; version: number }): void {
    const { name, version } = this.#options.protocol;
    if (this.#greeted) {
      this.#refuse(null, "malformed-message", "A second hello.");
    } else if (hello.protocol !== name || hello.version !== version) {
      const found = `This side speaks ${name} ${version}, the other ${hello.protocol} ${hello.version}.`;
      this.#refuse(null, "version-mismatch", found);
    } else {
      this.#greeted = true;
      this.#send({ type: "hello", protocol: name, version });
      this.#options.onReady?.(this.#options.context);
    }
  }

  #receiveCommand(message: Exclude<ClientMessage, { type: "hello" }>): void {
    const { commands } = this.#options.protocol;
    const id = message.type === "call" ? message.id : null;
    const command = message.command;
    const spec = Object.hasOwn(commands, command) ? commands[command] : undefined;
    if (spec === undefined || (spec.result === undefined) !== (id === null)) {
      this.#refuse(id, "unknown-command", `There is no such command: ${command}`);
      return;
    }
    const params = v.safeParse(spec.params, message.params);
    if (params.success) void this.#run(id, command, params.output);
    else this.#refuse(id, "malformed-message", `${command}: ${firstIssue(params.issues)}`);
  }

  async #run(id: number | null, command: string, params: unknown): Promise<void> {
    const { handlers, context, onFault } = this.#options;
    try {
      const handler = handlers[command as CommandNames<P>] as (params: unknown, context: Context) => unknown;
      const value = await handler(params, context);
      if (id !== null) this.#send({ type: "result", id, value });
    } catch (error) {
      if (!(error instanceof GuesthouseError)) onFault?.(error, command);
      if (id !== null) this.#send({ type: "failure", id, error: toWireError(error) });
    }
  }

  /** Answers an offender and ends its connection. */
  #refuse(id: number | null, kind: string, message: string): void {
    const error = { kind, message, context: {} };
    if (id !== null) this.#send({ type: "failure", id, error });
    this.#send({ type: "failure", id: null, error });
    this.close(message);
  }
}
