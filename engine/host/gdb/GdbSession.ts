/**
 * One GDB's conversation with a machine, over GDB's remote serial protocol in all-stop mode with one thread, the processor (GDB manual,
 * appendix E). Bytes come in by `receive` and go out by `send`; nothing here knows of sockets. The machine stops when GDB comes, and goes on without its
 * stop points when GDB leaves. Deliberately absent: non-stop mode, file transfer, tracepoints, reverse execution.
 */
import type { Disposable } from "../../base/Disposable.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { AddressSpace, DebugStop, DebugTarget, StopPoint } from "../../contracts/DebugTarget.ts";
import { bytesOfHex, hexOfBytes, hexOfRegister, numberOfHex, registerOfHex } from "./hexText.ts";
import { PACKET_BYTES_MAX, type PacketEvent, PacketReader, packetOf } from "./PacketReader.ts";
import { fitToMode, type RegisterSet, registerSetFor } from "./registerSets.ts";
import { targetDescription } from "./targetDescription.ts";

export interface GdbSessionParts {
  readonly target: DebugTarget;
  /** Latin-1 text, a character for a byte. */
  readonly send: (text: string) => void;
  /** GDB wants the connection to end. */
  readonly close: () => void;
  /** GDB's "kill". */
  readonly kill: () => void;
  /** Show the processor as one without long mode, for 32-bit guests. */
  readonly architecture?: "i386";
}

/** Signal numbers are GDB's own. */
const [SIGINT, SIGTRAP] = [2, 5];
const error = (number: number): string => `E${number.toString(16).padStart(2, "0")}`;
const [NO_SUCH_REGISTER, FAULT, BAD_REQUEST, NOT_POSSIBLE] = [error(1), error(14), error(22), error(28)];
const FEATURES = "swbreak+;hwbreak+;vContSupported+;qXfer:features:read+;QStartNoAckMode+";
/** By the type in Z packets. Hardware and software breakpoints are one thing here. */
const pointKinds = ["execute", "execute", "write", "read", "access"] as const;
const WATCHED_BYTES_MAX = 4096n;

type Handler = (rest: string) => string | undefined;

export class GdbSession {
  readonly #parts: GdbSessionParts;
  readonly #reader = new PacketReader();
  readonly #registers: RegisterSet;
  readonly #points = new Map<string, StopPoint>();
  readonly #subscription: Disposable;
  #acknowledging = true;
  #lastSent = "";
  /** GDB waits for the machine to stop. */
  #awaitsStop = false;
  #lastStop: DebugStop = { kind: "paused" };
  #addressSpace: AddressSpace = "linear";
  #closed = false;

  constructor(parts: GdbSessionParts) {
    this.#parts = parts;
    const { target } = parts;
    if (target.state === "running") target.pause();
    this.#registers = registerSetFor(target.registers(), parts.architecture);
    this.#subscription = target.stopped.subscribe((stop) => this.#noteStop(stop));
  }

