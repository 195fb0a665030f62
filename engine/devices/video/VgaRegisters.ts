/**
 * The register file of the VGA: miscellaneous output, sequencer, CRT controller, graphics controller and attribute
 * controller behind their index and data ports 3C0h-3DFh, or 3B0h-3BBh for the CRT controller in monochrome addressing
 * (IBM PS/2 Video Subsystem reference). Getters give the fields that the memory and the renderers need.
 * Absent: the vertical interrupt, the light pen, 3C3h's sleep.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { VgaDac } from "./VgaDac.ts";

export interface VgaRegistersOptions {
  readonly dac: VgaDac;
  /** Display-enable and retrace bits of input status 1, which move with the beam. */
  readonly beam: () => number;
  /** A register that the memory or the picture depends on has changed. */
  readonly onChange: (block: "sequencer" | "graphics" | "crtc" | "attribute" | "miscellaneous") => void;
}

/** Protected by bit 7 of CR11, apart from bit 4 (line compare bit 8) of CR7. */
const LAST_PROTECTED_CRTC = 7;
const PALETTE_ADDRESS_SOURCE = 0x20;

export class VgaRegisters {
  readonly sequencer = new Uint8Array(8);
  readonly graphics = new Uint8Array(16);
  readonly crtc = new Uint8Array(32);
  /** 0-15 the palette, 10h-14h the controls. */
  readonly attribute = new Uint8Array(32);
  miscellaneousOutput = 0;
  readonly #options: VgaRegistersOptions;
  #featureControl = 0;
  #sequencerIndex = 0;
  #graphicsIndex = 0;
  #crtcIndex = 0;
  /** Five bits of index and PAS, which lets the palette show. */
  #attributeIndex = 0;
  #attributeExpectsData = false;
  #statusToggle = 0;

  constructor(options: VgaRegistersOptions) {
    this.#options = options;
  }

  reset(): void {
    for (const block of [this.sequencer, this.graphics, this.crtc, this.attribute]) block.fill(0);
    this.miscellaneousOutput = 0;
    this.#featureControl = 0;
    this.#sequencerIndex = 0;
    this.#graphicsIndex = 0;
    this.#crtcIndex = 0;
    this.#attributeIndex = 0;
    this.#attributeExpectsData = false;
    this.#statusToggle = 0;
    for (const block of ["sequencer", "graphics", "crtc", "attribute", "miscellaneous"] as const) {
      this.#options.onChange(block);
    }
  }

  /** CRT controller at 3D4h (and status at 3DAh) rather than at 3B4h. */
  get colorAddressing(): boolean {
    return (this.miscellaneousOutput & 0x01) !== 0;
  }
  get ramEnabled(): boolean {
    return (this.miscellaneousOutput & 0x02) !== 0;
  }
  get paletteShown(): boolean {
    return (this.#attributeIndex & PALETTE_ADDRESS_SOURCE) !== 0;
  }
  get screenOff(): boolean {
    return (this.sequencer[1]! & 0x20) !== 0;
  }
  get verticalDisplayEnd(): number {
    return this.crtc[0x12]! | this.#overflow(1, 8) | this.#overflow(6, 9);
  }
  get verticalTotal(): number {
    return this.crtc[0x06]! | this.#overflow(0, 8) | this.#overflow(5, 9);
  }
  get verticalRetraceStart(): number {
    return this.crtc[0x10]! | this.#overflow(2, 8) | this.#overflow(7, 9);
  }
  get lineCompare(): number {
    return this.crtc[0x18]! | this.#overflow(4, 8) | ((this.crtc[0x09]! & 0x40) << 3);
  }
  get startAddress(): number {
    return (this.crtc[0x0c]! << 8) | this.crtc[0x0d]!;
  }
  get cursorAddress(): number {
    return (this.crtc[0x0e]! << 8) | this.crtc[0x0f]!;
  }

  #overflow(bit: number, position: number): number {
    return ((this.crtc[0x07]! >> bit) & 1) << position;
  }

