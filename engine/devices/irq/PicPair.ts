/**
 * The PC's two 8259A controllers with the slave's INT on the master's IR2, and the ELCR ports of PCI chipsets.
 * Ports: 20h-21h master, A0h-A1h slave, 4D0h-4D1h ELCR, all 1 byte wide.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { InterruptSource } from "../../contracts/InterruptSource.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import { Pic8259 } from "./Pic8259.ts";

const CASCADE_LEVEL = 2;

export class PicPair implements Device, InterruptSource {
  readonly id = "pic";
  readonly stateVersion = 1;
  readonly #master: Pic8259;
  readonly #slave: Pic8259;

  /** `onInterruptRequest` is the master's INT pin. */
  constructor(parts: { onInterruptRequest: (level: boolean) => void }) {
    // The timer, the keyboard and the cascade are always edge-triggered, and so are the RTC and the FPU error.
    this.#master = new Pic8259({
      elcrMask: 0xf8,
      cascadeInputs: 1 << CASCADE_LEVEL,
      onOutput: parts.onInterruptRequest,
    });
    this.#slave = new Pic8259({
      elcrMask: 0xde,
      cascadeInputs: 0,
      onOutput: (level) => this.#master.setPin(CASCADE_LEVEL, level),
    });
  }

  readonly masterPorts: IoHandler = {
    read: (offset) => this.#master.read(offset),
    write: (offset, value) => this.#master.write(offset, value),
  };

  readonly slavePorts: IoHandler = {
    read: (offset) => this.#slave.read(offset),
    write: (offset, value) => this.#slave.write(offset, value),
  };

  readonly elcrPorts: IoHandler = {
    read: (offset) => (offset === 0 ? this.#master : this.#slave).elcr,
    write: (offset, value) => {
      (offset === 0 ? this.#master : this.#slave).elcr = value;
    },
  };

  /** Interrupt 0-15. IR2 of the master is the slave's. */
  setInterrupt(irq: number, level: boolean): void {
    if (irq >= 8) this.#slave.setPin(irq - 8, level);
    else if (irq !== CASCADE_LEVEL) this.#master.setPin(irq, level);
  }

  pending(): boolean {
    return this.#master.output;
  }

  acknowledge(): number {
    const level = this.#master.acknowledge();
    if (level !== CASCADE_LEVEL) return this.#master.vectorOf(level);
    return this.#slave.vectorOf(this.#slave.acknowledge());
  }

  reset(_kind: ResetKind): void {
    this.#slave.reset();
    this.#master.reset();
  }

  save(writer: StateWriter): void {
    this.#master.save(writer);
    this.#slave.save(writer);
  }

  load(reader: StateReader): void {
    const takeMaster = this.#master.restore(reader);
    const takeSlave = this.#slave.restore(reader);
    // The slave first: its INT may move the master's IR2, which the master's own state then overrides.
    takeSlave();
    takeMaster();
  }
}
