/**
 * A host made of nothing, for tests and for looking at the interface without an engine: it speaks the real API over an endpoint in
 * memory, keeps its machines in an array, and "runs" them by painting a text screen and echoing the serial port. Never part of
 * the shipped page.
 */
import { decodeBinaryMessage, encodeConsoleFrame, encodeSerialOutput } from "../../engine/api/binaryMessage.ts";
import { isLegal } from "../../engine/api/commandLegality.ts";
import { type HostInfo, type HostProtocol, hostProtocol } from "../../engine/api/hostProtocol.ts";
import type { InputEvent } from "../../engine/api/InputEvent.ts";
import { type DiskConfig, defaultMachineDraft, draftOf, type MachineDraft } from "../../engine/api/MachineConfig.ts";
import { isLive, type MachineState } from "../../engine/api/MachineState.ts";
import type { LogLine, MachineSummary } from "../../engine/api/MachineSummary.ts";
import type { Medium } from "../../engine/api/mediumProtocol.ts";
import { memoryEndpointPair } from "../../engine/api/memoryEndpointPair.ts";
import { osTypes } from "../../engine/api/osTypes.ts";
import { type CommandHandlers, ProtocolServer } from "../../engine/api/ProtocolServer.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { FakeAppliances } from "./FakeAppliances.ts";
import { FakeJobs } from "./FakeJobs.ts";
import { FakeMedia } from "./FakeMedia.ts";
import { FakeSnapshots, type FakeTree } from "./FakeSnapshots.ts";
import { fakeDebugHandlers } from "./fakeDebugHandlers.ts";
import { fakeFolder } from "./fakeFiles.ts";
import type { HostPort, ShellCapabilities } from "./HostPort.ts";

const info: HostInfo = {
  version: "0.1.0",
  shell: "browser",
  platform: "linux",
  architecture: "x64",
  engineVersions: { node: "24.21.0", guesthouse: "0.1.0" },
  processors: 8,
  processorModel: "Example CPU @ 3.20 GHz",
  memoryBytes: 24 * 2 ** 30,
  memoryFreeBytes: 15.4 * 2 ** 30,
  dataFolder: "/home/ada/.local/share/guesthouse",
  dataFreeBytes: 212 * 2 ** 30,
  homeFolder: "/home/ada",
};

export interface FakeScreen {
  width: number;
  height: number;
  pixels: Uint8Array;
}

export interface FakeHostOptions {
  machines?: readonly MachineSummary[];
  media?: readonly Medium[];
  /** Snapshots by machine. */
  snapshots?: Record<string, FakeTree>;
  /** A picture for snapshots of running machines, as base64 of a PNG. */
  thumbnail?: () => Promise<string | null>;
  /** Paints the picture of a running machine; a dark field without it. */
  screen?: (machine: MachineSummary) => FakeScreen;
  capabilities?: Partial<ShellCapabilities>;
}

export interface FakeMachine {
  name: string;
  state?: MachineState;
  draft?: Partial<MachineDraft>;
}

/** A summary as a host would send it. Ids count up, so that tests can name them. */
export function fakeMachine(
  number: number,
  { name, state = { kind: "poweredOff" }, draft = {} }: FakeMachine,
): MachineSummary {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  const live = state.kind === "running" || state.kind === "paused";
  return {
    id,
    name,
    folder: `${info.dataFolder}/machines/${name}`,
    state,
    config: state.kind === "inaccessible" ? null : { version: 1, id, ...defaultMachineDraft(name), ...draft, name },
    engine: live ? "Interpreter: portable WebAssembly; /dev/kvm is not used by this version" : null,
    stateSinceMs: Date.now() - 3_600_000,
    startedMs: live ? Date.now() - 754_000 : null,
    lastStop: null,
  };
}

