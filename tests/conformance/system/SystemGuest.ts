/**
 * A small guest of our own that starts from a diskette and reports on COM1: run here, by our processor, or by another engine (`runQemu`). Guests
 * end by writing to port F4h.
 */
import { readFileSync } from "node:fs";
import { createMachine } from "../../../engine/machine/createMachine.ts";
import type { MachineStop } from "../../../engine/machine/MachineOptions.ts";
import { openImage } from "../../../engine/storage/openImage.ts";
import { MemoryStore } from "../../../engine/storage/stores/MemoryStore.ts";
import { assemble } from "../../../resources/assembler/assemble.ts";
import { buildCpu } from "../../../resources/build/buildCpu.ts";

export const FLOPPY_BYTES = 1_474_560;
const MiB = 0x10_0000;
const SECONDS_MAX = 30;

/** A diskette image whose boot sector and what follows is this source. */
export function bootImage(source: string): Uint8Array {
  const image = new Uint8Array(FLOPPY_BYTES);
  image.set(assemble(source).bytes);
  image.set([0x55, 0xaa], 510);
  return image;
}

/** What the guest wrote to COM1, and how it ended. */
export interface GuestReport {
  readonly serial: string;
  readonly end: string;
}

export async function runHere(image: Uint8Array, translate = true): Promise<GuestReport> {
  const paths = await buildCpu();
  const unit = (name: "system" | "fpu") => new Uint8Array(readFileSync(paths[name]!));
  const medium = await openImage(new MemoryStore(image.slice()), { name: "guest", use: "floppy", readOnly: false });
  const machine = createMachine({
    cpuUnits: { system: unit("system"), fpu: unit("fpu") },
    accel: translate ? "auto" : "interpreter",
    memoryBytes: 16 * MiB,
    firmware: { kind: "builtin" },
    bootOrder: ["floppy"],
    disks: [],
    opticalDrives: [undefined],
    floppyDrives: [medium],
    debugPorts: { console: true, exit: true },
    rtcUtc: true,
    wallClock: { nowMs: () => 0 },
    entropy: { fill: (bytes) => void bytes.fill(0x5a) },
    steadyNowNs: () => performance.now() * 1e6,
    yieldToHost: (resume) => void setImmediate(resume),
    delay: (milliseconds, resume) => {
      const timer = setTimeout(resume, milliseconds);
      return () => clearTimeout(timer);
    },
    log: () => {},
  });
  let serial = "";
  machine.serialOutput.subscribe(({ index, byte }) => {
    if (index === 0) serial += String.fromCharCode(byte);
  });
  const stop = await new Promise<MachineStop | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), SECONDS_MAX * 1000);
    machine.stopped.subscribe((reason) => {
      clearTimeout(timer);
      resolve(reason);
    });
    machine.start();
  });
  machine.powerOff();
  if (stop?.kind === "failure") throw stop.error;
  return { serial, end: stop?.kind === "debugExit" ? `exit ${stop.value}` : (stop?.kind ?? "time is up") };
}
