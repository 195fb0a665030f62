import { describe, expect, test } from "vitest";
import { assemble } from "../../resources/assembler/assemble.ts";
import {
  type BareMachine,
  createBareMachine,
  placeFlat32,
  placeFlat64,
  placeRealMode,
} from "../../tests/fixtures/bareMachine.ts";

const program = (bits: number, origin: number, source: string): number[] => [
  ...assemble(`bits ${bits}\norg ${origin}\n${source}`).bytes,
];
const gpr = (machine: BareMachine, number: number): number => Number(machine.state.get64("gpr", number));
const rip = (machine: BareMachine): number => Number(machine.state.get64("rip"));

/** mov ecx, 5; loop: inc eax (at 5 behind the start); dec ecx; jnz loop; hlt */
const counting = "mov ecx, 5\nagain: inc eax\ndec ecx\njnz again\nhlt";

async function counter(bits: 32 | 64, translate = false): Promise<BareMachine> {
  const machine = await createBareMachine(0x80_0000, translate);
  if (bits === 32) placeFlat32(machine, program(32, 0x1_0000, counting));
  else placeFlat64(machine, program(64, 0x1_0000, counting));
  return machine;
}

describe("breakpoints", () => {
  for (const bits of [32, 64] as const) {
    test(`end a run each time before their instruction, in ${bits}-bit code that ran before`, async () => {
      const machine = await counter(bits);
      const start = machine.vcpu.getState();
      expect(machine.vcpu.run(1000).kind).toBe("halted");
      machine.vcpu.setState({ ...start, halted: false });
      const { debug } = machine.vcpu;
      debug.setBreakpoints([0x1_0005n]);
      for (let i = 0; i < 5; i++) {
        expect(machine.vcpu.run(1000)).toEqual({ kind: "breakpoint", address: 0x1_0005n });
        expect([rip(machine), gpr(machine, 0)]).toEqual([0x1_0005, i]);
        debug.passBreakpoint();
      }
      expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
      expect(gpr(machine, 0)).toBe(5);
    });
  }

  test("in real mode are linear addresses", async () => {
    const machine = await createBareMachine();
    placeRealMode(machine, program(16, 0x7c00, "jmp 0x7b0:0x108\nnop\nnop\nnop\ninc ax\nhlt"));
    machine.vcpu.debug.setBreakpoints([0x7c08n]);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "breakpoint", address: 0x7c08n });
    expect(rip(machine)).toBe(0x108);
  });

  test("at the same offset of another page do not stop it", async () => {
    const machine = await counter(32);
    machine.vcpu.debug.setBreakpoints([0x2_0005n, 0x2_0006n]);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(gpr(machine, 0)).toBe(5);
  });

  test("are met in a loop that was translated, and the translation comes back without them", async () => {
    const machine = await createBareMachine(0x80_0000, true);
    placeFlat32(machine, program(32, 0x1_0000, "mov ecx, 0x7fffffff\nagain: inc eax\ndec ecx\njnz again\nhlt"));
    for (let i = 0; i < 20; i++) machine.vcpu.run(100_000);
    const { debug } = machine.vcpu;
    const before = gpr(machine, 0);
    debug.setBreakpoints([0x1_0006n]);
    expect(machine.vcpu.run(100_000)).toEqual({ kind: "breakpoint", address: 0x1_0006n });
    debug.passBreakpoint();
    expect(machine.vcpu.run(100_000)).toEqual({ kind: "breakpoint", address: 0x1_0006n });
    expect(gpr(machine, 0) - before).toBeLessThan(3);
    debug.setBreakpoints([]);
    for (let i = 0; i < 20; i++) expect(machine.vcpu.run(100_000)).toEqual({ kind: "budget" });
    expect(gpr(machine, 0) + gpr(machine, 1)).toBeGreaterThanOrEqual(0x7fff_ffff);
  });

  test("stop when interrupts go on and off beside them", async () => {
    const machine = await createBareMachine();
    placeRealMode(machine, program(16, 0x7c00, "sti\nnop\ninc ax\nhlt"));
    machine.vcpu.debug.setBreakpoints([0x7c01n, 0x7c02n]);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "breakpoint", address: 0x7c01n });
    machine.vcpu.debug.passBreakpoint();
    expect(machine.vcpu.run(1000)).toEqual({ kind: "breakpoint", address: 0x7c02n });
  });
});

describe("stepping", () => {
  test("ends behind each instruction, and a kick in between loses none", async () => {
    const machine = await counter(64);
    machine.vcpu.debug.setStepping(true);
    const places: number[] = [];
    for (let i = 0; i < 4; i++) {
      machine.vcpu.kick();
      expect(machine.vcpu.run(1000)).toEqual({ kind: "budget" });
      expect(machine.vcpu.run(1000)).toEqual({ kind: "step" });
      places.push(rip(machine) - 0x1_0000);
    }
    expect(places).toEqual([5, 7, 9, 5]);
    machine.vcpu.debug.setStepping(false);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(gpr(machine, 0)).toBe(5);
  });

  test("ends at the handler of a fault, and leaves interrupts waiting unless for HLT", async () => {
    const machine = await createBareMachine();
    machine.ram.set([0x00, 0x50, 0, 0], 6 * 4);
    machine.ram.set([0x00, 0x60, 0, 0], 0x20 * 4);
    machine.ram.set(program(16, 0x5000, "sti\nnop\nnop\nhlt"), 0x5000);
    placeRealMode(machine, program(16, 0x7c00, "ud2"));
    machine.vcpu.debug.setStepping(true);
    const step = () => {
      const exit = machine.vcpu.run(1000).kind;
      return [exit, rip(machine)];
    };
    expect(step()).toEqual(["step", 0x5000]);
    machine.vectors.push(0x20);
    machine.vcpu.setInterruptPending(true);
    expect([step(), step(), step(), step()]).toEqual([0x5001, 0x5002, 0x5003, 0x5004].map((at) => ["step", at]));
    expect(step()).toEqual(["step", 0x6000]);
  });

  test("leaves the guest's own single step alone", async () => {
    const machine = await createBareMachine();
    machine.ram.set([0x00, 0x50, 0, 0], 1 * 4);
    placeRealMode(machine, program(16, 0x7c00, "push 0x102\npopf\nnop\nnop\nhlt"));
    machine.vcpu.debug.setStepping(true);
    const places: number[] = [];
    for (let i = 0; i < 3; i++) {
      expect(machine.vcpu.run(1000)).toEqual({ kind: "step" });
      places.push(rip(machine));
    }
    expect(places).toEqual([0x7c03, 0x7c04, 0x5000]);
  });
});

