import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Endpoint } from "../../engine/api/Endpoint.ts";
import { memoryEndpointPair } from "../../engine/api/memoryEndpointPair.ts";
import { type DomPort, PortEndpoint } from "../../engine/api/PortEndpoint.ts";
import { type DomWebSocket, WebSocketEndpoint } from "../../engine/api/WebSocketEndpoint.ts";
import { StreamEndpoint } from "../../engine/host/StreamEndpoint.ts";
import { SocketEndpoint } from "../../engine/web/SocketEndpoint.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/** What every carrier of messages must do alike. */
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function streamPair(): Promise<[Endpoint, Endpoint]> {
  const server = createServer();
  const accepted = new Promise<Endpoint>((resolve) =>
    server.on("connection", (socket) => resolve(new StreamEndpoint(socket))),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const ours = new StreamEndpoint(connect((server.address() as AddressInfo).port, "127.0.0.1"));
  return [ours, await accepted];
}

async function webSocketPair(): Promise<[Endpoint, Endpoint]> {
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server });
  const accepted = new Promise<Endpoint>((resolve) =>
    sockets.on("connection", (socket) => resolve(new SocketEndpoint(socket))),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    sockets.close();
    server.close();
  });
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ours = new WebSocketEndpoint(socket as unknown as DomWebSocket);
  return [ours, await accepted];
}

function portPair(): [Endpoint, Endpoint] {
  const { port1, port2 } = new MessageChannel();
  return [new PortEndpoint(port1 as unknown as DomPort), new PortEndpoint(port2 as unknown as DomPort)];
}

const carriers: [string, () => Promise<[Endpoint, Endpoint]>][] = [
  ["memory", async () => memoryEndpointPair()],
  ["message port", async () => portPair()],
  ["byte stream", streamPair],
  ["web socket", webSocketPair],
];

describe.each(carriers)("%s", (_name, makePair) => {
  test("keeps order, boundaries and kinds, both ways, from before the first listener on", async () => {
    const [left, right] = await makePair();
    const big = new RandomValues(7).bytes(300_000);
    const messages = [
      { a: 1 },
      new Uint8Array([1, 2, 3]),
      { text: "ü\u0000€" },
      big.slice(),
      new Uint8Array(0),
      { end: [null] },
    ];
    for (const message of messages) left.send(message);
    right.send({ back: true });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const atRight: unknown[] = [];
    const atLeft: unknown[] = [];
    right.onMessage((message) => atRight.push(message));
    left.onMessage((message) => atLeft.push(message));
    await expect.poll(() => atRight.length).toBe(messages.length);
    const [arrivedBig] = atRight.splice(3, 1);
    expect(Buffer.compare(arrivedBig as Uint8Array, big)).toBe(0);
    expect(atRight).toEqual([
      { a: 1 },
      new Uint8Array([1, 2, 3]),
      { text: "ü\u0000€" },
      new Uint8Array(0),
      { end: [null] },
    ]);
    await expect.poll(() => atLeft).toEqual([{ back: true }]);
    left.close();
  });

  test("closing tells both sides once, with a reason, and later listeners too", async () => {
    const [left, right] = await makePair();
    const reasons: string[] = [];
    left.onClose((reason) => reasons.push(`left ${reason}`));
    right.onClose((reason) => reasons.push(`right ${reason}`));
    left.close("enough");
    left.close("again");
    await expect.poll(() => reasons.length).toBe(2);
    expect(reasons[0]).toBe("left enough");
    expect(reasons[1]).toMatch(/^right ./);
    let late = "";
    left.onClose((reason) => {
      late = reason;
    });
    expect(late).toBe("enough");
    left.send({ lost: true });
    right.send({ lost: true });
  });

  test("what was sent before closing still arrives", async () => {
    const [left, right] = await makePair();
    const received: unknown[] = [];
    right.onMessage((message) => received.push(message));
    left.send({ last: "words" });
    left.close();
    await expect.poll(() => received).toEqual([{ last: "words" }]);
  });

  test("a listener that unsubscribed hears nothing more", async () => {
    const [left, right] = await makePair();
    const first: unknown[] = [];
    const second: unknown[] = [];
    const subscription = right.onMessage((message) => first.push(message));
    right.onMessage((message) => second.push(message));
    left.send({ n: 1 });
    await expect.poll(() => second.length).toBe(1);
    subscription.dispose();
    left.send({ n: 2 });
    await expect.poll(() => second.length).toBe(2);
    expect(first).toHaveLength(1);
    left.close();
  });
});

test("random bytes on a stream end that connection, or are messages for a validator, and nothing else happens", async () => {
  const random = new RandomValues(0x5eed_0005);
  const endpoints: Endpoint[] = [];
  const server = createServer((socket) => {
    const endpoint = new StreamEndpoint(socket);
    endpoint.onMessage(() => {});
    endpoints.push(endpoint);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (let round = 0; round < 100; round++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.on("close", resolve));
    const bytes = random.bytes(random.below(200));
    // Half of them begin with a believable length.
    if (round % 2 === 0 && bytes.length > 4) bytes.set([random.below(60), 0, 0, 0, random.below(3)], 0);
    socket.end(bytes);
    socket.resume();
    await closed;
  }
  await expect.poll(() => endpoints.length).toBe(100);
});
