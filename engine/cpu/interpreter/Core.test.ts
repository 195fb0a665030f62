/**
 * 64-bit code and all other code have cores of their own: what passes between them, and addresses that only one of them has.
 */
import { describe, expect, test } from "vitest";
import { assemble } from "../../../resources/assembler/assemble.ts";
import { type BareMachine, createBareMachine, placeFlat64, upperHalf } from "../../../tests/fixtures/bareMachine.ts";

const codeAt = 0x1_0000;
const [gdtAt, idtAt, resultAt] = [0x6000, 0x6100, 0x5000];
const [code64, code32] = [0x08, 0x18];
const [divideError, pageFault] = [0, 14];

/** Descriptors for 64-bit and 32-bit code and data; handlers at the labels `on_divide` and `on_page` of the source. */
async function machineWith(source: string, base = 0n): Promise<BareMachine> {
  const machine = await createBareMachine();
  const { bytes, labels } = assemble(`bits 64\norg ${codeAt}\n${source}`);
  placeFlat64(machine, [...bytes], codeAt, base);
  const tables = new DataView(machine.ram.buffer, machine.ram.byteOffset);
  [0n, 0x00af_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn, 0x00cf_9b00_0000_ffffn].forEach((descriptor, i) => {
    tables.setBigUint64(gdtAt + i * 8, descriptor, true);
  });
  const gates: [number, string][] = [
    [divideError, "on_divide"],
    [pageFault, "on_page"],
  ];
  for (const [vector, label] of gates) {
    const target = base + (labels.get(label) ?? 0n);
    const low = (target & 0xffffn) | (BigInt(code64) << 16n) | (0x8e00n << 32n) | (((target >> 16n) & 0xffffn) << 48n);
    tables.setBigUint64(idtAt + vector * 16, low, true);
    tables.setBigUint64(idtAt + vector * 16 + 8, BigInt.asUintN(64, target) >> 32n, true);
  }
  const state = machine.vcpu.getState();
  state.gdtr = { base: BigInt(gdtAt), limit: 0x1f };
  state.idtr = { base: BigInt(idtAt), limit: 0xfff };
  machine.vcpu.setState(state);
  return machine;
}

const quadword = (machine: BareMachine, address: number): bigint =>
  new DataView(machine.ram.buffer, machine.ram.byteOffset).getBigUint64(address, true);

/** Runs in slices of so many instructions until HLT. */
function runInSlices(machine: BareMachine, instructions: number): void {
  for (let slice = 0; slice < 10_000; slice++) {
    const exit = machine.vcpu.run(instructions);
    if (exit.kind === "halted") return;
    expect(exit.kind).toBe("budget");
  }
  throw new Error("no end");
}

describe("the core of 64-bit code", () => {
  test("a page fault in the upper half shows its whole address", async () => {
    const machine = await machineWith(
      `
        nop
      faulting:
        mov rax, [0x40000000]
        hlt
      on_page:
        mov rax, [rsp+8]
        mov [${resultAt}], rax
        hlt`,
      upperHalf,
    );
    runInSlices(machine, 1000);
    expect(quadword(machine, resultAt)).toBe(upperHalf + BigInt(codeAt + 1));
    expect(machine.state.get64("cr2")).toBe(0x4000_0000n);
    expect(machine.state.get64("rip") >> 32n).toBe(0xffff_ffffn);
  });

  test("a fault that goes on behind its instruction, in a loop", async () => {
    const machine = await machineWith(
      `
        mov ecx, 500
        xor ebx, ebx
      again:
        xor esi, esi
        div esi
        dec ecx
        jnz again
        hlt
      on_divide:
        inc ebx
        add qword [rsp], 2
        iretq`,
      upperHalf,
    );
    runInSlices(machine, 37);
    expect(machine.state.get64("gpr", 3)).toBe(500n);
  });

  test.each([1, 13, 100_000])("back and forth between 64-bit and 32-bit code in slices of %i", async (slice) => {
    const machine = await machineWith(`
        mov r15, 0x123456789abcdef
        mov ebp, 300
        xor ebx, ebx
      again:
        push ${code32}
        push narrow
        db 0x48, 0xcb            ; far return of 64-bit size
      wide:
        add rbx, r15
        dec ebp
        jnz again
        hlt
      narrow:
        db 0x83, 0xc3, 0x01      ; add ebx, 1, which clears the upper half
        db 0xea                  ; far jump
        dd wide
        dw ${code64}`);
    runInSlices(machine, slice);
    const turns = Array.from({ length: 300 }).reduce(
      (sum: bigint) => BigInt.asUintN(64, ((sum + 1n) & 0xffff_ffffn) + 0x123_4567_89ab_cdefn),
      0n,
    );
    expect(machine.state.get64("gpr", 3)).toBe(turns);
    expect(machine.state.get64("gpr", 15)).toBe(0x123_4567_89ab_cdefn);
    expect(machine.vcpu.instructionCount()).toBeGreaterThan(300 * 7);
  });
});
