import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth, Mapping } from "../../contracts/IoHandler.ts";
import type { SerialBackend } from "../../contracts/SerialPort.ts";
import { InterpreterVcpu, memoryBytesFor } from "../../cpu/InterpreterVcpu.ts";
import { memoryPlan, physMapBits, physPages } from "../../cpu/layout/memoryPlan.ts";
import type { AcpiPowerManagement } from "../../devices/acpi/AcpiPowerManagement.ts";
import type { AtapiDrive } from "../../devices/ata/AtapiDrive.ts";
import { DebugConsole } from "../../devices/debug/DebugConsole.ts";
import { DebugExit } from "../../devices/debug/DebugExit.ts";
import { TEST_INTERRUPTS, TEST_MEMORY_BYTES, TestDevice } from "../../devices/debug/TestDevice.ts";
import { Dma8237 } from "../../devices/dma/Dma8237.ts";
import { Fdc82077 } from "../../devices/floppy/Fdc82077.ts";
import { FloppyDrive } from "../../devices/floppy/FloppyDrive.ts";
import { A20Gate } from "../../devices/input/A20Gate.ts";
import { I8042 } from "../../devices/input/I8042.ts";
import { Ps2Keyboard } from "../../devices/input/Ps2Keyboard.ts";
import { Ps2Mouse } from "../../devices/input/Ps2Mouse.ts";
import { SystemControlPortA } from "../../devices/input/SystemControlPortA.ts";
import { InterruptRouter } from "../../devices/irq/InterruptRouter.ts";
import type { PciBus } from "../../devices/pci/PciBus.ts";
import { Uart16550 } from "../../devices/serial/Uart16550.ts";
import { Hpet } from "../../devices/timers/Hpet.ts";
import { PcSpeaker } from "../../devices/timers/PcSpeaker.ts";
import { Pit8254 } from "../../devices/timers/Pit8254.ts";
import { RtcCmos } from "../../devices/timers/RtcCmos.ts";
import { SystemControlPortB } from "../../devices/timers/SystemControlPortB.ts";
import type { Vga } from "../../devices/video/Vga.ts";
import { Bus } from "../../memory/Bus.ts";
import { MemoryMap } from "../../memory/MemoryMap.ts";
import type { MachineOptions } from "../MachineOptions.ts";
import type { VirtualClock } from "../VirtualClock.ts";
import { buildPci } from "./buildPci.ts";
import type { DriveActivity, IdeDrives } from "./driveSlots.ts";
import { MovableWindow } from "./MovableWindow.ts";
import { MemoryRegions } from "./memoryRegions.ts";
import type { StorageControllers } from "./StorageControllers.ts";

/**
 * A PC of the i440FX/PIIX3 class: makes every device, maps its windows and wires its lines. This and `buildPci` are the places that
 * know port numbers and interrupt numbers. The board does not run; the machine does that with `vcpu`.
 */
export interface BoardParts {
  readonly options: MachineOptions;
  readonly clock: VirtualClock;
  readonly activity: DriveActivity;
  /** The far ends of COM1, COM2, ... */
  readonly serial: readonly SerialBackend[];
  /** INTR rose while the guest may be halted. */
  readonly onInterrupt: () => void;
  /** The chipset resets everything. */
  readonly onResetRequest: () => void;
  /** INIT: the processor alone starts over. */
  readonly onInitRequest: () => void;
  readonly onPowerOff: () => void;
  /** Suspend to RAM begins, and ends. */
  readonly onSuspend: () => void;
  readonly onWake: () => void;
  readonly onDebugByte: (byte: number) => void;
  readonly onDebugExit: (value: number) => void;
  /** The tone of the PC speaker, 0 Hz for silence. */
  readonly onTone: (hertz: number) => void;
}

/** The time-stamp counter counts nanoseconds: 1 GHz. */
const TICKS_PER_NS = 1;
const WASM_PAGE_BYTES = 0x1_0000;
const LARGEST_MEMORY_BYTES = 0x1_0000_0000;
const FERR_INTERRUPT = 13;
/** Place of CS in a processor's state. */
const CODE_SEGMENT = 1;
const FOUR_GIB = 0x1_0000_0000;

const serialPorts = [
  { start: 0x3f8, irq: 4 },
  { start: 0x2f8, irq: 3 },
  { start: 0x3e8, irq: 4 },
  { start: 0x2e8, irq: 3 },
] as const;

export class Board {
  readonly memory: WebAssembly.Memory;
  readonly ports = new Bus("ports");
  readonly mmio = new Bus("memory");
  readonly map: MemoryMap;
  readonly regions: MemoryRegions;
  readonly vcpu: InterpreterVcpu;
  readonly router: InterruptRouter;
  readonly rtc: RtcCmos;
  readonly dma: Dma8237;
  readonly bus: PciBus;
  readonly vga: Vga;
  readonly keyboard: Ps2Keyboard;
  readonly mouse: Ps2Mouse;
  readonly uarts: readonly Uart16550[];
  readonly acpi: AcpiPowerManagement;
  readonly ide: IdeDrives;
  readonly storage: StorageControllers;
  readonly floppies: readonly FloppyDrive[];
  readonly #parts: BoardParts;
  readonly #devices: () => readonly Device[];
  #poweredBefore = false;

