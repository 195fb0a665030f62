/** Makes functions of storage and puts them into a slot of the PCI bus: their windows, which the guest moves, and their interrupt wire. */
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { Device } from "../../contracts/Device.ts";
import type { IoBus } from "../../contracts/IoHandler.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { AhciController } from "../../devices/ahci/AhciController.ts";
import { AHCI_WINDOW_BYTES } from "../../devices/ahci/ahciRegisters.ts";
import type { AtaDrive } from "../../devices/ata/AtaDrive.ts";
import { NvmeController } from "../../devices/nvme/NvmeController.ts";
import { NVME_WINDOW_BYTES } from "../../devices/nvme/nvmeRegisters.ts";
import { MSIX_WINDOW_BYTES } from "../../devices/pci/Msix.ts";
import type { PciBus } from "../../devices/pci/PciBus.ts";
import type { VirtioFunction } from "../../devices/virtio/VirtioFunction.ts";
import { LEGACY_WINDOW_BYTES, VirtioPci } from "../../devices/virtio/VirtioPci.ts";
import { MODERN_WINDOW_BYTES } from "../../devices/virtio/virtioRegisters.ts";
import type { AttachedDisk } from "../MachineOptions.ts";
import { diskIdentity } from "./driveIdentity.ts";
import { MovableWindow } from "./MovableWindow.ts";

export interface PciWiring {
  readonly bus: PciBus;
  readonly memory: PhysicalMemory;
  readonly ports: IoBus;
  readonly mmio: IoBus;
  readonly messages: MessageSink;
}

const INTA = 1;

export function addAhci(wiring: PciWiring, slot: number, drives: readonly (AtaDrive | undefined)[]): AhciController {
  const { bus, memory, mmio } = wiring;
  const registers = new MovableWindow(mmio, AHCI_WINDOW_BYTES);
  const controller = new AhciController({
    memory,
    irq: bus.interruptLine(slot, INTA),
    drives,
    onRegistersMoved: (address) => registers.place(address),
  });
  registers.serve(controller.registers);
  bus.attach(slot, 0, controller);
  return controller;
}

export function addNvme(wiring: PciWiring, slot: number, disk: AttachedDisk, activity: ActivitySink): NvmeController {
  const { bus, memory, messages, mmio } = wiring;
  const registers = new MovableWindow(mmio, NVME_WINDOW_BYTES);
  const msix = new MovableWindow(mmio, MSIX_WINDOW_BYTES);
  const controller = new NvmeController({
    id: `nvme-${slot}`,
    target: { blocks: disk.blocks, activity },
    identity: diskIdentity(0, disk.serialNumber),
    memory,
    irq: bus.interruptLine(slot, INTA),
    messages,
    onRegistersMoved: (address) => registers.place(address),
    onMsixMoved: (address) => msix.place(address),
  });
  registers.serve(controller.registers);
  msix.serve(controller.msix.table);
  bus.attach(slot, 0, controller);
  return controller;
}

export function addVirtio(wiring: PciWiring, slot: number, id: string, virtio: VirtioFunction): Device & PciFunction {
  const { bus, memory, messages, ports, mmio } = wiring;
  const legacy = new MovableWindow(ports, LEGACY_WINDOW_BYTES);
  const msix = new MovableWindow(mmio, MSIX_WINDOW_BYTES);
  const modern = new MovableWindow(mmio, MODERN_WINDOW_BYTES);
  const device = new VirtioPci({
    id,
    function: virtio,
    memory,
    messages,
    irq: bus.interruptLine(slot, INTA),
    onLegacyMoved: (port) => legacy.place(port),
    onMsixMoved: (address) => msix.place(address),
    onModernMoved: (address) => modern.place(address),
  });
  legacy.serve(device.legacyPorts);
  msix.serve(device.msix.table);
  modern.serve(device.modernWindow);
  bus.attach(slot, 0, device);
  return device;
}
