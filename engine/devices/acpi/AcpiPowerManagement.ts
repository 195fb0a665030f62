/**
 * The power management function of an Intel 82371AB (PIIX4), PCI 8086:7113: the ACPI 1.0 fixed registers at PMBA (configuration
 * 40h, enabled by bit 0 of 80h), the 24-bit power management timer, the power button, soft-off, a general purpose event
 * block, and the SMI command port B2h through which software takes ACPI over from firmware.
 * Offsets in the 64-byte I/O block: 00h PM1_STS, 02h PM1_EN, 04h PM1_CNT, 08h PM_TMR, 0Ch GPE0_STS, 0Eh GPE0_EN. SLP_TYP 0
 * is S5, 1 suspend to RAM (S3), from which an enabled event or the power button wakes. SMI_CMD takes F1h to enable ACPI and F0h to disable it;
 * B3h is the status scratch byte.
 * Absent: SMBus, device traps, throttling, other sleep states, SMIs proper.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import { PciConfigSpace } from "../pci/PciConfigSpace.ts";
import { nsOfTick, PM_TIMER_TICKS, ticksAt } from "../timers/timerTicks.ts";

/** Where firmware puts the block unless it has a reason not to. */
export const ACPI_PM_BASE = 0x600;
export const ACPI_PM_WINDOW_BYTES = 64;
export const SMI_CMD_ACPI_ENABLE = 0xf1;
export const SMI_CMD_ACPI_DISABLE = 0xf0;
/** SLP_TYP of S5 in PM1_CNT. */
export const ACPI_S5_SLEEP_TYPE = 0;
/** SLP_TYP of suspend to RAM. */
export const ACPI_S3_SLEEP_TYPE = 1;

const TMR_STS = 0x0001;
const GBL_STS = 0x0020;
const PWRBTN_STS = 0x0100;
const RTC_STS = 0x0400;
const WAK_STS = 0x8000;
const PM1_STS_BITS = TMR_STS | 0x0010 | GBL_STS | PWRBTN_STS | RTC_STS | WAK_STS;
const PM1_EN_BITS = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS;
const SCI_EN = 0x0001;
const PM1_CNT_BITS = 0x1c03;
const SLP_EN = 0x2000;
const TIMER_MSB_TICKS = 0x800000;
const TIMER_MODULUS = 0x1000000;
const PMBA = 0x40;
const PMREGMISC = 0x80;
/** Bit 25 of DEVACTB (58h), APMC_EN, in its byte. */
const DEVACTB_APMC = 0x5b;
const APMC_EN = 0x02;

export interface AcpiPowerManagementParts {
  readonly clock: Clock;
  /** The system control interrupt, IRQ9. */
  readonly sci: IrqLine;
  /** Where the I/O block is, undefined while it is disabled; also told on reset and load. */
  onWindowChanged(base: number | undefined): void;
  onPowerOff(): void;
  /** Suspend to RAM: everything but memory, this function and the clock stops, until `onWake`, which comes before a hard reset. */
  onSuspend(): void;
  onWake(): void;
}

export class AcpiPowerManagement implements Device, PciFunction, IoHandler {
  readonly id = "acpi-pm";
  readonly stateVersion = 1;
  readonly #parts: AcpiPowerManagementParts;
  readonly #config: PciConfigSpace;
  #window: number | undefined;
  #status = 0;
  #enable = 0;
  #control = 0;
  #gpeStatus = 0;
  #gpeEnable = 0;
  #smiCommand = 0;
  #smiStatus = 0;
  #isSuspended = false;
  /** What woke the machine, for PM1_STS after the reset that comes with it. */
  #wakeStatus = 0;
  /** Half periods of the timer (changes of its top bit) that TMR_STS has accounted for. */
  #seenHalves: number;
  #timer: ClockTimer | undefined;

