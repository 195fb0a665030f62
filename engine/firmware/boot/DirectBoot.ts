import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { SYSTEM_SEGMENT } from "../rom/romLayout.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import type { MemorySizes } from "../system/memoryMap.ts";
import { isLinuxKernel, loadLinux } from "./LinuxBoot.ts";
import { isMultibootKernel, loadMultiboot, multibootVideoWish } from "./MultibootBoot.ts";

/** Starts a kernel that the user named, without a boot medium: Linux or multiboot, whichever header it has. */
export interface DirectBootImages {
  readonly kernel: Uint8Array;
  /** What the kernel's file is called: the first word of a multiboot kernel's command line. */
  readonly kernelName?: string;
  readonly initrd?: Uint8Array;
  readonly commandLine: string;
}

/** A graphics mode that is in force when the kernel starts. */
export interface VideoChoice {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  readonly pitch: number;
  readonly address: number;
}

export type BootProgram =
  | {
      readonly kind: "protected";
      readonly entry: number;
      readonly eax: number;
      readonly ebx: number;
      readonly esi: number;
    }
  | { readonly kind: "real"; readonly segment: number; readonly stackPointer: number };

export interface VideoWish {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
}

/** By number (Linux counts VESA modes from 200h) or by size. Answers undefined when there is no such mode. */
export type SetGraphicsMode = (wish: VideoWish | { readonly number: number }) => VideoChoice | undefined;

export interface DirectBootParts {
  readonly memory: PhysicalMemory;
  readonly sizes: MemorySizes;
  readonly rsdpAddress: number;
  readonly setGraphicsMode: SetGraphicsMode;
}

const LINUX_VESA_BASE = 0x200;

/** The `vga=` of a Linux command line, which boot loaders are to act on. */
export function linuxVideoMode(commandLine: string): number | undefined {
  const match = /(?:^|\s)vga=(0x[0-9a-f]+|\d+)(?=\s|$)/i.exec(commandLine);
  if (!match) return undefined;
  const number = Number(match[1]) - LINUX_VESA_BASE;
  return number >= 0x100 ? number : undefined;
}

/**
 * The mode that a multiboot kernel starts in. Its header only states a preference, and kernels that state one and then write text
 * are common, the specification's example first, because other loaders ignore it. So does ours without `vga=header`.
 */
function multibootVideo({
  kernel,
  commandLine,
}: DirectBootImages): VideoWish | { readonly number: number } | undefined {
  const number = linuxVideoMode(commandLine);
  if (number !== undefined) return { number };
  return /(?:^|\s)vga=header(?=\s|$)/i.test(commandLine) ? multibootVideoWish(kernel) : undefined;
}

export function loadDirectBoot(images: DirectBootImages, parts: DirectBootParts): BootProgram {
  const { memory, sizes, rsdpAddress, setGraphicsMode } = parts;
  if (isLinuxKernel(images.kernel)) {
    const number = linuxVideoMode(images.commandLine);
    const program = loadLinux(images, memory, sizes, undefined, rsdpAddress);
    const video = number === undefined ? undefined : setGraphicsMode({ number });
    return video ? loadLinux(images, memory, sizes, video, rsdpAddress) : program;
  }
  if (isMultibootKernel(images.kernel)) {
    const wish = multibootVideo(images);
    const program = loadMultiboot(images, memory, sizes, undefined);
    const video = wish && setGraphicsMode(wish);
    return video ? loadMultiboot(images, memory, sizes, video) : program;
  }
  throw unknownKernel();
}

/** Throws GuesthouseError ("bad-kernel") for a file of no kind that can be started. */
export function checkKernel(kernel: Uint8Array): void {
  if (!isLinuxKernel(kernel) && !isMultibootKernel(kernel)) throw unknownKernel();
}

function unknownKernel(): GuesthouseError {
  return new GuesthouseError("bad-kernel", "The kernel file is neither a Linux kernel image nor a multiboot kernel.");
}

/** Makes the stub's return enter the program. */
export function enterProgram(
  frame: InterruptFrame,
  program: BootProgram,
  entries: { real: number; protected: number },
): void {
  frame.ecx = 0;
  frame.edi = 0;
  frame.ebp = 0;
  if (program.kind === "protected") {
    frame.eax = program.eax;
    frame.ebx = program.ebx;
    frame.esi = program.esi;
    frame.edx = program.entry;
    frame.returnTo(SYSTEM_SEGMENT, entries.protected, 2);
    return;
  }
  frame.eax = program.segment;
  frame.ebx = 0;
  frame.esi = 0;
  frame.edx = program.stackPointer;
  frame.returnTo(SYSTEM_SEGMENT, entries.real, 2);
}
