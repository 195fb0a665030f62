import { describe, expect, test } from "vitest";
import { assemble } from "../../resources/assembler/assemble.ts";
import { type BareMachine, createBareMachine, placeFlat32, placeRealMode } from "../../tests/fixtures/bareMachine.ts";
import { memoryPlan, physMapBits } from "./layout/memoryPlan.ts";

async function real(source: string, ramBytes?: number): Promise<BareMachine> {
  const machine = await createBareMachine(ramBytes);
  placeRealMode(machine, [...assemble(`bits 16\norg 0x7c00\n${source}`).bytes]);
  return machine;
}

async function flat(source: string, ramBytes?: number): Promise<BareMachine> {
  const machine = await createBareMachine(ramBytes);
  placeFlat32(machine, [...assemble(`bits 32\norg 0x10000\n${source}`).bytes]);
  return machine;
}

const word = (machine: BareMachine, address: number): number =>
  machine.ram[address]! | (machine.ram[address + 1]! << 8);
const dword = (machine: BareMachine, address: number): number =>
  new DataView(machine.ram.buffer, machine.ram.byteOffset).getUint32(address, true);
const gpr = (machine: BareMachine, number: number): number => Number(machine.state.get64("gpr", number) & 0xffff_ffffn);

function setVector(machine: BareMachine, vector: number, handler: readonly number[], at: number): void {
  machine.ram.set([at & 0xff, at >> 8, 0, 0], vector * 4);
  machine.ram.set(handler, at);
}

