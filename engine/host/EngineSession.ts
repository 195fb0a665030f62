/**
 * The engine process's side of the engine protocol: opens and builds one machine, relays commands to it and reports what it
 * does. The process ends itself when the session has closed. Knows nothing of what carries the endpoint.
 */

import { join } from "node:path";
import { decodeBinaryMessage } from "../api/binaryMessage.ts";
import type { Endpoint } from "../api/Endpoint.ts";
import type { InputEvent } from "../api/InputEvent.ts";
import { keysOfText } from "../api/keysOfText.ts";
import type { Activity, Figures } from "../api/MachineSummary.ts";
import { type CommandHandlers, ProtocolServer } from "../api/ProtocolServer.ts";
import type { ParamsOf } from "../api/ProtocolSpec.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { NS_PER_MS } from "../base/units.ts";
import type { MachineControl } from "../machine/MachineControl.ts";
import { ConsoleStreamer } from "./ConsoleStreamer.ts";
import { DebugDesk, describeDebugStop } from "./DebugDesk.ts";
import { describeStop } from "./describeStop.ts";
import { encodePng } from "./encodePng.ts";
import { type EngineProtocol, engineProtocol } from "./engineProtocol.ts";
import { FigureMeter } from "./FigureMeter.ts";
import { FramePacer } from "./FramePacer.ts";
import { JoinDesk } from "./JoinDesk.ts";
import { KeyTypist } from "./KeyTypist.ts";
import { type MachineParts, type OpenMachine, openMachine } from "./openMachine.ts";
import { FramePacker } from "./PackedFrame.ts";
import { Rehearsal } from "./Rehearsal.ts";
import { SerialOutlet } from "./SerialOutlet.ts";
import { StateDesk } from "./StateDesk.ts";
import { shrinkPicture } from "./shrinkPicture.ts";

const ACTIVITY_MS = 250;
const FIGURES_MS = 1000;
const THUMBNAIL_WIDTH = 320;
const THUMBNAIL_HEIGHT = 240;
/** Of the time between two frames. */
const BUSY_SHARE = 0.6;

type BootOrder = ParamsOf<EngineProtocol, "boot">;

interface Booted {
  readonly machine: OpenMachine;
  readonly control: MachineControl;
  readonly streamer: ConsoleStreamer;
  readonly pacer: FramePacer;
  readonly typist: KeyTypist;
}

