/** SHA-NI, instruction by instruction on the interpreter, against the digests of another implementation. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { type BareMachine, createBareMachine, placeFlat32 } from "../../../tests/fixtures/bareMachine.ts";
import { cpuLayout } from "../layout/cpuLayout.ts";
import { memoryPlan } from "../layout/memoryPlan.ts";

const cr4Osfxsr = 0x200n;
const codeAt = 0x1_0000;

let machine: BareMachine;
beforeAll(async () => {
  machine = await createBareMachine();
});

type Lanes = readonly [number, number, number, number];

function xmm(register: number): Uint32Array {
  const { offset, strideBytes } = cpuLayout.xmm;
  return new Uint32Array(machine.memory.buffer, memoryPlan.cpuState + offset + register * strideBytes, 4);
}

/** One instruction `op xmm1, xmm2` with XMM0 as given; XMM1 afterwards. */
function execute(code: readonly number[], first: Lanes, second: Lanes, zeroth: Lanes = [0, 0, 0, 0]): Lanes {
  placeFlat32(machine, [...code, 0xf4], codeAt);
  machine.vcpu.setState({ ...machine.vcpu.getState(), cr4: cr4Osfxsr });
  xmm(0).set(zeroth);
  xmm(1).set(first);
  xmm(2).set(second);
  expect(machine.vcpu.run(4).kind).toBe("halted");
  return [...xmm(1)] as unknown as Lanes;
}

const add = (a: Lanes, b: Lanes): Lanes => a.map((value, lane) => (value + b[lane]!) >>> 0) as unknown as Lanes;
const sha1Rounds = (phase: number, abcd: Lanes, e: Lanes) => execute([0x0f, 0x3a, 0xcc, 0xca, phase], abcd, e);
const sha1NextE = (a: Lanes, b: Lanes) => execute([0x0f, 0x38, 0xc8, 0xca], a, b);
const sha1Message1 = (a: Lanes, b: Lanes) => execute([0x0f, 0x38, 0xc9, 0xca], a, b);
const sha1Message2 = (a: Lanes, b: Lanes) => execute([0x0f, 0x38, 0xca, 0xca], a, b);
const sha256Rounds = (cdgh: Lanes, abef: Lanes, wk: Lanes) => execute([0x0f, 0x38, 0xcb, 0xca], cdgh, abef, wk);
const sha256Message1 = (a: Lanes, b: Lanes) => execute([0x0f, 0x38, 0xcc, 0xca], a, b);
const sha256Message2 = (a: Lanes, b: Lanes) => execute([0x0f, 0x38, 0xcd, 0xca], a, b);

/** A message of less than 56 bytes as its one padded block of sixteen words. */
function blockOf(message: string): number[] {
  const bytes = new Uint8Array(64);
  const { written } = new TextEncoder().encodeInto(message, bytes);
  bytes[written] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(60, written * 8);
  return Array.from({ length: 16 }, (_, i) => view.getUint32(i * 4));
}

const hex = (words: readonly number[]): string => words.map((word) => word.toString(16).padStart(8, "0")).join("");
/** Four words, the first in the highest lane. */
const descending = (words: readonly number[]): Lanes => [...words].reverse() as unknown as Lanes;

function sha1(message: string): string {
  const block = blockOf(message);
  const start: Lanes = [0x1032_5476, 0x98ba_dcfe, 0xefcd_ab89, 0x6745_2301];
  const groups = [0, 4, 8, 12].map((at) => descending(block.slice(at, at + 4)));
  let abcd = start;
  let before: Lanes = abcd;
  for (let group = 0; group < 20; group++) {
    if (group >= 4) {
      const [w0, w1, w2, w3] = groups.slice(group - 4) as [Lanes, Lanes, Lanes, Lanes];
      const mixed = sha1Message1(w0, w1).map((word, lane) => (word ^ w2[lane]!) >>> 0) as unknown as Lanes;
      groups.push(sha1Message2(mixed, w3));
    }
    const message4 = groups[group]!;
    const withE: Lanes = group === 0 ? add([0, 0, 0, 0xc3d2_e1f0], message4) : sha1NextE(before, message4);
    before = abcd;
    abcd = sha1Rounds(Math.floor(group / 5), abcd, withE);
  }
  const e = sha1NextE(before, [0, 0, 0, 0xc3d2_e1f0])[3];
  return hex([...add(abcd, start)].reverse().concat(e));
}

const primes = Array.from({ length: 312 }, (_, i) => i).filter(
  (n) => n > 1 && Array.from({ length: n - 2 }, (_, i) => i + 2).every((d) => n % d !== 0),
);
const fraction = (value: number): number => Math.floor((value - Math.floor(value)) * 2 ** 32) >>> 0;

function sha256(message: string): string {
  const constants = primes.slice(0, 64).map((prime) => fraction(Math.cbrt(prime)));
  const [a, b, c, d, e, f, g, h] = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime))) as number[];
  const block = blockOf(message);
  const groups = [0, 4, 8, 12].map((at) => block.slice(at, at + 4) as unknown as Lanes);
  const start = [
    [f, e, b, a],
    [h, g, d, c],
  ] as unknown as [Lanes, Lanes];
  let [abef, cdgh] = start;
  for (let group = 0; group < 16; group++) {
    if (group >= 4) {
      const [w0, w1, w2, w3] = groups.slice(group - 4) as [Lanes, Lanes, Lanes, Lanes];
      const shifted: Lanes = [w2[1], w2[2], w2[3], w3[0]];
      groups.push(sha256Message2(add(sha256Message1(w0, w1), shifted), w3));
    }
    const wk = add(groups[group]!, constants.slice(group * 4, group * 4 + 4) as unknown as Lanes);
    [abef, cdgh] = [sha256Rounds(cdgh, abef, wk), abef];
    [abef, cdgh] = [sha256Rounds(cdgh, abef, [wk[2], wk[3], 0, 0]), abef];
  }
  const [f2, e2, b2, a2] = add(abef, start[0]);
  const [h2, g2, d2, c2] = add(cdgh, start[1]);
  return hex([a2, b2, c2, d2, e2, f2, g2, h2]);
}

describe.each(["", "abc", "The quick brown fox jumps over the lazy dog"])("digest of %j", (message) => {
  test("SHA-1", () => expect(sha1(message)).toBe(createHash("sha1").update(message).digest("hex")));
  test("SHA-256", () => expect(sha256(message)).toBe(createHash("sha256").update(message).digest("hex")));
});
