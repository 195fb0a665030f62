import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import type { DirectBootImages } from "../boot/DirectBoot.ts";
import { fillCmos } from "../boot/postData.ts";
import { DriveTable } from "../disk/DriveTable.ts";
import type { BootSource, FirmwareDrive } from "../disk/FirmwareDrive.ts";
import { CmosMemory } from "../system/CmosMemory.ts";
import { type MemorySizes, RANGE_RESERVED, RANGE_USABLE } from "../system/memoryMap.ts";
import { smbiosEntryPoint, smbiosStructures } from "../tables/smbios.ts";
import { acpiFiles } from "./acpiLoader.ts";
import { FwCfg, littleEndian } from "./FwCfg.ts";

/**
 * What replacement firmware is told about the machine: memory, processors, boot order, kernel, ACPI and SMBIOS tables by
 * fw_cfg, drive types and memory size in the CMOS. Starting a kernel directly needs an option ROM of the firmware's that reads
 * the kernel items; we bring none.
 */
export interface MachineDescription {
  readonly sizes: MemorySizes;
  readonly bootOrder: readonly BootSource[];
  readonly drives: readonly FirmwareDrive[];
  readonly bootMenu?: boolean;
  readonly directBoot?: DirectBootImages;
  readonly version: string;
  readonly uuid?: Uint8Array;
}

const PROCESSORS = 1;
const ITEM = {
  UUID: 0x02,
  RAM_SIZE: 0x03,
  NO_GRAPHICS: 0x04,
  PROCESSORS: 0x05,
  KERNEL_ADDRESS: 0x07,
  KERNEL_SIZE: 0x08,
  INITRD_ADDRESS: 0x0a,
  INITRD_SIZE: 0x0b,
  BOOT_MENU: 0x0e,
  MOST_PROCESSORS: 0x0f,
  KERNEL_DATA: 0x11,
  INITRD_DATA: 0x12,
  COMMAND_LINE_ADDRESS: 0x13,
  COMMAND_LINE_SIZE: 0x14,
  COMMAND_LINE_DATA: 0x15,
  SETUP_ADDRESS: 0x16,
  SETUP_SIZE: 0x17,
  SETUP_DATA: 0x18,
} as const;
const SETUP_ADDRESS = 0x10000;
const COMMAND_LINE_ADDRESS = 0x20000;
const KERNEL_ADDRESS = 0x100000;
const MOST_PROCESSORS_CMOS = 0x5f;

function e820File(sizes: MemorySizes): Uint8Array {
  const ranges = [
    { start: 0xfffc0000, length: 0x40000, type: RANGE_RESERVED },
    { start: 0, length: sizes.below4GiB, type: RANGE_USABLE },
    ...(sizes.above4GiB > 0 ? [{ start: 2 ** 32, length: sizes.above4GiB, type: RANGE_USABLE }] : []),
  ];
  const bytes = new Uint8Array(ranges.length * 20);
  ranges.forEach((range, index) => {
    bytes.set(littleEndian(range.start, 8), index * 20);
    bytes.set(littleEndian(range.length, 8), index * 20 + 8);
    bytes.set(littleEndian(range.type, 4), index * 20 + 16);
  });
  return bytes;
}

/** Open Firmware paths; for drives without one disks from the primary master on, optical drives from the secondary master on. */
export function bootOrderPaths(order: readonly BootSource[], drives: readonly FirmwareDrive[]): string[] {
  const ide = (position: number) => `/pci@i0cf8/ide@1,1/drive@${position >> 1}/disk@${position & 1}`;
  return order.flatMap((source) =>
    drives
      .filter((drive) => drive.kind === source)
      .map(({ devicePath }, index) => {
        if (devicePath !== undefined) return devicePath;
        if (source === "floppy") return `/pci@i0cf8/isa@1/fdc@03f0/floppy@${index}`;
        return ide(source === "disk" ? index : 2 + index);
      }),
  );
}

function addKernel(fwCfg: FwCfg, images: DirectBootImages, sizes: MemorySizes): void {
  const { kernel, initrd, commandLine } = images;
  const setupBytes = ((kernel[0x1f1] || 4) + 1) * 512;
  const setup = kernel.subarray(0, setupBytes);
  const program = kernel.subarray(setupBytes);
  const line = new TextEncoder().encode(`${commandLine}\0`);
  const ramDisk = initrd ?? new Uint8Array();
  const ramDiskAddress = Math.floor((Math.min(sizes.below4GiB, 0x38000000) - 0x20000 - ramDisk.length) / 4096) * 4096;
  const numbers: [number, number][] = [
    [ITEM.KERNEL_ADDRESS, KERNEL_ADDRESS],
    [ITEM.KERNEL_SIZE, program.length],
    [ITEM.INITRD_ADDRESS, ramDiskAddress],
    [ITEM.INITRD_SIZE, ramDisk.length],
    [ITEM.COMMAND_LINE_ADDRESS, COMMAND_LINE_ADDRESS],
    [ITEM.COMMAND_LINE_SIZE, line.length],
    [ITEM.SETUP_ADDRESS, SETUP_ADDRESS],
    [ITEM.SETUP_SIZE, setup.length],
  ];
  for (const [key, value] of numbers) fwCfg.addItem(key, littleEndian(value, 4));
  fwCfg.addItem(ITEM.KERNEL_DATA, program);
  fwCfg.addItem(ITEM.INITRD_DATA, ramDisk);
  fwCfg.addItem(ITEM.COMMAND_LINE_DATA, line);
  fwCfg.addItem(ITEM.SETUP_DATA, setup);
}

export function createFwCfg(memory: PhysicalMemory, machine: MachineDescription): FwCfg {
  const { sizes } = machine;
  const fwCfg = new FwCfg(memory);
  fwCfg.addItem(ITEM.UUID, machine.uuid ?? new Uint8Array(16));
  fwCfg.addItem(ITEM.RAM_SIZE, littleEndian(sizes.below4GiB + sizes.above4GiB, 8));
  fwCfg.addItem(ITEM.NO_GRAPHICS, littleEndian(0, 2));
  fwCfg.addItem(ITEM.PROCESSORS, littleEndian(PROCESSORS, 2));
  fwCfg.addItem(ITEM.MOST_PROCESSORS, littleEndian(PROCESSORS, 2));
  fwCfg.addItem(ITEM.BOOT_MENU, littleEndian(machine.bootMenu ? 1 : 0, 2));
  fwCfg.addFile("etc/e820", e820File(sizes));
  const paths = bootOrderPaths(machine.bootOrder, machine.drives);
  if (paths.length > 0) fwCfg.addFile("bootorder", new TextEncoder().encode(`${paths.join("\n")}\0`));
  for (const { name, bytes } of acpiFiles(PROCESSORS)) fwCfg.addFile(name, bytes);
  fwCfg.addFile("etc/smbios/smbios-tables", smbiosStructures(machine).bytes);
  fwCfg.addFile("etc/smbios/smbios-anchor", smbiosEntryPoint(machine, 0));
  if (machine.directBoot) addKernel(fwCfg, machine.directBoot, sizes);
  return fwCfg;
}

/** What QEMU's board leaves in the CMOS for its firmware. Call at power-on and after each hard reset. */
export function prepareCmos(ports: PortAccess, machine: MachineDescription): void {
  const cmos = new CmosMemory(ports);
  fillCmos(cmos, machine.sizes, new DriveTable(machine.drives));
  cmos.write(MOST_PROCESSORS_CMOS, PROCESSORS - 1);
}
