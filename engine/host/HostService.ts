/**
 * The one service that owns the library of machines and their engine processes and serves any number of clients: a window,
 * browser tabs, the command line. Commands are checked against the state of their machine before they run; events go to
 * everybody. A client that sends nonsense loses its own connection only.
 */
import { freemem, totalmem } from "node:os";
import { commandLegality } from "../api/commandLegality.ts";
import type { Endpoint } from "../api/Endpoint.ts";
import { type HostCommandName, type HostInfo, type HostProtocol, hostProtocol } from "../api/hostProtocol.ts";
import { type CommandHandlers, ProtocolServer } from "../api/ProtocolServer.ts";
import type { EventNames, PayloadOf } from "../api/ProtocolSpec.ts";
import { applianceCommands } from "./applianceCommands.ts";
import { debugRelay } from "./debugRelay.ts";
import { diskCommands } from "./diskCommands.ts";
import type { StartOptions } from "./EngineRun.ts";
import type { EngineSpawner } from "./EngineSpawner.ts";
import { EngineStock } from "./EngineStock.ts";
import type { EngineSupervisor } from "./EngineSupervisor.ts";
import { HostConnection } from "./HostConnection.ts";
import { informationCommands } from "./informationCommands.ts";
import { JobList } from "./JobList.ts";
import { announce, libraryCommands, machineUpdater } from "./libraryCommands.ts";
import { MachineRegistry } from "./MachineRegistry.ts";
import { MediaRegistry } from "./MediaRegistry.ts";
import { ChannelNumbers, closeChannel, machineCommands, receiveSerialInput } from "./machineCommands.ts";
import { mediumCommands } from "./mediumCommands.ts";
import { pinDiskFormats } from "./pinDiskFormats.ts";
import { namingOriginal } from "./snapshots/originalDisk.ts";
import { RecoveryAtStart } from "./snapshots/RecoveryAtStart.ts";
import { stateToStartFrom } from "./snapshots/savedStates.ts";
import { recoverSnapshots, snapshotCommands, snapshotUses } from "./snapshots/snapshotCommands.ts";

const MEMORY_MS = 2000;
const MEDIA_MS = 200;

export interface HostServiceOptions {
  readonly dataFolder: string;
  readonly shell: HostInfo["shell"];
  readonly spawnEngine: EngineSpawner;
  /** Keeps an engine process ready while clients are connected: for shells with a face, where somebody may press Start. */
  readonly keepEngineReady?: boolean;
  /** Errors of our own that belong into the shell's log. */
  readonly onFault?: (error: unknown, command: string) => void;
}

type Server = ProtocolServer<HostProtocol, HostConnection>;

export class HostService {
  readonly #options: HostServiceOptions;
  readonly #engines: EngineStock;
  readonly #registry: MachineRegistry;
  readonly #jobs = new JobList();
  readonly #handlers: CommandHandlers<HostProtocol, HostConnection>;
  readonly #media: MediaRegistry;
  readonly #recovery: RecoveryAtStart;
  readonly #updateMachine: ReturnType<typeof machineUpdater>;
  readonly #servers = new Set<Server>();
  #mediaTimer: NodeJS.Timeout | undefined;
  #memoryTimer: NodeJS.Timeout | undefined;

