import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { CONVENTIONAL_KIB } from "../service/biosData.ts";
import { acpiTablesAddress, addressMap, extendedKiB, type MemorySizes } from "../system/memoryMap.ts";
import type { BootProgram, DirectBootImages, VideoChoice } from "./DirectBoot.ts";

/**
 * Loads a kernel by the Multiboot specification 0.6.96: ELF32 (and ELF64 with a 32-bit entry), or any format with the address
 * fields in its header. Passes memory sizes and map, command line, one module (the RAM disk), loader name, and a
 * linear frame buffer when the kernel asks for graphics. Absent: symbol tables, drives, APM table.
 */
const HEADER_MAGIC = 0x1badb002;
const LOADER_MAGIC = 0x2badb002;
const SEARCH_BYTES = 8192;
const WANTS_VIDEO = 1 << 2;
const HAS_ADDRESSES = 1 << 16;
const UNKNOWN_REQUIREMENTS = 0xfff8;

const INFO = 0x10000;
const MEMORY_MAP = INFO + 0x100;
const MODULES = INFO + 0x800;
const STRINGS = INFO + 0x1000;
const LONGEST_STRING = 0x8000;

const INFO_MEMORY = 1 << 0;
const INFO_COMMAND_LINE = 1 << 2;
const INFO_MODULES = 1 << 3;
const INFO_MEMORY_MAP = 1 << 6;
const INFO_LOADER_NAME = 1 << 9;
const INFO_FRAMEBUFFER = 1 << 12;

const ELF_MAGIC = 0x464c457f;
const PT_LOAD = 1;

interface Header {
  readonly offset: number;
  readonly flags: number;
  readonly view: DataView;
}

function readHeader(kernel: Uint8Array): Header | undefined {
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  const last = Math.min(kernel.length, SEARCH_BYTES) - 12;
  for (let offset = 0; offset <= last; offset += 4) {
    if (view.getUint32(offset, true) !== HEADER_MAGIC) continue;
    const flags = view.getUint32(offset + 4, true);
    if (((HEADER_MAGIC + flags + view.getUint32(offset + 8, true)) & 0xffffffff) === 0) return { offset, flags, view };
  }
  return undefined;
}

export function isMultibootKernel(kernel: Uint8Array): boolean {
  return readHeader(kernel) !== undefined;
}

/** The graphics mode a kernel prefers, when it asks for one. */
export function multibootVideoWish(
  kernel: Uint8Array,
): { width: number; height: number; bitsPerPixel: number } | undefined {
  const header = readHeader(kernel);
  if (!header || (header.flags & WANTS_VIDEO) === 0 || header.offset + 48 > kernel.length) return undefined;
  const field = (index: number) => header.view.getUint32(header.offset + 32 + index * 4, true);
  if (field(0) !== 0) return undefined;
  return { width: field(1) || 1024, height: field(2) || 768, bitsPerPixel: field(3) || 32 };
}

interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

interface Program {
  readonly segments: readonly Segment[];
  readonly entry: number;
}

const broken = (what: string) => new GuesthouseError("bad-kernel", `The multiboot kernel ${what}.`);

function slice(kernel: Uint8Array, offset: number, length: number): Uint8Array {
  if (offset < 0 || length < 0 || offset + length > kernel.length) throw broken("is cut off");
  return kernel.subarray(offset, offset + length);
}

function fromAddressFields(kernel: Uint8Array, header: Header): Program {
  if (header.offset + 32 > kernel.length) throw broken("is cut off");
  const field = (index: number) => header.view.getUint32(header.offset + 12 + index * 4, true);
  const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [field(0), field(1), field(2), field(3), field(4)];
  const offset = header.offset - (headerAddress! - loadAddress!);
  const length = loadEnd! === 0 ? kernel.length - offset : loadEnd! - loadAddress!;
  const bytes = slice(kernel, offset, length);
  const memoryBytes = bssEnd! === 0 ? length : Math.max(length, bssEnd! - loadAddress!);
  return { segments: [{ address: loadAddress!, bytes, memoryBytes }], entry: entry! };
}

/** Field offsets of the two ELF classes. */
function elfLayout(wide: boolean) {
  return wide
    ? {
        programHeaders: 0x20,
        entrySize: 0x36,
        count: 0x38,
        fileOffset: 8,
        virtual: 16,
        physical: 24,
        fileSize: 32,
        size: 40,
      }
    : {
        programHeaders: 0x1c,
        entrySize: 0x2a,
        count: 0x2c,
        fileOffset: 4,
        virtual: 8,
        physical: 12,
        fileSize: 16,
        size: 20,
      };
}

function fromElf(kernel: Uint8Array, view: DataView): Program {
  if (kernel.length < 64 || view.getUint32(0, true) !== ELF_MAGIC)
    throw broken("is neither ELF nor has load addresses");
  const wide = kernel[4] === 2;
  const layout = elfLayout(wide);
  const word = (offset: number) => {
    if (offset + (wide ? 8 : 4) > kernel.length) throw broken("is cut off");
    return wide ? Number(view.getBigUint64(offset, true)) : view.getUint32(offset, true);
  };
  const table = word(layout.programHeaders);
  const size = view.getUint16(layout.entrySize, true);
  let entry = word(0x18);
  const segments: Segment[] = [];
  for (let index = 0; index < view.getUint16(layout.count, true); index++) {
    const at = table + index * size;
    if (at + size > kernel.length) throw broken("is cut off");
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const address = word(at + layout.physical);
    const virtual = word(at + layout.virtual);
    const memoryBytes = word(at + layout.size);
    const bytes = slice(kernel, word(at + layout.fileOffset), word(at + layout.fileSize));
    segments.push({ address, bytes, memoryBytes: Math.max(memoryBytes, bytes.length) });
    // An entry given as a virtual address means the place it is loaded to.
    if (address !== virtual && entry >= virtual && entry < virtual + memoryBytes) entry += address - virtual;
  }
  return { segments, entry };
}

