import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";

/**
 * QEMU's firmware configuration device, for replacement firmware such as SeaBIOS: numbered items and named files that the
 * firmware reads through ports 510h (selector) and 511h (data), or by DMA through the big-endian address register at
 * 514h-51Bh. Window: 12 ports from 510h, widths 1, 2 and 4. Absent: items the guest can write.
 */
export const FW_CFG_PORTS = { start: 0x510, length: 12 } as const;

const SIGNATURE = 0x00;
const ID = 0x01;
const FILE_DIRECTORY = 0x19;
const FIRST_FILE = 0x20;
const ID_TRADITIONAL_AND_DMA = 3;
const NAME_BYTES = 56;

const SELECTOR = 0;
const DATA = 1;
const DMA_HIGH = 4;
const DMA_LOW = 8;
const DMA_SIGNATURE = [0x51454d55, 0x20434647];

const DMA_ERROR = 0x01;
const DMA_READ = 0x02;
const DMA_SKIP = 0x04;
const DMA_SELECT = 0x08;
const DMA_WRITE = 0x10;

function swap32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

export class FwCfg implements IoHandler, Device {
  readonly id = "fw-cfg";
  readonly stateVersion = 1;
  readonly #memory: PhysicalMemory;
  readonly #items = new Map<number, Uint8Array>();
  readonly #files: { name: string; bytes: Uint8Array }[] = [];
  #selected = 0;
  #offset = 0;
  #dmaHigh = 0;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
    this.addItem(SIGNATURE, new TextEncoder().encode("QEMU"));
    this.addItem(ID, littleEndian(ID_TRADITIONAL_AND_DMA, 4));
    this.#updateDirectory();
  }

  addItem(key: number, bytes: Uint8Array): void {
    this.#items.set(key, bytes);
  }

  /** Names of more than 55 characters cannot be told apart and are refused. */
  addFile(name: string, bytes: Uint8Array): void {
    if (name.length >= NAME_BYTES) throw new Error(`the name ${name} is too long for a firmware file`);
    this.#items.set(FIRST_FILE + this.#files.length, bytes);
    this.#files.push({ name, bytes });
    this.#updateDirectory();
  }

  #updateDirectory(): void {
    const bytes = new Uint8Array(4 + this.#files.length * 64);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#files.length);
    this.#files.forEach((file, index) => {
      const at = 4 + index * 64;
      view.setUint32(at, file.bytes.length);
      view.setUint16(at + 4, FIRST_FILE + index);
      bytes.set(new TextEncoder().encode(file.name), at + 8);
    });
    this.#items.set(FILE_DIRECTORY, bytes);
  }

  read(offset: number, width: IoWidth): number {
    if (offset === DATA && width === 1) return this.#nextByte();
    if (offset === DMA_HIGH && width === 4) return swap32(DMA_SIGNATURE[0]!);
    if (offset === DMA_LOW && width === 4) return swap32(DMA_SIGNATURE[1]!);
    return 0;
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (offset === SELECTOR && width === 2) this.#select(value);
    else if (offset === DMA_HIGH && width === 4) this.#dmaHigh = swap32(value);
    else if (offset === DMA_LOW && width === 4) {
      const address = this.#dmaHigh * 2 ** 32 + swap32(value);
      this.#dmaHigh = 0;
      this.#transfer(address);
    }
  }

  #select(key: number): void {
    this.#selected = key & 0xffff;
    this.#offset = 0;
  }

  #nextByte(): number {
    return this.#items.get(this.#selected)?.[this.#offset++] ?? 0;
  }

  /** Carries out the descriptor at `address`: control, length and target, all big-endian. */
  #transfer(address: number): void {
    const field = (offset: number) => swap32(this.#memory.read32(address + offset));
    const control = field(0);
    const length = field(4);
    const target = field(8) * 2 ** 32 + field(12);
    if (control & DMA_SELECT) this.#select(control >>> 16);
    let result = 0;
    if (control & DMA_WRITE) result = DMA_ERROR;
    else if (control & DMA_READ) this.#copy(target, length);
    else if (control & DMA_SKIP) this.#offset += length;
    this.#memory.write32(address, swap32(result));
  }

  /** Past an item's end zeros are read. */
  #copy(target: number, length: number): void {
    const item = this.#items.get(this.#selected) ?? new Uint8Array();
    const known = item.subarray(Math.min(this.#offset, item.length), Math.min(this.#offset + length, item.length));
    this.#memory.write(target, known);
    const zeros = new Uint8Array(4096);
    for (let at = known.length; at < length; at += zeros.length) {
      this.#memory.write(target + at, zeros.subarray(0, Math.min(zeros.length, length - at)));
    }
    this.#offset += length;
  }

  reset(_kind: ResetKind): void {
    this.#selected = 0;
    this.#offset = 0;
    this.#dmaHigh = 0;
  }

  save(writer: StateWriter): void {
    writer.u16(this.#selected).f64(this.#offset).u32(this.#dmaHigh);
  }

  load(reader: StateReader): void {
    const [selected, offset, dmaHigh] = [reader.u16(), reader.f64(), reader.u32()];
    reader.end();
    this.#selected = selected;
    this.#offset = offset;
    this.#dmaHigh = dmaHigh;
  }
}

export function littleEndian(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
}
