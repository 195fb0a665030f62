/**
 * The page's connection to its host and everything the host told us, as one store. Only events and answers of the host change
 * it; components read it and send commands. When the connection ends it is sought again with growing pauses, and everything is
 * read afresh, because events were missed.
 */
import { createStore, type StoreApi } from "zustand/vanilla";
import { HostClient } from "../../engine/api/HostClient.ts";
import type { HostInfo, HostProtocol } from "../../engine/api/hostProtocol.ts";
import type { Job, MachineSummary } from "../../engine/api/MachineSummary.ts";
import type { Medium } from "../../engine/api/mediumProtocol.ts";
import type { OsType } from "../../engine/api/OsType.ts";
import type { CallNames, ParamsOf, PayloadOf, PostNames, ResultOf } from "../../engine/api/ProtocolSpec.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { HostPort } from "../platform/HostPort.ts";
import { type ActivityView, type FigureSample, nextActivity, nextHistory } from "./activityHistory.ts";

export type Connection =
  | { kind: "connecting" }
  | { kind: "connected" }
  /** `restarted` when the host is there and does not know this page: only its own address leads in again. */
  | { kind: "lost"; reason: string; restarted?: true };

export interface HostState {
  readonly connection: Connection;
  /** The client of the present connection; changes with each new one. */
  readonly client: HostClient | undefined;
  /** False until the list was read once. */
  readonly loaded: boolean;
  readonly machines: readonly MachineSummary[];
  readonly osTypes: readonly OsType[];
  readonly info: HostInfo | undefined;
  readonly memory: PayloadOf<HostProtocol, "host.memory"> | undefined;
  readonly activity: Readonly<Record<string, ActivityView>>;
  readonly history: Readonly<Record<string, readonly FigureSample[]>>;
  readonly displays: Readonly<Record<string, PayloadOf<HostProtocol, "machine.display">>>;
  readonly jobs: readonly Job[];
  /** Undefined until somebody asked for them. */
  readonly media: readonly Medium[] | undefined;
  /** By machine, of those that somebody asked for. */
  readonly snapshots: Readonly<Record<string, SnapshotTree>>;
}

export type SnapshotTree = ResultOf<HostProtocol, "snapshot.list">;

const initialState: HostState = {
  connection: { kind: "connecting" },
  client: undefined,
  loaded: false,
  machines: [],
  osTypes: [],
  info: undefined,
  memory: undefined,
  activity: {},
  history: {},
  displays: {},
  jobs: [],
  media: undefined,
  snapshots: {},
};

export interface SessionTimers {
  nowMs(): number;
  later(milliseconds: number, run: () => void): void;
}

const pageTimers: SessionTimers = {
  nowMs: () => performance.now(),
  later: (milliseconds, run) => void setTimeout(run, milliseconds),
};

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 8000;
/** Finished jobs stay visible this long. */
const JOB_LINGER_MS = 4000;

export class HostSession {
  readonly store: StoreApi<HostState> = createStore<HostState>(() => initialState);
  readonly port: HostPort;
  readonly #timers: SessionTimers;
  #retryMs = RETRY_FIRST_MS;

  constructor(port: HostPort, timers: SessionTimers = pageTimers) {
    this.port = port;
    this.#timers = timers;
  }

