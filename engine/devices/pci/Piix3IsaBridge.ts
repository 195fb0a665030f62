/**
 * The ISA bridge of the Intel 82371SB (PIIX3), PCI function 8086:7000: steers PIRQA#-PIRQD# to the ISA interrupts named in
 * PIRQRC[A:D] (60h-63h) and holds the reset control register at port CF9h (reached through the host bridge's window).
 * The ELCR at 4D0h lies in the interrupt controller; firmware sets it for steered interrupts, as on the real part.
 * Absent: X-bus chip selects, ISA recovery timing, MBIRQ and MBDMA steering, SMI generation (their registers hold what
 * is written).
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import { PciConfigSpace } from "./PciConfigSpace.ts";
import type { ResetControl } from "./PciHostBridge.ts";

const PIRQRCA = 0x60;
const PIRQRC_DISABLED = 0x80;
/** Interrupts a PIRQ may be steered to: 3-7, 9-12, 14, 15. */
const STEERABLE = 0xdef8;
/** Registers that only hold what is written here: offset, mask. */
const STORED: readonly (readonly [number, number])[] = [
  [0x4c, 0xff],
  [0x4e, 0xff],
  [0x4f, 0x01],
  [0x69, 0xfe],
  [0x6a, 0x17],
  [0x70, 0xef],
  [0x76, 0x8f],
  [0x77, 0x8f],
  [0x78, 0xfe],
  [0x79, 0xff],
  [0x80, 0x7f],
  [0x82, 0x0f],
  [0xa0, 0x1f],
  [0xa2, 0xff],
  [0xa3, 0xff],
  [0xa4, 0xff],
  [0xa5, 0xff],
  [0xa6, 0xff],
  [0xa7, 0xff],
  [0xa8, 0xff],
  [0xaa, 0xff],
  [0xab, 0xff],
  [0xac, 0xff],
  [0xae, 0xff],
];
const RCR_HARD = 0x02;
const RCR_RESET_CPU = 0x04;

export class Piix3IsaBridge implements Device, PciFunction {
  readonly id = "piix3-isa";
  readonly stateVersion = 1;
  readonly #config: PciConfigSpace;
  readonly #onReset: (hard: boolean) => void;
  readonly #outputs: readonly (IrqLine | undefined)[];
  #pirqLevels = 0;
  #irqLevels = 0;
  #resetControl = 0;

  /** `irqLine` gives a new source on an ISA interrupt; `onReset(hard)` is asked for through CF9h, soft being INIT alone. */
  constructor(parts: { irqLine: (irq: number) => IrqLine; onReset: (hard: boolean) => void }) {
    this.#onReset = parts.onReset;
    this.#outputs = Array.from({ length: 16 }, (_, irq) => ((STEERABLE >> irq) & 1 ? parts.irqLine(irq) : undefined));
    this.#config = new PciConfigSpace({
      id: this.id,
      vendorId: 0x8086,
      deviceId: 0x7000,
      classCode: 0x060100,
      headerType: 0x80,
      commandMask: 0x0108,
      commandReset: 0x0007,
      statusReset: 0x0200,
    });
    for (const [register, mask] of STORED) this.#config.allowWrites(register, 1, mask);
    this.#config.preset(0x4c, 1, 0x4d);
    this.#config.preset(0x4e, 2, 0x0003);
    this.#config.preset(0x69, 1, 0x02);
    this.#config.preset(0x78, 1, 0x02);
    for (let pirq = 0; pirq < 4; pirq++) {
      this.#config.preset(PIRQRCA + pirq, 1, PIRQRC_DISABLED);
      this.#config.allowWrites(PIRQRCA + pirq, 1, 0x8f);
    }
    this.#config.onWrite = () => this.#route();
  }

  /** PIRQA# (0) .. PIRQD# (3), true when asserted. */
  pirqLine(pirq: number): IrqLine {
    const bit = 1 << pirq;
    return {
      set: (level) => {
        this.#pirqLevels = level ? this.#pirqLevels | bit : this.#pirqLevels & ~bit;
        this.#route();
      },
    };
  }

  /** Port CF9h: bit 1 chooses a hard reset, the rise of bit 2 performs it. */
  readonly resetControl: ResetControl = {
    read: () => this.#resetControl,
    write: (value) => {
      const rises = (value & ~this.#resetControl & RCR_RESET_CPU) !== 0;
      this.#resetControl = value & (RCR_HARD | RCR_RESET_CPU);
      if (rises) this.#onReset((value & RCR_HARD) !== 0);
    },
  };

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
  }

  reset(_kind: ResetKind): void {
    this.#resetControl = 0;
    this.#config.reset();
    this.#route();
  }

  save(writer: StateWriter): void {
    writer.u8(this.#resetControl);
    this.#config.save(writer);
  }

  load(reader: StateReader): void {
    const resetControl = reader.u8();
    const config = this.#config.readState(reader);
    this.#resetControl = resetControl & (RCR_HARD | RCR_RESET_CPU);
    this.#config.apply(config);
    this.#route();
  }

  #route(): void {
    let levels = 0;
    for (let pirq = 0; pirq < 4; pirq++) {
      const control = this.#config.get8(PIRQRCA + pirq);
      if ((this.#pirqLevels >> pirq) & 1 && (control & PIRQRC_DISABLED) === 0) levels |= 1 << (control & 0x0f);
    }
    const changed = levels ^ this.#irqLevels;
    if (changed === 0) return;
    this.#irqLevels = levels;
    for (let irq = 0; irq < 16; irq++) {
      if ((changed >> irq) & 1) this.#outputs[irq]?.set(((levels >> irq) & 1) !== 0);
    }
  }
}