describe("running", () => {
  test("a loop in real mode, and HLT says so", async () => {
    const machine = await real("mov cx, 100\nxor ax, ax\nagain: add ax, cx\nloop again\nmov [0x500], ax\nhlt");
    expect(machine.vcpu.run(10_000)).toEqual({ kind: "halted" });
    expect(word(machine, 0x500)).toBe(5050);
    expect(machine.vcpu.instructionCount()).toBe(204);
    expect(machine.vcpu.run(10)).toEqual({ kind: "halted" });
  });

  test("the budget ends a run near where it was set, and the next one goes on", async () => {
    const machine = await real("again: inc ax\njmp again");
    expect(machine.vcpu.run(1000)).toEqual({ kind: "budget" });
    const first = machine.vcpu.instructionCount();
    expect(first).toBeGreaterThanOrEqual(1000);
    expect(first).toBeLessThan(1100);
    machine.vcpu.run(1000);
    expect(machine.vcpu.instructionCount()).toBeGreaterThanOrEqual(2000);
    expect(gpr(machine, 0)).toBe(machine.vcpu.instructionCount() / 2);
  });

  test("kick from within an I/O handler ends the run at the next block boundary", async () => {
    const machine = await real("again: inc bx\nout 0x80, al\njmp again");
    machine.onPortWrite = () => machine.vcpu.kick();
    expect(machine.vcpu.run(1_000_000)).toEqual({ kind: "budget" });
    expect(gpr(machine, 3)).toBe(1);
  });

  test("calls, returns and stack in flat protected mode", async () => {
    const machine = await flat(`
      mov ecx, 1000
      xor eax, eax
    again:
      push ecx
      call add_it
      pop ecx
      dec ecx
      jnz again
      mov [0x500], eax
      hlt
    add_it:
      add eax, [esp+4]
      ret`);
    expect(machine.vcpu.run(100_000)).toEqual({ kind: "halted" });
    expect(dword(machine, 0x500)).toBe(500_500);
    expect(gpr(machine, 4)).toBe(0x9000);
  });

  test.each([
    ["its push, which goes first", "mov sp, 2", 12],
    ["its target", "mov sp, 0x6000", 13],
  ])("a call beyond the segment's limit with a fault of %s", async (_name, setStack, vector) => {
    const machine = await real(`xor ax, ax\nmov ss, ax\n${setStack}\nmov ebx, 0x20000\ncall ebx\nhlt`);
    const handler = 0x600;
    for (const number of [12, 13]) {
      // MOV AL, number; HLT
      setVector(machine, number, [0xb0, number, 0xf4], handler + number * 16);
    }
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(gpr(machine, 0)).toBe(vector);
  });

  test("an instruction across two pages runs, again and again", async () => {
    const machine = await createBareMachine();
    // mov eax, imm32 begins two bytes before the page ends.
    const code = assemble(
      "bits 32\norg 0x10ff0\nmov ecx, 3\njmp near over\ntimes 4 nop\nover: mov eax, 0x12345678\nadd [0x500], eax\ndec ecx\njnz over\nhlt",
    ).bytes;
    placeFlat32(machine, [...code], 0x1_0ff0);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(dword(machine, 0x500)).toBe((0x12345678 * 3) >>> 0);
  });

  test("an instruction across two pages is decoded once, and again when its second half is written", async () => {
    const machine = await createBareMachine();
    const { bytes } = assemble(
      "bits 32\norg 0x10fe0\nmov ecx, 1000\nagain: jmp near over\ntimes 20 nop\nover: mov eax, 0x01000000\nadd [0x500], eax\ndec ecx\ncmp ecx, 500\njne next\nmov byte [0x11002], 2\nnext: test ecx, ecx\njnz again\nhlt",
    );
    expect(bytes.indexOf(0xb8)).toBe(0x1e);
    placeFlat32(machine, [...bytes], 0x1_0fe0);
    expect(machine.vcpu.run(20_000)).toEqual({ kind: "halted" });
    expect(dword(machine, 0x500)).toBe((500 * 0x0100_0000 + 500 * 0x0200_0000) >>> 0);
    expect(machine.vcpu.interpreter.cache.decoded).toBeLessThan(60);
  });

  test("an instruction across two pages follows its second page when that is mapped elsewhere", async () => {
    const machine = await createBareMachine();
    const view = new DataView(machine.ram.buffer, machine.ram.byteOffset);
    view.setUint32(0x2_0000, 0x2_1003, true);
    for (let page = 0; page < 512; page++) view.setUint32(0x2_1000 + page * 4, (page << 12) | 3, true);
    // mov eax, imm32 from 10ffeh on; the immediate's upper three bytes and HLT in page 11h or 12h.
    machine.ram.set([0xb8, 0x01], 0x1_0ffe);
    machine.ram.set([0, 0, 1, 0xf4], 0x1_1000);
    machine.ram.set([0, 0, 2, 0xf4], 0x1_2000);
    const seen: number[] = [];
    for (const page of [0x1_1003, 0x1_2003, 0x1_1003]) {
      view.setUint32(0x2_1000 + 0x11 * 4, page, true);
      placeFlat32(machine, [], 0x1_0ffe);
      machine.vcpu.setState({ ...machine.vcpu.getState(), cr3: 0x2_0000n, cr0: 0x8000_0011n });
      machine.vcpu.run(100);
      seen.push(gpr(machine, 0));
    }
    expect(seen).toEqual([0x0100_0001, 0x0200_0001, 0x0100_0001]);
  });

  test("an instruction that is no instruction raises #UD with its own address", async () => {
    const machine = await real("mov ax, 1\nud2");
    setVector(machine, 6, [0xf4], 0x600);
    expect(machine.vcpu.run(100)).toEqual({ kind: "halted" });
    expect(machine.state.getNumber("rip")).toBe(0x601);
    expect(word(machine, 0x7000 - 6)).toBe(0x7c03);
  });

  test("a triple fault shuts down", async () => {
    const machine = await flat("lidt [empty]\nint3\nempty: dw 0\ndd 0");
    expect(machine.vcpu.run(100)).toMatchObject({ kind: "shutdown" });
  });
});