  receive(bytes: Uint8Array): void {
    for (const event of this.#reader.push(bytes)) {
      if (this.#closed) return;
      this.#take(event);
    }
  }

  /** GDB is gone: without a word, or after "detach". */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscription.dispose();
    for (const point of this.#points.values()) this.#parts.target.remove(point);
    this.#points.clear();
    if (this.#parts.target.state === "paused") this.#parts.target.resume();
  }

  #take(event: PacketEvent): void {
    switch (event.kind) {
      case "packet":
        if (this.#acknowledging) this.#parts.send("+");
        this.#obey(event.data);
        break;
      case "damaged":
        if (this.#acknowledging) this.#parts.send("-");
        break;
      case "refused":
        if (this.#acknowledging && this.#lastSent !== "") this.#parts.send(this.#lastSent);
        break;
      case "interrupt":
        this.#parts.target.pause();
        break;
      case "accepted":
        break;
    }
  }

  #obey(packet: string): void {
    let answer: string | undefined;
    try {
      answer = this.#answer(packet);
    } catch (problem) {
      if (!(problem instanceof GuesthouseError)) throw problem;
      answer = problem.kind === "illegal-state" ? FAULT : NOT_POSSIBLE;
    }
    if (answer !== undefined) this.#reply(answer);
  }

  #reply(data: string): void {
    this.#lastSent = packetOf(data);
    this.#parts.send(this.#lastSent);
  }

  readonly #letters: Readonly<Record<string, Handler>> = {
    "?": () => this.#describeStop(this.#lastStop),
    g: () => this.#readRegisters(),
    G: (rest) => this.#writeRegisters(rest),
    p: (rest) => this.#readRegister(rest),
    P: (rest) => this.#writeRegister(rest),
    m: (rest) => this.#readMemory(rest),
    M: (rest) => this.#writeMemory(rest, bytesOfHex),
    X: (rest) => this.#writeMemory(rest, (text) => new Uint8Array(Buffer.from(text, "latin1"))),
    c: (rest) => this.#go("c", rest),
    C: (rest) => this.#go("c", rest.split(";")[1] ?? ""),
    s: (rest) => this.#go("s", rest),
    S: (rest) => this.#go("s", rest.split(";")[1] ?? ""),
    Z: (rest) => this.#changePoint(rest, true),
    z: (rest) => this.#changePoint(rest, false),
    H: () => "OK",
    T: () => "OK",
    q: (rest) => this.#query(rest),
    Q: (rest) => this.#set(rest),
    v: (rest) => this.#long(rest),
    D: () => this.#detach(),
    k: () => this.#kill(undefined),
  };

  #answer(packet: string): string | undefined {
    const handler = Object.hasOwn(this.#letters, packet[0] ?? "") ? this.#letters[packet[0]!] : undefined;
    // Empty is how "not known here" is said.
    return handler === undefined ? "" : handler(packet.slice(1));
  }

  // --- questions about the stub ---
  #query(rest: string): string {
    const [name] = rest.split(/[:,]/);
    switch (name) {
      case "Supported":
        return `PacketSize=${PACKET_BYTES_MAX.toString(16)};${FEATURES}`;
      case "Xfer":
        return this.#transfer(rest);
      case "Attached":
        return "1";
      case "C":
        return "QC1";
      case "fThreadInfo":
        return "m1";
      case "sThreadInfo":
        return "l";
      case "ThreadExtraInfo":
        return hexOfBytes(Buffer.from(this.#parts.target.registers().halted ? "CPU 0 (halted)" : "CPU 0"));
      case "qemu.PhyMemMode":
        return this.#addressSpace === "physical" ? "1" : "0";
      default:
        return "";
    }
  }

  /** qXfer:features:read:target.xml:OFFSET,LENGTH */
  #transfer(rest: string): string {
    const [, object, verb, annex, range] = rest.split(":");
    if (object !== "features" || verb !== "read") return "";
    if (annex !== "target.xml") return "E00";
    const [offset, length] = (range ?? "").split(",").map(numberOfHex);
    if (offset === undefined || length === undefined) return BAD_REQUEST;
    const text = targetDescription(this.#registers);
    // Half a packet, since every character might have to be escaped.
    const end = Number(offset) + Math.min(Number(length), PACKET_BYTES_MAX / 2);
    return `${end >= text.length ? "l" : "m"}${text.slice(Number(offset), end)}`;
  }

  #set(rest: string): string {
    if (rest === "StartNoAckMode") {
      this.#acknowledging = false;
      return "OK";
    }
    const mode = /^qemu\.PhyMemMode:([01])$/.exec(rest);
    if (mode === null) return "";
    this.#addressSpace = mode[1] === "1" ? "physical" : "linear";
    return "OK";
  }

  #long(rest: string): string | undefined {
    if (rest === "Cont?") return "vCont;c;C;s;S";
    if (rest.startsWith("Cont;")) {
      const action = rest[5];
      if (action === "c" || action === "C") return this.#go("c", "");
      if (action === "s" || action === "S") return this.#go("s", "");
      return BAD_REQUEST;
    }
    if (rest === "Kill" || rest.startsWith("Kill;")) return this.#kill("OK");
    return "";
  }

