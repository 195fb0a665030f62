/**
 * Lets GDBs of this computer, one after the other, attach to a machine. Listens on the loopback address only: whoever can connect has all
 * rights over the guest. A second GDB is turned away while one is there.
 */
import { createServer, type Server, type Socket } from "node:net";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { GdbSession, type GdbSessionParts } from "./GdbSession.ts";

export type GdbServerOptions = Pick<GdbSessionParts, "target" | "kill" | "architecture">;

export class GdbServer {
  /** Where it listens. */
  readonly port: number;
  readonly #server: Server;
  readonly #options: GdbServerOptions;
  #socket: Socket | undefined;

  /** Port 0 is any that is free. Rejects with "port-unavailable". */
  static async listen(port: number, options: GdbServerOptions): Promise<GdbServer> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: "127.0.0.1", port }, resolve);
    }).catch((cause: unknown) => {
      throw new GuesthouseError("port-unavailable", `No debugger can connect to port ${port}.`, { port }, { cause });
    });
    const address = server.address();
    const actual = typeof address === "object" && address !== null ? address.port : port;
    return new GdbServer(server, actual, options);
  }

  private constructor(server: Server, port: number, options: GdbServerOptions) {
    this.#server = server;
    this.port = port;
    this.#options = options;
    server.on("connection", (socket) => this.#connect(socket));
  }

  close(): void {
    this.#server.close();
    this.#socket?.destroy();
  }

  #connect(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#socket !== undefined || this.#options.target.state === "off") {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const session = new GdbSession({
      ...this.#options,
      send: (text) => void socket.write(text, "latin1"),
      close: () => socket.end(),
    });
    socket.on("data", (bytes) => session.receive(bytes));
    socket.on("close", () => {
      this.#socket = undefined;
      session.end();
    });
  }
}
