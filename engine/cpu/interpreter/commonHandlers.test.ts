import { describe, expect, test } from "vitest";
import { assemble } from "../../../resources/assembler/assemble.ts";
import { type BareMachine, createBareMachine, placeFlat32, placeFlat64 } from "../../../tests/fixtures/bareMachine.ts";
import { prepareCores } from "./Core.ts";
import { commonHandlerKeys } from "./commonHandlers.ts";
import { FirstHandlers } from "./FirstHandlers.ts";
import { handlerKey, parseHandlerKey } from "./HandlerSpec.ts";
import { inlineHandlersOf } from "./inlineHandlers.ts";
import { rehearseDecoding } from "./rehearseDecoding.ts";

describe.each([false, true])("common handlers, 64-bit code: %s", (long) => {
  const keys = commonHandlerKeys(long);

  test("are named once each, and none is inline anyway", () => {
    expect(keys.map((key) => handlerKey(parseHandlerKey(key)))).toEqual(keys);
    const all = [...keys, ...inlineHandlersOf(long).specs.map(handlerKey)];
    expect(new Set(all).size).toBe(all.length);
  });
});

test("decoding is rehearsed without making anything", () => {
  const handlers = new FirstHandlers(inlineHandlersOf(true));
  const [next, known] = [handlers.next, handlers.indices.size];
  expect([...rehearseDecoding(handlers)].length).toBeGreaterThan(10);
  expect([handlers.next, handlers.indices.size]).toEqual([next, known]);
});

const source = (bits: number) => `
  bits ${bits}
  org 0x10000
    mov ecx, 100
    mov eax, 0x12345678
    mov ebx, 0x20000
  again:
    adc [ebx], eax
    bswap eax
    bts eax, 5
    add [ebx + ecx * 4], ax
    xchg eax, edx
    loop again
    mov eax, [ebx]
    hlt
`;

function result(machine: BareMachine): unknown {
  while (machine.vcpu.run(10_000).kind === "budget");
  const { gpr, rflags } = machine.vcpu.getState();
  return { gpr, rflags, instructions: machine.vcpu.instructionCount() };
}

test("machines made before and after they are prepared do the same", { timeout: 60_000 }, async () => {
  const machines = async (): Promise<BareMachine[]> => {
    const [flat, long] = [await createBareMachine(), await createBareMachine()];
    placeFlat32(flat, [...assemble(source(32)).bytes], 0x10000);
    placeFlat64(long, [...assemble(source(64)).bytes], 0x10000);
    return [flat, long];
  };
  const before = (await machines()).map(result);
  for (const _part of prepareCores());
  const prepared = await machines();
  const known = (index: number, mode: number) => prepared[index]!.vcpu.interpreter.handlersOf(mode).known();
  for (const key of commonHandlerKeys(false)) expect(known(0, 1).has(key), key).toBe(true);
  for (const key of commonHandlerKeys(true)) expect(known(1, 2).has(key), key).toBe(true);
  expect(prepared.map(result)).toEqual(before);
});