  // --- running and stopping ---
  #go(how: "c" | "s", address: string): string | undefined {
    const { target } = this.#parts;
    if (address !== "") {
      const rip = numberOfHex(address);
      if (rip === undefined) return BAD_REQUEST;
      const state = target.registers();
      state.rip = rip;
      fitToMode(state);
      target.setRegisters(state);
    }
    if (target.state === "off") return this.#describeStop({ kind: "off" });
    this.#awaitsStop = true;
    if (how === "s" && target.state === "paused") target.step();
    else target.resume();
    return undefined;
  }

  #noteStop(stop: DebugStop): void {
    this.#lastStop = stop;
    if (!this.#awaitsStop) return;
    this.#awaitsStop = false;
    this.#reply(this.#describeStop(stop));
  }

  #describeStop(stop: DebugStop): string {
    const signal = (number: number, reason = ""): string =>
      `T${number.toString(16).padStart(2, "0")}${reason}thread:1;`;
    switch (stop.kind) {
      case "off":
        return "W00";
      case "paused":
        return signal(SIGINT);
      case "step":
        return signal(SIGTRAP);
      case "breakpoint":
        return signal(SIGTRAP, this.#points.has(`1,${stop.address}`) ? "hwbreak:;" : "swbreak:;");
      case "watchpoint": {
        const { access, address } = stop.watchpoint;
        const word = { write: "watch", read: "rwatch", access: "awatch" }[access];
        return signal(SIGTRAP, `${word}:${address.toString(16)};`);
      }
    }
  }

  #detach(): string | undefined {
    this.#reply("OK");
    this.end();
    this.#parts.close();
    return undefined;
  }

  #kill(answer: string | undefined): string | undefined {
    if (answer !== undefined) this.#reply(answer);
    this.#awaitsStop = false;
    this.#parts.kill();
    this.end();
    this.#parts.close();
    return undefined;
  }

  /** Z or z: type,address,kind — for watchpoints the kind is their length. */
  #changePoint(rest: string, insert: boolean): string {
    const [type = "", addressText = "", lengthText = ""] = (rest.split(";")[0] ?? "").split(",");
    const kind = /^[0-4]$/.test(type) ? pointKinds[Number(type)] : undefined;
    if (kind === undefined) return "";
    const address = numberOfHex(addressText);
    const length = numberOfHex(lengthText);
    if (address === undefined || length === undefined) return BAD_REQUEST;
    if (kind !== "execute" && (length === 0n || length > WATCHED_BYTES_MAX)) return BAD_REQUEST;
    const key = kind === "execute" ? `${type},${address}` : `${type},${address},${length}`;
    const known = this.#points.get(key);
    const { target } = this.#parts;
    if (insert && known === undefined) {
      const point: StopPoint = kind === "execute" ? { kind, address } : { kind, address, length: Number(length) };
      target.insert(point);
      this.#points.set(key, point);
    } else if (!insert && known !== undefined) {
      target.remove(known);
      this.#points.delete(key);
    }
    return "OK";
  }

  // --- registers and memory ---
  #readRegisters(): string {
    const state = this.#parts.target.registers();
    return this.#registers.registers.map((register) => hexOfRegister(register.read(state), register.bits)).join("");
  }

  /** What cannot be changed is passed over. */
  #writeRegisters(text: string): string {
    const state = this.#parts.target.registers();
    let at = 0;
    for (const { bits, write } of this.#registers.registers) {
      const digits = text.slice(at, at + bits / 4);
      at += bits / 4;
      if (digits === "") break;
      const value = registerOfHex(digits, bits);
      if (value === undefined) return BAD_REQUEST;
      write?.(state, value);
    }
    fitToMode(state);
    this.#parts.target.setRegisters(state);
    return "OK";
  }

  #readRegister(text: string): string {
    const number = numberOfHex(text);
    const register = number === undefined ? undefined : this.#registers.registers[Number(number)];
    if (register === undefined) return NO_SUCH_REGISTER;
    return hexOfRegister(register.read(this.#parts.target.registers()), register.bits);
  }

  #writeRegister(text: string): string {
    const [numberText = "", valueText = ""] = text.split("=");
    const number = numberOfHex(numberText);
    const register = number === undefined ? undefined : this.#registers.registers[Number(number)];
    if (register === undefined) return NO_SUCH_REGISTER;
    const value = registerOfHex(valueText, register.bits);
    if (value === undefined) return BAD_REQUEST;
    if (register.write === undefined) return NOT_POSSIBLE;
    const state = this.#parts.target.registers();
    register.write(state, value);
    fitToMode(state);
    this.#parts.target.setRegisters(state);
    return "OK";
  }

  #readMemory(text: string): string {
    const [address, length] = text.split(",").map(numberOfHex);
    if (address === undefined || length === undefined) return BAD_REQUEST;
    const wanted = Math.min(Number(length), PACKET_BYTES_MAX / 2);
    if (wanted === 0) return "";
    const bytes = this.#parts.target.readMemory(address, wanted, this.#addressSpace);
    return bytes.length === 0 ? FAULT : hexOfBytes(bytes);
  }

  #writeMemory(text: string, decode: (text: string) => Uint8Array | undefined): string {
    const colon = text.indexOf(":");
    const [address, length] = text.slice(0, Math.max(colon, 0)).split(",").map(numberOfHex);
    const bytes = decode(text.slice(colon + 1));
    if (colon < 0 || address === undefined || bytes === undefined || BigInt(bytes.length) !== length)
      return BAD_REQUEST;
    return this.#parts.target.writeMemory(address, bytes, this.#addressSpace) === bytes.length ? "OK" : FAULT;
  }
}
