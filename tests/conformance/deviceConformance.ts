import { describe, expect, test } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { StateReader } from "../../engine/base/StateReader.ts";
import { StateWriter } from "../../engine/base/StateWriter.ts";
import type { Device } from "../../engine/contracts/Device.ts";

/** A fresh device with everything it needs, and a way to bring it into a state unlike the one after power-on. */
export interface ConformanceSubject {
  readonly device: Device;
  exercise(): void;
}

/**
 * What every Device promises: `save` is repeatable and changes nothing, `load` brings back every byte on the same and
 * on another instance, `reset("power")` equals a fresh device, and bytes that are cut short or damaged are refused with a
 * GuesthouseError before anything changed. `make` builds a new, independent subject at each call; times must be saved relative
 * to the clock's now, because two subjects may have clocks that disagree.
 */
export function deviceConformance(name: string, make: () => ConformanceSubject): void {
  describe(`${name} keeps the promises of a device`, () => {
    test("save is repeatable and exercise changes the state", () => {
      const { device, exercise } = make();
      const fresh = save(device);
      expect(save(device)).toEqual(fresh);
      exercise();
      const used = save(device);
      expect(save(device)).toEqual(used);
      expect(used).not.toEqual(fresh);
    });

    test("two fresh devices are equal", () => {
      expect(save(make().device)).toEqual(save(make().device));
    });

    test("load restores what save wrote, on the same device and on another", () => {
      const first = make();
      const fresh = save(first.device);
      first.exercise();
      const used = save(first.device);
      load(first.device, fresh);
      expect(save(first.device)).toEqual(fresh);
      load(first.device, used);
      expect(save(first.device)).toEqual(used);
      const second = make();
      load(second.device, used);
      expect(save(second.device)).toEqual(used);
      load(second.device, fresh);
      expect(save(second.device)).toEqual(fresh);
    });

    test("a power reset equals a fresh device", () => {
      const { device, exercise } = make();
      const fresh = save(device);
      exercise();
      device.reset("power");
      expect(save(device)).toEqual(fresh);
    });

    test("a hard reset can be repeated", () => {
      const { device, exercise } = make();
      exercise();
      device.reset("hard");
      const once = save(device);
      device.reset("hard");
      expect(save(device)).toEqual(once);
    });

    test("truncated state is refused and changes nothing", () => {
      const used = exercisedState(make);
      const { device } = make();
      const before = save(device);
      for (const length of cuts(used.length)) {
        const attempt = () => device.load(new StateReader(used.subarray(0, length)));
        expect(attempt, `cut to ${length} of ${used.length} bytes`).toThrow(GuesthouseError);
        expect(sameBytes(save(device), before), `unchanged after a cut to ${length} bytes`).toBe(true);
      }
    });

    test("damaged state is refused or accepted, never answered with another error", () => {
      const used = exercisedState(make);
      const random = xorshift(0x9e3779b9);
      for (let round = 0; round < 60 && used.length > 0; round++) {
        const damaged = used.slice();
        for (let hits = 1 + (random() % 4); hits > 0; hits--) damaged[random() % damaged.length] = random() & 0xff;
        const { device, exercise } = make();
        try {
          device.load(new StateReader(damaged));
        } catch (error) {
          expect(error).toBeInstanceOf(GuesthouseError);
          continue;
        }
        exercise();
        save(device);
      }
    });
  });
}

function exercisedState(make: () => ConformanceSubject): Uint8Array {
  const { device, exercise } = make();
  exercise();
  return save(device);
}

function save(device: Device): Uint8Array {
  const writer = new StateWriter();
  device.save(writer);
  return writer.finish();
}

function load(device: Device, bytes: Uint8Array): void {
  const reader = new StateReader(bytes);
  device.load(reader);
  reader.end();
}

/** Much faster than toEqual, for the many comparisons of the truncation test. */
function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** Every length of a short state; a spread of a long one. */
function cuts(length: number): number[] {
  if (length <= 300) return Array.from({ length }, (_, index) => index);
  const spread = Array.from({ length: 200 }, (_, index) => Math.floor((index * length) / 200));
  return [...new Set([...spread, ...Array.from({ length: 40 }, (_, index) => length - 1 - index)])];
}

function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
