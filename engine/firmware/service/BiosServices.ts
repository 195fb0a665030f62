import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import type { BiosOptions } from "../Bios.ts";
import { BootLoader } from "../boot/BootLoader.ts";
import { loadDirectBoot } from "../boot/DirectBoot.ts";
import { PostScreen } from "../boot/PostScreen.ts";
import { PowerOnSelfTest } from "../boot/PowerOnSelfTest.ts";
import { fillCmos, fillDataAreas, fillVectors, fillVideoData, fillVideoVectors } from "../boot/postData.ts";
import { initializeChips, initializeKeyboard, initializeLocalApic } from "../boot/postHardware.ts";
import { DriveTable } from "../disk/DriveTable.ts";
import { Int13 } from "../disk/Int13.ts";
import { Int09 } from "../keyboard/Int09.ts";
import { Int16 } from "../keyboard/Int16.ts";
import { KeyboardBuffer } from "../keyboard/KeyboardBuffer.ts";
import { SERVICE_POST, SERVICE_VIDEO_SET_UP } from "../rom/stubCode.ts";
import type { SystemRomImage } from "../rom/systemRom.ts";
import { AdvancedPower } from "../system/AdvancedPower.ts";
import { CmosMemory } from "../system/CmosMemory.ts";
import { Int1A } from "../system/Int1A.ts";
import { Int15 } from "../system/Int15.ts";
import { PciBios } from "../system/PciBios.ts";
import { PciConfiguration } from "../system/PciConfiguration.ts";
import { PointingDevice } from "../system/PointingDevice.ts";
import { PIRQ_INTERRUPT_MASK, POWER_MANAGEMENT_BASE, setUpPci } from "../system/pciSetup.ts";
import { SerialAndPrinter } from "../system/SerialAndPrinter.ts";
import { TimerInterrupts } from "../system/TimerInterrupts.ts";
import { pciRoutingSlots } from "../tables/pciRoutingTable.ts";
import type { SystemTables } from "../tables/systemTables.ts";
import { Int10 } from "../video/Int10.ts";
import { Int10Vbe } from "../video/Int10Vbe.ts";
import { setVideoMode } from "../video/modeSet.ts";
import { Screen } from "../video/Screen.ts";
import { VgaRegisters } from "../video/VgaRegisters.ts";
import { BDA } from "./biosData.ts";
import type { GuestMemory } from "./GuestMemory.ts";
import type { InterruptFrame } from "./InterruptFrame.ts";
import type { Service, ServiceRun } from "./ServiceRun.ts";

/** Builds the services of all interrupts and tells which answers which number. */
const DEFAULT_MENU_WAIT_MS = 1200;
const VGA_VENDOR = 0x1234;
const VGA_DEVICE = 0x1111;
const BOCHS_FRAME_BUFFER = 0xe0000000;
/** PIIX4: SLP_EN with the sleep type that means soft off. */
const PM1_CONTROL = POWER_MANAGEMENT_BASE + 4;
const RESET_CONTROL = 0xcf9;
const SLEEP_OFF = 0x2000;
const REAL_MODE_END = 0x10_0000;

export class BiosServices {
  /** The self test has begun since the last reset of the machine. */
  #started = false;
  readonly #table: ReadonlyMap<number, Service>;
  readonly #drives: DriveTable;
  readonly #disk: Int13;
  readonly #power: AdvancedPower;
  readonly #boot: BootLoader;
  readonly #setUpChips: () => void;
  readonly #wakingVector: () => number;

