import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Endpoint } from "../api/Endpoint.ts";
import { WebServer } from "./WebServer.ts";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

let folder: string;
let web: WebServer;
let served: Endpoint[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
  const pages = join(folder, "pages");
  mkdirSync(join(pages, "assets"), { recursive: true });
  writeFileSync(join(pages, "index.html"), "<!doctype html><title>Guesthouse</title>");
  writeFileSync(join(pages, "assets/app-1234.js"), "export {};");
  writeFileSync(join(folder, "secret.txt"), "secret");
  symlinkSync(join(folder, "secret.txt"), join(pages, "link.txt"));
  served = [];
  web = await WebServer.listen({ port: 0, pagesFolder: pages, serve: (endpoint) => served.push(endpoint) });
});
afterEach(async () => {
  await web.close();
  await rm(folder, { recursive: true, force: true });
});

test("near a taken port is the next free one", async () => {
  const second = await WebServer.listenNear({ port: web.port, pagesFolder: folder, serve: () => {} });
  try {
    expect(second.port).not.toBe(web.port);
    expect(second.launchUrl).toContain(`127.0.0.1:${second.port}`);
  } finally {
    await second.close();
  }
  const taken = WebServer.listen({ port: web.port, pagesFolder: folder, serve: () => {} });
  await expect(taken).rejects.toMatchObject({ code: "EADDRINUSE" });
});

function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port: web.port, path, method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asking.on("error", reject).end();
  });
}

/** Exchanges the printed address for the cookie, as a browser does. */
async function signIn(): Promise<{ Cookie: string }> {
  const { pathname, search } = new URL(web.launchUrl);
  const answer = await ask(`${pathname}${search}`);
  expect(answer).toMatchObject({ status: 303, headers: { location: "/" } });
  const cookie = String(answer.headers["set-cookie"]);
  expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
  return { Cookie: cookie.split(";")[0]! };
}

function dial(path: string, headers: Record<string, string>): Promise<WebSocket | number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${web.port}${path}`, { headers });
    socket.on("open", () => resolve(socket));
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.on("error", () => resolve(0));
  });
}

const routes = [
  "/",
  "/index.html",
  "/assets/app-1234.js",
  "/api",
  "/nothing",
  "/%2e%2e/secret.txt",
  "/?token=wrong",
  "/?token=",
];
const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

describe("without the token", () => {
  test.each(routes.flatMap((route) => methods.map((method) => [method, route])))(
    "%s %s answers 401",
    async (method, route) => {
      const answer = await ask(route!, {}, method);
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain("Guesthouse</title>");
      expect(answer.headers["set-cookie"]).toBeUndefined();
    },
  );

  test("a wrong cookie, a wrong token and a token for a WebSocket are refused", async () => {
    const name = (await signIn()).Cookie.split("=")[0];
    expect((await ask("/", { Cookie: `${name}=wrong` })).status).toBe(401);
    const token = new URL(web.launchUrl).search;
    const Origin = `http://127.0.0.1:${web.port}`;
    expect(await dial(`/api${token}`, { Origin })).toBe(401);
    expect(await dial("/api", { Origin })).toBe(401);
    expect(served).toEqual([]);
  });
});

describe("from elsewhere", () => {
  test.each(["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:80"])(
    "Host %s is refused even with the cookie",
    async (host) => {
      expect((await ask("/", { ...(await signIn()), Host: host })).status).toBe(421);
    },
  );

  test("another origin is refused even with the cookie, and a WebSocket without one", async () => {
    const cookie = await signIn();
    expect((await ask("/", { ...cookie, Origin: "http://evil.example" })).status).toBe(403);
    expect((await ask("/", { ...cookie, Origin: "null" })).status).toBe(403);
    expect(await dial("/api", { ...cookie, Origin: "http://evil.example" })).toBe(403);
    expect(await dial("/api", cookie)).toBe(403);
    expect(served).toEqual([]);
  });
});

describe("with the cookie", () => {
  test("pages come with their type and strict headers", async () => {
    const cookie = await signIn();
    const page = await ask("/", cookie);
    expect(page).toMatchObject({ status: 200, headers: { "content-type": "text/html; charset=utf-8" } });
    expect(page.body).toContain("Guesthouse");
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain("unsafe-eval");
    expect(page.headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    expect((await ask("/assets/app-1234.js", cookie)).headers["cache-control"]).toContain("immutable");
    expect((await ask("/", cookie, "HEAD")).body).toBe("");
    expect((await ask("/", cookie, "POST")).status).toBe(405);
  });

  test.each(["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/link.txt", "/assets", "/%00", "/%zz"])(
    "%s leads nowhere",
    async (path) => {
      const answer = await ask(path, await signIn());
      expect(answer.status).toBe(404);
      expect(answer.body).not.toContain("secret\n");
    },
  );

  test("a WebSocket reaches the host, in JSON and in bytes, and only at its path", async () => {
    const headers = { ...(await signIn()), Origin: `http://127.0.0.1:${web.port}` };
    expect(await dial("/other", headers)).toBe(404);
    const socket = await dial("/api", headers);
    if (!(socket instanceof WebSocket)) throw new Error(`refused with ${socket}`);
    const received: unknown[] = [];
    served[0]!.onMessage((message) => received.push(message));
    socket.send('{"type":"hello"}');
    socket.send(new Uint8Array([1, 2]));
    socket.send("{");
    await expect.poll(() => received).toEqual([{ type: "hello" }, new Uint8Array([1, 2]), "{"]);
    const closed = new Promise((resolve) => socket.on("close", (_code, reason) => resolve(reason.toString())));
    served[0]!.close("tired".repeat(100));
    expect(await closed).toMatch(/^tired/);
  });
});
