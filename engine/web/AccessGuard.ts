/**
 * Who may talk to the loopback server. A page of another site cannot: the Host header must name this server (no DNS
 * rebinding), Origin must be this server where a browser sends one, and every request must carry the launch's secret, in a
 * cookie that scripts cannot read. The secret comes in once by the address that the shell prints, and is exchanged for the
 * cookie by a redirect, so that it stays out of the address bar.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export type Verdict =
  | { readonly kind: "allowed" }
  /** The right token came in the address: set the cookie and go on without it. */
  | { readonly kind: "exchange"; readonly cookie: string }
  | { readonly kind: "refused"; readonly status: 401 | 403 | 421; readonly reason: string };

export class AccessGuard {
  readonly token = randomBytes(32).toString("base64url");
  /** The cookie is not the token: an address that leaks is useless without the server that exchanges it. */
  readonly #cookieValue = randomBytes(32).toString("base64url");
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  get launchUrl(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.token}`;
  }

  /** `needsOrigin` for WebSockets: browsers always send it there. */
  judge(request: IncomingMessage, needsOrigin: boolean): Verdict {
    const hosts = [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`];
    const host = request.headers.host?.toLowerCase() ?? "";
    if (!hosts.includes(host)) return refused(421, "This server answers to its loopback address only.");
    const origin = request.headers.origin;
    if (origin === undefined ? needsOrigin : origin !== `http://${host}`) {
      return refused(403, "Pages of other sites may not use this server.");
    }
    if (this.#hasCookie(request)) return { kind: "allowed" };
    const token = new URL(request.url ?? "/", `http://${host}`).searchParams.get("token");
    if (!needsOrigin && request.method === "GET" && token !== null && same(token, this.token)) {
      return { kind: "exchange", cookie: this.#cookie() };
    }
    return refused(401, "Open the address that Guesthouse printed when it started.");
  }

  #name(): string {
    // Cookies do not tell ports apart; the name does.
    return `guesthouse-${this.#port}`;
  }

  #cookie(): string {
    return `${this.#name()}=${this.#cookieValue}; Path=/; HttpOnly; SameSite=Strict`;
  }

  #hasCookie(request: IncomingMessage): boolean {
    const prefix = `${this.#name()}=`;
    const pairs = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim());
    return pairs.some((pair) => pair.startsWith(prefix) && same(pair.slice(prefix.length), this.#cookieValue));
  }
}

function refused(status: 401 | 403 | 421, reason: string): Verdict {
  return { kind: "refused", status, reason };
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function same(first: string, second: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(first), digest(second));
}
