import { randomFillSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { keysOfText } from "../../engine/api/keysOfText.ts";
import { MiB } from "../../engine/base/units.ts";
import type { Medium } from "../../engine/contracts/Medium.ts";
import { encodePng } from "../../engine/host/encodePng.ts";
import { FileStore } from "../../engine/host/FileStore.ts";
import { createMachine } from "../../engine/machine/createMachine.ts";
import type { MachineControl } from "../../engine/machine/MachineControl.ts";
import type { BootSource, MachineOptions, MachineStop, OpticalInterface } from "../../engine/machine/MachineOptions.ts";
import { type ImageUse, openImage } from "../../engine/storage/openImage.ts";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { ScratchStore } from "../fixtures/ScratchStore.ts";

/**
 * Runs a guest in the test's own process and watches it as a person would: by its screen and its serial line. What it writes to
 * disks stays in memory, so that no guest changes a file. A wait that fails says what was on the screen.
 */
export interface GuestMedia {
  readonly floppy?: string;
  readonly cdrom?: string;
  readonly disk?: string;
  /** Further disks, of any interface. */
  readonly disks?: MachineOptions["disks"];
  /** Discs in drives of any interface, instead of `cdrom` in an IDE drive. */
  readonly opticals?: readonly { readonly path: string; readonly interface: OpticalInterface }[];
  readonly kernel?: string;
  readonly initrd?: string;
  readonly commandLine?: string;
  /** A replacement for the built-in BIOS. */
  readonly firmware?: string;
  readonly memoryMiB?: number;
  readonly entropyDevice?: boolean;
  readonly cpuLevel?: MachineOptions["cpuLevel"];
  readonly bootOrder?: readonly BootSource[];
  /** Guest time runs on this instead of the host's clock. */
  readonly steadyNowNs?: () => number;
}

const LOOK_EVERY_MS = 50;
const KEY_HELD_MS = 60;
const KEY_APART_MS = 60;
const pictures = fileURLToPath(new URL("../../.cache/guest-screens", import.meta.url));

const pause = (milliseconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, milliseconds));
const readBytes = (path: string) => new Uint8Array(readFileSync(path));

async function openMedium(path: string, use: ImageUse): Promise<Medium> {
  const store = new ScratchStore(await FileStore.open(path, "read"));
  return openImage(store, { name: basename(path), use, readOnly: use === "optical" });
}

async function readCpuUnits(): Promise<MachineOptions["cpuUnits"]> {
  const paths = await buildCpu();
  return { system: readBytes(paths.system!), fpu: readBytes(paths.fpu!) };
}

function directBoot(media: GuestMedia): Pick<MachineOptions, "directBoot"> {
  if (media.kernel === undefined) return {};
  const initrd = media.initrd === undefined ? {} : { initrd: readBytes(media.initrd) };
  return { directBoot: { kernel: readBytes(media.kernel), ...initrd, commandLine: media.commandLine ?? "" } };
}

async function opticalDrives({ cdrom, opticals }: GuestMedia, open: typeof openMedium) {
  if (opticals === undefined) {
    return { opticalDrives: [cdrom === undefined ? undefined : await open(cdrom, "optical")] };
  }
  return {
    opticalInterfaces: opticals.map((drive) => drive.interface),
    opticalDrives: await Promise.all(opticals.map(({ path }) => open(path, "optical"))),
  };
}

export class Guest {
  readonly machine: MachineControl;
  readonly log: string[] = [];
  #serial = "";
  #debug = "";
  readonly #media: readonly Medium[];
  #stop: MachineStop | undefined;

  /** `media` are the guest's own: they are closed when it is powered off. */
  constructor(options: Omit<MachineOptions, "log">, media: readonly Medium[] = []) {
    this.#media = media;
    this.machine = createMachine({ ...options, log: (_level, message) => void this.log.push(message) });
    this.machine.serialOutput.subscribe(({ index, byte }) => {
      if (index === 0) this.#serial += String.fromCharCode(byte);
    });
    this.machine.debugOutput.subscribe((byte) => {
      this.#debug += String.fromCharCode(byte);
    });
    this.machine.stopped.subscribe((stop) => {
      this.#stop = stop;
    });
  }

  /** What COM1 sent so far. */
  get serial(): string {
    return this.#serial;
  }
  /** What came out of the debug console port so far. */
  get debug(): string {
    return this.#debug;
  }
  /** Why the machine stopped, or undefined while it has not. */
  get stop(): MachineStop | undefined {
    return this.#stop;
  }

  /** The text screen, or a remark that there is none. */
  screen(): string {
    return this.machine.display.textScreen()?.join("\n") ?? "(graphics)";
  }

  /** Waits until the text screen shows `pattern`. */
  async waitForText(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
    await this.waitFor(`${pattern} on the screen`, () => pattern.test(this.screen()), timeoutMs);
  }

