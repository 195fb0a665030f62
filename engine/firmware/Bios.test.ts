import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../tests/conformance/deviceConformance.ts";
import { FirmwareBench } from "../../tests/fixtures/FirmwareBench.ts";
import { StateReader } from "../base/StateReader.ts";
import { StateWriter } from "../base/StateWriter.ts";

deviceConformance("Bios", () => {
  const bench = new FirmwareBench();
  return { device: bench.bios, exercise: () => void bench.call(0x15, { ax: 0x5301, bx: 0 }) };
});

describe("calls and the trap port", () => {
  test("a stray write to the port does nothing", () => {
    const bench = new FirmwareBench();
    const before = bench.memory.bytes.slice(0, 0x10000);
    bench.bios.handler.write(0, 0x12345678, 4);
    bench.bios.handler.write(0, 0x7f, 1);
    expect(bench.memory.bytes.slice(0, 0x10000)).toEqual(before);
  });

  test("a wait that was under way when the machine was saved starts over after it is restored", async () => {
    const bench = new FirmwareBench();
    let restored = false;
    bench.onIdle = () => {
      if (restored) {
        bench.memory.write16(0x41e, 0x1e61);
        bench.memory.write16(0x41c, 0x20);
        return;
      }
      const writer = new StateWriter();
      bench.bios.save(writer);
      bench.bios.load(new StateReader(writer.finish()));
      restored = true;
    };
    expect((await bench.call(0x16, { ax: 0 })).ax).toBe(0x1e61);
    expect(restored).toBe(true);
  });

  test("calls that programs abandon do not pile up", () => {
    const bench = new FirmwareBench();
    for (let call = 0; call < 500; call++) {
      const at = 0x1000 + call * 64;
      bench.memory.write16(at + 44, 0x4748);
      bench.memory.write16(at + 46, 0x16);
      bench.bios.handler.write(0, at, 4);
      expect(bench.memory.read16(at)).toBe(1);
    }
    // The oldest was forgotten: it starts over and waits again.
    bench.bios.handler.write(0, 0x1000, 4);
    expect(bench.memory.read16(0x1000)).toBe(1);
  });

  test("behind page tables, frame and buffers are reached through them", async () => {
    const bench = new FirmwareBench({ cpu: { translate: (linear) => linear + 0x100000, yieldToHost: () => {} } });
    const at = 0x107000;
    bench.memory.write16(at + 44, 0x4748);
    bench.memory.write16(at + 46, 0x12);
    bench.memory.write16(at + 2, 0x0001);
    bench.memory.write16(0x100413, 639);
    bench.bios.handler.write(0, 0x7000, 4);
    expect(bench.memory.read16(at + 40)).toBe(639);
  });
});
