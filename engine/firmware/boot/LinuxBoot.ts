import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { acpiTablesAddress, addressMap, type MemorySizes } from "../system/memoryMap.ts";
import type { BootProgram, DirectBootImages, VideoChoice } from "./DirectBoot.ts";

/**
 * Loads a Linux bzImage by the x86 boot protocol (Documentation/arch/x86/boot.rst, versions 2.00 to 2.15): kernels that load
 * high are entered at their 32-bit entry point with a zero page; older ones, and programs that borrow the format but name no
 * such entry point (iPXE), in real mode at their set-up code.
 */
const HEADER_OFFSET = 0x1f1;
const SIGNATURE = 0x53726448;
const LOADED_HIGH = 0x01;
const CAN_USE_HEAP = 0x80;
const UNKNOWN_LOADER = 0xff;
const ZERO_PAGE = 0x10000;
const COMMAND_LINE = 0x20000;
const OLD_SETUP = 0x90000;
const OLD_KERNEL = 0x10000;
const OLD_STACK = 0x8ff0;
const OLD_COMMAND_LINE = 0x9000;
const OLD_COMMAND_LINE_MAGIC = 0xa33f;
const DEFAULT_INITRD_MAX = 0x37ffffff;
const MOST_E820_ENTRIES = 128;

interface Header {
  readonly view: DataView;
  readonly version: number;
  readonly setupBytes: number;
  readonly high: boolean;
}

function readHeader(kernel: Uint8Array): Header | undefined {
  if (kernel.length < 0x400) return undefined;
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  if (view.getUint16(0x1fe, true) !== 0xaa55 || view.getUint32(0x202, true) !== SIGNATURE) return undefined;
  const setupBytes = ((kernel[HEADER_OFFSET] || 4) + 1) * 512;
  return { view, version: view.getUint16(0x206, true), setupBytes, high: (kernel[0x211]! & LOADED_HIGH) !== 0 };
}

export function isLinuxKernel(kernel: Uint8Array): boolean {
  return readHeader(kernel) !== undefined;
}

/** As high as the kernel allows and RAM reaches. */
function placeInitrd(header: Header, kernelEnd: number, size: number, sizes: MemorySizes): number {
  const limit = header.version >= 0x203 ? header.view.getUint32(0x22c, true) : DEFAULT_INITRD_MAX;
  const top = Math.min(limit + 1, acpiTablesAddress(sizes));
  const address = Math.floor((top - size) / 4096) * 4096;
  if (address < kernelEnd) {
    throw new GuesthouseError(
      "out-of-memory",
      "The machine has too little memory for this kernel and initial RAM disk.",
      {
        kernelEnd,
        initrdBytes: size,
        memoryBytes: sizes.below4GiB,
      },
    );
  }
  return address;
}

function fillScreenInfo(page: DataView, video: VideoChoice | undefined): void {
  page.setUint8(0x06, 3);
  page.setUint8(0x07, 80);
  page.setUint16(0x0a, 3, true);
  page.setUint8(0x0e, 25);
  page.setUint8(0x0f, 1);
  page.setUint16(0x10, 16, true);
  if (!video) return;
  page.setUint8(0x0f, 0x23);
  page.setUint16(0x12, video.width, true);
  page.setUint16(0x14, video.height, true);
  page.setUint16(0x16, video.bitsPerPixel, true);
  page.setUint32(0x18, video.address, true);
  page.setUint32(0x1c, Math.ceil((video.pitch * video.height) / 0x10000), true);
  page.setUint16(0x24, video.pitch, true);
  const masks = video.bitsPerPixel === 16 ? [5, 11, 6, 5, 5, 0, 0, 0] : [8, 16, 8, 8, 8, 0, 8, 24];
  masks.forEach((value, index) => {
    page.setUint8(0x26 + index, value);
  });
}

function fillMemoryMap(page: DataView, sizes: MemorySizes): void {
  const ranges = addressMap(sizes).slice(0, MOST_E820_ENTRIES);
  page.setUint8(0x1e8, ranges.length);
  ranges.forEach((range, index) => {
    const at = 0x2d0 + index * 20;
    page.setBigUint64(at, BigInt(range.start), true);
    page.setBigUint64(at + 8, BigInt(range.length), true);
    page.setUint32(at + 16, range.type, true);
  });
  const extendedKiB = Math.floor((acpiTablesAddress(sizes) - 0x100000) / 1024);
  page.setUint16(0x02, Math.min(extendedKiB, 0xffff), true);
  page.setUint32(0x1e0, extendedKiB, true);
}

