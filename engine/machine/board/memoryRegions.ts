import { GiB, MiB } from "../../base/units.ts";
import type { ArrivingPages } from "../../contracts/MachineStateParts.ts";
import { memoryPlan } from "../../cpu/layout/memoryPlan.ts";
import type { PamSegment } from "../../devices/pci/PciHostBridge.ts";
import type { FrozenMemory } from "../../memory/FrozenMemory.ts";
import type { MemoryMap, Windows } from "../../memory/MemoryMap.ts";

/**
 * What the board maps in physical memory besides device windows: RAM below the PCI hole and above 4 GiB, the system ROM at the
 * top of the 4 GiB space with its alias below 1 MiB, the video ROM, and the shadow RAM that the host bridge's PAM registers
 * switch in their place. A segment that the PAM registers set to "write RAM, read ROM" reads ROM and drops writes.
 */
const FOUR_GIB = 4 * GiB;
/** RAM below 4 GiB ends here at the latest; above is for PCI windows. */
const LOW_RAM_LIMIT = 3 * GiB;
const LEGACY_VIDEO = 0xa0000;
const SHADOW = 0xc0000;
const SHADOW_END = 0x100000;
const LARGEST_ALIAS = 128 * 1024;
const VIDEO_ROM_PLACE = 8 * MiB;

export interface RamSizes {
  readonly below4GiB: number;
  readonly above4GiB: number;
}

export function splitRam(bytes: number): RamSizes {
  const below4GiB = Math.min(bytes, LOW_RAM_LIMIT);
  return { below4GiB, above4GiB: bytes - below4GiB };
}

export class MemoryRegions {
  readonly sizes: RamSizes;
  readonly #map: MemoryMap;
  #systemRomBytes = 0;
  #videoRomBytes = 0;

  constructor(map: MemoryMap, ramBytes: number) {
    this.#map = map;
    this.sizes = splitRam(ramBytes);
    const { below4GiB, above4GiB } = this.sizes;
    map.mapMemory(0, memoryPlan.ram, LEGACY_VIDEO, { writable: true });
    map.mapMemory(MiB, memoryPlan.ram + MiB, below4GiB - MiB, { writable: true });
    if (above4GiB > 0) map.mapMemory(FOUR_GIB, memoryPlan.ram + below4GiB, above4GiB, { writable: true });
  }

  /** The system ROM, a multiple of 64 KiB up to 8 MiB, ends at 4 GiB; its last 128 KiB also at 1 MiB. */
  installSystemRom(image: Uint8Array): void {
    this.#systemRomBytes = image.length;
    this.#map.bytes.set(image, memoryPlan.rom);
    this.#map.mapMemory(FOUR_GIB - image.length, memoryPlan.rom, image.length, { writable: false });
  }

  /** The video ROM at C0000. */
  installVideoRom(image: Uint8Array): void {
    this.#videoRomBytes = Math.ceil(image.length / 4096) * 4096;
    this.#map.bytes.set(image, memoryPlan.rom + VIDEO_ROM_PLACE);
  }

  applyPam({ start, length, readable, writable }: PamSegment): void {
    if (readable) {
      this.#map.mapMemory(start, memoryPlan.ram + start, length, { writable });
      return;
    }
    for (let at = start; at < start + length; at += 4096) this.#mapRomPage(at);
  }

  /** All of RAM, in the shared memory. */
  get ram(): Uint8Array {
    return this.#map.bytes.subarray(memoryPlan.ram, memoryPlan.ram + this.ramBytes);
  }

  get ramBytes(): number {
    return this.sizes.below4GiB + this.sizes.above4GiB;
  }

  /** Clears RAM as power-on does. */
  clear(): void {
    this.#map.fill(memoryPlan.ram, this.ramBytes);
  }

  /** Keeps the content of RAM as it is now. */
  freeze(): FrozenMemory {
    return this.#map.freeze(memoryPlan.ram, this.ramBytes, this.#windows);
  }

  /** What RAM holds is on its way. */
  receive(pages: ArrivingPages): void {
    this.#map.receive(memoryPlan.ram, pages, this.#windows);
  }

  allArrived(pages: ArrivingPages): void {
    this.#map.allArrived(pages, this.#windows);
  }

  /** Where RAM can be mapped. */
  get #windows(): Windows {
    const { below4GiB, above4GiB } = this.sizes;
    return [
      { address: 0, length: below4GiB },
      { address: FOUR_GIB, length: above4GiB },
    ];
  }

  #mapRomPage(address: number): void {
    const place = this.#romPlace(address);
    if (place === undefined) this.#map.unmap(address, 4096);
    else this.#map.mapMemory(address, place, 4096, { writable: false });
  }

  #romPlace(address: number): number | undefined {
    const alias = Math.min(this.#systemRomBytes, LARGEST_ALIAS);
    if (address >= SHADOW_END - alias) return memoryPlan.rom + this.#systemRomBytes - (SHADOW_END - address);
    if (address < SHADOW + this.#videoRomBytes) return memoryPlan.rom + VIDEO_ROM_PLACE + (address - SHADOW);
    return undefined;
  }
}
