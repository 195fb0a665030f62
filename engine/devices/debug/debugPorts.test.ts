import { expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { DebugConsole } from "./DebugConsole.ts";
import { DebugExit } from "./DebugExit.ts";
import { TestDevice } from "./TestDevice.ts";

test("the debug console passes bytes on and answers E9h", () => {
  const bytes: number[] = [];
  const console = new DebugConsole({ onByte: (byte) => bytes.push(byte) });
  for (const byte of [0x48, 0x69]) console.write(0, byte);
  expect([bytes, console.read()]).toEqual([[0x48, 0x69], 0xe9]);
});

test("the exit port reports the whole value", () => {
  const values: number[] = [];
  const exit = new DebugExit({ onExit: (value) => values.push(value) });
  exit.write(0, 0);
  exit.write(0, 0xffffffff);
  expect([values, exit.read()]).toEqual([[0, 0xffffffff], 0]);
});

function testDevice() {
  const lines = Array.from({ length: 24 }, () => new RecordedLine());
  return { lines, device: new TestDevice({ line: (interrupt) => lines[interrupt]! }) };
}

test("the test device's latch keeps what is written, in parts of any width", () => {
  const { device } = testDevice();
  device.latch.write(0, 0x12345678, 4);
  device.latch.write(1, 0xab, 1);
  expect([device.latch.read(0, 4), device.latch.read(2, 2)]).toEqual([0x1234ab78, 0x1234]);
});

test("the test device raises and lowers each interrupt by itself", () => {
  const { device, lines } = testDevice();
  device.interrupts.write(3, 1, 1);
  device.interrupts.write(23, 1, 1);
  device.interrupts.write(3, 0, 1);
  expect(lines.flatMap((line, index) => (line.level ? [index] : []))).toEqual([23]);
  device.reset("hard");
  expect(lines[23]!.level).toBe(false);
});

test("the test device's memory reaches to its last byte", () => {
  const { device } = testDevice();
  device.window.write(0xfffc, 0xdeadbeef, 4);
  expect([device.window.read(0xffff, 1), device.window.read(0xfffc, 2)]).toEqual([0xde, 0xbeef]);
});

deviceConformance("the test device", () => {
  const { device } = testDevice();
  return {
    device,
    exercise() {
      device.latch.write(0, 1, 4);
      device.interrupts.write(5, 1, 1);
      device.window.write(0x123, 0x45, 1);
    },
  };
});