  /** Waits until COM1 has sent `pattern`. */
  async waitForSerial(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
    await this.waitFor(`${pattern} on COM1`, () => pattern.test(this.#serial), timeoutMs);
  }

  /** Waits until the machine has stopped by itself. */
  async waitForStop(timeoutMs = 60_000): Promise<MachineStop> {
    await this.waitFor("the end of the machine", () => this.#stop !== undefined, timeoutMs, true);
    return this.#stop!;
  }

  async waitFor(what: string, reached: () => boolean, timeoutMs: number, mayStop = false): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!reached()) {
      if (this.#stop && !mayStop) throw new Error(`The machine stopped before ${what}. ${this.#describe()}`);
      if (performance.now() > end) throw new Error(`No sign of ${what} in ${timeoutMs} ms. ${this.#describe()}`);
      await pause(LOOK_EVERY_MS);
    }
  }

  /** Presses keys as `keysOfText` reads them, `{enter}` and the like included. */
  async type(text: string): Promise<void> {
    for (const stroke of keysOfText(text)) {
      for (const usage of stroke) this.machine.keyboard.key(usage, true);
      await pause(KEY_HELD_MS);
      for (const usage of stroke.toReversed()) this.machine.keyboard.key(usage, false);
      await pause(KEY_APART_MS);
    }
  }

  /** Lets the guest run for a while. */
  async runFor(milliseconds: number): Promise<void> {
    await pause(milliseconds);
  }

  /** The picture on the screen as RGBA words. */
  picture(): { width: number; height: number; pixels: Uint32Array } {
    const update = this.machine.display.render(true);
    if (update === undefined) throw new Error("The display shows nothing.");
    return { width: update.width, height: update.height, pixels: update.pixels.slice() };
  }

  /** Leaves a PNG below `.cache/guest-screens` for a person to look at; returns its path. */
  screenshot(name: string): string {
    const { width, height, pixels } = this.picture();
    mkdirSync(pictures, { recursive: true });
    const path = join(pictures, `${name}.png`);
    writeFileSync(path, encodePng(width, height, pixels));
    return path;
  }

  powerOff(): void {
    this.machine.powerOff();
    // What the guest still waited for may fail now: nobody is there to hear of it.
    for (const { blocks } of this.#media) blocks.close().catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.powerOff();
  }

  #describe(): string {
    const stop = this.#stop;
    const reason = stop === undefined ? "It is running." : `It stopped: ${stopReason(stop)}.`;
    return `${reason}\nScreen:\n${this.screen()}\nCOM1 (end):\n${this.#serial.slice(-2_000)}`;
  }
}

function stopReason(stop: MachineStop): string {
  if (stop.kind === "failure") return `failure, ${stop.error.stack ?? stop.error.message}`;
  return stop.kind === "tripleFault" ? `triple fault, ${stop.reason}` : stop.kind;
}

/** A guest that has just been switched on. */
export async function bootGuest(media: GuestMedia): Promise<Guest> {
  const guest = await makeGuest(media);
  guest.machine.start();
  return guest;
}

/** A guest that is off. */
export async function makeGuest(media: GuestMedia): Promise<Guest> {
  const opened: Medium[] = [];
  const open = async (path: string, use: ImageUse): Promise<Medium> => {
    const medium = await openMedium(path, use);
    opened.push(medium);
    return medium;
  };
  const { floppy, disk } = media;
  const options: Omit<MachineOptions, "log"> = {
    cpuUnits: await readCpuUnits(),
    accel: "auto",
    ...(media.cpuLevel === undefined ? {} : { cpuLevel: media.cpuLevel }),
    memoryBytes: (media.memoryMiB ?? 128) * MiB,
    firmware: media.firmware === undefined ? { kind: "builtin" } : { kind: "rom", image: readBytes(media.firmware) },
    bootOrder: media.bootOrder ?? ["cdrom", "floppy", "disk"],
    ...directBoot(media),
    disks: [...(disk === undefined ? [] : [await open(disk, "disk")]), ...(media.disks ?? [])],
    ...(await opticalDrives(media, open)),
    ...(media.entropyDevice === undefined ? {} : { entropyDevice: media.entropyDevice }),
    floppyDrives: [floppy === undefined ? undefined : await open(floppy, "floppy")],
    debugPorts: { console: true, exit: true },
    rtcUtc: true,
    wallClock: { nowMs: () => Date.now() },
    entropy: { fill: (bytes) => void randomFillSync(bytes) },
    steadyNowNs: media.steadyNowNs ?? (() => performance.now() * 1e6),
    yieldToHost: (resume) => void setImmediate(resume),
    delay: (milliseconds, resume) => {
      const timer = setTimeout(resume, milliseconds);
      return () => clearTimeout(timer);
    },
  };
  return new Guest(options, opened);
}