  /** `port` is 3B0h-3BBh or 3C0h-3DFh. */
  read(port: number): number {
    const crtcPort = this.#asCrtcPort(port);
    if (crtcPort !== undefined) return this.#readCrtcPort(crtcPort);
    const { dac } = this.#options;
    switch (port) {
      case 0x3c0:
        return this.#attributeIndex;
      case 0x3c1:
        return this.attribute[this.#attributeIndex & 0x1f]!;
      case 0x3c2:
        return 0x10; // Switch sense: a colour display is attached.
      case 0x3c4:
        return this.#sequencerIndex;
      case 0x3c5:
        return this.sequencer[this.#sequencerIndex & 7]!;
      case 0x3c6:
        return dac.pixelMask;
      case 0x3c7:
        return dac.state;
      case 0x3c8:
        return dac.writeIndex;
      case 0x3c9:
        return dac.readData();
      case 0x3ca:
        return this.#featureControl;
      case 0x3cc:
        return this.miscellaneousOutput;
      case 0x3ce:
        return this.#graphicsIndex;
      case 0x3cf:
        return this.graphics[this.#graphicsIndex & 0xf]!;
      default:
        return 0xff;
    }
  }

  write(port: number, value: number): void {
    const crtcPort = this.#asCrtcPort(port);
    if (crtcPort !== undefined) return this.#writeCrtcPort(crtcPort, value);
    const { dac } = this.#options;
    switch (port) {
      case 0x3c0:
        return this.#writeAttribute(value);
      case 0x3c2:
        return this.#store("miscellaneous", value);
      case 0x3c4:
        this.#sequencerIndex = value;
        return;
      case 0x3c5:
        return this.#store("sequencer", value);
      case 0x3c6:
        dac.pixelMask = value;
        return;
      case 0x3c7:
        return dac.startReading(value);
      case 0x3c8:
        return dac.startWriting(value);
      case 0x3c9:
        return dac.writeData(value);
      case 0x3ce:
        this.#graphicsIndex = value;
        return;
      case 0x3cf:
        return this.#store("graphics", value);
    }
  }

  /** 4, 5 or Ah for a CRT controller port that answers in the present addressing. */
  #asCrtcPort(port: number): number | undefined {
    if (port >> 4 !== (this.colorAddressing ? 0x3d : 0x3b)) return undefined;
    return port & 0xf;
  }

  #readCrtcPort(port: number): number {
    switch (port) {
      case 0x4:
        return this.#crtcIndex;
      case 0x5:
        return this.crtc[this.#crtcIndex & 0x1f]!;
      case 0xa:
        this.#attributeExpectsData = false;
        // The diagnostic bits change with the picture; programs only wait for a change.
        this.#statusToggle ^= 0x30;
        return this.#options.beam() | this.#statusToggle;
      default:
        return 0xff;
    }
  }

  #writeCrtcPort(port: number, value: number): void {
    if (port === 0x4) this.#crtcIndex = value;
    else if (port === 0x5) this.#writeCrtc(value);
    else if (port === 0xa) this.#featureControl = value;
  }

  #writeCrtc(value: number): void {
    const index = this.#crtcIndex & 0x1f;
    if (index <= LAST_PROTECTED_CRTC && (this.crtc[0x11]! & 0x80) !== 0) {
      if (index !== 7) return;
      value = (this.crtc[7]! & ~0x10) | (value & 0x10);
    }
    if (this.crtc[index] === value) return;
    this.crtc[index] = value;
    this.#options.onChange("crtc");
  }

  #store(block: "sequencer" | "graphics" | "miscellaneous", value: number): void {
    if (block === "miscellaneous") this.miscellaneousOutput = value;
    else if (block === "sequencer") this.sequencer[this.#sequencerIndex & 7] = value;
    else this.graphics[this.#graphicsIndex & 0xf] = value;
    this.#options.onChange(block);
  }

  #writeAttribute(value: number): void {
    this.#attributeExpectsData = !this.#attributeExpectsData;
    if (this.#attributeExpectsData) {
      const shown = this.paletteShown;
      this.#attributeIndex = value & 0x3f;
      if (shown !== this.paletteShown) this.#options.onChange("attribute");
      return;
    }
    const index = this.#attributeIndex & 0x1f;
    // The palette belongs to the display while PAS is set.
    if (index < 16 && this.paletteShown) return;
    if (this.attribute[index] === value) return;
    this.attribute[index] = value;
    this.#options.onChange("attribute");
  }

  save(writer: StateWriter): void {
    for (const block of [this.sequencer, this.graphics, this.crtc, this.attribute]) writer.bytes(block);
    writer.u8(this.miscellaneousOutput).u8(this.#featureControl).u8(this.#sequencerIndex).u8(this.#graphicsIndex);
    writer.u8(this.#crtcIndex).u8(this.#attributeIndex).bool(this.#attributeExpectsData).u8(this.#statusToggle);
  }

  prepareLoad(reader: StateReader): () => void {
    const blocks = [this.sequencer, this.graphics, this.crtc, this.attribute];
    const saved = blocks.map((block) => {
      const bytes = reader.bytes();
      if (bytes.length !== block.length) {
        throw new GuesthouseError("state-invalid", "The saved state of the display adapter is damaged.");
      }
      return bytes;
    });
    const values = Array.from({ length: 6 }, () => reader.u8());
    const expectsData = reader.bool();
    const statusToggle = reader.u8();
    return () => {
      blocks.forEach((block, index) => {
        block.set(saved[index]!);
      });
      this.miscellaneousOutput = values[0]!;
      this.#featureControl = values[1]!;
      this.#sequencerIndex = values[2]!;
      this.#graphicsIndex = values[3]!;
      this.#crtcIndex = values[4]!;
      this.#attributeIndex = values[5]!;
      this.#attributeExpectsData = expectsData;
      this.#statusToggle = statusToggle;
      this.#options.onChange("sequencer");
      this.#options.onChange("graphics");
      this.#options.onChange("crtc");
      this.#options.onChange("attribute");
    };
  }
}
