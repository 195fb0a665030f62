/**
 * Where the bytes of a machine's serial ports go: to the host in batches (a terminal), to a file, or nowhere. Batches leave at
 * the latest after some milliseconds. A file that cannot be written swallows its bytes, as a printer without paper does not
 * stop a machine; the first failure is thrown at opening, when somebody can still be told.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { encodeSerialOutput } from "../api/binaryMessage.ts";
import type { MachineConfig } from "../api/MachineConfig.ts";
import { fileError } from "./fileError.ts";

const BATCH_MS = 8;
const BATCH_BYTES = 4096;

interface Port {
  readonly bytes: Uint8Array;
  length: number;
  write(bytes: Uint8Array): void;
  close(): void;
}

export class SerialOutlet {
  readonly #ports: (Port | undefined)[];
  #timer: NodeJS.Timeout | undefined;

  /** Throws what opening a file throws. */
  constructor(serial: MachineConfig["serial"], folder: string, send: (message: Uint8Array) => void) {
    this.#ports = serial.map((port, index) => {
      if (port.kind === "none") return undefined;
      const target =
        port.kind === "file"
          ? fileTarget(resolve(folder, port.path))
          : { write: (bytes: Uint8Array) => send(encodeSerialOutput(index, 0, bytes)), close: () => {} };
      return { bytes: new Uint8Array(BATCH_BYTES), length: 0, ...target };
    });
  }

  put(index: number, byte: number): void {
    const port = this.#ports[index];
    if (port === undefined) return;
    port.bytes[port.length++] = byte;
    if (port.length === BATCH_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const port of this.#ports) {
      if (port === undefined || port.length === 0) continue;
      port.write(port.bytes.subarray(0, port.length));
      port.length = 0;
    }
  }

  close(): void {
    this.flush();
    for (const port of this.#ports) port?.close();
  }
}

function fileTarget(path: string): { write(bytes: Uint8Array): void; close(): void } {
  let file: number | undefined;
  try {
    file = openSync(path, "a");
  } catch (error) {
    throw fileError(error, path);
  }
  return {
    write: (bytes) => {
      try {
        if (file !== undefined) writeSync(file, bytes);
      } catch {
        // Full or gone: the guest's printer has no paper.
      }
    },
    close: () => {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
