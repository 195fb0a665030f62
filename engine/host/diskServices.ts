/** What disk formats need from outside, by this platform. */
import { pbkdf2, randomFillSync } from "node:crypto";
import { promisify } from "node:util";
import type { DiskServices } from "../contracts/DiskImage.ts";

const derive = promisify(pbkdf2);

export const diskServices: DiskServices = {
  entropy: { fill: (bytes) => void randomFillSync(bytes) },
  wallClock: { nowMs: () => Date.now() },
  pbkdf2: async (hash, password, salt, iterations, lengthBytes) =>
    new Uint8Array(await derive(password, salt, iterations, lengthBytes, hash)),
};