describe("code that changes", () => {
  test("the next instruction of the same block", async () => {
    const machine = await flat("mov byte [target+1], 7\ntarget: mov al, 1\nhlt");
    machine.vcpu.run(100);
    expect(gpr(machine, 0) & 0xff).toBe(7);
  });

  test("a loop that rewrites its own immediate each time round", async () => {
    const machine = await flat(`
      mov ecx, 50
      xor eax, eax
    again:
    add_it: add eax, strict_dword
      inc dword [add_it+1]
      dec ecx
      jnz again
      hlt
    strict_dword equ 0x01000000`);
    machine.vcpu.run(10_000);
    expect(gpr(machine, 0)).toBe(50 * 0x0100_0000 + (49 * 50) / 2);
  });

  test("a conditional jump whose comparison stays as it is", async () => {
    const machine = await flat(`
      mov ecx, 10
      again:
      inc eax
      cmp ecx, 5
      jump: jne over
      inc ebx
      over:
      cmp ecx, 7
      jne next
      mov byte [jump], 0x74
      next:
      dec ecx
      jnz again
      hlt`);
    const state = machine.vcpu.getState();
    state.gpr[0] = 0n;
    state.gpr[3] = 0n;
    machine.vcpu.setState(state);
    machine.vcpu.run(1000);
    // 10 to 7 skip it; from 6 on the jump is taken at 5 alone.
    expect([gpr(machine, 0), gpr(machine, 3)]).toEqual([10, 5]);
  });

  test("data beside code keeps its code", async () => {
    const machine = await flat(`
      mov ecx, 10000
    again:
      inc dword [counter]
      dec ecx
      jnz again
      mov eax, [counter]
      hlt
      align 64
    counter: dd 0`);
    machine.vcpu.run(100_000);
    expect(gpr(machine, 0)).toBe(10_000);
    expect(machine.vcpu.interpreter.cache.decoded).toBeLessThan(20);
  });

  test("data within a line of code keeps the instructions that it is no part of", async () => {
    const machine = await flat(`
      jmp begin
    counter: dd 0
    begin:
      mov ecx, 1000
    again:
      inc dword [counter]
      mov byte [last+1], cl
    last:
      mov al, 0
      dec ecx
      jnz again
      mov ebx, [counter]
      hlt`);
    machine.vcpu.run(100_000);
    expect(gpr(machine, 3)).toBe(1_000);
    expect(gpr(machine, 0) & 0xff).toBe(1);
    // Each round decodes what it changed, and at most the rest of the run behind that.
    expect(machine.vcpu.interpreter.cache.decoded).toBeLessThan(4_000);
  });

  test("code is still watched after the memory map was written anew", async () => {
    const machine = await flat("again: mov eax, 1\nout 0x80, al\nmov byte [again+1], 2\njmp again");
    const physMap = new Uint32Array(machine.memory.buffer, memoryPlan.physMap);
    machine.onPortWrite = () => {
      physMap[0x10]! &= ~physMapBits.hasCode;
      machine.vcpu.flushTlb();
    };
    machine.vcpu.run(12);
    expect(machine.portWrites.map(({ value }) => value).slice(0, 3)).toEqual([1, 2, 2]);
  });

  test("a device that writes code says so with invalidateCode", async () => {
    const machine = await flat("again: mov eax, 1\nout 0x80, al\njmp again");
    machine.onPortWrite = () => {
      machine.ram[0x1_0001] = 2;
      machine.vcpu.invalidateCode(0x1_0001, 1);
    };
    machine.vcpu.run(10);
    expect(machine.portWrites.map(({ value }) => value).slice(0, 3)).toEqual([1, 2, 2]);
  });

  test("a full record pool is emptied and filled again", async () => {
    const machine = await flat("again: inc eax\njmp again");
    machine.vcpu.run(100);
    machine.vcpu.interpreter.cache.dropAll();
    machine.vcpu.kick();
    machine.vcpu.run(100);
    machine.vcpu.run(100);
    expect(gpr(machine, 0)).toBeGreaterThan(90);
  });
});