  constructor(parts: AcpiPowerManagementParts) {
    this.#parts = parts;
    this.#seenHalves = this.#halves();
    this.#config = new PciConfigSpace({
      id: this.id,
      vendorId: 0x8086,
      deviceId: 0x7113,
      revision: 3,
      classCode: 0x068000,
      interruptPin: 1,
      commandMask: 0x0001,
      statusReset: 0x0280,
    });
    this.#config.preset(PMBA, 4, 1);
    this.#config.allowWrites(PMBA, 4, 0xffc0);
    this.#config.preset(0x90, 4, 1);
    this.#config.allowWrites(0x90, 4, 0xfff0);
    this.#config.allowWrites(PMREGMISC, 1, 0x01);
    for (let offset = 0x44; offset < 0x80; offset++) this.#config.allowWrites(offset, 1, 0xff);
    this.#config.allowWrites(0xd2, 1, 0x0f);
    // Tells firmware that SMM is set up already: there is none, and it would wait for an SMI for ever.
    this.#config.preset(DEVACTB_APMC, 1, APMC_EN);
    this.#config.onWrite = () => this.#placeWindow(false);
  }

  /** Ports B2h (command) and B3h (status). */
  readonly smiPorts: IoHandler = {
    read: (offset) => (offset === 0 ? this.#smiCommand : this.#smiStatus),
    write: (offset, value) => {
      if (offset === 0) this.#writeSmiCommand(value);
      else this.#smiStatus = value;
    },
  };

  /**
   * Asks the guest to shut down. False when it does not listen (no ACPI driver has enabled the button), so that the owner can
   * tell the user.
   */
  pressPowerButton(): boolean {
    this.#status |= PWRBTN_STS;
    this.#update();
    return this.isTakenOver && (this.#enable & PWRBTN_STS) !== 0;
  }

  /** The real-time clock interrupts. */
  rtcInterrupt(): void {
    if ((this.#status & RTC_STS) !== 0) return;
    this.#status |= RTC_STS;
    this.#update();
  }

  /** A general purpose event 0-15. */
  raiseGpe(event: number): void {
    this.#gpeStatus |= 1 << event;
    this.#update();
  }

  /** Has the guest taken ACPI over and enabled this event? Not while it handles one of the kind. */
  listensTo(event: number): boolean {
    return this.isTakenOver && ((this.#gpeEnable >> event) & 1) !== 0;
  }

  /** Does an ACPI driver of the guest's get the interrupts? */
  get isTakenOver(): boolean {
    return (this.#control & SCI_EN) !== 0;
  }

  read(offset: number, width: IoWidth): number {
    if (offset === 0x08 && width === 4) return this.#timerValue();
    const word = this.#readWord(offset & ~1);
    if (width === 1) return (word >> (8 * (offset & 1))) & 0xff;
    return width === 2 ? word : (word | (this.#readWord(offset + 2) << 16)) >>> 0;
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (width === 4) {
      this.#writeWord(offset, value & 0xffff, 0xffff);
      this.#writeWord(offset + 2, value >>> 16, 0xffff);
    } else if (width === 2) this.#writeWord(offset, value, 0xffff);
    else this.#writeWord(offset & ~1, value << (8 * (offset & 1)), 0xff << (8 * (offset & 1)));
  }

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
  }

  reset(_kind: ResetKind): void {
    this.#status = this.#wakeStatus;
    this.#wakeStatus = 0;
    this.#isSuspended = false;
    this.#enable = 0;
    this.#control = 0;
    this.#gpeStatus = 0;
    this.#gpeEnable = 0;
    this.#smiCommand = 0;
    this.#smiStatus = 0;
    this.#seenHalves = this.#halves();
    this.#config.reset();
    this.#placeWindow(true);
    this.#update();
  }

  save(writer: StateWriter): void {
    this.#collectTimer();
    writer.u16(this.#status).u16(this.#enable).u16(this.#control).u16(this.#gpeStatus).u16(this.#gpeEnable);
    writer.u8(this.#smiCommand).u8(this.#smiStatus).bool(this.#isSuspended).u16(this.#wakeStatus);
    this.#config.save(writer);
  }

  load(reader: StateReader): void {
    const [status, enable, control, gpeStatus, gpeEnable] = [
      reader.u16(),
      reader.u16(),
      reader.u16(),
      reader.u16(),
      reader.u16(),
    ];
    const [smiCommand, smiStatus] = [reader.u8(), reader.u8()];
    const [isSuspended, wakeStatus] = [reader.bool(), reader.u16()];
    const config = this.#config.readState(reader);
    this.#status = status & PM1_STS_BITS;
    this.#enable = enable & PM1_EN_BITS;
    this.#control = control & PM1_CNT_BITS;
    this.#gpeStatus = gpeStatus;
    this.#gpeEnable = gpeEnable;
    this.#smiCommand = smiCommand;
    this.#smiStatus = smiStatus;
    this.#isSuspended = isSuspended;
    this.#wakeStatus = wakeStatus & PM1_STS_BITS;
    this.#seenHalves = this.#halves();
    this.#config.apply(config);
    this.#placeWindow(true);
    this.#update();
  }

  #timerTicks(): number {
    return ticksAt(PM_TIMER_TICKS, this.#parts.clock.nowNs());
  }

  #timerValue(): number {
    return this.#timerTicks() % TIMER_MODULUS;
  }

  #halves(): number {
    return Math.floor(this.#timerTicks() / TIMER_MSB_TICKS);
  }

  /** TMR_STS is set whenever the top bit of the timer changes. */
  #collectTimer(): void {
    const halves = this.#halves();
    if (halves !== this.#seenHalves) this.#status |= TMR_STS;
    this.#seenHalves = halves;
  }

  #readWord(offset: number): number {
    switch (offset) {
      case 0x00:
        this.#collectTimer();
        return this.#status;
      case 0x02:
        return this.#enable;
      case 0x04:
        return this.#control;
      case 0x08:
        return this.#timerValue() & 0xffff;
      case 0x0a:
        return this.#timerValue() >> 16;
      case 0x0c:
        return this.#gpeStatus;
      case 0x0e:
        return this.#gpeEnable;
      default:
        return 0;
    }
  }

  #writeWord(offset: number, value: number, mask: number): void {
    const merge = (old: number) => (old & ~mask) | (value & mask);
    switch (offset) {
      case 0x00:
        this.#collectTimer();
        this.#status &= ~(value & mask);
        break;
      case 0x02:
        this.#enable = merge(this.#enable) & PM1_EN_BITS;
        break;
      case 0x04:
        this.#writeControl(merge(this.#control));
        break;
      case 0x0c:
        this.#gpeStatus &= ~(value & mask);
        break;
      case 0x0e:
        this.#gpeEnable = merge(this.#gpeEnable);
        break;
      default:
        return;
    }
    this.#update();
  }

  #writeControl(value: number): void {
    this.#control = value & PM1_CNT_BITS;
    if ((value & SLP_EN) === 0) return;
    const sleepType = (value >> 10) & 7;
    if (sleepType === ACPI_S5_SLEEP_TYPE) this.#parts.onPowerOff();
    if (sleepType !== ACPI_S3_SLEEP_TYPE) return;
    this.#isSuspended = true;
    this.#parts.onSuspend();
  }

  #wake(): void {
    this.#isSuspended = false;
    this.#wakeStatus = (this.#status & (PWRBTN_STS | RTC_STS)) | WAK_STS;
    this.#parts.onWake();
  }

  #writeSmiCommand(value: number): void {
    this.#smiCommand = value;
    if (value === SMI_CMD_ACPI_ENABLE) this.#control |= SCI_EN;
    else if (value === SMI_CMD_ACPI_DISABLE) this.#control &= ~SCI_EN;
    this.#update();
  }

  #placeWindow(always: boolean): void {
    const base = this.#config.get16(PMBA) & 0xffc0;
    const enabled = (this.#config.get8(PMREGMISC) & 1) !== 0 && base !== 0;
    const window = enabled ? base : undefined;
    if (!always && window === this.#window) return;
    this.#window = window;
    this.#parts.onWindowChanged(window);
  }

  /** Drives SCI and arms the timer's next overflow when software waits for it. */
  #update(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#collectTimer();
    const acpi = (this.#control & SCI_EN) !== 0;
    const events = (this.#status & this.#enable) | (this.#gpeStatus & this.#gpeEnable);
    // The timer is not among what runs on in a sleep.
    if (this.#isSuspended && ((events & ~TMR_STS) !== 0 || (this.#status & PWRBTN_STS) !== 0)) this.#wake();
    this.#parts.sci.set(acpi && events !== 0);
    if (!acpi || (this.#enable & TMR_STS) === 0 || (this.#status & TMR_STS) !== 0) return;
    const deadlineNs = nsOfTick(PM_TIMER_TICKS, (this.#seenHalves + 1) * TIMER_MSB_TICKS);
    this.#timer = this.#parts.clock.schedule(deadlineNs, () => this.#update());
  }
}