export class EngineSession {
  readonly #parts: MachineParts;
  readonly #onBoot: (machineName: string) => void;
  readonly #server: ProtocolServer<EngineProtocol, undefined>;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #debug = new DebugDesk(() => this.#live().control);
  readonly #states = new StateDesk(
    () => this.#live().machine,
    (fraction) => this.#server.emit("stateProgress", { fraction }),
    (message, facts) => this.#server.emit("log", { level: "info", message, facts: factsText(facts) }),
  );
  readonly #joins = new JoinDesk(
    () => this.#live().machine,
    (fraction) => this.#server.emit("joinProgress", { fraction }),
    (message, facts) => this.#server.emit("log", { level: "info", message, facts: factsText(facts) }),
  );
  #serial: SerialOutlet | undefined;
  #booted: Booted | undefined;
  #booting = false;
  #rehearsal: Rehearsal | undefined;
  #stopped = false;
  #reportFigures: () => void = () => {};
  #ending: Promise<void> | undefined;

  /**
   * `onEnd` is called once, when the machine has stopped or the host is gone and everything is closed; `onBoot` when it is known
   * whose process this is.
   */
  constructor(
    endpoint: Endpoint,
    parts: MachineParts,
    onEnd: () => void,
    onBoot: (machineName: string) => void = () => {},
  ) {
    this.#parts = parts;
    this.#onBoot = onBoot;
    this.#server = new ProtocolServer<EngineProtocol, undefined>({
      protocol: engineProtocol,
      endpoint,
      context: undefined,
      handlers: this.#handlers(),
      onBinary: (bytes) => this.#receiveBinary(bytes),
      onClose: () => {
        this.#states.cancel();
        void this.#end().then(onEnd);
      },
    });
  }

  #handlers(): CommandHandlers<EngineProtocol, undefined> {
    const control = (action: (control: MachineControl) => void) => () => {
      action(this.#live().control);
      return {};
    };
    return {
      prepare: () => this.#prepare(),
      boot: (order) => this.#boot(order),
      pause: control((machine) => machine.pause()),
      resume: control((machine) => machine.resume()),
      reset: control((machine) => machine.reset()),
      powerButton: control((machine) => machine.pressPowerButton()),
      powerOff: control((machine) => machine.powerOff()),
      attach: async ({ drive, slot, path, force }) => {
        await this.#live().machine.attach(drive, slot, path, force);
        return {};
      },
      eject: async ({ drive, slot, force }) => {
        await this.#live().machine.eject(drive, slot, force);
        return {};
      },
      attachDisk: async ({ disk, passphrase, trusted }) => {
        const { machine, control } = this.#live();
        const mayUse = (path: string): boolean => trusted.includes(path);
        const slot = await machine.attachDisk(disk, { mayUse, ...(passphrase === undefined ? {} : { passphrase }) });
        return { slot, ...presentDrives(control) };
      },
      detachDisk: async ({ slot, path, force }) => {
        const { machine, control } = this.#live();
        await this.#joins.leave(path);
        await machine.detachDisk(slot, path, force);
        return presentDrives(control);
      },
      consoleOpen: ({ channel, deflate }) => {
        this.#live().streamer.open(channel, deflate);
        return {};
      },
      consoleClose: ({ channel }) => {
        this.#booted?.streamer.close(channel);
        return {};
      },
      consoleCredit: ({ channel, frames }) => {
        this.#booted?.streamer.credit(channel, frames);
        this.#booted?.pacer.hurry();
        return undefined;
      },
      consoleInput: ({ events }) => {
        for (const event of events) this.#input(event);
        this.#booted?.pacer.hurry();
        return undefined;
      },
      consoleType: async ({ text }) => {
        this.#live().pacer.hurry();
        await this.#live().typist.type(keysOfText(text));
        return {};
      },
      consoleText: () => ({ lines: this.#live().control.display.textScreen()?.slice() ?? null }),
      consoleScreenshot: () => this.#screenshot(),
      thumbnail: () => this.#thumbnail(),
      ...this.#states.handlers,
      ...this.#joins.handlers,
      ...this.#debug.handlers,
    };
  }

  async #prepare(): Promise<Record<string, never>> {
    if (this.#booting) throw new GuesthouseError("illegal-state", "The machine was booted before.");
    this.#rehearsal ??= new Rehearsal(this.#parts);
    await this.#rehearsal.run();
    return {};
  }

  async #boot({
    config,
    folder,
    disposable = false,
    trusted = [],
    passphrases = [],
    state,
  }: BootOrder): Promise<{ engine: string }> {
    if (this.#booting) throw new GuesthouseError("illegal-state", "The machine was booted before.");
    this.#booting = true;
    this.#rehearsal?.end();
    this.#onBoot(config.name);
    const machine = await openMachine(
      config,
      folder,
      this.#parts,
      (level, message, facts) =>
        this.#server.emit("log", { level, message, facts: facts === undefined ? "" : factsText(facts) }),
      {
        runFolder: join(folder, ".run"),
        disposable,
        mayUse: (path) => trusted.includes(path),
        passphrases,
        goesOn: state !== undefined,
      },
    );
    this.#rehearsal = undefined;
    const control = machine.control;
    const packer = new FramePacker();
    const streamer = new ConsoleStreamer(
      control.display,
      (frame) => this.#server.sendBinary(packer.pack(frame)),
      (mode) => this.#server.emit("display", mode),
    );
    const busy = busyGuest(control);
    const pacer = new FramePacer(() => ({ ...streamer.tick(), busy: busy() }));
    this.#booted = { machine, control, streamer, pacer, typist: new KeyTypist(control.keyboard) };
    this.#serial = new SerialOutlet(config.serial, folder, (bytes) => this.#server.sendBinary(bytes));
    control.serialOutput.subscribe(({ index, byte }) => this.#serial?.put(index, byte));
    control.debug.stopped.subscribe((stop) => {
      if (stop.kind !== "off") this.#server.emit("life", { state: "paused", stop: describeDebugStop(stop) });
    });
    control.debug.resumed.subscribe(() => this.#server.emit("life", { state: "running", stop: null }));
    control.stopped.subscribe((stop) => {
      this.#stopped = true;
      this.#serial?.flush();
      this.#reportFigures();
      // Media are closed before the host hears of it, so that files are free when the machine is "powered off".
      void this.#end().then(() => this.#server.emit("stopped", describeStop(stop)));
    });
    this.#startTimers(control);
    if (state === undefined) control.start();
    else await this.#states.load(state);
    return { engine: control.engineDescription() };
  }

  #startTimers(control: MachineControl): void {
    const meter = new FigureMeter(control);
    let shown = "";
    const reportActivity = (): void => {
      const activity: Activity = { ...control.activity() };
      const text = JSON.stringify(activity);
      if (text !== shown) this.#server.emit("activity", activity);
      shown = text;
    };
    this.#reportFigures = () => {
      const figures: Figures = meter.read();
      reportActivity();
      this.#server.emit("figures", figures);
    };
    this.#timers.push(
      setInterval(reportActivity, ACTIVITY_MS),
      setInterval(() => this.#reportFigures(), FIGURES_MS),
    );
  }

  #live(): Booted {
    if (this.#booted === undefined || this.#ending !== undefined)
      throw new GuesthouseError("illegal-state", "The machine does not run.");
    return this.#booted;
  }

  #input(event: InputEvent): void {
    if (this.#booted === undefined || this.#ending !== undefined) return;
    const { keyboard, pointer } = this.#booted.control;
    switch (event.kind) {
      case "key":
        keyboard.key(event.usage, event.pressed);
        break;
      case "move":
        pointer.move(event.dx, event.dy, event.wheel);
        break;
      case "buttons":
        pointer.buttons(event.mask);
        break;
    }
  }

  #screenshot(): { width: number; height: number; pngBase64: string } {
    const update = this.#live().streamer.picture();
    if (update === undefined) throw new GuesthouseError("no-picture", "The display shows no picture.");
    const { width, height, pixels } = update;
    return { width, height, pngBase64: Buffer.from(encodePng(width, height, pixels)).toString("base64") };
  }

  #thumbnail(): { pngBase64: string | null } {
    const update = this.#live().streamer.picture();
    if (update === undefined) return { pngBase64: null };
    const { width, height, pixels } = shrinkPicture(update, THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT);
    return { pngBase64: Buffer.from(encodePng(width, height, pixels)).toString("base64") };
  }

  #receiveBinary(bytes: Uint8Array): void {
    const message = decodeBinaryMessage(bytes);
    if (message.kind !== "serialInput")
      throw new GuesthouseError("malformed-message", "Only serial input is expected.");
    if (this.#ending === undefined) this.#booted?.control.sendSerial(message.channel, message.bytes);
  }

  #end(): Promise<void> {
    this.#ending ??= this.#close();
    return this.#ending;
  }

  async #close(): Promise<void> {
    this.#rehearsal?.end();
    for (const timer of this.#timers) clearInterval(timer);
    this.#booted?.pacer.close();
    this.#serial?.close();
    this.#debug.close();
    await this.#joins.close();
    await this.#states.close();
    if (this.#booted === undefined) return;
    if (!this.#stopped) this.#booted.control.powerOff();
    await this.#booted.machine.close();
  }
}

/** Tells whether the guest used most of the time since it was last asked. */
function busyGuest(control: MachineControl): () => boolean {
  let lastMs = performance.now();
  let lastBusyNs = control.figures().busyNs;
  return () => {
    const nowMs = performance.now();
    const { busyNs } = control.figures();
    const share = (busyNs - lastBusyNs) / NS_PER_MS / (nowMs - lastMs);
    lastMs = nowMs;
    lastBusyNs = busyNs;
    return share > BUSY_SHARE;
  };
}

function presentDrives({ disks, opticalPorts, entropyDevice }: MachineControl) {
  return {
    disks: disks.map(({ port = null, serialNumber }) => ({ port, serial: serialNumber })),
    opticals: opticalPorts.map((port) => port ?? null),
    entropyDevice: entropyDevice ?? null,
  };
}

function factsText(facts: Record<string, unknown>): string {
  try {
    return JSON.stringify(facts, (_key, value: unknown) =>
      typeof value === "bigint" ? `0x${value.toString(16)}` : value,
    );
  } catch {
    return "";
  }
}
