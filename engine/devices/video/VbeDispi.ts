/**
 * The display interface of the Bochs VBE extension, ID B0C5h: index at port 1CEh, data at 1CFh (and 1D0h), 16 bits each; or in
 * memory from 500h of the MMIO window, one register every two bytes. Resolutions up to 1920 x 1200 at 4, 8, 15, 16, 24 and
 * 32 bits, a bank for the window at A0000h, the linear frame buffer, a virtual screen and panning.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

const ID = 0;
const XRES = 1;
const YRES = 2;
const BPP = 3;
const ENABLE = 4;
const BANK = 5;
const VIRT_WIDTH = 6;
const VIRT_HEIGHT = 7;
const X_OFFSET = 8;
const Y_OFFSET = 9;
const VIDEO_MEMORY_64K = 10;
const REGISTERS = 11;

const OLDEST_ID = 0xb0c0;
const NEWEST_ID = 0xb0c5;
const ENABLED = 0x01;
const GETCAPS = 0x02;
const EIGHT_BIT_DAC = 0x20;
const NOCLEARMEM = 0x80;

const MAXIMUM = { [XRES]: 1920, [YRES]: 1200, [BPP]: 32 } as const;
const DEPTHS: readonly number[] = [4, 8, 15, 16, 24, 32];

export type DispiDepth = 4 | 8 | 15 | 16 | 24 | 32;

export interface DispiMode {
  readonly width: number;
  readonly height: number;
  readonly depth: DispiDepth;
  readonly virtualWidth: number;
  readonly xOffset: number;
  readonly yOffset: number;
  readonly bank: number;
}

export interface VbeDispiOptions {
  readonly memoryBytes: number;
  /** Mode, panning or bank changed. `clearBytes` from the start of the memory are to become zero. */
  readonly onChange: (clearBytes: number) => void;
}

function isDepth(value: number): value is DispiDepth {
  return DEPTHS.includes(value);
}

export class VbeDispi {
  readonly #options: VbeDispiOptions;
  #registers = new Uint16Array(REGISTERS);
  #index = 0;

  constructor(options: VbeDispiOptions) {
    this.#options = options;
    this.#clear();
  }

