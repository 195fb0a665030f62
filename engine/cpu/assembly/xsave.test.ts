import { beforeEach, describe, expect, test } from "vitest";
import { type BareMachine, createBareMachine, placeFlat32 } from "../../../tests/fixtures/bareMachine.ts";

let machine: BareMachine;
beforeEach(async () => {
  machine = await createBareMachine();
}, 120_000);

const area = 0x2000;
const mov = (register: number, value: number): number[] => [
  0xb8 + register,
  ...[0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff),
];
const [eax, ecx, edx, edi] = [0, 1, 2, 7];
/** CR4.OSXSAVE, OSFXSR and OSXMMEXCPT. */
const enable = [...mov(eax, 0x4_0600), 0x0f, 0x22, 0xe0];
/** XCR0 = x87 and SSE. */
const setXcr0 = [...mov(ecx, 0), ...mov(edx, 0), ...mov(eax, 3), 0x0f, 0x01, 0xd1];
const request = (mask: number): number[] => [...mov(edi, area), ...mov(edx, 0), ...mov(eax, mask)];
const halt = 0xf4;
const forms = {
  xsave: [0x0f, 0xae, 0x27],
  xrstor: [0x0f, 0xae, 0x2f],
  xsaveopt: [0x0f, 0xae, 0x37],
  xsavec: [0x0f, 0xc7, 0x27],
  xsaves: [0x0f, 0xc7, 0x2f],
  xrstors: [0x0f, 0xc7, 0x1f],
};

/** Runs to HLT, or tells the vector of the first fault: there is no IDT, so that it ends in a shutdown. */
function run(...code: number[]): number | "done" {
  placeFlat32(machine, [...code, halt]);
  const exit = machine.vcpu.run(1000);
  return exit.kind === "halted" ? "done" : machine.state.get32("faultVector");
}
/** What happens at the end of these instructions: EIP stays at a fault, as the fault's delivery fails. */
const faultsAt = (...code: number[]): boolean => run(...code) !== "done";
const view = (): DataView => new DataView(machine.ram.buffer, machine.ram.byteOffset);
const header = (): bigint[] => [0, 8].map((at) => view().getBigUint64(area + 512 + at, true));
const register = (number: number): number => Number(machine.state.get64("gpr", number));

describe("XSAVE", () => {
  test("needs OSXSAVE", () => {
    expect(faultsAt(...request(3), ...forms.xsave)).toBe(true);
    expect(faultsAt(...enable, ...request(3), ...forms.xsave)).toBe(false);
  });
  test("needs 64-byte alignment", () => {
    expect(faultsAt(...enable, ...setXcr0, ...mov(edi, area + 16), ...forms.xsave)).toBe(true);
  });
  test("saves what is asked for and tells what is in use", () => {
    machine.ram.fill(0xcc, area, area + 1024);
    view().setBigUint64(area + 512, 0n, true);
    machine.state.set64("xmm", 0x1122n, 1);
    expect(run(...enable, 0xdb, 0xe3, ...setXcr0, ...request(3), ...forms.xsave)).toBe("done");
    expect(header()[0]).toBe(2n);
    expect([view().getUint16(area, true), view().getUint32(area + 24, true)]).toEqual([0x37f, 0x1f80]);
    expect(view().getUint32(area + 160 + 16, true)).toBe(0x1122);
    expect(machine.ram[area + 520]).toBe(0xcc);
  });
  test("leaves components alone that are not asked for", () => {
    machine.ram.fill(0xcc, area, area + 1024);
    run(...enable, ...setXcr0, ...request(1), ...forms.xsave);
    expect([machine.ram[area + 24], machine.ram[area + 160]]).toEqual([0xcc, 0xcc]);
  });
  test("XSAVEOPT leaves out what is in its initial state", () => {
    machine.ram.fill(0xcc, area, area + 512);
    run(...enable, 0xdb, 0xe3, ...setXcr0, ...request(3), ...forms.xsaveopt);
    expect([machine.ram[area], machine.ram[area + 160], machine.ram[area + 24]]).toEqual([0xcc, 0xcc, 0x80]);
    expect(header()[0]).toBe(0n);
  });
  test.each(["xsavec", "xsaves"] as const)("%s writes the compacted form", (kind) => {
    machine.state.set64("xmm", 5n, 2);
    run(...enable, 0xdb, 0xe3, ...setXcr0, ...request(3), ...forms[kind]);
    expect(header()).toEqual([2n, (1n << 63n) | 3n]);
  });
});

