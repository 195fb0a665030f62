import { expect, test } from "vitest";
import { StateReader } from "../base/StateReader.ts";
import { StateWriter } from "../base/StateWriter.ts";
import { stateMigrations } from "./stateMigrations.ts";

const migrate = (section: string, from: number, payload: Uint8Array): Uint8Array =>
  stateMigrations.find((step) => step.section === section && step.from === from)!.migrate(payload);

test("version 2 of the BIOS had a geometry for each disk of the machine", () => {
  const beginning = (): StateWriter => new StateWriter().u16(7).bool(true).bool(false).u8(1).u8(1).string("no disc");
  const image = new Uint8Array(16).fill(3);
  const old = beginning().bool(true);
  for (const byte of image) old.u8(byte);
  old.u16(100).u16(16).u8(63).u16(200).u16(255).u8(62);
  const reader = new StateReader(migrate("device:bios", 2, old.finish()));
  expect([reader.u16(), reader.bool(), reader.bool(), reader.u8(), reader.u8(), reader.string()]).toEqual([
    7,
    true,
    false,
    1,
    1,
    "no disc",
  ]);
  expect(reader.bool()).toBe(true);
  expect(Array.from(image, () => reader.u8())).toEqual([...image]);
  expect(reader.u8()).toBe(2);
  for (const geometry of [
    [100, 16, 63],
    [200, 255, 62],
  ]) {
    expect(reader.string()).toBe("");
    expect([reader.u16(), reader.u16(), reader.u8()]).toEqual(geometry);
  }
  reader.end();
  expect(() => migrate("device:bios", 2, old.finish().subarray(0, -1))).toThrow(/too early/);
});