  #clear(): void {
    this.#registers.fill(0);
    this.#registers[ID] = NEWEST_ID;
    this.#index = 0;
  }

  reset(): void {
    this.#clear();
    this.#options.onChange(0);
  }

  /** What is shown, or undefined while the VGA's own modes are. */
  get mode(): DispiMode | undefined {
    const registers = this.#registers;
    const depth = registers[BPP]!;
    if ((registers[ENABLE]! & ENABLED) === 0 || !isDepth(depth)) return undefined;
    return {
      width: registers[XRES]!,
      height: registers[YRES]!,
      depth,
      virtualWidth: registers[VIRT_WIDTH]!,
      xOffset: registers[X_OFFSET]!,
      yOffset: registers[Y_OFFSET]!,
      bank: registers[BANK]!,
    };
  }

  get eightBitDac(): boolean {
    return (this.#registers[ENABLE]! & EIGHT_BIT_DAC) !== 0;
  }

  get index(): number {
    return this.#index;
  }
  set index(value: number) {
    this.#index = value & 0xffff;
  }

  read(index = this.#index): number {
    const capabilities = (this.#registers[ENABLE]! & GETCAPS) !== 0;
    if (capabilities && (index === XRES || index === YRES || index === BPP)) return MAXIMUM[index];
    if (index === VIDEO_MEMORY_64K) return this.#options.memoryBytes >>> 16;
    return this.#registers[index] ?? 0;
  }

  write(value: number, index = this.#index): void {
    const registers = this.#registers;
    value &= 0xffff;
    switch (index) {
      case ID:
        if (value >= OLDEST_ID && value <= NEWEST_ID) registers[ID] = value;
        return;
      case XRES:
      case YRES:
      case BPP:
        // A mode is chosen while it is off.
        if ((registers[ENABLE]! & ENABLED) === 0 && value <= MAXIMUM[index]) registers[index] = value;
        return;
      case ENABLE:
        return this.#writeEnable(value);
      case BANK:
        if (value < this.#options.memoryBytes >>> 16) registers[BANK] = value;
        break;
      case VIRT_WIDTH:
        this.#setVirtualWidth(value);
        break;
      case X_OFFSET:
      case Y_OFFSET:
        this.#setOffset(index, value);
        break;
      default:
        return;
    }
    this.#options.onChange(0);
  }

  #writeEnable(value: number): void {
    const registers = this.#registers;
    const turnedOn = (value & ENABLED) !== 0 && (registers[ENABLE]! & ENABLED) === 0;
    const possible = isDepth(registers[BPP]!) && registers[XRES]! > 0 && registers[YRES]! > 0;
    registers[ENABLE] = possible ? value : value & ~ENABLED;
    let clearBytes = 0;
    if (turnedOn && possible) {
      registers[BANK] = 0;
      registers[X_OFFSET] = 0;
      registers[Y_OFFSET] = 0;
      this.#setVirtualWidth(registers[XRES]!);
      if ((value & NOCLEARMEM) === 0) clearBytes = this.#lineBytes(registers[XRES]!) * registers[YRES]!;
    } else if ((value & ENABLED) === 0) registers[BANK] = 0;
    this.#options.onChange(clearBytes);
  }

  /** Bytes of a line in the video memory, where planar modes take four bytes for eight pixels. */
  #lineBytes(width: number): number {
    const depth = this.#registers[BPP]!;
    return depth === 4 ? (width >> 3) * 4 : width * ((depth + 7) >> 3);
  }

  #setVirtualWidth(width: number): void {
    const registers = this.#registers;
    if (width < registers[XRES]!) return;
    const lines = Math.floor(this.#options.memoryBytes / Math.max(1, this.#lineBytes(width)));
    if (lines < registers[YRES]!) return;
    registers[VIRT_WIDTH] = width;
    registers[VIRT_HEIGHT] = Math.min(lines, 0xffff);
    this.#setOffset(X_OFFSET, registers[X_OFFSET]!);
    this.#setOffset(Y_OFFSET, registers[Y_OFFSET]!);
  }

  /** The picture stays within the virtual screen. */
  #setOffset(index: typeof X_OFFSET | typeof Y_OFFSET, value: number): void {
    const registers = this.#registers;
    const room =
      index === X_OFFSET ? registers[VIRT_WIDTH]! - registers[XRES]! : registers[VIRT_HEIGHT]! - registers[YRES]!;
    registers[index] = Math.max(0, Math.min(value, room));
  }

  save(writer: StateWriter): void {
    for (const value of this.#registers) writer.u16(value);
    writer.u16(this.#index);
  }

  prepareLoad(reader: StateReader): () => void {
    const registers = Uint16Array.from({ length: REGISTERS }, () => reader.u16());
    const index = reader.u16();
    return () => {
      this.#registers = registers;
      this.#index = index;
      this.#keepInMemory();
      this.#options.onChange(0);
    };
  }

  /** Whatever a saved state says, the picture lies within the memory. */
  #keepInMemory(): void {
    const registers = this.#registers;
    for (const index of [XRES, YRES, BPP] as const) registers[index] = Math.min(registers[index]!, MAXIMUM[index]);
    if (!isDepth(registers[BPP]!) || registers[XRES] === 0 || registers[YRES] === 0) registers[ENABLE]! &= ~ENABLED;
    registers[BANK] = Math.min(registers[BANK]!, (this.#options.memoryBytes >>> 16) - 1);
    if ((registers[ENABLE]! & ENABLED) === 0) return;
    const width = registers[VIRT_WIDTH]!;
    this.#setVirtualWidth(registers[XRES]!);
    this.#setVirtualWidth(width);
  }
}