function commandLineBytes(text: string, header: Header): Uint8Array {
  const longest = header.version >= 0x206 ? header.view.getUint32(0x238, true) : 255;
  const bytes = new TextEncoder().encode(text).subarray(0, longest);
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** Writes kernel, RAM disk, command line and zero page to memory and tells how to enter. */
export function loadLinux(
  images: DirectBootImages,
  memory: PhysicalMemory,
  sizes: MemorySizes,
  video: VideoChoice | undefined,
  rsdpAddress: number,
): BootProgram {
  const header = readHeader(images.kernel);
  if (!header) throw new GuesthouseError("bad-kernel", "This is not a Linux kernel image.");
  const start = header.view.getUint32(0x214, true);
  if (!header.high || header.version < 0x202 || start === 0) return loadThroughSetup(images, memory, sizes, header);
  const { kernel, initrd } = images;
  const program = kernel.subarray(header.setupBytes);
  const initSize = header.version >= 0x20a ? header.view.getUint32(0x260, true) : 0;
  const kernelEnd = start + Math.max(program.length, initSize);
  if (kernelEnd > acpiTablesAddress(sizes)) {
    throw new GuesthouseError("out-of-memory", "The machine has too little memory for this kernel.", { kernelEnd });
  }
  const page = new Uint8Array(4096);
  const view = new DataView(page.buffer);
  page.set(kernel.subarray(HEADER_OFFSET, 0x202 + kernel[0x201]!), HEADER_OFFSET);
  fillScreenInfo(view, video);
  fillMemoryMap(view, sizes);
  view.setBigUint64(0x70, BigInt(rsdpAddress), true);
  view.setUint8(0x210, UNKNOWN_LOADER);
  view.setUint32(0x228, COMMAND_LINE, true);
  if (initrd && initrd.length > 0) {
    const address = placeInitrd(header, kernelEnd, initrd.length, sizes);
    memory.write(address, initrd);
    view.setUint32(0x218, address, true);
    view.setUint32(0x21c, initrd.length, true);
  }
  memory.write(start, program);
  memory.write(COMMAND_LINE, commandLineBytes(images.commandLine, header));
  memory.write(ZERO_PAGE, page);
  return { kind: "protected", entry: start, eax: 0, ebx: 0, esi: ZERO_PAGE };
}

/** Protocol 2.00 and 2.01, zImages of any version, and no 32-bit entry point: set-up at 90000h runs in real mode. */
function loadThroughSetup(
  images: DirectBootImages,
  memory: PhysicalMemory,
  sizes: MemorySizes,
  header: Header,
): BootProgram {
  const { kernel, initrd } = images;
  const setup = kernel.slice(0, header.setupBytes);
  const program = kernel.subarray(header.setupBytes);
  const loadAddress = header.high ? 0x100000 : OLD_KERNEL;
  const room = header.high ? acpiTablesAddress(sizes) - loadAddress : OLD_SETUP - OLD_KERNEL;
  if (program.length > room || setup.length > OLD_COMMAND_LINE) {
    throw new GuesthouseError("bad-kernel", "The kernel image is too large for its boot protocol.", {
      bytes: program.length,
    });
  }
  const view = new DataView(setup.buffer, setup.byteOffset, setup.byteLength);
  setup[0x210] = UNKNOWN_LOADER;
  if (header.version >= 0x201) {
    setup[0x211]! |= CAN_USE_HEAP;
    view.setUint16(0x224, OLD_STACK - 0x200 - 0x200, true);
  }
  if (initrd && initrd.length > 0) {
    const address = placeInitrd(header, loadAddress + program.length, initrd.length, sizes);
    memory.write(address, initrd);
    view.setUint32(0x218, address, true);
    view.setUint32(0x21c, initrd.length, true);
  }
  view.setUint16(0x20, OLD_COMMAND_LINE_MAGIC, true);
  view.setUint16(0x22, OLD_COMMAND_LINE, true);
  if (header.version >= 0x202) view.setUint32(0x228, OLD_SETUP + OLD_COMMAND_LINE, true);
  memory.write(loadAddress, program);
  memory.write(OLD_SETUP, setup);
  memory.write(OLD_SETUP + OLD_COMMAND_LINE, commandLineBytes(images.commandLine, header));
  return { kind: "real", segment: OLD_SETUP >> 4, stackPointer: OLD_STACK };
}
