/**
 * An endpoint over a byte stream (a Unix socket, a named pipe). A message is a u32 little-endian length of what follows, a type
 * byte (0 JSON in UTF-8, 1 bytes) and the payload. A length beyond the limit or JSON that is none ends the connection.
 */
import type { Socket } from "node:net";
import type { EndpointMessage } from "../api/Endpoint.ts";
import { EndpointCore } from "../api/EndpointCore.ts";

const TYPE_JSON = 0;
const TYPE_BYTES = 1;
const HEADER_BYTES = 4;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export class StreamEndpoint extends EndpointCore {
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("close", () => this.close("the other side closed"));
    socket.on("error", (error) => this.close(error.message));
  }

  protected override transmit(message: EndpointMessage): void {
    const binary = message instanceof Uint8Array;
    const payload = binary ? message : Buffer.from(JSON.stringify(message), "utf8");
    const header = Buffer.alloc(HEADER_BYTES + 1);
    header.writeUInt32LE(payload.length + 1, 0);
    header[HEADER_BYTES] = binary ? TYPE_BYTES : TYPE_JSON;
    this.#socket.write(header);
    this.#socket.write(payload);
  }

  protected override shut(): void {
    // What was sent before still goes out.
    this.#socket.end();
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (!this.closed && this.#pending.length >= HEADER_BYTES) {
      const length = this.#pending.readUInt32LE(0);
      if (length < 1 || length > MESSAGE_BYTES_MAX) {
        this.#abort("a message of impossible length");
        return;
      }
      if (this.#pending.length < HEADER_BYTES + length) return;
      const body = this.#pending.subarray(HEADER_BYTES, HEADER_BYTES + length);
      this.#pending = this.#pending.subarray(HEADER_BYTES + length);
      this.#deliver(body);
    }
  }

  #deliver(body: Buffer): void {
    if (body[0] === TYPE_BYTES) {
      this.received(new Uint8Array(body.subarray(1)));
      return;
    }
    let message: unknown;
    try {
      message = JSON.parse(body.toString("utf8", 1));
    } catch {
      this.#abort("a message that is no JSON");
      return;
    }
    this.received(message);
  }

  #abort(reason: string): void {
    this.close(reason);
    this.#socket.destroy();
  }
}
