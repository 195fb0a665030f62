/**
 * Whatever bytes a guest executes, the processor answers as hardware would: with results or exceptions, never with a failure of its
 * own. Random code in every mode, with tables that make most exceptions go somewhere.
 */
import { describe, expect, test } from "vitest";
import {
  type BareMachine,
  createBareMachine,
  placeFlat32,
  placeFlat64,
  placeRealMode,
} from "../../../tests/fixtures/bareMachine.ts";

function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x9e37_79b9) | 0;
    let z = Math.imul(seed ^ (seed >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

const ramBytes = 0x20_0000;
const [idtAt, gdtAt] = [0x5000, 0x6000];

/** Gates of 64-bit code that lead anywhere, so that exceptions do not end it at once, and the descriptors that they need. */
function placeGates(machine: BareMachine, random: () => number): { base: bigint; limit: number } {
  const tables = new DataView(machine.ram.buffer, machine.ram.byteOffset);
  tables.setBigUint64(gdtAt + 8, 0x00af_9b00_0000_ffffn, true);
  tables.setBigUint64(gdtAt + 16, 0x00cf_9300_0000_ffffn, true);
  for (let gate = idtAt; gate < idtAt + 0x1000; gate += 16) {
    const target = random() % ramBytes;
    tables.setUint32(gate, (target & 0xffff) | (8 << 16), true);
    tables.setUint32(gate + 4, (target & ~0xffff) | 0xee00, true);
    tables.setBigUint64(gate + 8, 0n, true);
  }
  return { base: BigInt(idtAt), limit: 0xfff };
}

describe("wild code does not break the processor", () => {
  test.for(["real", "flat", "long"] as const)("%s mode", { timeout: 60_000 }, async (mode) => {
    const random = generator({ real: 11, flat: 12, long: 13 }[mode]);
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
        if (mode === "flat") placeFlat32(machine, []);
        else placeFlat64(machine, []);
        const state = machine.vcpu.getState();
        const bits = BigInt(random() & 3);
        state.idtr = mode === "flat" ? { base: 0x1000n, limit: 0x7ff } : placeGates(machine, random);
        state.gdtr = { base: mode === "flat" ? 0x2000n : BigInt(gdtAt), limit: 0xfff };
        if (bits & 1n) state.cr4 |= 0x6d8n | (bits << 4n);
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
