/**
 * The SHA instructions, which few hosts have, against another implementation: whole SHA-1 and SHA-256 digests built from them must be those of
 * Node's. Intel SDM vol. 2, SHA1RNDS4 to SHA256RNDS2; words of a vector are given from the lowest lane up.
 */
import { createHash } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { GuestProcessor } from "./GuestProcessor.ts";
import { caseLayout, codeBytes, outcomeLayout, xsaveLayout } from "./oracleLayout.ts";

type Words = readonly number[];

let guest: GuestProcessor;
beforeAll(async () => {
  guest = await GuestProcessor.create();
});

/** Executes one instruction with vectors in XMM0, XMM1, ... and gives the register that it writes. */
function execute(code: readonly number[], vectors: readonly Words[], result: number): number[] {
  const bytes = new Uint8Array(caseLayout.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(caseLayout.flags, 0x202, true);
  view.setUint32(caseLayout.codeSize, 64, true);
  view.setUint16(caseLayout.xsave + xsaveLayout.fcw, 0x37f, true);
  view.setUint32(caseLayout.xsave + xsaveLayout.mxcsr, 0x1f80, true);
  vectors.forEach((words, register) => {
    words.forEach((word, lane) => {
      view.setUint32(caseLayout.xsave + xsaveLayout.xmm + register * 16 + lane * 4, word, true);
    });
  });
  guest.setCode(new Uint8Array(codeBytes).fill(0xcc).map((int3, i) => code[i] ?? int3));
  expect(guest.run(bytes)).toBe("ended");
  const { outcome } = guest.readOutcome(64);
  const after = new DataView(outcome.buffer, outcome.byteOffset);
  expect(after.getUint32(outcomeLayout.vector, true)).toBe(3);
  return [0, 4, 8, 12].map((lane) => after.getUint32(outcomeLayout.xmm + result * 16 + lane, true));
}

/** XMM0 with XMM1. */
const pair =
  (...opcode: number[]) =>
  (a: Words, b: Words): number[] =>
    execute([...opcode, 0xc1], [a, b], 0);
const sha1Next = pair(0x0f, 0x38, 0xc8);
const sha1Message1 = pair(0x0f, 0x38, 0xc9);
const sha1Message2 = pair(0x0f, 0x38, 0xca);
const sha256Message1 = pair(0x0f, 0x38, 0xcc);
const sha256Message2 = pair(0x0f, 0x38, 0xcd);
const sha1Rounds = (abcd: Words, e: Words, group: number): number[] =>
  execute([0x0f, 0x3a, 0xcc, 0xc1, group], [abcd, e], 0);
/** Two rounds; the sums of message and constants are in XMM0. */
const sha256Rounds = (cdgh: Words, abef: Words, sums: Words): number[] =>
  execute([0x0f, 0x38, 0xcb, 0xca], [sums, cdgh, abef], 1);

const add = (a: Words, b: Words): number[] => a.map((word, lane) => (word + b[lane]!) >>> 0);
const exclusiveOr = (a: Words, b: Words): number[] => a.map((word, lane) => (word ^ b[lane]!) >>> 0);

/** One block with its padding. */
function blockOf(text: string): number[] {
  const block = Buffer.alloc(64);
  block.write(text);
  block[text.length] = 0x80;
  block.writeUInt32BE(text.length * 8, 60);
  return Array.from({ length: 16 }, (_, i) => block.readUInt32BE(i * 4));
}

const hexadecimal = (words: Words): string => words.map((word) => word.toString(16).padStart(8, "0")).join("");

function sha1(text: string): string {
  const initial = [0x1032_5476, 0x98ba_dcfe, 0xefcd_ab89, 0x6745_2301];
  const initialE = [0, 0, 0, 0xc3d2_e1f0];
  const words = blockOf(text);
  const message = [0, 4, 8, 12].map((i) => words.slice(i, i + 4).reverse());
  let abcd: Words = initial;
  let previous: Words = initialE;
  for (let group = 0; group < 20; group++) {
    if (group >= 4) {
      const first = exclusiveOr(sha1Message1(message[group - 4]!, message[group - 3]!), message[group - 2]!);
      message.push(sha1Message2(first, message[group - 1]!));
    }
    const e = group === 0 ? add(previous, message[0]!) : sha1Next(previous, message[group]!);
    previous = abcd;
    abcd = sha1Rounds(abcd, e, Math.floor(group / 5));
  }
  const e = sha1Next(previous, initialE);
  return hexadecimal([...add(abcd, initial).reverse(), e[3]!]);
}

const isPrime = (n: number): boolean =>
  Array.from({ length: n - 2 }, (_, i) => i + 2).every((d) => d * d > n || n % d !== 0);
const primes = Array.from({ length: 400 }, (_, i) => i + 2).filter(isPrime);
/** The first 32 bits behind the point of a cube root, exactly. */
function cubeRootFraction(prime: number): number {
  const target = BigInt(prime) << 96n;
  let root = 0n;
  for (let bit = 35n; bit >= 0n; bit--) if ((root | (1n << bit)) ** 3n <= target) root |= 1n << bit;
  return Number(root & 0xffff_ffffn);
}
const constants = primes.slice(0, 64).map(cubeRootFraction);

function sha256(text: string): string {
  const [a, b, c, d, e, f, g, h] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ] as const;
  const [startAbef, startCdgh] = [
    [f, e, b, a],
    [h, g, d, c],
  ];
  let [abef, cdgh]: Words[] = [startAbef, startCdgh];
  const words = blockOf(text);
  const message = [0, 4, 8, 12].map((i) => words.slice(i, i + 4));
  for (let group = 0; group < 16; group++) {
    if (group >= 4) {
      const shifted = [...message[group - 2]!.slice(1), message[group - 1]![0]!];
      const first = add(sha256Message1(message[group - 4]!, message[group - 3]!), shifted);
      message.push(sha256Message2(first, message[group - 1]!));
    }
    const sums = add(message[group]!, constants.slice(group * 4, group * 4 + 4));
    cdgh = sha256Rounds(cdgh!, abef!, sums);
    abef = sha256Rounds(abef!, cdgh, [sums[2]!, sums[3]!, 0, 0]);
  }
  const [f1, e1, b1, a1] = add(abef!, startAbef);
  const [h1, g1, d1, c1] = add(cdgh!, startCdgh);
  return hexadecimal([a1!, b1!, c1!, d1!, e1!, f1!, g1!, h1!]);
}

test.each(["", "abc", "The quick brown fox jumps over the lazy dog"])("digests of %j", (text) => {
  expect(sha1(text)).toBe(createHash("sha1").update(text).digest("hex"));
  expect(sha256(text)).toBe(createHash("sha256").update(text).digest("hex"));
});
