import { expect, test } from "vitest";
import { fakeParts } from "../../tests/fixtures/FakeMachine.ts";
import { defaultMachineDraft, type MachineConfig } from "../api/MachineConfig.ts";
import { memoryEndpointPair } from "../api/memoryEndpointPair.ts";
import { EngineSession } from "./EngineSession.ts";
import type { EngineChild } from "./EngineSpawner.ts";
import { EngineStock } from "./EngineStock.ts";
import type { MachineParts } from "./openMachine.ts";

const config: MachineConfig = {
  version: 1,
  id: "00000000-0000-4000-8000-000000000001",
  ...defaultMachineDraft("Test"),
};

interface FakeChild {
  readonly name: string | undefined;
  readonly machines: number;
  killed: boolean;
  exit(): void;
}

function setUp(parts: Partial<MachineParts> = {}, freeBytes = 2 ** 40) {
  const children: FakeChild[] = [];
  const spawn = (name: string | undefined): EngineChild => {
    const [ours, theirs] = memoryEndpointPair();
    const exits: (() => void)[] = [];
    let machines = 0;
    new EngineSession(theirs, { ...fakeParts(() => void machines++), ...parts }, () => {});
    const child = {
      name,
      killed: false,
      get machines() {
        return machines;
      },
      exit: () => {
        for (const listener of exits) listener();
      },
    };
    children.push(child);
    return {
      endpoint: ours,
      onExit: (listener) => void exits.push(() => listener(1, null)),
      onOutput: () => {},
      kill: () => {
        child.killed = true;
      },
    };
  };
  return { children, stock: new EngineStock({ spawn, settleMs: 0, replenishMs: 0, freeBytes: () => freeBytes }) };
}

const settled = () => new Promise((resume) => setTimeout(resume, 60));

test("a process is made in advance, rehearsed, and becomes the next machine's", async () => {
  const { children, stock } = setUp();
  stock.keep(true);
  await settled();
  expect(children.map(({ name, machines }) => [name, machines])).toEqual([[undefined, 1]]);
  const taken = stock.take("Debian");
  expect(children).toHaveLength(1);
  const { engine } = await taken.client.call("boot", { config, folder: "/" });
  expect(engine).toContain("tests");
  stock.replenish();
  await settled();
  expect(children).toHaveLength(2);
  stock.keep(false);
});

test("without one a new process bears the machine's name", () => {
  const { children, stock } = setUp();
  stock.take("Debian");
  stock.replenish();
  expect(children.map(({ name }) => name)).toEqual(["Debian"]);
});

test("one that ends is forgotten and not replaced before the next start", async () => {
  const { children, stock } = setUp();
  stock.keep(true);
  await settled();
  children[0]?.exit();
  stock.replenish();
  await settled();
  expect(children).toHaveLength(1);
  stock.take("Debian");
  expect(children.map(({ name }) => name)).toEqual([undefined, "Debian"]);
  stock.replenish();
  await settled();
  expect(children).toHaveLength(3);
  stock.keep(false);
});

test("one that cannot make machines is ended", async () => {
  const { children, stock } = setUp({ readCpuUnits: () => Promise.reject(new Error("nothing there")) });
  stock.keep(true);
  await settled();
  expect(children.map(({ killed }) => killed)).toEqual([true]);
  stock.take("Debian");
  expect(children).toHaveLength(2);
});

test("it ends when nobody wants it any more, and is not made on a host without memory", async () => {
  const { children, stock } = setUp();
  stock.keep(true);
  await settled();
  stock.keep(false);
  expect(children.map(({ killed }) => killed)).toEqual([true]);
  const poor = setUp({}, 2 ** 20);
  poor.stock.keep(true);
  await settled();
  expect(poor.children).toHaveLength(0);
});

test("a machine that starts during the rehearsal does not wait for its end", async () => {
  const { children, stock } = setUp({
    readCpuUnits: async () => ({ system: new Uint8Array(0), fpu: new Uint8Array(0) }),
  });
  stock.keep(true);
  await new Promise((resume) => setTimeout(resume, 1));
  const taken = stock.take("Debian");
  await expect(taken.client.call("boot", { config, folder: "/" })).resolves.toBeDefined();
  expect(children).toHaveLength(1);
});

test("what is prepared for all machines is left when one starts", async () => {
  let parts = 0;
  const { stock } = setUp({
    *prepareProcessors() {
      for (;;) {
        parts++;
        yield;
      }
    },
  });
  stock.keep(true);
  await settled();
  const taken = stock.take("Debian");
  await taken.client.call("boot", { config, folder: "/" });
  const prepared = parts;
  expect(prepared).toBeGreaterThan(0);
  await settled();
  expect(parts).toBe(prepared);
});
