import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rows } from "../isa/rows.ts";
import { Decoder } from "./Decoder.ts";
import { formatInstruction } from "./formatInstruction.ts";

const decoder = new Decoder(rows);
type CodeSize = 16 | 32 | 64;

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));

function describeBytes(bytes: Uint8Array, codeSize: CodeSize): string {
  const decoded = decoder.decode(bytes, 0, bytes.length, { codeSize });
  if ("failure" in decoded) return `! ${decoded.failure}`;
  const length = decoded.length === bytes.length ? "" : `(${decoded.length} bytes) `;
  return length + formatInstruction(decoded);
}

describe("table of encodings", () => {
  const table = readFileSync(new URL("encodings.txt", import.meta.url), "utf8");
  for (const line of table.trimEnd().split("\n")) {
    const [size, bytes, expected] = line.split(" | ") as [string, string, string];
    test(`${size}-bit ${bytes}`, () => {
      expect(describeBytes(bytesOf(bytes), Number(size) as CodeSize)).toBe(expected);
    });
  }
});

describe("features", () => {
  const decode = (features: string[], bytes: string): string => {
    const decoded = new Decoder(rows, new Set(features)).decode(bytesOf(bytes), 0, 8, { codeSize: 32 });
    return "failure" in decoded ? decoded.failure : decoded.row.operation;
  };
  test("without LZCNT its bytes are BSR", () => expect(decode([], "f3 0f bd c1 00 00 00 00")).toBe("BSR"));
  test("with LZCNT they are LZCNT", () => expect(decode(["lzcnt"], "f3 0f bd c1 00 00 00 00")).toBe("LZCNT"));
  test("without CMOV its bytes are invalid", () => expect(decode([], "0f 44 c1 00 00 00 00 00")).toBe("invalid"));
});

describe("any bytes", () => {
  let state = 0x2545_f491;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  test.each([16, 32, 64] as const)("never throw and never take more than they have, %i-bit", (codeSize) => {
    const bytes = new Uint8Array(24);
    for (let round = 0; round < 20_000; round++) {
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() % 6 === 0 ? 0x0f : random();
      const available = random() % 17;
      const decoded = decoder.decode(bytes, 3, available, { codeSize });
      if ("failure" in decoded) {
        if (available >= 15) expect(decoded.failure).not.toBe("truncated");
        continue;
      }
      expect(decoded.length).toBeLessThanOrEqual(Math.min(available, 15));
      // The bytes behind an instruction have no say in it, and one byte less is not enough.
      const exact = decoder.decode(bytes, 3, decoded.length, { codeSize });
      expect(exact).toEqual(decoded);
      expect(decoder.decode(bytes, 3, decoded.length - 1, { codeSize })).toEqual({ failure: "truncated" });
    }
  });
});
