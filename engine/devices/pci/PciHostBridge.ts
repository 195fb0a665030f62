/**
 * The Intel 82441FX (i440FX PMC) host bridge, PCI function 8086:1237 at 0.0: configuration mechanism 1 (CONFADD at CF8h,
 * CONFDATA at CFCh), the PAM registers 59h-5Fh that switch C0000h-FFFFFh between ROM and DRAM, and SMRAM (72h) as far as
 * software probes it. Byte access to CF9h inside the window belongs to the ISA bridge's reset control.
 * Ports: CF8h-CFFh, widths 1, 2 and 4.
 * Absent: DRAM row boundaries and timing, AGP, memory holes, SMM mode itself.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { PciBus } from "./PciBus.ts";
import { PciConfigSpace } from "./PciConfigSpace.ts";

/** Reads that go to DRAM come from there, writes that do not are dropped (reads then come from the ROM). */
export interface PamSegment {
  readonly start: number;
  readonly length: number;
  readonly readable: boolean;
  readonly writable: boolean;
}

export interface ResetControl {
  read(): number;
  write(value: number): void;
}

const PAM0 = 0x59;
const SMRAM = 0x72;
const SMRAM_D_LCK = 0x10;
const SMRAM_D_OPEN = 0x40;
const ENABLE = 0x80000000;

/** The segments in the order of the attribute nibbles from PAM0's high nibble on. */
const SEGMENTS: readonly { start: number; length: number; register: number; shift: number }[] = [
  { start: 0xf0000, length: 0x10000, register: PAM0, shift: 4 },
  ...Array.from({ length: 12 }, (_, index) => ({
    start: 0xc0000 + index * 0x4000,
    length: 0x4000,
    register: PAM0 + 1 + (index >> 1),
    shift: (index & 1) * 4,
  })),
];

export class PciHostBridge implements Device, PciFunction, IoHandler {
  readonly id = "pci-host-bridge";
  readonly stateVersion = 1;
  readonly #bus: PciBus;
  readonly #onPamChanged: (segment: PamSegment) => void;
  readonly #resetControl: ResetControl | undefined;
  readonly #config: PciConfigSpace;
  readonly #attributes = new Uint8Array(SEGMENTS.length);
  #configAddress = 0;

  constructor(parts: { bus: PciBus; onPamChanged: (segment: PamSegment) => void; resetControl?: ResetControl }) {
    this.#bus = parts.bus;
    this.#onPamChanged = parts.onPamChanged;
    this.#resetControl = parts.resetControl;
    this.#config = new PciConfigSpace({
      id: this.id,
      vendorId: 0x8086,
      deviceId: 0x1237,
      revision: 2,
      classCode: 0x060000,
      commandMask: 0x0140,
      commandReset: 0x0006,
      statusReset: 0x0280,
    });
    for (let register = PAM0; register <= 0x5f; register++) this.#config.allowWrites(register, 1, 0x33);
    this.#config.allowWrites(PAM0, 1, 0x30);
    for (const [register, mask] of [
      [0x50, 0xff],
      [0x51, 0xff],
      [0x57, 0xff],
      [0x58, 0xff],
      [0x93, 0x02],
    ] as const) {
      this.#config.allowWrites(register, 1, mask);
    }
    for (let register = 0x60; register <= 0x67; register++) this.#config.allowWrites(register, 1, 0xff);
    this.#config.preset(SMRAM, 1, 0x02);
    this.#config.allowWrites(SMRAM, 1, 0x78);
    this.#config.onWrite = () => this.#applyPam(false);
    this.#applyPam(true);
  }

  read(offset: number, width: IoWidth): number {
    if (offset >= 4) return this.#configCycle(offset & 3, width);
    if (offset === 0 && width === 4) return this.#configAddress;
    if (offset === 1 && width === 1 && this.#resetControl) return this.#resetControl.read();
    return width === 4 ? 0xffffffff : width === 2 ? 0xffff : 0xff;
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (offset >= 4) this.#writeConfigCycle(offset & 3, value, width);
    else if (offset === 0 && width === 4) this.#configAddress = (value & 0x80fffffc) >>> 0;
    else if (offset === 1 && width === 1) this.#resetControl?.write(value);
  }

  #configCycle(byte: number, width: IoWidth): number {
    const address = this.#configAddress;
    if (address < ENABLE) return width === 4 ? 0xffffffff : width === 2 ? 0xffff : 0xff;
    return this.#bus.readConfig((address >>> 16) & 0xff, (address >>> 8) & 0xff, (address & 0xfc) | byte, width);
  }

  #writeConfigCycle(byte: number, value: number, width: IoWidth): void {
    const address = this.#configAddress;
    if (address < ENABLE) return;
    this.#bus.writeConfig((address >>> 16) & 0xff, (address >>> 8) & 0xff, (address & 0xfc) | byte, value, width);
  }

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    const smram = this.#config.get8(SMRAM);
    this.#config.writeConfig(offset, value, width);
    if ((smram & SMRAM_D_LCK) !== 0) {
      // Once locked, only a reset opens SMRAM again.
      this.#config.set8(SMRAM, smram);
    } else if ((this.#config.get8(SMRAM) & SMRAM_D_LCK) !== 0) {
      this.#config.set8(SMRAM, this.#config.get8(SMRAM) & ~SMRAM_D_OPEN);
    }
  }

  reset(_kind: ResetKind): void {
    this.#configAddress = 0;
    this.#config.reset();
    this.#applyPam(true);
  }

  save(writer: StateWriter): void {
    writer.u32(this.#configAddress);
    this.#config.save(writer);
  }

  load(reader: StateReader): void {
    const configAddress = reader.u32() & 0x80fffffc;
    const config = this.#config.readState(reader);
    this.#configAddress = configAddress >>> 0;
    this.#config.apply(config);
    this.#applyPam(true);
  }

  #applyPam(always: boolean): void {
    for (const [index, { start, length, register, shift }] of SEGMENTS.entries()) {
      const attributes = (this.#config.get8(register) >> shift) & 3;
      if (!always && attributes === this.#attributes[index]) continue;
      this.#attributes[index] = attributes;
      this.#onPamChanged({ start, length, readable: (attributes & 1) !== 0, writable: (attributes & 2) !== 0 });
    }
  }
}