describe("watchpoints", () => {
  const source = `mov ecx, 3
    again: mov [0x500], ecx
    mov eax, [0x504]
    adc dword [0x504], ecx
    dec ecx
    jnz again
    hlt`;

  for (const translate of [false, true]) {
    test(`end a run behind the access and change nothing, ${translate ? "translated" : "interpreted"}`, async () => {
      const reference = await createBareMachine(0x80_0000, translate);
      placeFlat32(reference, program(32, 0x1_0000, source));
      expect(reference.vcpu.run(1000)).toEqual({ kind: "halted" });
      const machine = await createBareMachine(0x80_0000, translate);
      placeFlat32(machine, program(32, 0x1_0000, source));
      const watchpoint = { address: 0x504n, length: 4, access: "write" } as const;
      machine.vcpu.debug.setWatchpoints([watchpoint]);
      for (let i = 0; i < 3; i++) {
        expect(machine.vcpu.run(1000)).toEqual({ kind: "watchpoint", watchpoint });
        expect(machine.ram[0x504]).toBe([3, 5, 6][i]);
      }
      expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
      expect(machine.vcpu.getState()).toEqual(reference.vcpu.getState());
    });
  }

  test("are met by a loop that was translated", async () => {
    const machine = await createBareMachine(0x80_0000, true);
    const loop = "mov ecx, 0x7fffffff\nagain: inc dword [0x2000]\ndec ecx\njnz again\nhlt";
    placeFlat32(machine, program(32, 0x1_0000, loop));
    for (let i = 0; i < 20; i++) machine.vcpu.run(100_000);
    machine.vcpu.debug.setWatchpoints([{ address: 0x2000n, length: 4, access: "write" }]);
    const before = machine.ram[0x2000]!;
    for (let i = 1; i < 4; i++) {
      expect(machine.vcpu.run(100_000).kind).toBe("watchpoint");
      expect(rip(machine)).toBe(0x1_000b);
      expect(machine.ram[0x2000]).toBe((before + i) & 0xff);
    }
  });

  test("tell reads from writes, and parts of an access count", async () => {
    const machine = await createBareMachine();
    placeFlat32(machine, program(32, 0x1_0000, source));
    machine.vcpu.debug.setWatchpoints([
      { address: 0x503n, length: 1, access: "read" },
      { address: 0x506n, length: 1, access: "read" },
      { address: 0x503n, length: 1, access: "access" },
    ]);
    const stops: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const exit = machine.vcpu.run(1000);
      if (exit.kind === "watchpoint") stops.push([exit.watchpoint.access, exit.watchpoint.address, rip(machine)]);
    }
    const [store, load, add] = [0x1_000b, 0x1_0010, 0x1_0016];
    expect(stops).toEqual([
      ["access", 0x503n, store],
      ["read", 0x506n, load],
      ["read", 0x506n, add],
    ]);
    machine.vcpu.debug.setWatchpoints([]);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
  });

  test("do not come before the guest's own single step, nor does a kick lose them", async () => {
    const machine = await createBareMachine();
    machine.ram.set([0x00, 0x50, 0, 0], 1 * 4);
    placeRealMode(machine, program(16, 0x7c00, "push 0x102\npopf\nmov byte [0x600], 7\nnop\nhlt"));
    machine.vcpu.debug.setWatchpoints([{ address: 0x600n, length: 1, access: "write" }]);
    machine.vcpu.kick();
    expect(machine.vcpu.run(1000)).toEqual({ kind: "budget" });
    expect(machine.vcpu.run(1000)).toMatchObject({ kind: "watchpoint" });
    const stack = gpr(machine, 4);
    const returnAddress = machine.ram[stack]! | (machine.ram[stack + 1]! << 8);
    expect([machine.ram[0x600], rip(machine), returnAddress]).toEqual([7, 0x5000, 0x7c09]);
  });

  test("stop a repeated store at the element", async () => {
    const machine = await createBareMachine();
    placeFlat32(machine, program(32, 0x1_0000, "mov edi, 0x600\nmov ecx, 100\nmov al, 7\nrep stosb\nhlt"));
    machine.vcpu.debug.setWatchpoints([{ address: 0x620n, length: 1, access: "write" }]);
    expect(machine.vcpu.run(1000)).toMatchObject({ kind: "watchpoint" });
    expect([machine.ram[0x61f], machine.ram[0x620]]).toEqual([7, 7]);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(gpr(machine, 1)).toBe(0);
  });
});
