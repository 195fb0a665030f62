import { connect as connectSocket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostBench } from "../../tests/fixtures/HostBench.ts";
import type { DebugRegister } from "../api/debugProtocol.ts";
import type { HostClient } from "../api/HostClient.ts";
import { defaultMachineDraft } from "../api/MachineConfig.ts";
import { disassemble } from "./disassemble.ts";
import { packetOf } from "./gdb/PacketReader.ts";

let bench: HostBench;
let client: HostClient;
let id: string;

beforeEach(async () => {
  bench = await HostBench.open();
  client = bench.client;
  id = (await client.call("library.create", { draft: defaultMachineDraft("Looked into"), newDisks: [] })).machine.id;
  await client.call("machine.start", { id });
});
afterEach(() => bench.close());

const registerOf = (registers: readonly DebugRegister[], name: string): string | undefined =>
  registers.find((register) => register.name === name)?.value;

test("registers are read and changed while the machine runs", async () => {
  const { registers, nextAddress, codeBits } = await client.call("debug.registers", { id });
  expect([registerOf(registers, "rax"), registerOf(registers, "cr0"), nextAddress, codeBits]).toEqual([
    "0x1111",
    "0x80050033",
    "0x1000",
    32,
  ]);
  await client.call("debug.setRegister", { id, name: "rbx", value: "0x77" });
  expect(registerOf((await client.call("debug.registers", { id })).registers, "rbx")).toBe("0x77");
  await expect(client.call("debug.setRegister", { id, name: "cr0", value: "0x0" })).rejects.toMatchObject({
    kind: "no-such-register",
  });
});

test("memory is written, read and taken for code", async () => {
  const address = "0x1000";
  const written = await client.call("debug.writeMemory", { id, address, hex: "b80100000089c3cc", space: "linear" });
  expect(written).toEqual({ writtenBytes: 8 });
  expect(await client.call("debug.readMemory", { id, address, length: 3, space: "physical" })).toEqual({
    hex: "b80100",
  });
  const { instructions } = await client.call("debug.disassemble", { id, address: null, count: 3, codeBits: null });
  expect(instructions).toEqual([
    { address: "0x1000", hex: "b801000000", text: "mov eax, 1" },
    { address: "0x1005", hex: "89c3", text: "mov ebx, eax" },
    { address: "0x1007", hex: "cc", text: "int3" },
  ]);
});

test("a step is for a paused machine, and everybody hears where it ended", async () => {
  await expect(client.call("debug.step", { id })).rejects.toMatchObject({ kind: "illegal-state" });
  const heard: unknown[] = [];
  client.on("debug.stopped", ({ stop }) => heard.push(stop));
  client.on("machine.state", ({ state }) => heard.push(state.kind));
  await client.call("machine.pause", { id });
  await client.call("debug.step", { id });
  await expect.poll(() => heard).toEqual(["paused", "running", "paused", { kind: "step", address: null }]);
  await client.call("debug.insert", { id, point: { kind: "write", address: "0x500", length: 4 } });
  await client.call("debug.remove", { id, point: { kind: "write", address: "0x500", length: 4 } });
});

test("a GDB may attach for as long as it is wanted; it pauses the machine, and the library says so", async () => {
  const states: string[] = [];
  client.on("machine.state", ({ state }) => states.push(state.kind));
  const { port } = await client.call("debug.listen", { id, port: 0, architecture: null });
  expect(await client.call("debug.listen", { id, port: 0, architecture: null })).toEqual({ port });
  let said = "";
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("data", (bytes) => {
    said += bytes.toString("latin1");
  });
  socket.write(packetOf("?"));
  await expect.poll(() => said).toBe(`+${packetOf("T02thread:1;")}`);
  await expect.poll(() => states).toEqual(["paused"]);
  socket.write(packetOf("D"));
  await expect.poll(() => states).toEqual(["paused", "running"]);
  await client.call("debug.unlisten", { id });
  const refused = await new Promise((done) => connectSocket(port, "127.0.0.1").on("error", () => done(true)));
  expect(refused).toBe(true);
});

describe("disassembly", () => {
  test("is made for the bits of the code", () => {
    const bytes = new Uint8Array([0x48, 0x8b, 0x04, 0x25, 0, 0x10, 0, 0]);
    expect(disassemble(bytes, 0x10n, 64, 9)).toEqual([
      { address: "0x10", hex: "488b042500100000", text: "mov rax, [0x1000]" },
    ]);
    expect(disassemble(bytes, 0x10n, 32, 1)).toEqual([{ address: "0x10", hex: "48", text: "dec eax" }]);
    expect(disassemble(new Uint8Array([0xeb, 0xa5]), 0xfe11an, 16, 1)[0]?.text).toBe("jmp short 0xe0c1");
    expect(disassemble(bytes, 0xffff_fff0n, 16, 2).map(({ text }) => text)).toEqual(["dec ax", "mov ax, [si]"]);
  });

  test("says what is no instruction, and leaves out what is cut off", () => {
    expect(disassemble(new Uint8Array([0x0f, 0xff]), 0n, 64, 4)).toEqual([]);
    expect(disassemble(new Uint8Array([0x06, 0x90, 0xe8, 0x00]), 0n, 64, 4).map(({ text }) => text)).toEqual([
      "(bad)",
      "nop",
    ]);
  });
});