  constructor(parts: BoardParts) {
    this.#parts = parts;
    const { options, clock } = parts;
    this.memory = sharedMemory(options.memoryBytes);
    this.map = new MemoryMap(this.memory, { ...memoryPlan, physPages, bits: physMapBits }, this.mmio);
    this.regions = new MemoryRegions(this.map, options.memoryBytes);
    const localApicWindow = new MovableWindow(this.mmio, 0x1000);
    this.router = new InterruptRouter({
      clock,
      onPendingChanged: (pending) => this.#interruptChanged(pending),
      onNmi: () => this.vcpu.raiseNmi(),
      onInit: () => parts.onInitRequest(),
      onLocalApicMoved: (address) => localApicWindow.place(address),
    });
    const ferr = this.router.line(FERR_INTERRUPT);
    this.vcpu = new InterpreterVcpu({
      memory: this.memory,
      units: options.cpuUnits,
      ports: this.ports,
      mmio: this.mmio,
      preservePage: (page) => this.map.preservePage(page),
      bringPage: (page) => this.map.bringPage(page),
      interrupts: this.router,
      translate: options.accel === "auto",
      cpuLevel: options.cpuLevel ?? "host",
      tsc: () => Math.floor(clock.nowNs() * TICKS_PER_NS),
      apic: this.router.localApic,
      wallClock: options.wallClock,
      entropy: options.entropy,
      fpuError: () => ferr.set(true),
    });
    this.#mapPort(0xf0, 2, { read: () => 0xff, write: () => ferr.set(false) });
    this.map.listen({
      mapChanged: () => this.vcpu.flushTlb(),
      codeWritten: (address, length) => this.vcpu.invalidateCode(address, length),
    });
    localApicWindow.serve(this.router.localApic);
    this.mmio.map({ start: 0xfec0_0000, length: 0x1000 }, this.router.ioApic);
    this.#mapPort(0x20, 2, this.router.pic.masterPorts);
    this.#mapPort(0xa0, 2, this.router.pic.slavePorts);
    this.#mapPort(0x4d0, 2, this.router.pic.elcrPorts);

    const timers = this.#buildTimers();
    this.rtc = timers.rtc;
    this.dma = this.#buildDma();
    this.floppies = options.floppyDrives.map((medium) => new FloppyDrive(medium));
    const floppyController = this.#buildFloppy();
    const input = this.#buildInput();
    this.keyboard = input.keyboard;
    this.mouse = input.mouse;
    this.uarts = this.#buildSerial();
    const pci = buildPci(parts, this);
    this.bus = pci.bus;
    this.acpi = pci.acpi;
    this.ide = pci.ide;
    this.storage = pci.storage;
    this.vga = pci.vga;
    if (options.debugPorts.console) this.#mapPort(0xe9, 1, new DebugConsole({ onByte: parts.onDebugByte }));
    const others = [...timers.devices, this.dma, floppyController, ...input.devices, ...this.uarts];
    const testDevices = this.#buildTestPorts();
    // The interrupt controllers last, so that lines which move while the others load leave no edge behind.
    this.#devices = () => [...others, ...pci.devices(), ...testDevices, ...this.router.devices];
  }

  /** Every device with state as they are now, in the order of reset and load. */
  get devices(): readonly Device[] {
    return this.#devices();
  }

  /** The reset line; "power" also clears RAM and the CMOS. */
  reset(kind: ResetKind): void {
    // New memory is zero; clearing it would make the host provide all of it at once.
    if (kind === "power" && this.#poweredBefore) this.regions.clear();
    this.#poweredBefore = true;
    for (const device of this.devices) device.reset(kind);
    this.vcpu.reset();
    this.forgetCode();
  }

  /** Memory changed as a whole, and the interrupt controllers with it. */
  forgetCode(): void {
    const { below4GiB, above4GiB } = this.regions.sizes;
    this.vcpu.setInterruptPending(this.router.pending());
    this.vcpu.invalidateCode(0, below4GiB);
    if (above4GiB > 0) this.vcpu.invalidateCode(FOUR_GIB, above4GiB);
    this.vcpu.invalidateCode(FOUR_GIB - memoryPlan.romBytes, memoryPlan.romBytes);
  }

  /** What the keyboard controller, port 92h, CF9h without a hard reset and an INIT message do. */
  initProcessor(): void {
    this.router.localApic.init();
    this.vcpu.init();
    this.vcpu.setInterruptPending(this.router.pending());
  }

  /** The processor loses its state and does nothing until the board is reset. */
  suspendProcessor(): void {
    this.vcpu.init();
    this.vcpu.setState({ ...this.vcpu.getState(), halted: true });
  }

  /** After a reset: goes on in real mode at an address below 1 MiB instead of at the firmware's start. */
  startProcessorAt(address: number): void {
    const state = this.vcpu.getState();
    const segments = [...state.segments];
    const selector = (address >> 4) & 0xffff;
    segments[CODE_SEGMENT] = { ...segments[CODE_SEGMENT]!, selector, base: BigInt(selector << 4) };
    this.vcpu.setState({ ...state, segments, rip: BigInt(address & 15) });
  }

  #interruptChanged(pending: boolean): void {
    this.vcpu.setInterruptPending(pending);
    if (pending) this.#parts.onInterrupt();
  }