  constructor(options: BiosOptions, memory: GuestMemory, rom: SystemRomImage, tables: SystemTables) {
    const { ports, clock, sizes } = options;
    const cmos = new CmosMemory(ports);
    const pci = new PciConfiguration(ports);
    const screen = new Screen(memory, new VgaRegisters(ports));
    const vbe = new Int10Vbe(screen, {
      frameBufferAddress: () => frameBufferAddress(pci),
      memoryBytes: options.videoMemoryBytes,
    });
    const video = new Int10(screen, vbe);
    const buffer = new KeyboardBuffer(memory);
    const int16 = new Int16(memory, buffer);
    const int09 = new Int09(memory, ports, buffer);
    const pointing = new PointingDevice(memory, ports, clock);
    const timers = new TimerInterrupts(memory, ports, cmos);
    const serial = new SerialAndPrinter(memory, ports, clock);
    this.#drives = new DriveTable(options.drives);
    this.#disk = new Int13(memory, this.#drives);
    this.#power = new AdvancedPower(() => ports.out16(PM1_CONTROL, SLEEP_OFF));
    const system = new Int15({ memory, ports, clock, cmos, sizes, pointing, power: this.#power });
    const time = new Int1A(memory, cmos, new PciBios(memory, pci, pciRoutingSlots(), PIRQ_INTERRUPT_MASK));
    const post = new PostScreen(screen);
    const { log } = options;
    this.#boot = new BootLoader({ memory, drives: this.#drives, int16, post, order: options.bootOrder, log });
    const drives = this.#drives;
    this.#setUpChips = () => {
      initializeChips(ports);
      initializeLocalApic(options.memory);
      setUpPci(pci, ports);
    };
    this.#wakingVector = () => options.memory.read32(tables.wakingVectorAddress);
    const selfTest = new PowerOnSelfTest({
      version: options.version,
      sizes,
      screen,
      post,
      drives,
      int16,
      boot: this.#boot,
      clock,
      log,
      menuWaitMs: options.bootMenuWaitMs ?? DEFAULT_MENU_WAIT_MS,
      alwaysMenu: options.bootMenu ?? false,
      programEntries: { real: rom.enterReal, protected: rom.enterProtected },
      *initialize(): ServiceRun {
        initializeChips(ports);
        initializeLocalApic(options.memory);
        fillVectors(memory, rom.entries);
        fillDataAreas({ memory, ports, cmos, drives });
        fillCmos(cmos, sizes, drives);
        setUpPci(pci, ports);
        tables.placeInMemory(options.memory);
        if (!(yield* initializeKeyboard(ports, clock))) log("No keyboard answers");
      },
      directBoot: options.directBoot
        ? () =>
            loadDirectBoot(options.directBoot!, {
              memory: options.memory,
              sizes,
              rsdpAddress: tables.rsdpAddress,
              setGraphicsMode: (wish) => vbe.choose(wish),
            })
        : undefined,
    });
    const endOfInterrupt = (slave: boolean) => (): undefined => {
      if (slave) ports.out8(0xa0, 0x20);
      ports.out8(0x20, 0x20);
      return undefined;
    };
    this.#table = new Map<number, Service>([
      [
        SERVICE_POST,
        (frame) => {
          // Only the processor was reset, to start the machine over: the chips that the self test expects new are the chipset's to reset.
          if (this.#started) return resetEverything(ports);
          this.#started = true;
          return selfTest.run(frame);
        },
      ],
      [SERVICE_VIDEO_SET_UP, () => setUpVideo(screen)],
      [0x05, () => printScreen(memory)],
      [0x08, () => timers.tick()],
      [0x09, () => int09.serve()],
      [0x10, (frame) => video.serve(frame)],
      [0x42, (frame) => video.serve(frame)],
      [0x11, (frame) => equipment(memory, frame)],
      [0x12, (frame) => memorySize(memory, frame)],
      [0x13, (frame) => this.#disk.serve(frame)],
      [0x40, (frame) => this.#disk.serve(frame)],
      [0x14, (frame) => serial.serial(frame)],
      [0x15, (frame) => system.serve(frame)],
      [0x16, (frame) => int16.serve(frame)],
      [0x17, (frame) => serial.printer(frame)],
      [0x18, (frame) => this.#boot.giveUp(frame)],
      [0x19, (frame) => this.#boot.boot(frame)],
      [0x1a, (frame) => time.serve(frame)],
      [0x70, () => timers.clock()],
      [0x74, () => pointing.interrupt()],
      [0x0e, endOfInterrupt(false)],
      [0x75, () => coprocessorError()],
      ...[0x0a, 0x0b, 0x0c, 0x0d, 0x0f].map((vector): [number, Service] => [vector, endOfInterrupt(false)]),
      ...[0x71, 0x72, 0x73, 0x76, 0x77].map((vector): [number, Service] => [vector, endOfInterrupt(true)]),
    ]);

    function* coprocessorError(): ServiceRun {
      ports.out8(0xf0, 0);
      endOfInterrupt(true)();
      yield { kind: "interrupt", vector: 0x02, ax: 0 };
    }
  }

  /** Serves a call at once (undefined) or begins one that takes time. */
  call(frame: InterruptFrame): undefined | ServiceRun {
    return this.#table.get(frame.service)?.(frame);
  }

  /** Chips as the self test leaves them, memory untouched. */
  wake(): number | undefined {
    const vector = this.#wakingVector();
    if (vector === 0 || vector >= REAL_MODE_END) return undefined;
    this.#started = true;
    this.#setUpChips();
    return vector;
  }

  reset(): void {
    this.#started = false;
    this.#drives.reset();
    this.#disk.forgetMedia();
    this.#power.connected = false;
    this.#boot.restart();
  }

  save(writer: StateWriter): void {
    writer.bool(this.#started).bool(this.#power.connected);
    this.#boot.save(writer);
    this.#drives.save(writer);
  }

  load(reader: StateReader): void {
    const started = reader.bool();
    const connected = reader.bool();
    const restoreBoot = this.#boot.read(reader);
    const restoreDrives = this.#drives.read(reader);
    reader.end();
    this.#started = started;
    this.#power.connected = connected;
    restoreBoot();
    restoreDrives();
    this.#disk.forgetMedia();
  }
}

function frameBufferAddress(pci: PciConfiguration): number {
  const address = pci.find(VGA_VENDOR, VGA_DEVICE);
  return address === undefined ? BOCHS_FRAME_BUFFER : (pci.read32(address, 0x10) & ~15) >>> 0;
}

function equipment(memory: GuestMemory, frame: InterruptFrame): undefined {
  frame.ax = memory.get16(BDA.EQUIPMENT);
  return undefined;
}

function memorySize(memory: GuestMemory, frame: InterruptFrame): undefined {
  frame.ax = memory.get16(BDA.MEMORY_KIB);
  return undefined;
}

/** The option ROM's initialization, called by firmware that is not ours. */
function setUpVideo(screen: Screen): undefined {
  fillVideoVectors(screen.memory);
  fillVideoData(screen.memory);
  setVideoMode(screen, 3);
  return undefined;
}

/** INT 05h: there is no printer to print the screen on. */
function printScreen(memory: GuestMemory): undefined {
  memory.set8(BDA.PRINT_SCREEN, 0xff);
  return undefined;
}

/** Port CF9h: a hard reset, by the rise of bit 2. */
function resetEverything(ports: PortAccess): undefined {
  ports.out8(RESET_CONTROL, 0x02);
  ports.out8(RESET_CONTROL, 0x06);
  return undefined;
}