describe("interrupts", () => {
  const handler = [0x50, 0xff, 0x06, 0x00, 0x05, 0x58, 0xcf]; // push ax; inc word [0x500]; pop ax; iret

  test("one that waits is taken when STI and one more instruction are done", async () => {
    const machine = await real("mov bx, 1\nsti\nmov bx, 2\nmov bx, 3\nhlt");
    setVector(machine, 0x20, [0x89, 0x1e, 0x02, 0x05, 0xcf], 0x600); // mov [0x502], bx; iret
    machine.vectors.push(0x20);
    machine.vcpu.setInterruptPending(true);
    expect(machine.vcpu.run(100)).toEqual({ kind: "halted" });
    expect(word(machine, 0x502)).toBe(2);
  });

  test("STI, NOP, CLI is a window", async () => {
    const machine = await real("xor dx, dx\nagain: sti\nnop\ncli\ninc dx\ncmp word [0x500], 3\njne again\nhlt");
    setVector(machine, 0x20, handler, 0x600);
    machine.vectors.push(0x20, 0x20, 0x20);
    machine.vcpu.setInterruptPending(true);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(gpr(machine, 2) & 0xffff).toBeLessThan(6);
  });

  test("STI with HLT sleeps until an interrupt and then goes on", async () => {
    const machine = await real("sti\nhlt\nmov ax, [0x500]\ncli\nhlt");
    setVector(machine, 0x20, handler, 0x600);
    expect(machine.vcpu.run(100)).toEqual({ kind: "halted" });
    machine.vectors.push(0x20);
    machine.vcpu.setInterruptPending(true);
    expect(machine.vcpu.run(100)).toEqual({ kind: "halted" });
    expect(gpr(machine, 0)).toBe(1);
    expect(machine.vcpu.run(100)).toEqual({ kind: "halted" });
  });

  test("one that arrives in the middle of a long REP is taken before its end", async () => {
    const machine = await real(
      "xor ax, ax\nmov es, ax\nsti\nmov di, 0x8000\nmov cx, 0x7f00\nout 0x80, al\nrep stosb\nhlt",
    );
    setVector(machine, 0x20, [0x89, 0x0e, 0x02, 0x05, 0xcf], 0x600); // mov [0x502], cx; iret
    machine.onPortWrite = () => {
      machine.vectors.push(0x20);
      machine.vcpu.setInterruptPending(true);
    };
    while (machine.vcpu.run(1000).kind === "budget");
    expect(word(machine, 0x502)).toBeGreaterThan(0);
    expect(gpr(machine, 1)).toBe(0);
    expect(gpr(machine, 7)).toBe(0xff00);
  });

  test("one that a port write raises is taken before the next instruction", async () => {
    const machine = await real("sti\nxor ax, ax\nout 0x80, al\ninc ax\nhlt");
    setVector(machine, 0x20, [0xa3, 0x02, 0x05, 0xcf], 0x600); // mov [0x502], ax; iret
    machine.onPortWrite = () => {
      machine.vectors.push(0x20);
      machine.vcpu.setInterruptPending(true);
    };
    machine.vcpu.run(100);
    expect([word(machine, 0x502), gpr(machine, 0)]).toEqual([0, 1]);
  });

  test("MOV SS holds them off until the stack pointer is loaded too", async () => {
    const machine = await real("cli\nxor ax, ax\nout 0x80, al\nsti\nmov ss, ax\nmov sp, 0x6000\nnop\nhlt");
    setVector(machine, 0x20, [0x89, 0x26, 0x02, 0x05, 0xcf], 0x600); // mov [0x502], sp; iret
    machine.onPortWrite = () => {
      machine.vectors.push(0x20);
      machine.vcpu.setInterruptPending(true);
    };
    machine.vcpu.run(100);
    expect(word(machine, 0x502)).toBe(0x6000 - 6);
  });

  test("an NMI is taken whatever the interrupt flag says", async () => {
    const machine = await real("cli\nagain: cmp word [0x500], 1\njne again\nhlt");
    setVector(machine, 2, handler, 0x600);
    machine.vcpu.run(50);
    machine.vcpu.raiseNmi();
    expect(machine.vcpu.run(100)).toEqual({ kind: "halted" });
  });

  test("the trap flag steps through a loop, one #DB an instruction", async () => {
    const machine = await real(
      "pushf\npop ax\nor ax, 0x100\npush ax\npopf\nmov cx, 3\nagain: loop again\npushf\npop ax\nand ax, 0xfeff\npush ax\npopf\nhlt",
    );
    setVector(machine, 1, handler, 0x600);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    // mov, three loops, pushf, pop, and, push; the trap of POPF that clears TF comes after it, too.
    expect(word(machine, 0x500)).toBe(9);
  });
});

describe("memory", () => {
  test("a page that is no RAM goes to the device, in its width", async () => {
    const machine = await flat("mov eax, [0xfee00020]\nmov [0xfee000b0], eax\nmov bl, [0xfee00021]\nhlt");
    const writes: unknown[] = [];
    machine.readMmio = (address, width) => (address === 0xfee0_0020 && width === 4 ? 0x1234_5678 : 0x9a);
    machine.onMmioWrite = (...write) => writes.push(write);
    machine.vcpu.run(100);
    expect(writes).toEqual([[0xfee0_00b0, 0x1234_5678, 4]]);
    expect(gpr(machine, 3)).toBe(0x9a);
  });

  test("ROM swallows writes", async () => {
    const machine = await flat("mov dword [0x20000], 5\nmov eax, [0x20000]\nhlt");
    const physMap = new Uint32Array(machine.memory.buffer, memoryPlan.physMap);
    physMap[0x20]! &= ~physMapBits.writable;
    machine.vcpu.flushTlb();
    machine.vcpu.run(100);
    expect(gpr(machine, 0)).toBe(0);
  });

  test("paging: a fault restarts after the handler has mapped the page", async () => {
    const machine = await flat(`
      lidt [idt_pointer]
      mov eax, 0x20000
      mov cr3, eax
      mov eax, cr0
      or eax, 0x80000000
      mov cr0, eax
      mov esi, 0x5000
      mov dword [esi+0x10], 0x11223344
      add dword [esi+0x10], 1
      mov ebx, [esi+0x10]
      hlt
    fault:
      push eax
      mov eax, cr2
      mov [0x504], eax
      mov eax, [esp+4]
      mov [0x508], eax
      mov dword [0x21014], 0x5003
      pop eax
      add esp, 4
      iretd
    idt_pointer: dw 0x7ff
      dd 0x22000`);
    // Identity-map the first 4 MiB but for page 5.
    const view = new DataView(machine.ram.buffer, machine.ram.byteOffset);
    view.setUint32(0x2_0000, 0x2_1003, true);
    for (let page = 0; page < 512; page++) view.setUint32(0x2_1000 + page * 4, (page << 12) | 3, true);
    view.setUint32(0x2_1000 + 5 * 4, 0, true);
    // GDT with flat code and data for the gate, #PF gate.
    view.setBigUint64(0x3_0008, 0x00cf_9b00_0000_ffffn, true);
    view.setBigUint64(0x3_0010, 0x00cf_9300_0000_ffffn, true);
    const state = machine.vcpu.getState();
    state.gdtr = { base: 0x3_0000n, limit: 0x1f };
    machine.vcpu.setState(state);
    const fault = 0x1_0000 + findFault(machine);
    view.setUint32(0x2_2000 + 14 * 8, (fault & 0xffff) | (8 << 16), true);
    view.setUint32(0x2_2004 + 14 * 8, (fault & 0xffff_0000) | 0x8e00, true);
    expect(machine.vcpu.run(1000)).toEqual({ kind: "halted" });
    expect(dword(machine, 0x504)).toBe(0x5010);
    expect(dword(machine, 0x508)).toBe(2);
    expect(gpr(machine, 3)).toBe(0x1122_3345);
  });
});

