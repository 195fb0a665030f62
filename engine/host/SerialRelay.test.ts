import { expect, test } from "vitest";
import { decodeBinaryMessage, type SerialOutput } from "../api/binaryMessage.ts";
import { SERIAL_WINDOW_BYTES, SerialRelay } from "./SerialRelay.ts";

function viewer() {
  const received: SerialOutput[] = [];
  const send = (bytes: Uint8Array) => void received.push(decodeBinaryMessage(bytes) as SerialOutput);
  const text = () => received.map(({ bytes }) => Buffer.from(bytes).toString("latin1")).join("");
  const forgotten = () => received.reduce((sum, each) => sum + each.forgotten, 0);
  return { received, send, text, forgotten };
}
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

test("late viewers get what is kept, all get what comes", () => {
  const relay = new SerialRelay();
  relay.put(bytes("login: "));
  const late = viewer();
  relay.open(1, late.send);
  relay.put(bytes("root"));
  expect(late.text()).toBe("login: root");
  relay.close(1);
  relay.put(bytes("more"));
  expect(late.text()).toBe("login: root");
});

test("a viewer without credit loses the oldest and is told how much", () => {
  const relay = new SerialRelay();
  const slow = viewer();
  relay.open(1, slow.send);
  const whole = Array.from({ length: SERIAL_WINDOW_BYTES * 3 }, (_none, index) =>
    String.fromCharCode(97 + (index % 26)),
  ).join("");
  for (let at = 0; at < whole.length; at += 5000) relay.put(bytes(whole.slice(at, at + 5000)));
  expect(slow.text()).toBe(whole.slice(0, SERIAL_WINDOW_BYTES));
  relay.credit(1, 2 * SERIAL_WINDOW_BYTES);
  expect(slow.text().slice(SERIAL_WINDOW_BYTES)).toBe(whole.slice(-SERIAL_WINDOW_BYTES));
  expect(slow.forgotten()).toBe(SERIAL_WINDOW_BYTES);
});

test("a burst larger than the window keeps its end", () => {
  const relay = new SerialRelay();
  relay.put(new Uint8Array(SERIAL_WINDOW_BYTES + 10).fill(65));
  relay.put(bytes("end"));
  const late = viewer();
  relay.open(1, late.send);
  expect(late.text()).toHaveLength(SERIAL_WINDOW_BYTES);
  expect(late.text().endsWith("AAAend")).toBe(true);
});
