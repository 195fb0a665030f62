import * as v from "valibot";
import { describe, expect, test, vi } from "vitest";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { Endpoint } from "./Endpoint.ts";
import { memoryEndpointPair } from "./memoryEndpointPair.ts";
import { PortEndpoint } from "./PortEndpoint.ts";
import { ProtocolClient } from "./ProtocolClient.ts";
import { type CommandHandlers, ProtocolServer } from "./ProtocolServer.ts";

const protocol = {
  name: "test",
  version: 3,
  commands: {
    double: { params: v.strictObject({ value: v.number() }), result: v.strictObject({ value: v.number() }) },
    fail: { params: v.strictObject({ typed: v.boolean() }), result: v.strictObject({}) },
    lie: { params: v.strictObject({}), result: v.strictObject({ honest: v.literal(true) }) },
    note: { params: v.strictObject({ text: v.string() }) },
  },
  events: { tick: v.strictObject({ count: v.number() }) },
} as const;
type Protocol = typeof protocol;

const notes: string[] = [];
const handlers: CommandHandlers<Protocol, undefined> = {
  double: ({ value }) => ({ value: value * 2 }),
  fail: ({ typed }) => {
    throw typed ? new GuesthouseError("no-luck", "No luck.", { tries: 3 }) : new Error("a fault of ours");
  },
  lie: () => ({ honest: false }) as never,
  note: ({ text }) => {
    notes.push(text);
    return undefined;
  },
};

function serve(endpoint: Endpoint) {
  const closed = vi.fn();
  const faults: unknown[] = [];
  const server = new ProtocolServer<Protocol, undefined>({
    protocol,
    endpoint,
    handlers,
    context: undefined,
    onClose: closed,
    onFault: (error) => faults.push(error),
  });
  return { server, closed, faults };
}

function connect() {
  const [left, right] = memoryEndpointPair();
  return { ...serve(right), client: new ProtocolClient<Protocol>(protocol, left) };
}

/** Talks to a server in raw messages. */
function offender() {
  const [left, right] = memoryEndpointPair();
  const served = serve(right);
  const answers: unknown[] = [];
  left.onMessage((message) => answers.push(message));
  return { ...served, left, answers };
}

const hello = { type: "hello", protocol: "test", version: 3 };
const settle = () => new Promise((resume) => setTimeout(resume, 5));

describe("calls and events", () => {
  test("a call is answered, several at once by their own ids", async () => {
    const { client } = connect();
    const answers = await Promise.all([1, 2, 3].map((value) => client.call("double", { value })));
    expect(answers.map(({ value }) => value)).toEqual([2, 4, 6]);
  });

  test("a typed error keeps kind and context, another becomes internal and is reported", async () => {
    const { client, faults } = connect();
    await expect(client.call("fail", { typed: true })).rejects.toMatchObject({
      kind: "no-luck",
      context: { tries: 3 },
    });
    await expect(client.call("fail", { typed: false })).rejects.toMatchObject({ kind: "internal" });
    expect(faults).toHaveLength(1);
  });

  test("one-way commands arrive, events reach listeners until they unsubscribe, bytes pass", async () => {
    const { client, server } = connect();
    await client.ready;
    client.post("note", { text: "hello" });
    const ticks: number[] = [];
    const subscription = client.on("tick", ({ count }) => ticks.push(count));
    const bytes: number[] = [];
    client.binary.subscribe((data) => bytes.push(...data));
    server.emit("tick", { count: 1 });
    server.sendBinary(new Uint8Array([1, 2]));
    await settle();
    subscription.dispose();
    server.emit("tick", { count: 2 });
    await settle();
    expect(notes).toContain("hello");
    expect(ticks).toEqual([1]);
    expect(bytes).toEqual([1, 2]);
  });

  test("calls under way fail when the connection ends, and so do later ones", async () => {
    const { client, server } = connect();
    await client.ready;
    const call = client.call("double", { value: 1 });
    server.close("tired");
    await expect(call).rejects.toMatchObject({ kind: "connection-closed" });
    await expect(client.call("double", { value: 1 })).rejects.toMatchObject({ kind: "connection-closed" });
  });
});

describe("the handshake", () => {
  test("another version is refused with a typed failure and the connection closes", async () => {
    const [left, right] = memoryEndpointPair();
    const { closed } = serve(right);
    const client = new ProtocolClient({ ...protocol, version: 4 }, left);
    await expect(client.ready).rejects.toMatchObject({ kind: "version-mismatch" });
    expect(client.isClosed).toBe(true);
    expect(closed).toHaveBeenCalled();
  });

  test("nothing is answered before it", async () => {
    const { left, answers, closed } = offender();
    left.send({ type: "call", id: 1, command: "double", params: { value: 1 } });
    await settle();
    expect(answers).toEqual([
      { type: "failure", id: null, error: expect.objectContaining({ kind: "handshake-missing" }) },
    ]);
    expect(closed).toHaveBeenCalled();
  });
});

describe("malformed messages close the offender's connection alone", () => {
  test.each([
    ["no object", "text"],
    ["unknown type", { type: "shout" }],
    ["extra field", { type: "call", id: 1, command: "double", params: {}, more: 1 }],
    ["negative id", { type: "call", id: -1, command: "double", params: {} }],
    ["bytes that nobody expects", new Uint8Array([1])],
    ["a second hello", hello],
    ["an unknown command", { type: "call", id: 1, command: "toString", params: {} }],
    ["a command with an answer as one-way", { type: "post", command: "double", params: { value: 1 } }],
    ["parameters of a wrong type", { type: "call", id: 1, command: "double", params: { value: "1" } }],
  ])("%s", async (_name, message) => {
    const bystander = connect();
    const { left, answers, closed } = offender();
    left.send(hello);
    left.send(message as never);
    await settle();
    expect(answers.at(-1)).toMatchObject({ type: "failure", id: null });
    expect(closed).toHaveBeenCalled();
    await expect(bystander.client.call("double", { value: 4 })).resolves.toEqual({ value: 8 });
  });

  test("a malformed answer fails the call and the client hangs up", async () => {
    const { client } = connect();
    await expect(client.call("lie", {})).rejects.toMatchObject({ kind: "malformed-message" });
    expect(client.isClosed).toBe(true);
  });
});

describe("PortEndpoint", () => {
  test("serves ports of both kinds", async () => {
    const dom = new MessageChannel();
    serve(new PortEndpoint(dom.port1, "event"));
    const client = new ProtocolClient<Protocol>(protocol, new PortEndpoint(dom.port2, "event"));
    await expect(client.call("double", { value: 21 })).resolves.toEqual({ value: 42 });
    client.close();

    const emitters = new MessageChannel();
    const asEmitter = (port: unknown) => new PortEndpoint(port as never, "value");
    serve(asEmitter(emitters.port1));
    const other = new ProtocolClient<Protocol>(protocol, asEmitter(emitters.port2));
    await expect(other.call("double", { value: 4 })).resolves.toEqual({ value: 8 });
    other.close();
  });
});