export class FakeHost implements HostPort {
  readonly capabilities: ShellCapabilities;
  machines: MachineSummary[];
  /** Everything the page typed, moved and clicked. */
  readonly inputs: InputEvent[] = [];
  /** Every command, in order. */
  readonly calls: string[] = [];
  readonly #servers = new Set<ProtocolServer<HostProtocol, undefined>>();
  readonly #screen: ((machine: MachineSummary) => FakeScreen) | undefined;
  readonly #consoles = new Map<number, string>();
  readonly #serial = new Map<number, string>();
  readonly #jobs = new FakeJobs((job) => this.emit("job.changed", { job }));
  readonly media: FakeMedia;
  readonly #snapshots: FakeSnapshots;
  readonly appliances = new FakeAppliances({ jobs: this.#jobs, add: (draft) => this.#add(draft).machine });
  #nextChannel = 1;
  #figures = { instructions: 0, guestNs: 0 };

  constructor({
    machines = [],
    media = [],
    snapshots = {},
    thumbnail = async () => null,
    screen,
    capabilities = {},
  }: FakeHostOptions = {}) {
    this.machines = [...machines];
    this.media = new FakeMedia(media, this.#jobs, (changed, removed) =>
      this.emit("media.changed", { changed, removed }),
    );
    this.#snapshots = new FakeSnapshots({
      trees: snapshots,
      jobs: this.#jobs,
      changed: (id) => this.emit("snapshots.changed", { id }),
      nameOf: (id) => this.#get(id).name,
      isLive: (id) => isLive(this.#get(id).state.kind),
      thumbnail,
    });
    this.#screen = screen;
    this.capabilities = { openWindow: () => {}, ownsAllKeys: false, ...capabilities };
  }

  connect = async () => {
    const [page, host] = memoryEndpointPair();
    const server: ProtocolServer<HostProtocol, undefined> = new ProtocolServer({
      protocol: hostProtocol,
      endpoint: host,
      handlers: this.#handlers(),
      context: undefined,
      onBinary: (bytes) => {
        const message = decodeBinaryMessage(bytes);
        if (message.kind === "serialInput") this.#emitSerial(message.channel, message.bytes);
      },
      onClose: () => void this.#servers.delete(server),
    });
    this.#servers.add(server);
    return page;
  };

  /** Ends every connection, as a host that goes away. */
  disconnect(): void {
    for (const server of [...this.#servers]) server.close("the host went away");
  }

  emit: ProtocolServer<HostProtocol, undefined>["emit"] = (event, payload) => {
    for (const server of this.#servers) server.emit(event, payload);
  };

  setState(id: string, state: MachineState): void {
    const machine = this.#get(id);
    const live = state.kind === "running" || state.kind === "paused";
    machine.state = state;
    machine.stateSinceMs = Date.now();
    machine.startedMs = live ? (machine.startedMs ?? Date.now()) : null;
    machine.engine = live ? "Interpreter: portable WebAssembly; /dev/kvm is not used by this version" : null;
    const { stateSinceMs, startedMs, engine, lastStop } = machine;
    this.emit("machine.state", { id, state, stateSinceMs, startedMs, engine, lastStop });
  }

  /** One second in the life of the running machines. */
  tick(second: number): void {
    this.emit("host.memory", {
      memoryBytes: info.memoryBytes,
      memoryFreeBytes: info.memoryFreeBytes + Math.sin(second) * 2 ** 28,
      guestsBytes: 310 * 2 ** 20,
    });
    for (const machine of this.machines.filter((candidate) => candidate.state.kind === "running")) {
      const wave = 0.55 + 0.35 * Math.sin(second / 5) + 0.1 * Math.sin(second * 1.7);
      this.#figures = {
        instructions: this.#figures.instructions + Math.round(wave * 6e7),
        guestNs: this.#figures.guestNs + 1e9,
      };
      this.emit("machine.activity", {
        id: machine.id,
        activity: {
          diskRead: second * 700_000,
          diskWritten: second % 3 === 0 ? second * 90_000 : Math.floor(second / 3) * 270_000,
          opticalRead: 41_000_000,
          floppyRead: 0,
          floppyWritten: 0,
        },
      });
      this.emit("machine.figures", {
        id: machine.id,
        figures: {
          ...this.#figures,
          exits: second * 5200,
          busyNs: second * wave * 1e9,
          wallNs: second * 1e9,
          mips: wave * 96,
          load: wave,
          residentBytes: (250 + second / 4) * 2 ** 20,
        },
      });
    }
  }

  #get(id: string): MachineSummary {
    const machine = this.machines.find((candidate) => candidate.id === id);
    if (machine === undefined) throw new GuesthouseError("no-such-machine", `No machine has the id ${id}.`, { id });
    return machine;
  }

  #change(id: string, to: MachineState, command: Parameters<typeof isLegal>[0]): Record<string, never> {
    this.calls.push(command);
    const { state } = this.#get(id);
    if (!isLegal(command, state.kind)) {
      throw new GuesthouseError("illegal-state", `${command} is not possible while ${state.kind}.`, {
        state: state.kind,
      });
    }
    this.setState(id, to);
    return {};
  }

  #changed(machine: MachineSummary): { machine: MachineSummary } {
    this.emit("library.changed", { changed: [machine], removed: [] });
    return { machine };
  }