describe("long mode", () => {
  test("64-bit code behind four levels of page tables", async () => {
    const machine = await createBareMachine();
    const { bytes } = assemble(`bits 64
      org 0x10000
      mov rax, 0x123456789abcdef0
      mov [0x500], rax
      mov rbx, [rel data]
      mov r8d, 1000
      again: add rdx, r8
      push rdx
      pop r9
      call function
      dec r8
      jnz again
      mov r10, 0xffff800000000000
      mov r11, [r10+0x500]
      hlt
      function: inc r12
      ret
      data: dq 0x1122334455667788`);
    placeFlat32(machine, [...bytes]);
    const view = new DataView(machine.ram.buffer, machine.ram.byteOffset);
    for (const entry of [0, 256]) view.setBigUint64(0x2_0000 + entry * 8, 0x2_1003n, true);
    view.setBigUint64(0x2_1000, 0x2_2003n, true);
    view.setBigUint64(0x2_2000, 0x83n, true);
    const state = machine.vcpu.getState();
    state.msrs.set(0xc000_0080, 0x500n);
    state.segments[1] = { ...state.segments[1]!, attributes: 0xa09b };
    const gprs = state.gpr.map((_, i) => (i === 4 ? 0x9000n : 0n));
    machine.vcpu.setState({ ...state, cr3: 0x2_0000n, cr4: 0x20n, cr0: 0x8000_0011n, gpr: gprs });
    expect(machine.vcpu.run(100_000)).toEqual({ kind: "halted" });
    const after = machine.vcpu.getState().gpr;
    expect(after[3]).toBe(0x1122_3344_5566_7788n);
    expect(after[9]).toBe(500_500n);
    expect(after[11]).toBe(0x1234_5678_9abc_def0n);
    expect(after[12]).toBe(1000n);
  });
});

/** Offset of the fault handler in the paging test: just behind the HLT. */
function findFault(machine: BareMachine): number {
  return machine.ram.subarray(0x1_0000, 0x1_0100).indexOf(0xf4) + 1;
}

describe("state", () => {
  test("getState and setState carry a machine over in the middle of a loop", async () => {
    const first = await real("mov cx, 1000\nagain: add ax, cx\nfld1\nloop again\nmov [0x500], ax\nhlt");
    first.vcpu.run(300);
    const second = await createBareMachine();
    second.ram.set(first.ram);
    const state = first.vcpu.getState();
    second.vcpu.setState(state);
    expect(second.vcpu.getState()).toEqual(state);
    first.vcpu.run(10_000);
    second.vcpu.run(10_000);
    expect(word(second, 0x500)).toBe(word(first, 0x500));
    expect(second.vcpu.getState()).toEqual(first.vcpu.getState());
  });

  test("reset is real mode at F000:FFF0", async () => {
    const { vcpu } = await createBareMachine();
    const state = vcpu.getState();
    expect(state.rip).toBe(0xfff0n);
    expect(state.segments[1]).toMatchObject({ selector: 0xf000, base: 0xffff_0000n, limit: 0xffff });
  });
});
