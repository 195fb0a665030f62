import { describe, expect, test, vi } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { FakeHost, fakeMachine } from "../platform/fakeHost.ts";
import { HostSession, mergeMachines, sortMachines } from "./HostSession.ts";

function setUp() {
  const host = new FakeHost({
    machines: [fakeMachine(1, { name: "Guest 10" }), fakeMachine(2, { name: "Guest 9", state: { kind: "running" } })],
  });
  const waiting: { milliseconds: number; run: () => void }[] = [];
  const session = new HostSession(host, {
    nowMs: () => 1000,
    later: (milliseconds, run) => void waiting.push({ milliseconds, run }),
  });
  return { host, session, waiting, state: () => session.store.getState() };
}

describe("HostSession", () => {
  test("reads everything once connected, machines in a person's order", async () => {
    const { session, state } = setUp();
    await session.start();
    expect(state().connection).toEqual({ kind: "connected" });
    expect(state().loaded).toBe(true);
    expect(state().machines.map((machine) => machine.name)).toEqual(["Guest 9", "Guest 10"]);
    expect(state().info?.shell).toBe("browser");
    expect(state().osTypes.length).toBeGreaterThan(10);
  });

  test("commands reach the host and its events change the store", async () => {
    const { host, session, state } = setUp();
    await session.start();
    const [running] = state().machines;
    await session.call("machine.pause", { id: running?.id ?? "" });
    await vi.waitFor(() => expect(state().machines[0]?.state.kind).toBe("paused"));
    await session.call("library.rename", { id: running?.id ?? "", name: "Guest 11" });
    await vi.waitFor(() => expect(state().machines.map(({ name }) => name)).toEqual(["Guest 10", "Guest 11"]));
    host.tick(1);
    await vi.waitFor(() => expect(state().memory?.memoryBytes).toBeGreaterThan(0));
  });

  test("a refusal is a typed error", async () => {
    const { session, state } = setUp();
    await session.start();
    await expect(session.call("machine.start", { id: state().machines[0]?.id ?? "" })).rejects.toMatchObject({
      kind: "illegal-state",
    });
  });

  test("figures make a history only for machines that run", async () => {
    const { host, session, state } = setUp();
    await session.start();
    host.tick(1);
    host.tick(2);
    const [running, off] = state().machines;
    await vi.waitFor(() => expect(state().history[running?.id ?? ""]).toHaveLength(2));
    expect(state().history[off?.id ?? ""]).toBeUndefined();
  });

  test("a lost connection is sought again with growing pauses and everything is read afresh", async () => {
    const { host, session, waiting, state } = setUp();
    await session.start();
    host.disconnect();
    await vi.waitFor(() => expect(state().connection.kind).toBe("lost"));
    expect(state().client).toBeUndefined();
    await expect(session.call("host.info", {})).rejects.toMatchObject({ kind: "connection-closed" });
    host.machines.push(fakeMachine(3, { name: "Made meanwhile" }));
    expect(waiting.map(({ milliseconds }) => milliseconds)).toEqual([500]);
    waiting[0]?.run();
    await vi.waitFor(() => expect(state().connection.kind).toBe("connected"));
    expect(state().machines).toHaveLength(3);
  });

  test("a host that cannot be reached is asked less and less often", async () => {
    const waiting: number[] = [];
    const session: HostSession = new HostSession(
      { connect: () => Promise.reject(new Error("nobody there")), capabilities: new FakeHost().capabilities },
      {
        nowMs: () => 0,
        later: (milliseconds, run) => {
          waiting.push(milliseconds);
          if (waiting.length < 7) run();
        },
      },
    );
    await session.start();
    await vi.waitFor(() => expect(waiting).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]));
    expect(session.store.getState().connection).toEqual({ kind: "lost", reason: "nobody there" });
  });

  test("a host that was started anew and does not know the page any more is told apart", async () => {
    const refused = new GuesthouseError("host-restarted", "The host was started anew.");
    const session = new HostSession(
      { connect: () => Promise.reject(refused), capabilities: new FakeHost().capabilities },
      { nowMs: () => 0, later: () => undefined },
    );
    await session.start();
    expect(session.store.getState().connection).toMatchObject({ kind: "lost", restarted: true });
  });

  test("finished jobs leave by themselves, failed ones stay until they are dismissed", async () => {
    const { host, session, waiting, state } = setUp();
    await session.start();
    const job = { kind: "createDisk", subject: "disk.img", machineId: null, done: 1, total: 2, error: null } as const;
    host.emit("job.changed", { job: { ...job, id: "a", state: "running" } });
    host.emit("job.changed", { job: { ...job, id: "b", state: "failed", error: "The disk is full" } });
    await vi.waitFor(() => expect(state().jobs).toHaveLength(2));
    host.emit("job.changed", { job: { ...job, id: "a", state: "finished" } });
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    waiting[0]?.run();
    expect(state().jobs.map(({ id }) => id)).toEqual(["b"]);
    session.dismissJob("b");
    expect(state().jobs).toEqual([]);
  });
});

describe("lists of machines", () => {
  const machines = [fakeMachine(1, { name: "b" }), fakeMachine(2, { name: "a" })];

  test("a change replaces, an addition finds its place, a removal leaves", () => {
    const renamed = { ...fakeMachine(1, { name: "c" }) };
    const added = fakeMachine(3, { name: "aa" });
    expect(mergeMachines(machines, [renamed, added], []).map(({ name }) => name)).toEqual(["a", "aa", "c"]);
    expect(mergeMachines(machines, [], [machines[0]?.id ?? ""]).map(({ name }) => name)).toEqual(["a"]);
  });

  test("two machines of one name keep a steady order", () => {
    const twins = [fakeMachine(8, { name: "x" }), fakeMachine(7, { name: "x" })];
    expect(sortMachines(twins).map(({ id }) => id.slice(-1))).toEqual(["7", "8"]);
    expect(sortMachines([...twins].reverse()).map(({ id }) => id.slice(-1))).toEqual(["7", "8"]);
  });
});
