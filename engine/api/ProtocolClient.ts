/**
 * The calling side of a protocol. Says hello at once; `ready` resolves when the other side speaks the same version. Calls made
 * earlier wait. Every message is validated: one that is malformed closes the connection, because nothing after it can be
 * trusted. When the connection ends, calls under way fail with kind "connection-closed".
 */
import * as v from "valibot";
import type { Disposable } from "../base/Disposable.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { TypedEvent } from "../base/TypedEvent.ts";
import type { Endpoint } from "./Endpoint.ts";
import { firstIssue, fromWireError, type ServerMessage, serverMessageSchema } from "./message.ts";
import type { CallNames, EventNames, ParamsOf, PayloadOf, PostNames, ProtocolSpec, ResultOf } from "./ProtocolSpec.ts";

interface PendingCall {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: GuesthouseError): void;
}

export class ProtocolClient<P extends ProtocolSpec> {
  /** Bytes that arrived, unparsed. */
  readonly binary = new TypedEvent<Uint8Array>();
  /** The connection ended; the sentence says why. */
  readonly closed = new TypedEvent<string>();
  readonly ready: Promise<void>;

  readonly #protocol: P;
  readonly #endpoint: Endpoint;
  readonly #pending = new Map<number, PendingCall>();
  readonly #events = new Map<string, TypedEvent<unknown>>();
  #nextId = 1;
  #greeted = false;
  #closedBecause: GuesthouseError | undefined;
  #greet: { resolve(): void; reject(error: GuesthouseError): void };

  constructor(protocol: P, endpoint: Endpoint) {
    this.#protocol = protocol;
    this.#endpoint = endpoint;
    const greeting = Promise.withResolvers<void>();
    this.ready = greeting.promise;
    this.ready.catch(() => {});
    this.#greet = greeting;
    endpoint.onMessage((message) => this.#receive(message));
    endpoint.onClose((reason) => this.#end(reason));
    endpoint.send({ type: "hello", protocol: protocol.name, version: protocol.version });
  }

  get isClosed(): boolean {
    return this.#closedBecause !== undefined;
  }

  /** Rejects with the GuesthouseError of the other side, or "connection-closed". */
  async call<C extends CallNames<P>>(command: C, params: ParamsOf<P, C>): Promise<ResultOf<P, C>> {
    await this.ready;
    if (this.#closedBecause !== undefined) throw this.#closedBecause;
    const id = this.#nextId++;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, { command, resolve: answer.resolve, reject: answer.reject });
    this.#endpoint.send({ type: "call", id, command, params });
    return (await answer.promise) as ResultOf<P, C>;
  }

  /** A one-way command: no answer, not even a failure. Dropped before the handshake is done. */
  post<C extends PostNames<P>>(command: C, params: ParamsOf<P, C>): void {
    if (this.#greeted) this.#endpoint.send({ type: "post", command, params });
  }

  sendBinary(bytes: Uint8Array): void {
    if (this.#greeted) this.#endpoint.send(bytes);
  }

  on<E extends EventNames<P>>(event: E, listener: (payload: PayloadOf<P, E>) => void): Disposable {
    let typed = this.#events.get(event);
    if (typed === undefined) {
      typed = new TypedEvent<unknown>();
      this.#events.set(event, typed);
    }
    return typed.subscribe(listener as (payload: unknown) => void);
  }

  close(reason = "closed"): void {
    this.#endpoint.close(reason);
  }

  #receive(raw: unknown): void {
    if (raw instanceof Uint8Array) {
      if (this.#greeted) this.binary.emit(raw);
      return;
    }
    const parsed = v.safeParse(serverMessageSchema, raw);
    if (!parsed.success) this.close(`malformed message: ${firstIssue(parsed.issues)}`);
    else this.#handle(parsed.output);
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        this.#handleHello(message);
        return;
      case "result":
        this.#handleResult(message.id, message.value);
        return;
      case "failure": {
        const error = fromWireError(message.error);
        if (message.id === null) {
          this.#closedBecause ??= error;
          this.close(error.message);
        } else this.#take(message.id)?.reject(error);
        return;
      }
      case "event":
        this.#handleEvent(message.event, message.payload);
    }
  }

  #handleHello(message: { protocol: string; version: number }): void {
    const { name, version } = this.#protocol;
    if (message.protocol !== name || message.version !== version) {
      this.close(`the other side speaks ${message.protocol} ${message.version}, this one ${name} ${version}`);
      return;
    }
    this.#greeted = true;
    this.#greet.resolve();
  }

  #take(id: number): PendingCall | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #handleResult(id: number, value: unknown): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    const schema = this.#protocol.commands[pending.command]?.result ?? v.never();
    const parsed = v.safeParse(schema, value);
    if (parsed.success) {
      pending.resolve(parsed.output);
      return;
    }
    const found = `The answer to ${pending.command} is malformed: ${firstIssue(parsed.issues)}`;
    pending.reject(new GuesthouseError("malformed-message", found));
    this.close(found);
  }

  #handleEvent(event: string, payload: unknown): void {
    const { events } = this.#protocol;
    const schema = (Object.hasOwn(events, event) ? events[event] : undefined) ?? v.never();
    const parsed = v.safeParse(schema, payload);
    if (parsed.success) this.#events.get(event)?.emit(parsed.output);
    else this.close(`The event ${event} is malformed: ${firstIssue(parsed.issues)}`);
  }

  #end(reason: string): void {
    this.#closedBecause ??= new GuesthouseError("connection-closed", `The connection ended: ${reason}`);
    this.#greet.reject(this.#closedBecause);
    for (const pending of this.#pending.values()) pending.reject(this.#closedBecause);
    this.#pending.clear();
    this.closed.emit(reason);
  }
}
