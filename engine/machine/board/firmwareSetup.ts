import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import { memoryPlan } from "../../cpu/layout/memoryPlan.ts";
import { Bios } from "../../firmware/Bios.ts";
import type { FirmwareDrive } from "../../firmware/disk/FirmwareDrive.ts";
import { createFwCfg, type MachineDescription, prepareCmos } from "../../firmware/fwcfg/describeMachine.ts";
import { FW_CFG_PORTS } from "../../firmware/fwcfg/FwCfg.ts";
import type { Bus } from "../../memory/Bus.ts";
import type { MachineOptions } from "../MachineOptions.ts";
import type { RunLoop } from "../RunLoop.ts";
import type { VirtualClock } from "../VirtualClock.ts";
import type { Board } from "./Board.ts";
import type { DriveActivity } from "./driveSlots.ts";

/**
 * Puts the chosen firmware on a board: our own BIOS, or a replacement ROM, which finds our video BIOS in fw_cfg. The machine's description in
 * fw_cfg is there under either: test kernels count processors by it.
 */
export interface Firmware {
  /** What has state of its own. */
  readonly devices: readonly Device[];
  reset(kind: ResetKind): void;
  /**
   * After the reset that ends a suspend to RAM: sets up the chips, and gives the real-mode address at which the system goes on. Undefined when the
   * processor shall start as usual.
   */
  wake(): number | undefined;
}

export const VERSION = "0.1";
const TRAP_PORTS = 4;
/** Where SeaBIOS looks for the reason of its start, and what it finds there after a suspend to RAM. */
const CMOS_SHUTDOWN = 0x0f;
const SHUTDOWN_RESUMES = 0xfe;
const VIDEO_ROM_FILE = "vgaroms/guesthouse.rom";

export function installFirmware(
  board: Board,
  options: MachineOptions,
  clock: VirtualClock,
  activity: DriveActivity,
  loop: RunLoop,
): Firmware {
  const machine: MachineDescription = {
    sizes: board.regions.sizes,
    drives: firmwareDrives(board, options, activity),
    bootOrder: options.bootOrder,
    bootMenu: options.bootMenu ?? false,
    ...(options.directBoot ? { directBoot: options.directBoot } : {}),
    version: VERSION,
  };
  const bios = new Bios({
    memory: board.map,
    cpu: { translate: (linear) => board.vcpu.translate(linear), yieldToHost: () => loop.yieldSoon() },
    ports: portAccess(board.ports),
    clock,
    ...machine,
    videoMemoryBytes: memoryPlan.videoMemoryBytes,
    log: (message) => options.log("info", message),
  });
  board.ports.map({ start: bios.trapPort, length: TRAP_PORTS }, bios.handler, [4]);
  const images = bios.romImage();
  board.regions.installVideoRom(images.c000);
  const replaced = options.firmware.kind !== "builtin";
  board.regions.installSystemRom(options.firmware.kind === "builtin" ? images.f000 : options.firmware.image);
  const fwCfg = createFwCfg(board.map, machine);
  fwCfg.addFile(VIDEO_ROM_FILE, images.c000);
  board.ports.map(FW_CFG_PORTS, fwCfg, [1, 2, 4]);
  return {
    devices: [bios, fwCfg],
    reset(kind) {
      fwCfg.reset(kind);
      // Under a replacement only the services of our video ROM are called.
      bios.reset(kind);
      if (replaced) prepareCmos(portAccess(board.ports), machine);
    },
    wake() {
      if (!replaced) return bios.wake();
      board.rtc.setByte(CMOS_SHUTDOWN, SHUTDOWN_RESUMES);
      return undefined;
    },
  };
}

function portAccess(ports: Bus): PortAccess {
  return {
    in8: (port) => ports.read(port, 1),
    in16: (port) => ports.read(port, 2),
    in32: (port) => ports.read(port, 4),
    out8: (port, value) => ports.write(port, value, 1),
    out16: (port, value) => ports.write(port, value, 2),
    out32: (port, value) => ports.write(port, value, 4),
  };
}

function idePath(slot: number): string {
  return `/pci@i0cf8/ide@1,1/drive@${slot >> 1}/disk@${slot & 1}`;
}

function firmwareDrives(board: Board, options: MachineOptions, activity: DriveActivity): FirmwareDrive[] {
  return [
    ...board.floppies.map(
      (drive, index): FirmwareDrive => ({
        kind: "floppy",
        name: `Floppy ${"AB".charAt(index)}`,
        drive,
        activity: activity.floppy,
      }),
    ),
    ...options.disks.map(
      ({ name, blocks }, index): FirmwareDrive => ({
        kind: "disk",
        name,
        blocks,
        activity: activity.disk,
        devicePath: board.storage.diskPaths[index] ?? idePath(board.ide.slots.indexOf(board.ide.disks[index])),
      }),
    ),
    ...board.opticals.map(
      (drive, index): FirmwareDrive => ({
        kind: "cdrom",
        name: `CD-ROM ${index + 1}`,
        drive,
        activity: activity.optical,
        devicePath: board.storage.opticalPaths[index] ?? idePath(board.ide.slots.indexOf(drive)),
      }),
    ),
  ];
}
