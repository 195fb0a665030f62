/**
 * Whatever bytes a guest executes, the processor answers as hardware would: with results or exceptions, never with a failure of its
 * own. Random code in every mode, with tables that make most exceptions go somewhere.
 */
import { describe, expect, test } from "vitest";
import { createBareMachine, placeFlat32, placeRealMode } from "../../../tests/fixtures/bareMachine.ts";

function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x9e37_79b9) | 0;
    let z = Math.imul(seed ^ (seed >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

const ramBytes = 0x20_0000;

describe("wild code does not break the processor", () => {
  test.for(["real", "flat"] as const)("%s mode", { timeout: 60_000 }, async (mode) => {
    const random = generator(mode === "real" ? 11 : 12);
    const machine = await createBareMachine(ramBytes);
    const kinds = new Map<string, number>();
    for (let round = 0; round < 120; round++) {
      const words = new Uint32Array(machine.ram.buffer, machine.ram.byteOffset, ramBytes / 4);
      // Mostly plausible opcodes, some of them behind 0F; addresses tend to be small.
      for (let i = 0; i < words.length; i += 1 + (random() & 7))
        words[i] = random() & (random() % 3 ? -1 : 0x00ff_00ff);
      machine.vcpu.invalidateCode(0, ramBytes);
      machine.vcpu.reset();
      if (mode === "real") placeRealMode(machine, []);
      else {
        placeFlat32(machine, []);
        const state = machine.vcpu.getState();
        const bits = BigInt(random() & 3);
        state.idtr = { base: 0x1000n, limit: 0x7ff };
        state.gdtr = { base: 0x2000n, limit: 0xfff };
        if (bits & 1n) state.cr4 = 0x6d8n | (bits << 4n);
        machine.vcpu.setState(state);
      }
      for (let slice = 0; slice < 8; slice++) {
        if (slice === 3) {
          machine.vectors.push(random() & 0xff);
          machine.vcpu.setInterruptPending(true);
        }
        const exit = machine.vcpu.run(500);
        if (exit.kind === "failure") throw exit.error;
        kinds.set(exit.kind, (kinds.get(exit.kind) ?? 0) + 1);
        if (exit.kind !== "budget") break;
      }
    }
    expect([...kinds.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(120);
  });
});