describe("XRSTOR", () => {
  const prepared = [...enable, ...setXcr0, ...request(3)];
  const write = (at: number, value: bigint): void => view().setBigUint64(area + at, value, true);
  test("puts components without data into their initial state", () => {
    machine.state.set64("xmm", 7n, 3);
    view().setUint32(area + 24, 0x1fa0, true);
    expect(run(...prepared, ...forms.xrstor)).toBe("done");
    expect([machine.state.get64("xmm", 3), machine.state.get32("mxcsr")]).toEqual([0n, 0x1fa0]);
    expect(machine.state.get32("fpuControl")).toBe(0x37f);
  });
  test("gives back what XSAVE took", () => {
    machine.state.set64("xmm", 0x77n, 4);
    const clear = [0x0f, 0x57, 0xe4]; // XORPS XMM4, XMM4
    const push = [0xdb, 0xe3, 0xd9, 0xe8]; // FNINIT, FLD1
    run(...enable, ...push, ...setXcr0, ...request(3), ...forms.xsave, ...clear, 0xdb, 0xe3, ...forms.xrstor);
    expect(machine.state.get64("xmm", 4)).toBe(0x77n);
    expect([machine.state.get32("fpuTop"), machine.state.get32("fpuTag") >>> 14]).toEqual([7, 0]);
  });
  test.each<[string, readonly (readonly [number, bigint])[]]>([
    ["a component that XCR0 does not have", [[512, 8n]]],
    ["bytes 16 to 23 of the header", [[528, 1n]]],
    ["a form that is neither", [[520, 1n]]],
    [
      "a compacted form with data that it does not list",
      [
        [512, 2n],
        [520, (1n << 63n) | 1n],
      ],
    ],
    [
      "a compacted form with reserved bytes",
      [
        [520, (1n << 63n) | 3n],
        [568, 1n],
      ],
    ],
    ["reserved bits of MXCSR", [[24, 0x1_0000n]]],
  ])("refuses %s", (_name, words) => {
    for (const [at, value] of words) write(at, value);
    expect(faultsAt(...prepared, ...forms.xrstor)).toBe(true);
  });
  test("XRSTORS takes the compacted form only", () => {
    view().setUint32(area + 24, 0x1f80, true);
    expect(faultsAt(...prepared, ...forms.xrstors)).toBe(true);
    write(520, (1n << 63n) | 3n);
    expect(faultsAt(...prepared, ...forms.xrstors)).toBe(false);
  });
});

describe("XCR0", () => {
  test("reads back, and tells what is in use", () => {
    machine.state.set64("xmm", 1n, 0);
    run(...enable, 0xdb, 0xe3, ...setXcr0, ...mov(ecx, 1), 0x0f, 0x01, 0xd0);
    expect([register(eax), register(edx)]).toEqual([2, 0]);
    run(...enable, ...setXcr0, ...mov(ecx, 0), 0x0f, 0x01, 0xd0);
    expect([register(eax), register(edx)]).toEqual([3, 0]);
  });
  test.each([0, 2, 5, 0x100])("refuses %i", (value) => {
    expect(faultsAt(...enable, ...mov(ecx, 0), ...mov(edx, 0), ...mov(eax, value), 0x0f, 0x01, 0xd1)).toBe(true);
  });
});

test("RDRAND reports that it has no number where there is no source", () => {
  run(0xf9, 0x0f, 0xc7, 0xf0);
  expect([register(eax), Number(machine.vcpu.getState().rflags & 1n)]).toEqual([0, 0]);
});

test("RDPID gives the auxiliary register", () => {
  machine.state.set64("msrTscAux", 0x42n);
  run(0xf3, 0x0f, 0xc7, 0xf8);
  expect(register(eax)).toBe(0x42);
});

test("a state carries vectors, XCR0, MSRs and CPUID from one processor to another", async () => {
  const other = await createBareMachine();
  for (let i = 0; i < 16; i++) machine.state.set64("ymmHigh", 0x1000n + BigInt(i), i);
  machine.state.set64("xcr0", 3n);
  machine.state.set64("msrTscAux", 9n);
  machine.state.set64("msrKvmSystemTime", 0x3001n);
  const state = machine.vcpu.getState();
  other.vcpu.setState({ ...state, cpuid: state.cpuid.map((row) => (row[0] === 1 ? [1, 0, 0x6fb, 0, 0, 0x11] : row)) });
  const after = other.vcpu.getState();
  expect(after).toMatchObject({ ymmHigh: state.ymmHigh, xcr0: 3n, msrs: state.msrs });
  expect(other.state.get32("featureEdx")).toBe(0x11);
  // KVM's clock is told anew where it is.
  expect(new DataView(other.ram.buffer, other.ram.byteOffset).getUint32(0x3000 + 24, true)).toBe(0x8000_0000);
});
