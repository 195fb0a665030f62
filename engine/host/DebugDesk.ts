/**
 * Answers the debug commands in the process of the machine they are for: the machine's `DebugTarget`, seen by the API, and a GDB server while
 * one is wanted. Stop points that came by the API stay until they are removed or the machine ends.
 */
import type * as v from "valibot";
import type { debugCommands, debugStopSchema } from "../api/debugProtocol.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { CpuState } from "../contracts/CpuState.ts";
import type { DebugStop, StopPoint } from "../contracts/DebugTarget.ts";
import type { MachineControl } from "../machine/MachineControl.ts";
import { disassemble } from "./disassemble.ts";
import type { EngineProtocol } from "./engineProtocol.ts";
import { GdbServer } from "./gdb/GdbServer.ts";
import { fitToMode, registerSetFor } from "./gdb/registerSets.ts";

type Handlers = Pick<CommandHandlers<EngineProtocol, undefined>, keyof typeof debugCommands>;
type WirePoint = Parameters<Handlers["debug.insert"]>[0]["point"];

const LONGEST_INSTRUCTION = 15;
const EFER = 0xc000_0080;
const EFER_LMA = 0x400n;
/** Of a code segment's attributes. */
const [LONG, BIG] = [0x2000, 0x4000];
const MODE_64 = 64;

export class DebugDesk {
  readonly handlers: Handlers;
  readonly #control: () => MachineControl;
  #server: GdbServer | undefined;

  /** `control` throws "illegal-state" while there is no machine. */
  constructor(control: () => MachineControl) {
    this.#control = control;
    const target = () => control().debug;
    this.handlers = {
      "debug.registers": () => this.#registers(),
      "debug.setRegister": ({ name, value }) => this.#setRegister(name, BigInt(value)),
      "debug.readMemory": ({ address, length, space }) => ({
        hex: Buffer.from(target().readMemory(BigInt(address), length, space)).toString("hex"),
      }),
      "debug.writeMemory": ({ address, hex, space }) => ({
        writtenBytes: target().writeMemory(BigInt(address), new Uint8Array(Buffer.from(hex, "hex")), space),
      }),
      "debug.disassemble": ({ address, count, codeBits }) => this.#disassemble(address, count, codeBits),
      "debug.step": () => {
        target().step();
        return {};
      },
      "debug.insert": ({ point }) => {
        target().insert(stopPoint(point));
        return {};
      },
      "debug.remove": ({ point }) => {
        target().remove(stopPoint(point));
        return {};
      },
      "debug.listen": ({ port, architecture }) => this.#listen(port, architecture ?? undefined),
      "debug.unlisten": () => {
        this.close();
        return {};
      },
    };
  }

  close(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #registers(): ReturnType<Handlers["debug.registers"]> {
    const state = this.#control().debug.registers();
    const registers = registerSetFor(state).registers.map((register) => ({
      name: register.name,
      bits: register.bits,
      group: register.group ?? "general",
      value: `0x${register.read(state).toString(16)}`,
      writable: register.write !== undefined,
    }));
    return { registers, nextAddress: `0x${nextAddress(state).toString(16)}`, codeBits: codeBitsOf(state) };
  }

  #setRegister(name: string, value: bigint): Record<string, never> {
    const { debug } = this.#control();
    const state = debug.registers();
    const register = registerSetFor(state).registers.find((known) => known.name === name);
    if (register?.write === undefined) {
      throw new GuesthouseError("no-such-register", `There is no register ${name} that can be changed.`, { name });
    }
    register.write(state, BigInt.asUintN(register.bits, value));
    fitToMode(state);
    debug.setRegisters(state);
    return {};
  }

  #disassemble(
    address: string | null,
    count: number,
    codeBits: 16 | 32 | 64 | null,
  ): ReturnType<Handlers["debug.disassemble"]> {
    const { debug } = this.#control();
    const state = debug.registers();
    const from = address === null ? nextAddress(state) : BigInt(address);
    const bytes = debug.readMemory(from, count * LONGEST_INSTRUCTION, "linear");
    return { instructions: disassemble(bytes, from, codeBits ?? codeBitsOf(state), count) };
  }

  async #listen(port: number, architecture: "i386" | undefined): Promise<{ port: number }> {
    if (this.#server !== undefined) return { port: this.#server.port };
    const control = this.#control();
    this.#server = await GdbServer.listen(port, {
      target: control.debug,
      kill: () => control.powerOff(),
      ...(architecture === undefined ? {} : { architecture }),
    });
    return { port: this.#server.port };
  }
}

/** For those who are not the debugger: null when it was none. */
export function describeDebugStop(stop: DebugStop): v.InferOutput<typeof debugStopSchema> | null {
  const text = (address: bigint): string => `0x${address.toString(16)}`;
  switch (stop.kind) {
    case "paused":
    case "off":
      return null;
    case "step":
      return { kind: "step", address: null };
    case "breakpoint":
      return { kind: "breakpoint", address: text(stop.address) };
    case "watchpoint":
      return { kind: "watchpoint", address: text(stop.watchpoint.address) };
  }
}

function stopPoint(point: WirePoint): StopPoint {
  const address = BigInt(point.address);
  return point.kind === "execute" ? { kind: "execute", address } : { kind: point.kind, address, length: point.length };
}

function codeBitsOf(state: CpuState): 16 | 32 | 64 {
  const { attributes } = state.segments[1]!;
  if ((state.msrs.get(EFER) ?? 0n) & EFER_LMA && attributes & LONG) return MODE_64;
  return attributes & BIG ? 32 : 16;
}

/** The linear address of the next instruction. */
function nextAddress(state: CpuState): bigint {
  return codeBitsOf(state) === MODE_64 ? state.rip : BigInt.asUintN(32, state.segments[1]!.base + state.rip);
}
