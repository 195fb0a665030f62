/**
 * Where a running host service can be found by the command line: a Unix socket in a folder that only this person can enter, or
 * a named pipe on Windows, named after the data folder. Whoever reaches it may do all that this person may do anyway, so it
 * asks for no token. Only one host service a data folder listens; others do without.
 */
import { createHash } from "node:crypto";
import { lstat, mkdir, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { Endpoint } from "../api/Endpoint.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { errorCode } from "./fileError.ts";
import { StreamEndpoint } from "./StreamEndpoint.ts";

export class ControlSocket {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Undefined when another host service of this data folder listens already. */
  static async listen(dataFolder: string, serve: (endpoint: Endpoint) => void): Promise<ControlSocket | undefined> {
    const path = await socketPath(dataFolder);
    const server = createServer((socket) => serve(new StreamEndpoint(socket)));
    for (let attempt = 0; attempt < 2; attempt++) {
      if (await tryListen(server, path)) return new ControlSocket(server, path);
      if (await isAnswering(path)) return undefined;
      // Left behind by a process that crashed.
      await rm(path, { force: true });
    }
    return undefined;
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => this.#server.close(() => done()));
    if (process.platform !== "win32") await rm(this.#path, { force: true });
  }
}

/** Undefined when no host service runs. */
export async function connectToHost(dataFolder: string): Promise<Endpoint | undefined> {
  const path = await socketPath(dataFolder);
  return await new Promise((done) => {
    const socket = connect(path);
    socket.once("connect", () => done(new StreamEndpoint(socket)));
    socket.once("error", () => done(undefined));
  });
}

async function isAnswering(path: string): Promise<boolean> {
  return await new Promise((done) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

async function tryListen(server: Server, path: string): Promise<boolean> {
  return await new Promise((done, fail) => {
    server.once("error", (error) => (errorCode(error) === "EADDRINUSE" ? done(false) : fail(error)));
    server.listen(path, () => done(true));
  });
}

/** Short, because Unix limits such paths to about 100 bytes, whatever the data folder's length. */
async function socketPath(dataFolder: string): Promise<string> {
  const name = createHash("sha256").update(resolve(dataFolder)).digest("hex").slice(0, 16);
  const { uid, username } = userInfo();
  if (process.platform === "win32") return `\\\\.\\pipe\\guesthouse-${username}-${name}`;
  const folder = join(tmpdir(), `guesthouse-${uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const facts = await lstat(folder);
  if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o077) !== 0) {
    throw new GuesthouseError("folder-unsafe", `Others may write to ${folder}; remove it first.`, { path: folder });
  }
  return join(folder, `${name}.sock`);
}
