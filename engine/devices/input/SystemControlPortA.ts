/**
 * Port 92h of the PS/2 and of PIIX: bit 0 resets the processor when it rises, bit 1 is the A20 gate, the others hold what is
 * written. 1 byte wide.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { A20Gate } from "./A20Gate.ts";

const FAST_INIT = 0x01;
const FAST_A20 = 0x02;

export class SystemControlPortA implements Device, IoHandler {
  readonly id = "port-92";
  readonly stateVersion = 1;
  readonly #a20: A20Gate;
  readonly #onReset: () => void;
  #value = 0;

  constructor(parts: { a20: A20Gate; onReset: () => void }) {
    this.#a20 = parts.a20;
    this.#onReset = parts.onReset;
  }

  read(): number {
    return this.#value | (this.#a20.enabled ? FAST_A20 : 0);
  }

  write(_offset: number, value: number): void {
    const rises = (value & ~this.#value & FAST_INIT) !== 0;
    this.#value = value & 0xff & ~FAST_A20;
    this.#a20.enabled = (value & FAST_A20) !== 0;
    if (rises) this.#onReset();
  }

  reset(_kind: ResetKind): void {
    this.#value = 0;
  }

  save(writer: StateWriter): void {
    writer.u8(this.#value);
  }

  load(reader: StateReader): void {
    this.#value = reader.u8() & ~FAST_A20;
  }
}
