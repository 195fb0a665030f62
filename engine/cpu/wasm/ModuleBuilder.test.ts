import { describe, expect, test } from "vitest";
import { ByteWriter } from "./ByteWriter.ts";
import { ModuleBuilder } from "./ModuleBuilder.ts";

type Run = (...args: (number | bigint)[]) => number | bigint;

function instantiate(module: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, Run> {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), imports);
  return instance.exports as Record<string, Run>;
}

describe("ModuleBuilder", () => {
  test("a loop that sums", () => {
    const module = new ModuleBuilder();
    const sum = module.function(["i32"], ["i32"], (f) => {
      const total = f.local("i32");
      const again = f.loop();
      f.get(total).get(0).op("i32Add").set(total);
      f.get(0).i32(1).op("i32Sub").tee(0).brIf(again);
      f.end();
      f.get(total);
    });
    module.export("sum", "function", sum);
    expect(instantiate(module).sum?.(100)).toBe(5050);
  });

  test("br_table picks by number and falls back", () => {
    const module = new ModuleBuilder();
    const pick = module.function(["i32"], ["i32"], (f) => {
      const fallback = f.block();
      const one = f.block();
      const zero = f.block();
      f.get(0).brTable([zero, one], fallback);
      f.end();
      f.i32(10).op("return");
      f.end();
      f.i32(11).op("return");
      f.end();
      f.i32(-1);
    });
    module.export("pick", "function", pick);
    const run = instantiate(module).pick!;
    expect([0, 1, 2, 99].map((n) => run(n))).toEqual([10, 11, -1, -1]);
  });

  test("shared memory, 64-bit constants and offsets", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new ModuleBuilder();
    module.importMemory("env", "memory", 1, 1);
    const put = module.function(["i32"], ["i64"], (f) => {
      f.get(0).i64(-0x1234_5678_9abc_def0n).memory("i64Store", 0x100);
      f.get(0).memory("i64Load32S", 0x104);
    });
    module.export("put", "function", put);
    expect(instantiate(module, { env: { memory } }).put?.(8)).toBe(-0x12345679n);
    expect(new DataView(memory.buffer).getBigInt64(0x108, true)).toBe(-0x1234_5678_9abc_def0n);
  });

  test("a thrown tag is caught, also when it comes through an imported function", () => {
    const thrower = new ModuleBuilder();
    const tag = thrower.tag();
    thrower.export("tag", "tag", tag);
    thrower.export(
      "fault",
      "function",
      thrower.function([], [], (f) => void f.throw(tag)),
    );
    const first = new WebAssembly.Instance(new WebAssembly.Module(thrower.finish()));
    const module = new ModuleBuilder();
    const fault = module.importFunction("env", "fault", [], []);
    const imported = module.importTag("env", "tag");
    const run = module.function([], ["i32"], (f) => {
      f.try("i32");
      f.call(fault).i32(1);
      f.catch(imported).i32(2);
      f.end();
    });
    module.export("run", "function", run);
    const env = first.exports as Record<string, WebAssembly.ImportValue>;
    expect(instantiate(module, { env }).run?.()).toBe(2);
  });

  test("elements fill an imported table for call_indirect", () => {
    const table = new WebAssembly.Table({ element: "anyfunc", initial: 4 });
    const module = new ModuleBuilder();
    module.importTable("env", "table", 4);
    const twice = module.function(["i32"], ["i32"], (f) => void f.get(0).i32(2).op("i32Mul"));
    const square = module.function(["i32"], ["i32"], (f) => void f.get(0).get(0).op("i32Mul"));
    module.elements(2, [twice, square]);
    const run = module.function(["i32", "i32"], ["i32"], (f) => {
      f.get(1)
        .get(0)
        .callIndirect(module.type(["i32"], ["i32"]));
    });
    module.export("run", "function", run);
    const { run: call } = instantiate(module, { env: { table } });
    expect(call?.(2, 9)).toBe(18);
    expect(call?.(3, 9)).toBe(81);
  });

  test("SIMD: lanes, shuffle and constants", () => {
    const module = new ModuleBuilder();
    const run = module.function(["i32"], ["i32"], (f) => {
      f.get(0).simd("i32x4Splat");
      f.v128(new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0])).simd("i32x4Mul");
      const product = f.local("v128");
      f.set(product).get(product).get(product);
      f.shuffle([12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      f.simdLane("i32x4ExtractLane", 0);
    });
    module.export("run", "function", run);
    expect(instantiate(module).run?.(7)).toBe(28);
  });

  test("set followed by get becomes tee only within straight code", () => {
    const module = new ModuleBuilder();
    const run = module.function(["i32"], ["i32"], (f) => {
      const a = f.local("i32");
      f.get(0).set(a);
      f.block();
      f.end();
      f.get(a).set(a).get(a).get(a).op("i32Add");
    });
    module.export("run", "function", run);
    expect(instantiate(module).run?.(21)).toBe(42);
  });
});

describe("ByteWriter", () => {
  test("LEB128 edges", () => {
    const writer = new ByteWriter();
    writer.signed(-64);
    writer.signed(64);
    writer.signed(-0x8000_0000);
    writer.unsigned(0xffff_ffff);
    writer.signed64(0x7fff_ffff_ffff_ffffn);
    expect([...writer.finish()]).toEqual([
      0x40, 0xc0, 0x00, 0x80, 0x80, 0x80, 0x80, 0x78, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0x00,
    ]);
  });
});
