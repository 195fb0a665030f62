/**
 * What hangs on the PCI bus of the board: the chipset with its IDE function and power management, the display adapter, and the storage controllers
 * that the machine asks for. Says where their fixed windows are and which lines they drive.
 */
import type { Device } from "../../contracts/Device.ts";
import type { Mapping } from "../../contracts/IoHandler.ts";
import { pciHotPlugLayout } from "../../contracts/pciHotPlugLayout.ts";
import { memoryPlan } from "../../cpu/layout/memoryPlan.ts";
import { AcpiPowerManagement } from "../../devices/acpi/AcpiPowerManagement.ts";
import { Piix3Ide } from "../../devices/ata/Piix3Ide.ts";
import type { InterruptRouter } from "../../devices/irq/InterruptRouter.ts";
import { PciBus } from "../../devices/pci/PciBus.ts";
import { PciHostBridge } from "../../devices/pci/PciHostBridge.ts";
import { Piix3IsaBridge } from "../../devices/pci/Piix3IsaBridge.ts";
import { Vga } from "../../devices/video/Vga.ts";
import { VgaPci } from "../../devices/video/VgaPci.ts";
import type { Bus } from "../../memory/Bus.ts";
import type { MemoryMap } from "../../memory/MemoryMap.ts";
import type { BoardParts } from "./Board.ts";
import { type IdeDrives, placeIdeDrives } from "./driveSlots.ts";
import { MovableWindow } from "./MovableWindow.ts";
import type { MemoryRegions } from "./memoryRegions.ts";
import { StorageControllers } from "./StorageControllers.ts";

/** What devices are wired to. */
export interface BoardWiring {
  readonly ports: Bus;
  readonly mmio: Bus;
  readonly map: MemoryMap;
  readonly regions: MemoryRegions;
  readonly router: InterruptRouter;
}

export interface PciDevices {
  readonly bus: PciBus;
  readonly acpi: AcpiPowerManagement;
  readonly ide: IdeDrives;
  readonly storage: StorageControllers;
  readonly vga: Vga;
  /** All with state as they are now, in the order of reset and load. */
  devices(): readonly Device[];
}

export function buildPci(parts: BoardParts, wiring: BoardWiring): PciDevices {
  const { clock, options, activity, onResetRequest, onInitRequest, onPowerOff, onSuspend, onWake } = parts;
  const { ports, mmio, map, router } = wiring;
  const isaBridge = new Piix3IsaBridge({
    irqLine: (irq) => router.line(irq),
    onReset: (hard) => (hard ? onResetRequest() : onInitRequest()),
  });
  const pirq = (index: number) => isaBridge.pirqLine(index);
  const bus = new PciBus([pirq(0), pirq(1), pirq(2), pirq(3)]);
  const hostBridge = new PciHostBridge({
    bus,
    onPamChanged: (segment) => wiring.regions.applyPam(segment),
    resetControl: isaBridge.resetControl,
  });
  const ide = placeIdeDrives(options, activity);
  const ideFunction = buildIde(ide, wiring);
  const acpiWindow = new MovableWindow(ports, 64);
  const acpi = new AcpiPowerManagement({
    clock,
    sci: router.line(9),
    onWindowChanged: (base) => acpiWindow.place(base),
    onPowerOff,
    onSuspend,
    onWake,
  });
  acpiWindow.serve(acpi);
  const videoMemory = map.videoMemory(memoryPlan.videoMemory, memoryPlan.videoMemoryBytes);
  const vga = new Vga({ clock, memory: videoMemory });
  const registers = new MovableWindow(mmio, 0x1000, [1, 2]);
  registers.serve(vga.mmio);
  const vgaPci = new VgaPci({ memory: videoMemory, onRegistersMoved: (address) => registers.place(address) });
  ports.map({ start: 0xcf8, length: 8 }, hostBridge);
  ports.map({ start: 0xb2, length: 2 }, acpi.smiPorts, [1]);
  ports.map({ start: 0x3b0, length: 12 }, vga.monochromePorts, [1]);
  ports.map({ start: 0x3c0, length: 32 }, vga.ports, [1]);
  ports.map({ start: 0x1ce, length: 3 }, vga.dispiPorts, [1, 2]);
  mmio.map({ start: 0xa0000, length: 0x2_0000 }, vga.legacyWindow);
  bus.attach(0, 0, hostBridge);
  bus.attach(1, 0, isaBridge);
  bus.attach(1, 1, ideFunction);
  bus.attach(1, 3, acpi);
  bus.attach(2, 0, vgaPci);
  const storage = new StorageControllers({
    options,
    activity,
    acpi,
    bus,
    memory: map,
    ports,
    mmio,
    messages: router,
  });
  ports.map(pciHotPlugLayout.ports, storage.hotPlug, [4]);
  const devices = () => [hostBridge, isaBridge, ideFunction, acpi, vga, vgaPci, ...storage.devices];
  return { bus, acpi, ide, storage, vga, devices };
}

function buildIde({ slots }: IdeDrives, { ports, map, router }: BoardWiring): Piix3Ide {
  const busMaster = new MovableWindow(ports, 16);
  const windows: Mapping[][] = [[], []];
  const ide = new Piix3Ide({
    memory: map,
    irqs: [router.line(14), router.line(15)],
    drives: [
      [slots[0], slots[1]],
      [slots[2], slots[3]],
    ],
    onBusMasterMoved: (port) => busMaster.place(port),
    onChannelEnabled: (channel, enabled) => {
      for (const window of windows[channel]!) window.enable(enabled);
    },
  });
  busMaster.serve(ide.busMasterBlock);
  const [primary, secondary] = ide.channels;
  windows[0] = [
    ports.map({ start: 0x1f0, length: 8 }, primary.commandBlock),
    ports.map({ start: 0x3f6, length: 1 }, primary.controlBlock, [1]),
  ];
  windows[1] = [
    ports.map({ start: 0x170, length: 8 }, secondary.commandBlock),
    ports.map({ start: 0x376, length: 1 }, secondary.controlBlock, [1]),
  ];
  return ide;
}