  #add(draft: MachineDraft): { machine: MachineSummary } {
    const machine = fakeMachine(this.machines.length + 100, { name: draft.name, draft });
    this.machines.push(machine);
    return this.#changed(machine);
  }

  #setDrive(id: string, drive: "optical" | "floppy", slot: number, path: string | null): Record<string, never> {
    const machine = this.#get(id);
    if (machine.config !== null) {
      const { storage } = machine.config;
      const key = drive === "optical" ? "opticals" : "floppies";
      const drives = storage[key].map((other, index) => (index === slot ? { ...other, path } : other));
      machine.config = { ...machine.config, storage: { ...storage, [key]: drives } };
    }
    this.#changed(machine);
    return {};
  }

  #setDisks(id: string, change: (disks: DiskConfig[]) => DiskConfig[]): { disks: DiskConfig[] } {
    const machine = this.#get(id);
    if (machine.config === null) return { disks: [] };
    const { storage } = machine.config;
    const disks = change(storage.disks);
    machine.config = { ...machine.config, storage: { ...storage, disks } };
    this.#changed(machine);
    return { disks };
  }

  #emitSerial(channel: number, bytes: Uint8Array): void {
    for (const server of this.#servers) server.sendBinary(encodeSerialOutput(channel, 0, bytes));
  }

  #sendFrame(channel: number): void {
    const id = this.#consoles.get(channel);
    const machine = this.machines.find((candidate) => candidate.id === id);
    if (machine === undefined) return;
    const { width, height, pixels } = this.#screen?.(machine) ?? blankScreen();
    const frame = encodeConsoleFrame({
      channel,
      width,
      height,
      mode: "text",
      rects: [{ x: 0, y: 0, width, height }],
      deflated: false,
      pixelBytes: pixels.length,
      pixels,
    });
    for (const server of this.#servers) server.sendBinary(frame);
  }

  #handlers(): CommandHandlers<HostProtocol, undefined> {
    return {
      ...this.#libraryHandlers(),
      ...this.#machineHandlers(),
      ...this.#hostHandlers(),
      ...this.media.handlers(),
      ...this.#snapshots.handlers(),
      ...this.appliances.handlers(),
      ...this.#pastHandlers(),
      ...fakeDebugHandlers(),
    };
  }

  #pastHandlers() {
    return {
      "machine.saveState": async ({ id }: { id: string }) => {
        await this.#jobs.work("saveState", this.#get(id).name, id);
        return this.#change(id, { kind: "saved" }, "machine.saveState");
      },
      "machine.discardState": ({ id }: { id: string }) =>
        this.#change(id, { kind: "poweredOff" }, "machine.discardState"),
      "machine.clone": async ({ id, name }: { id: string; name: string }) => {
        const { config, name: source } = this.#get(id);
        await this.#jobs.work("cloneMachine", source, id);
        return this.#add({ ...(config === null ? defaultMachineDraft(name) : draftOf(config)), name });
      },
    };
  }

  #libraryHandlers() {
    return {
      "library.list": () => ({ machines: this.machines }),
      "library.create": ({ draft }: { draft: MachineDraft }) => {
        this.calls.push("library.create");
        return this.#add(draft);
      },
      "library.update": ({ id, draft }: { id: string; draft: MachineDraft }) => {
        const machine = this.#get(id);
        machine.name = draft.name;
        machine.config = { version: 1, id, ...draft };
        return this.#changed(machine);
      },
      "library.rename": ({ id, name }: { id: string; name: string }) => {
        const machine = this.#get(id);
        machine.name = name;
        if (machine.config !== null) machine.config = { ...machine.config, name };
        return this.#changed(machine);
      },
      "library.remove": ({ id }: { id: string }) => {
        this.machines = this.machines.filter((machine) => machine.id !== id);
        this.emit("library.changed", { changed: [], removed: [id] });
        return {};
      },
      "library.add": ({ path }: { path: string }) => {
        throw new GuesthouseError("file-missing", `The file does not exist: ${path}`, { path });
      },
      "library.files": ({ id }: { id: string }) => {
        const { folder } = this.#get(id);
        return {
          files: [
            { path: `${folder}/machine.json`, sizeBytes: 912 },
            { path: `${folder}/disk.img`, sizeBytes: 3.2 * 2 ** 30 },
            { path: `${folder}/logs/run-1.log`, sizeBytes: 18_400 },
          ],
        };
      },
      "library.checkName": ({ name, exceptId }: { name: string; exceptId: string | null }) => ({
        taken: this.machines.some((machine) => machine.name === name && machine.id !== exceptId),
        suggestion: `${name} 2`,
      }),
      "builtinGuest.create": () => this.#add({ ...defaultMachineDraft("Built-in guest"), memoryMiB: 32 }),
    };
  }

  #machineHandlers() {
    return {
      "machine.start": ({ id }: { id: string }) => this.#change(id, { kind: "running" }, "machine.start"),
      "machine.attachDisk": ({ id, disk }: { id: string; disk: DiskConfig }) => {
        const { disks } = this.#setDisks(id, (before) => [...before, disk]);
        return { slot: disks.length - 1 };
      },
      "machine.detachDisk": ({ id, slot }: { id: string; slot: number }) => {
        this.#setDisks(id, (before) => before.filter((_, at) => at !== slot));
        return {};
      },
      "machine.pause": ({ id }: { id: string }) => this.#change(id, { kind: "paused" }, "machine.pause"),
      "machine.resume": ({ id }: { id: string }) => this.#change(id, { kind: "running" }, "machine.resume"),
      "machine.reset": ({ id }: { id: string }) => this.#change(id, { kind: "running" }, "machine.reset"),
      "machine.powerButton": ({ id }: { id: string }) =>
        this.#change(id, { kind: "poweredOff" }, "machine.powerButton"),
      "machine.powerOff": ({ id }: { id: string }) => this.#change(id, { kind: "poweredOff" }, "machine.powerOff"),
      "media.attach": ({
        id,
        drive,
        slot,
        path,
      }: {
        id: string;
        drive: "optical" | "floppy";
        slot: number;
        path: string;
      }) => this.#setDrive(id, drive, slot, path),
      "media.eject": ({ id, drive, slot }: { id: string; drive: "optical" | "floppy"; slot: number }) =>
        this.#setDrive(id, drive, slot, null),
      "media.createDisk": ({ path }: { path: string }) => ({ path }),
      "console.open": ({ id, frames = 0 }: { id: string; frames?: number }) => {
        const channel = this.#nextChannel++;
        this.#consoles.set(channel, id);
        if (frames > 0) setTimeout(() => this.#sendFrame(channel), 100);
        return { channel };
      },
      "console.close": ({ channel }: { channel: number }) => {
        this.#consoles.delete(channel);
        return {};
      },
      "console.credit": ({ channel, frames }: { channel: number; frames: number }) => {
        if (frames > 0) setTimeout(() => this.#sendFrame(channel), 100);
        return undefined;
      },
      "console.input": ({ events }: { events: InputEvent[] }) => {
        this.inputs.push(...events);
        return undefined;
      },
      "console.type": () => ({}),
      "console.text": () => ({ lines: ["Welcome", "C:\\>"] }),
      "console.screenshot": () => ({ width: 1, height: 1, pngBase64: "iVBORw0KGgo=" }),
      "serial.open": ({ id }: { id: string }) => {
        const channel = this.#nextChannel++;
        this.#serial.set(channel, id);
        const greeting = "Debian GNU/Linux 12 guest ttyS0\r\n\r\nguest login: ";
        setTimeout(() => this.#emitSerial(channel, new TextEncoder().encode(greeting)), 20);
        return { channel };
      },
      "serial.close": ({ channel }: { channel: number }) => {
        this.#serial.delete(channel);
        return {};
      },
      "serial.credit": () => undefined,
    };
  }

  #hostHandlers() {
    return {
      "host.info": () => info,
      "files.list": ({ path }: { path: string | null }) => fakeFolder(path ?? info.homeFolder),
      "files.stat": ({ path }: { path: string }) => ({
        path,
        exists: path.endsWith(".iso"),
        kind: "file" as const,
        sizeBytes: 1,
        readable: true,
        writable: true,
      }),
      "logs.list": () => ({ runs: [{ name: "run-1.log", startedMs: Date.now() - 754_000, sizeBytes: 18_400 }] }),
      "logs.read": () => ({ run: "run-1.log", lines: fakeLog(), truncated: false }),
      "catalogue.osTypes": () => ({ osTypes: [...osTypes] }),
      "jobs.list": () => ({ jobs: [] }),
      "jobs.cancel": ({ jobId }: { jobId: string }) => {
        this.#jobs.cancel(jobId);
        return {};
      },
    };
  }
}

function blankScreen(): FakeScreen {
  const pixels = new Uint8Array(720 * 400 * 4);
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255;
  return { width: 720, height: 400, pixels };
}

function fakeLog(): LogLine[] {
  const started = Date.now() - 754_000;
  const rows: [number, LogLine["level"], string, string][] = [
    [0, "info", "Starting", '{"memoryMiB":512}'],
    [14, "info", "Engine: interpreter, portable WebAssembly", ""],
    [15, "info", "Disk attached as IDE primary master", '{"path":"disk.img","sizeBytes":8589934592}'],
    [1210, "debug", "Display mode 720 x 400, text", ""],
    [2950, "warn", "Unmapped port read, open bus answered", '{"port":"0x2e8","count":1}'],
    [6120, "info", "The guest enabled ACPI", ""],
    [9840, "error", "Read of optical medium failed, reported to the guest", '{"lba":18200,"kind":"io-error"}'],
  ];
  return rows.map(([at, level, message, facts]) => ({ timeMs: started + at, level, message, facts }));
}