  private constructor(options: HostServiceOptions) {
    this.#options = options;
    this.#engines = new EngineStock({ spawn: options.spawnEngine });
    const registry = new MachineRegistry(options.dataFolder, this.#engines);
    this.#registry = registry;
    registry.supervised.subscribe(({ id, supervisor }) => this.#watch(id, supervisor));
    this.#jobs.changed.subscribe((job) => this.#broadcast("job.changed", { job }));
    const { dataFolder, shell } = options;
    this.#media = new MediaRegistry({
      dataFolder,
      machines: () => registry.library.list(),
      snapshotUses,
    });
    const library = {
      registry,
      jobs: this.#jobs,
      demandUnused: (folder: string) => this.#media.demandUnused(folder),
      changed: (change: PayloadOf<HostProtocol, "library.changed">) => {
        this.#broadcast("library.changed", change);
        this.#soonReportMedia();
      },
    };
    this.#updateMachine = machineUpdater(library);
    const changed = (id: string): void => this.#broadcast("snapshots.changed", { id });
    const told = (id: string): void => {
      announce(library, id);
      changed(id);
    };
    this.#recovery = new RecoveryAtStart({ registry, jobs: this.#jobs, told });
    this.#handlers = onlyWhenLegal(registry, {
      ...libraryCommands(library),
      ...machineCommands(registry, new ChannelNumbers(), (id, how) => this.#start(id, how)),
      ...diskCommands({ registry, update: this.#updateMachine, trusted: () => this.#media.trusted() }),
      ...mediumCommands({
        registry,
        media: this.#media,
        jobs: this.#jobs,
        updateMachine: this.#updateMachine,
        changed: () => this.#reportMedia(),
      }),
      ...applianceCommands({ ...library, media: this.#media }),
      ...snapshotCommands({
        registry,
        media: this.#media,
        jobs: this.#jobs,
        announce: (id) => announce(library, id),
        changed,
        recovered: (id) => this.#recovery.of(id),
      }),
      ...debugRelay(registry),
      ...informationCommands({ registry, jobs: this.#jobs, dataFolder, shell }),
    });
  }

  /** Throws when the data folder cannot be used. */
  static async open(options: HostServiceOptions): Promise<HostService> {
    const service = new HostService(options);
    await service.#registry.library.sweep();
    await service.#registry.load();
    service.#memoryTimer = setInterval(() => service.#reportMemory(), MEMORY_MS);
    service.#memoryTimer.unref();
    service.#recovery.begin();
    // A list of media that cannot be read is told to whoever asks for it.
    void service.#media.clearUnfinished().catch(() => undefined);
    return service;
  }

  get clientCount(): number {
    return this.#servers.size;
  }

  get liveMachineCount(): number {
    return this.#registry.live().length;
  }

  /** Serves a client until its endpoint closes. */
  serve(endpoint: Endpoint): void {
    const connection = new HostConnection();
    const { onFault } = this.#options;
    const server: Server = new ProtocolServer<HostProtocol, HostConnection>({
      protocol: hostProtocol,
      endpoint,
      handlers: this.#handlers,
      context: connection,
      onBinary: (bytes) => receiveSerialInput(this.#registry, connection, bytes),
      onClose: () => {
        this.#servers.delete(server);
        if (this.#servers.size === 0) this.#engines.keep(false);
        for (const channel of [...connection.channels.keys()]) closeChannel(this.#registry, connection, channel);
      },
      ...(onFault === undefined ? {} : { onFault }),
    });
    connection.sendBinary = (bytes) => server.sendBinary(bytes);
    this.#servers.add(server);
    if (this.#options.keepEngineReady === true) this.#engines.keep(true);
  }

  /** Pulls the plug of every machine and ends all connections. */
  async close(): Promise<void> {
    clearInterval(this.#memoryTimer);
    clearTimeout(this.#mediaTimer);
    this.#engines.keep(false);
    await this.#recovery.all();
    await Promise.all(this.#registry.live().map((supervisor) => supervisor.powerOff()));
    for (const server of [...this.#servers]) server.close("the host ends");
  }

  #watch(id: string, supervisor: EngineSupervisor): void {
    supervisor.stateChanged.subscribe((facts) => {
      this.#broadcast("machine.state", { id, ...facts });
      if (facts.state.kind !== "starting") this.#engines.replenish();
      this.#soonReportMedia();
    });
    supervisor.activity.subscribe((activity) => this.#broadcast("machine.activity", { id, activity }));
    supervisor.figures.subscribe((figures) => this.#broadcast("machine.figures", { id, figures }));
    supervisor.debugStopped.subscribe((stop) => this.#broadcast("debug.stopped", { id, stop }));
    supervisor.display.subscribe((mode) => this.#broadcast("machine.display", { id, ...mode }));
    supervisor.logLine.subscribe((line) => this.#broadcast("log.line", { id, line }));
  }

  async #start(id: string, how: StartOptions): Promise<void> {
    await this.#recovery.of(id);
    await recoverSnapshots(this.#registry, id);
    await pinDiskFormats(this.#registry.library, id, this.#updateMachine);
    const trusted = await this.#media.trusted();
    const state = await stateToStartFrom(this.#registry, id, how.disposable === true);
    const given = state === undefined ? {} : { state };
    const { library } = this.#registry;
    await namingOriginal(library.get(id), () =>
      this.#registry.supervisor(id).start(library.config(id), { ...how, ...given, trusted }),
    );
    if (state !== undefined) this.#broadcast("snapshots.changed", { id });
  }

  /** Several changes in a row are one. */
  #soonReportMedia(): void {
    clearTimeout(this.#mediaTimer);
    this.#mediaTimer = setTimeout(() => void this.#reportMedia().catch(() => undefined), MEDIA_MS);
    this.#mediaTimer.unref();
  }

  /** Files may be anywhere and gone at any time: what cannot be told now is told the next time. */
  async #reportMedia(): Promise<void> {
    const changes = await this.#media.changes();
    if (changes !== undefined) this.#broadcast("media.changed", changes);
  }

  #reportMemory(): void {
    const guestsBytes = this.#registry.live().reduce((sum, supervisor) => sum + supervisor.residentBytes, 0);
    this.#broadcast("host.memory", { memoryBytes: totalmem(), memoryFreeBytes: freemem(), guestsBytes });
  }

  #broadcast<E extends EventNames<HostProtocol>>(event: E, payload: PayloadOf<HostProtocol, E>): void {
    for (const server of this.#servers) server.emit(event, payload);
  }
}

/** Puts the table of legality before the handlers of commands that it restricts. */
function onlyWhenLegal(
  registry: MachineRegistry,
  handlers: CommandHandlers<HostProtocol, HostConnection>,
): CommandHandlers<HostProtocol, HostConnection> {
  const guarded = Object.entries(handlers).map(([command, handler]) => {
    const name = command as HostCommandName;
    if (commandLegality[name] === "always") return [command, handler];
    const run = handler as (params: { id: string }, connection: HostConnection) => unknown;
    const guard = (params: { id: string }, connection: HostConnection): unknown => {
      registry.demand(name, params.id);
      return run(params, connection);
    };
    return [command, guard];
  });
  return Object.fromEntries(guarded) as CommandHandlers<HostProtocol, HostConnection>;
}