  #mapPort(start: number, length: number, handler: IoHandler, widths: readonly IoWidth[] = [1]): Mapping {
    return this.ports.map({ start, length }, handler, widths);
  }

  #buildTimers(): { rtc: RtcCmos; devices: Device[] } {
    const { clock, options } = this.#parts;
    const hpet = new Hpet({ clock, line: (irq) => this.router.line(irq) });
    const pit = new Pit8254({ clock, irq: hpet.pitInput });
    const speaker = new PcSpeaker({ pit, sink: { tone: this.#parts.onTone } });
    const portB = new SystemControlPortB({ clock, pit, speaker });
    const rtc = new RtcCmos({
      clock,
      wallClock: options.wallClock,
      irq: {
        set: (level) => {
          hpet.rtcInput.set(level);
          if (level) this.acpi.rtcInterrupt();
        },
      },
      zoneOffsetMs: options.rtcUtc ? 0 : (options.zoneOffsetMs ?? 0),
    });
    this.mmio.map({ start: 0xfed0_0000, length: 0x400 }, hpet);
    this.#mapPort(0x40, 4, pit);
    this.#mapPort(0x61, 1, portB);
    this.#mapPort(0x70, 2, rtc.lowPorts);
    this.#mapPort(0x72, 2, rtc.highPorts);
    return { rtc, devices: [pit, hpet, portB, rtc] };
  }

  #buildDma(): Dma8237 {
    const dma = new Dma8237({ memory: this.map });
    this.#mapPort(0x00, 16, dma.firstPorts);
    this.#mapPort(0x80, 16, dma.pagePorts);
    this.#mapPort(0xc0, 32, dma.secondPorts);
    return dma;
  }

  #buildFloppy(): Fdc82077 {
    const controller = new Fdc82077({
      clock: this.#parts.clock,
      irq: this.router.line(6),
      dma: this.dma.channel(2),
      activity: this.#parts.activity.floppy,
      drives: this.floppies,
    });
    this.#mapPort(0x3f0, 6, controller.ports);
    this.#mapPort(0x3f7, 1, controller.changePort);
    return controller;
  }

  #buildInput(): { keyboard: Ps2Keyboard; mouse: Ps2Mouse; devices: Device[] } {
    const { clock, onInitRequest } = this.#parts;
    const a20 = new A20Gate({ onChanged: (enabled) => this.vcpu.setA20(enabled) });
    const keyboard = new Ps2Keyboard({ clock });
    const mouse = new Ps2Mouse({ clock });
    const controller = new I8042({
      clock,
      keyboardIrq: this.router.line(1),
      auxIrq: this.router.line(12),
      keyboard,
      aux: mouse,
      a20,
      onReset: onInitRequest,
    });
    const portA = new SystemControlPortA({ a20, onReset: onInitRequest });
    this.#mapPort(0x60, 1, controller.dataPort);
    this.#mapPort(0x64, 1, controller.commandPort);
    this.#mapPort(0x92, 1, portA);
    return { keyboard, mouse, devices: [a20, keyboard, mouse, controller, portA] };
  }

  #buildSerial(): Uart16550[] {
    return this.#parts.serial.map((backend, index) => {
      const { start, irq } = serialPorts[index]!;
      const uart = new Uart16550({
        id: `com${index + 1}`,
        clock: this.#parts.clock,
        irq: this.router.line(irq),
        backend,
      });
      this.#mapPort(start, 8, uart);
      return uart;
    });
  }

  /** What test programs end with, and the devices that they try the processor and the interrupt controllers on. */
  #buildTestPorts(): Device[] {
    if (!this.#parts.options.debugPorts.exit) return [];
    this.ports.map({ start: 0xf4, length: 4 }, new DebugExit({ onExit: this.#parts.onDebugExit }));
    const test = new TestDevice({ line: (interrupt) => this.router.line(interrupt) });
    this.ports.map({ start: 0xe0, length: 4 }, test.latch);
    this.ports.map({ start: 0xe4, length: 4 }, test.flushPage);
    // E9h is the debug console's.
    this.#mapPort(0xe8, 1, test.latch);
    this.#mapPort(0x2000, TEST_INTERRUPTS, test.interrupts);
    this.mmio.map({ start: 0xff00_0000, length: TEST_MEMORY_BYTES }, test.window);
    return [test];
  }

  /** Every optical drive, in the order of the machine's list. */
  get opticals(): readonly AtapiDrive[] {
    return this.ide.opticals.map((drive, index) => drive ?? this.storage.opticals[index]!);
  }
}

function sharedMemory(ramBytes: number): WebAssembly.Memory {
  const pages = Math.min(memoryBytesFor(ramBytes), LARGEST_MEMORY_BYTES) / WASM_PAGE_BYTES;
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}
