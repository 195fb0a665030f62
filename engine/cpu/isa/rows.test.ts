import { describe, expect, test } from "vitest";
import { DispatchTable } from "../decode/DispatchTable.ts";
import type { Algebra, FlagName, OperandRef, Width } from "../semantics/Algebra.ts";
import { helperSignatures } from "../semantics/helperSignatures.ts";
import { operations } from "../semantics/operations.ts";
import { featureNames, featuresOf } from "./features.ts";
import type { InstructionRow } from "./InstructionRow.ts";
import { rows } from "./rows.ts";

interface Traces {
  readonly helpers: Set<keyof typeof helperSignatures>;
  readonly flags: Set<FlagName>;
  jumps: boolean;
  /** A memory operand was first touched inside of a condition. */
  touchesLate: boolean;
}

const arithmeticFlags: readonly FlagName[] = ["OF", "SF", "ZF", "AF", "PF", "CF"];
const letters: Record<string, FlagName> = {
  O: "OF",
  S: "SF",
  Z: "ZF",
  A: "AF",
  P: "PF",
  C: "CF",
  D: "DF",
  I: "IF",
};

/** Runs a row's semantics over an algebra that only notes what is asked of it; both sides of every condition are taken. */
function trace(row: InstructionRow): Traces {
  const traces: Traces = { helpers: new Set(), flags: new Set(), jumps: false, touchesLate: false };
  let depth = 0;
  const touched = new Set<unknown>();
  const touch = (operand: unknown): void => {
    if ((operand as { kind?: string } | undefined)?.kind !== "memory" || touched.has(operand)) return;
    touched.add(operand);
    traces.touchesLate ||= depth > 0;
  };
  const vector = new Proxy(
    {},
    {
      get:
        (_target, name: string) =>
        (...args: unknown[]) => {
          args.forEach(touch);
          if (name === "readPair") return [value(32), value(32)];
          return value(name === "extract" ? args[0] : 32);
        },
    },
  );
  const value = (width: unknown) => ({ width });
  const special: Record<string, unknown> = {
    operandSize: 32,
    addressSize: 32,
    stackSize: 32,
    repeat: "none",
    constant: (width: number) => value(width),
    zeroExtend: (_a: unknown, width: number) => value(width),
    signExtend: (_a: unknown, width: number) => value(width),
    truncate: (_a: unknown, width: number) => value(width),
    readRegister: (width: number) => value(width),
    load: (width: number) => value(width),
    peekStack: (width: number) => value(width),
    fromCondition: (_a: unknown, width: number) => value(width),
    select: (_c: unknown, a: unknown) => a,
    vector,
    readAt: (operand: unknown, _b: unknown, width: number) => {
      touch(operand);
      return value(width);
    },
    readForWriteAt: (operand: unknown, _b: unknown, width: number) => {
      touch(operand);
      return value(width);
    },
    readSegmentSelector: () => value(16),
    recordConstant: () => value(32),
    farPointer: () => ({ selector: value(16), offset: value(64) }),
    nextInstruction: () => value(64),
    effectiveAddress: (operand: unknown) => {
      touch(operand);
      return value(64);
    },
    linearAddress: (operand: unknown) => {
      touch(operand);
      return value(64);
    },
    when: (_c: unknown, then: () => void, otherwise?: () => void) => {
      depth++;
      then();
      otherwise?.();
      depth--;
    },
    setFlag: (name: FlagName) => traces.flags.add(name),
    helper: (name: keyof typeof helperSignatures) => {
      traces.helpers.add(name);
      const signature = helperSignatures[name] as { result?: string };
      return value(signature.result === "i64" ? 64 : 32);
    },
  };
  const algebra = new Proxy(special, {
    get(target, name: string) {
      if (name in target) return target[name];
      if (name.startsWith("flags"))
        return () => {
          for (const flag of arithmeticFlags) traces.flags.add(flag);
        };
      if (name.startsWith("jump")) traces.jumps = true;
      return (a: unknown, ...others: unknown[]) => {
        [a, ...others].forEach(touch);
        return value((a as { width?: number })?.width ?? 32);
      };
    },
  }) as unknown as Algebra;
  const operands = row.operands.map((letter) => {
    const wide = /^(Eb|Gb|Ib|AL|CL|1|Xb|Yb|Zb|Mb|BBb|Ob)$/.test(letter)
      ? 8
      : /^(Ew|Mw|Sw|Iw|DX|AX|[CDEFGS]S)$/.test(letter)
        ? 16
        : /^(Mq|[PQN]q|Wq|Wsd)$/.test(letter)
          ? 64
          : 32;
    const kind = /^[MXYOWQ]|^BB|^DI/.test(letter) ? "memory" : /^(s?I|1)/.test(letter) ? "immediate" : "register";
    return { width: wide, kind: letter.startsWith("J") ? "relative" : letter === "Ap" ? "far" : kind };
  });
  operations[row.operation](algebra, operands as OperandRef<Width>[]);
  return traces;
}

const integerRows = rows.filter((row) => !row.unit);

test("memory operands are first touched where they always are: executors compute an address once", () => {
  const late = rows.filter((row) => trace(row).touchesLate).map((row) => `${row.encoding} ${row.operation}`);
  expect(late).toEqual([]);
});

test("every feature that rows need has its CPUID bit", () => {
  const needed = new Set(rows.flatMap((row) => row.feature ?? []));
  expect([...needed].filter((name) => !featureNames.has(name))).toEqual([]);
});

test("features follow the CPUID words", () => {
  const none = { basicEdx: 0, basicEcx: 0, extendedEdx: 0, extendedEcx: 0, structuredEbx: 0 };
  expect([...featuresOf({ ...none, basicEdx: (1 << 15) | (1 << 23), structuredEbx: 8 })].sort()).toEqual([
    "bmi1",
    "cmov",
    "mmx",
  ]);
});

test("no two rows encode the same bytes", () => {
  expect(() => new DispatchTable(rows.filter((row) => row.mode !== "long"))).not.toThrow();
  expect(() => new DispatchTable(rows.filter((row) => row.mode !== "legacy"))).not.toThrow();
});

describe.each(integerRows.map((row) => [row.encoding, row.operation, row] as const))("%s %s", (_e, _o, row) => {
  const traces = trace(row);
  test("ends a block if anything it does may change what follows", () => {
    const ends = traces.jumps || [...traces.helpers].some((name) => "endsBlock" in helperSignatures[name]);
    if (ends) expect(row.endsBlock).toBe(true);
  });
  test("touches no flag that the row does not name", () => {
    const named = [...(row.writes ?? ""), ...(row.undefinedFlags ?? "")].map((letter) => letters[letter]!);
    const unnamed = [...traces.flags].filter((flag) => !named.includes(flag));
    if (row.operation === "INC" || row.operation === "DEC") expect(unnamed).toEqual(["CF"]);
    else expect(unnamed).toEqual([]);
  });
});