  /** Connects; afterwards the session looks after itself. */
  async start(): Promise<void> {
    this.store.setState({ connection: { kind: "connecting" } });
    try {
      const client = new HostClient(await this.port.connect());
      client.closed.subscribe((reason) => this.#lost(client, reason));
      this.#listen(client);
      this.store.setState({ client });
      await client.ready;
      await this.#readEverything(client);
      this.#retryMs = RETRY_FIRST_MS;
      this.store.setState({ connection: { kind: "connected" }, loaded: true });
    } catch (error) {
      const restarted = error instanceof GuesthouseError && error.kind === "host-restarted";
      this.#lost(this.store.getState().client, error instanceof Error ? error.message : String(error), restarted);
    }
  }

  call<C extends CallNames<HostProtocol>>(
    command: C,
    params: ParamsOf<HostProtocol, C>,
  ): Promise<ResultOf<HostProtocol, C>> {
    const client = this.store.getState().client;
    if (client === undefined)
      return Promise.reject(new GuesthouseError("connection-closed", "There is no connection to the host."));
    return client.call(command, params);
  }

  post<C extends PostNames<HostProtocol>>(command: C, params: ParamsOf<HostProtocol, C>): void {
    this.store.getState().client?.post(command, params);
  }

  machine(id: string): MachineSummary | undefined {
    return this.store.getState().machines.find((machine) => machine.id === id);
  }

  /** Reads the list anew; the host looks at its folders again for it. */
  async refreshMachines(): Promise<void> {
    const { machines } = await this.call("library.list", {});
    this.store.setState({ machines: sortMachines(machines) });
  }

  /** Reads all media; from then on events keep them true. */
  async loadMedia(): Promise<void> {
    const { media } = await this.call("media.list", {});
    this.store.setState({ media });
  }

  /** Reads the snapshots of a machine; from then on events keep them true. */
  async loadSnapshots(id: string): Promise<void> {
    const tree = await this.call("snapshot.list", { id });
    this.store.setState(({ snapshots }) => ({ snapshots: { ...snapshots, [id]: tree } }));
  }

  /** Waits for a machine to come into a state. Rejects when the machine is gone. */
  whenState(id: string, reached: (state: MachineSummary["state"]["kind"]) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const state = this.machine(id)?.state.kind;
        if (state !== undefined && !reached(state)) return false;
        if (state === undefined) reject(new GuesthouseError("no-such-machine", "The machine is gone.", { id }));
        else resolve();
        return true;
      };
      if (look()) return;
      const stop = this.store.subscribe(() => {
        if (look()) stop();
      });
    });
  }

  #lost(client: HostClient | undefined, reason: string, restarted = false): void {
    const state = this.store.getState();
    if (state.client !== client || state.connection.kind === "lost") return;
    this.store.setState({
      connection: { kind: "lost", reason, ...(restarted ? { restarted } : {}) },
      client: undefined,
    });
    client?.close();
    this.#timers.later(this.#retryMs, () => void this.start());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LONGEST_MS);
  }

  async #readEverything(client: HostClient): Promise<void> {
    const [list, catalogue, info, jobs] = await Promise.all([
      client.call("library.list", {}),
      client.call("catalogue.osTypes", {}),
      client.call("host.info", {}),
      client.call("jobs.list", {}),
    ]);
    this.store.setState({ machines: sortMachines(list.machines), osTypes: catalogue.osTypes, info, jobs: jobs.jobs });
    // Pages that are open would miss what changed while the connection was away.
    if (this.store.getState().media !== undefined) void this.loadMedia().catch(() => {});
    for (const id of Object.keys(this.store.getState().snapshots)) this.#snapshotsChanged(id);
  }

  #listen(client: HostClient): void {
    const { store } = this;
    client.on("library.changed", ({ changed, removed }) => {
      store.setState(({ machines }) => ({ machines: mergeMachines(machines, changed, removed) }));
    });
    client.on("machine.state", ({ id, ...change }) => {
      store.setState(({ machines }) => ({
        machines: machines.map((machine) => (machine.id === id ? { ...machine, ...change } : machine)),
      }));
      this.#snapshotsChanged(id);
    });
    client.on("media.changed", ({ changed, removed }) => {
      store.setState(({ media }) => (media === undefined ? {} : { media: mergeMedia(media, changed, removed) }));
    });
    client.on("snapshots.changed", ({ id }) => this.#snapshotsChanged(id));
    client.on("machine.activity", ({ id, activity }) => {
      store.setState((state) => ({
        activity: { ...state.activity, [id]: nextActivity(state.activity[id], activity, this.#timers.nowMs()) },
      }));
    });
    client.on("machine.figures", ({ id, figures }) => {
      store.setState((state) => ({
        history: {
          ...state.history,
          [id]: nextHistory(state.history[id] ?? [], figures, state.activity[id], this.#timers.nowMs()),
        },
      }));
    });
    client.on("machine.display", (display) => {
      store.setState(({ displays }) => ({ displays: { ...displays, [display.id]: display } }));
    });
    client.on("host.memory", (memory) => store.setState({ memory }));
    client.on("job.changed", ({ job }) => this.#jobChanged(job));
  }

  /** Whether a machine differs from its snapshot changes with its state too. */
  #snapshotsChanged(id: string): void {
    if (this.store.getState().snapshots[id] === undefined) return;
    this.loadSnapshots(id).catch(() => {
      // The machine is gone: so are its snapshots.
      this.store.setState(({ snapshots: { [id]: _gone, ...snapshots } }) => ({ snapshots }));
    });
  }

  #jobChanged(job: Job): void {
    this.store.setState(({ jobs }) => ({ jobs: [...jobs.filter((other) => other.id !== job.id), job] }));
    if (job.state === "running" || job.state === "failed") return;
    this.#timers.later(JOB_LINGER_MS, () => this.dismissJob(job.id));
  }

  /** Forgets a job that ended. */
  dismissJob(id: string): void {
    this.store.setState(({ jobs }) => ({ jobs: jobs.filter((job) => job.id !== id || job.state === "running") }));
  }
}

/** By name, as a person would: "Debian 9" before "Debian 10". */
export function sortMachines(machines: readonly MachineSummary[]): MachineSummary[] {
  return [...machines].sort(
    (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || a.id.localeCompare(b.id),
  );
}

export function mergeMachines(
  before: readonly MachineSummary[],
  changed: readonly MachineSummary[],
  removed: readonly string[],
): readonly MachineSummary[] {
  const gone = new Set([...removed, ...changed.map((machine) => machine.id)]);
  return sortMachines([...before.filter((machine) => !gone.has(machine.id)), ...changed]);
}

export function mergeMedia(
  before: readonly Medium[],
  changed: readonly Medium[],
  removed: readonly string[],
): readonly Medium[] {
  const gone = new Set([...removed, ...changed.map((medium) => medium.path)]);
  return [...before.filter((medium) => !gone.has(medium.path)), ...changed];
}
