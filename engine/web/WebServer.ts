/**
 * The browser shell's server: the built pages and one WebSocket for the API, on the loopback interface. Nothing is answered
 * before `AccessGuard` has allowed it. Uploads and other methods than GET and HEAD are deliberately absent.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Endpoint } from "../api/Endpoint.ts";
import { AccessGuard } from "./AccessGuard.ts";
import { SocketEndpoint } from "./SocketEndpoint.ts";
import { StaticFiles } from "./StaticFiles.ts";

const API_PATH = "/api";
/** Commands are small; the largest is a description or a text to type. */
const MESSAGE_BYTES_MAX = 1024 * 1024;

export interface WebServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The built pages. */
  readonly pagesFolder: string;
  readonly serve: (endpoint: Endpoint) => void;
}

const PORTS_TRIED = 10;

export class WebServer {
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #files: StaticFiles;
  readonly #serve: (endpoint: Endpoint) => void;
  #guard: AccessGuard;

  private constructor(options: WebServerOptions) {
    this.#files = new StaticFiles(options.pagesFolder);
    this.#serve = options.serve;
    this.#guard = new AccessGuard(options.port);
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX, perMessageDeflate: false });
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Throws when the port is taken. */
  static async listen(options: WebServerOptions): Promise<WebServer> {
    const web = new WebServer(options);
    await new Promise<void>((done, fail) => {
      web.#server.once("error", fail);
      web.#server.listen(options.port, "127.0.0.1", done);
    });
    web.#guard = new AccessGuard((web.#server.address() as AddressInfo).port);
    return web;
  }

  /** At the first free port from `options.port` on, so that the address, and what the browser keeps for it, stays the same. */
  static async listenNear(options: WebServerOptions): Promise<WebServer> {
    for (let port = options.port; port < options.port + PORTS_TRIED; port++) {
      try {
        return await WebServer.listen({ ...options, port });
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
      }
    }
    return await WebServer.listen({ ...options, port: 0 });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The address with the token, for the person who started the shell. */
  get launchUrl(): string {
    return this.#guard.launchUrl;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(this.#headers())) response.setHeader(name, value);
    const verdict = this.#guard.judge(request, false);
    if (verdict.kind === "refused") {
      plain(response, verdict.status, verdict.reason);
    } else if (verdict.kind === "exchange") {
      response.setHeader("Set-Cookie", verdict.cookie);
      response.setHeader("Location", "/");
      plain(response, 303, "Go on.");
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      plain(response, 405, "Only GET and HEAD.");
    } else {
      await this.#answerFile(request, response);
    }
  }

  async #answerFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    const file = path === undefined ? undefined : await this.#files.read(path);
    if (file === undefined) {
      const built = path !== "/" ? "Not found." : "The pages are not built. Run: npm run build";
      plain(response, 404, built);
      return;
    }
    response.setHeader("Content-Type", file.type);
    response.setHeader("Content-Length", file.bytes.length);
    response.setHeader("Cache-Control", file.immutable ? "private, max-age=31536000, immutable" : "no-cache");
    response.end(request.method === "HEAD" ? undefined : file.bytes);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const verdict = this.#guard.judge(request, true);
    if (verdict.kind !== "allowed" || pathOf(request) !== API_PATH) {
      const status = verdict.kind === "refused" ? verdict.status : 404;
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(new SocketEndpoint(webSocket)));
  }

  #headers(): Record<string, string> {
    const sockets = `ws://127.0.0.1:${this.port} ws://localhost:${this.port}`;
    // The terminal writes its own style sheet, hence inline styles; scripts never are.
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data: blob:",
      "font-src 'self' data:",
      `connect-src 'self' ${sockets}`,
      "worker-src 'self'",
      "manifest-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ];
    return {
      "Content-Security-Policy": policy.join("; "),
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
      "Cache-Control": "no-store",
    };
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end(`${text}\n`);
}

function pathOf(request: IncomingMessage): string | undefined {
  try {
    return decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
  } catch {
    return undefined;
  }
}