function loadSegments(program: Program, memory: PhysicalMemory, limit: number): number {
  let end = 0;
  for (const { address, bytes, memoryBytes } of program.segments) {
    if (address + memoryBytes > limit) {
      throw new GuesthouseError("out-of-memory", "The machine has too little memory for this kernel.", {
        address,
        memoryBytes,
      });
    }
    memory.write(address, bytes);
    if (memoryBytes > bytes.length) memory.write(address + bytes.length, new Uint8Array(memoryBytes - bytes.length));
    end = Math.max(end, address + memoryBytes);
  }
  return end;
}

class InfoWriter {
  readonly #memory: PhysicalMemory;
  #strings = STRINGS;
  flags = 0;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
    memory.write(INFO, new Uint8Array(0x1000));
  }

  set(offset: number, value: number, flag: number): void {
    this.#memory.write32(INFO + offset, value);
    this.flags |= flag;
  }

  string(text: string): number {
    const at = this.#strings;
    const bytes = new TextEncoder().encode(text).subarray(0, LONGEST_STRING);
    this.#memory.write(at, bytes);
    this.#memory.write8(at + bytes.length, 0);
    this.#strings += bytes.length + 1;
    return at;
  }

  memoryMap(sizes: MemorySizes): void {
    const ranges = addressMap(sizes);
    ranges.forEach((range, index) => {
      const at = MEMORY_MAP + index * 24;
      this.#memory.write32(at, 20);
      this.#memory.write32(at + 4, range.start);
      this.#memory.write32(at + 8, Math.floor(range.start / 2 ** 32));
      this.#memory.write32(at + 12, range.length);
      this.#memory.write32(at + 16, Math.floor(range.length / 2 ** 32));
      this.#memory.write32(at + 20, range.type);
    });
    this.set(44, ranges.length * 24, INFO_MEMORY_MAP);
    this.set(48, MEMORY_MAP, INFO_MEMORY_MAP);
  }

  framebuffer(video: VideoChoice): void {
    this.set(88, video.address, INFO_FRAMEBUFFER);
    this.set(96, video.pitch, INFO_FRAMEBUFFER);
    this.set(100, video.width, INFO_FRAMEBUFFER);
    this.set(104, video.height, INFO_FRAMEBUFFER);
    this.#memory.write8(INFO + 108, video.bitsPerPixel);
    this.#memory.write8(INFO + 109, 1);
    const masks = video.bitsPerPixel === 16 ? [11, 5, 5, 6, 0, 5] : [16, 8, 8, 8, 0, 8];
    this.#memory.write(INFO + 110, Uint8Array.from(masks));
  }
}

/** As GRUB's first version and QEMU pass it: the kernel's name is the first word, so that programs find their arguments behind it. */
function commandLineOf({ kernelName, commandLine }: DirectBootImages): string {
  const name = kernelName?.replace(/\s/g, "_");
  return [name, commandLine].filter((part) => part !== undefined && part !== "").join(" ");
}

export function loadMultiboot(
  images: DirectBootImages,
  memory: PhysicalMemory,
  sizes: MemorySizes,
  video: VideoChoice | undefined,
): BootProgram {
  const { kernel, initrd } = images;
  const header = readHeader(kernel);
  if (!header) throw broken("has no header");
  if (header.flags & UNKNOWN_REQUIREMENTS) throw broken("needs features that the loader does not have");
  const program = header.flags & HAS_ADDRESSES ? fromAddressFields(kernel, header) : fromElf(kernel, header.view);
  const limit = acpiTablesAddress(sizes);
  const kernelEnd = loadSegments(program, memory, limit);
  const info = new InfoWriter(memory);
  info.set(4, CONVENTIONAL_KIB, INFO_MEMORY);
  info.set(8, extendedKiB(sizes), INFO_MEMORY);
  info.set(16, info.string(commandLineOf(images)), INFO_COMMAND_LINE);
  info.set(64, info.string("Guesthouse"), INFO_LOADER_NAME);
  info.memoryMap(sizes);
  if (initrd && initrd.length > 0) {
    const address = Math.ceil(Math.max(kernelEnd, 0x100000) / 4096) * 4096;
    if (address + initrd.length > limit) {
      throw new GuesthouseError("out-of-memory", "The machine has too little memory for this module.", { address });
    }
    memory.write(address, initrd);
    memory.write32(MODULES, address);
    memory.write32(MODULES + 4, address + initrd.length);
    memory.write32(MODULES + 8, info.string(""));
    info.set(20, 1, INFO_MODULES);
    info.set(24, MODULES, INFO_MODULES);
  }
  if (video) info.framebuffer(video);
  memory.write32(INFO, info.flags);
  return { kind: "protected", entry: program.entry, eax: LOADER_MAGIC, ebx: INFO, esi: 0 };
}
