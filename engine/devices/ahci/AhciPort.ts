/**
 * One port of an AHCI controller (AHCI 1.3.1, clauses 3.3 and 5) with the drive behind it. Commands run one at a time through the drive's task file,
 * data moving between its buffer and the regions of the slot; READ and WRITE FPDMA QUEUED run side by side. A failed command stops the port
 * until software restarts it. Absent: port multipliers, FIS-based switching, power states, asynchronous notification.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { AtaDisk } from "../ata/AtaDisk.ts";
import type { AtaDrive } from "../ata/AtaDrive.ts";
import { ataCommand, BSY, DRQ, ERR, SRST } from "../ata/ataRegisters.ts";
import { StepLoop } from "../ata/StepLoop.ts";
import { AhciCommand } from "./AhciCommand.ts";
import * as ahci from "./ahciRegisters.ts";
import { NativeQueue } from "./NativeQueue.ts";
import { ReceivedFis } from "./ReceivedFis.ts";

const HIGH = 2 ** 32;
const NO_SLOT = 0xff;
const PORT_REGISTERS = ahci.PORT_BYTES / 4;
const NO_DEVICE = 0x7f;
const SLOTS = 32;

export interface AhciPortOptions {
  readonly memory: PhysicalMemory;
  readonly drive: AtaDrive | undefined;
  /** `interrupting` may have changed. */
  readonly onInterrupt: () => void;
}

export class AhciPort {
  readonly #memory: PhysicalMemory;
  readonly #onInterrupt: () => void;
  readonly #registers = new Uint32Array(PORT_REGISTERS);
  readonly #received: ReceivedFis;
  readonly #queue: NativeQueue;
  /** Goes on with whatever can go on. */
  readonly #steps = new StepLoop(() => this.#step());
  #drive: AtaDrive | undefined;
  /** The command that is under way outside of the queue, and what it has moved. */
  #current: AhciCommand | undefined;
  #moved = 0;
  #packetSent = false;
  #lastWasPioIn = false;
  #resetting = false;
  /** An error stands: nothing is begun until ST is cleared. */
  #stopped = false;

  constructor(options: AhciPortOptions) {
    this.#memory = options.memory;
    this.#onInterrupt = options.onInterrupt;
    this.#received = new ReceivedFis(options.memory);
    this.#queue = new NativeQueue({
      done: (slot) => this.#queuedDone(slot),
      failed: (slot, error, sector) => this.#queuedFailed(slot, error, sector),
    });
    this.#attach(options.drive);
    this.reset();
  }

  get drive(): AtaDrive | undefined {
    return this.#drive;
  }

  get interrupting(): boolean {
    return (this.#get(ahci.port.IS) & this.#get(ahci.port.IE)) !== 0;
  }

  /** Puts another drive behind the port, or none, while the machine runs: the guest is told. */
  plug(drive: AtaDrive | undefined): void {
    this.#forgetCommands();
    this.#attach(drive);
    drive?.reset(true);
    this.#set(ahci.port.SERR, this.#get(ahci.port.SERR) | ahci.SERR_DIAG_N | ahci.SERR_DIAG_X);
    this.#linkUp();
    this.#raise(ahci.IS_PCS | ahci.IS_PRCS);
  }

  #attach(drive: AtaDrive | undefined): void {
    this.#drive = drive;
    const isHere = () => this.#drive === drive;
    drive?.attach({
      interruptChanged: () => isHere() && this.#steps.advance(),
      dmaRequested: () => isHere() && this.#steps.advance(),
    });
  }

  /** Power-on and the HBA's reset. */
  reset(): void {
    this.#forgetCommands();
    this.#registers.fill(0);
    this.#set(ahci.port.CMD, ahci.CMD_SUD | ahci.CMD_POD | ahci.CMD_HPCP);
    this.#resetting = false;
    this.#drive?.reset(true);
    this.#linkUp();
  }

  #forgetCommands(): void {
    this.#current = undefined;
    this.#queue.abandon();
    this.#stopped = false;
    this.#set(ahci.port.CI, 0);
    this.#set(ahci.port.SACT, 0);
  }

  /** What the port shows of a drive that has just told its signature. */
  #linkUp(): void {
    const drive = this.#drive;
    this.#set(ahci.port.SSTS, drive === undefined ? 0 : ahci.SSTS_CONNECTED);
    this.#set(ahci.port.TFD, drive === undefined ? NO_DEVICE : drive.status | (drive.error << 8));
    this.#set(ahci.port.SIG, drive === undefined ? 0xffff_ffff : signature(drive));
  }

  read(offset: number): number {
    const command = this.#get(ahci.port.CMD);
    if (offset !== ahci.port.CMD) return this.#get(offset);
    const running = (command & ahci.CMD_ST) !== 0 ? ahci.CMD_CR : 0;
    const receiving = (command & ahci.CMD_FRE) !== 0 ? ahci.CMD_FR : 0;
    return (command | running | receiving | ((this.#current?.slot ?? 0) << 8)) >>> 0;
  }

  write(offset: number, value: number): void {
    switch (offset) {
      case ahci.port.CLB:
        return this.#set(offset, value & ~0x3ff);
      case ahci.port.FB:
        return this.#set(offset, value & ~0xff);
      case ahci.port.CLBU:
      case ahci.port.FBU:
        return this.#set(offset, value);
      case ahci.port.IE:
        this.#set(offset, value & 0xfdc0_00ff);
        return this.#onInterrupt();
      case ahci.port.IS:
        this.#set(offset, this.#get(offset) & ~(value & ~ahci.IS_FROM_SERR));
        return this.#onInterrupt();
      case ahci.port.SERR:
        return this.#clearErrors(value);
      case ahci.port.CMD:
        return this.#writeCommand(value);
      case ahci.port.SCTL:
        return this.#writeControl(value);
      case ahci.port.SACT:
        if ((this.#get(ahci.port.CMD) & ahci.CMD_ST) !== 0) this.#set(offset, this.#get(offset) | value);
        return;
      case ahci.port.CI:
        if ((this.#get(ahci.port.CMD) & ahci.CMD_ST) === 0) return;
        this.#set(offset, this.#get(offset) | value);
        return this.#steps.advance();
    }
  }

  #clearErrors(value: number): void {
    const left = this.#get(ahci.port.SERR) & ~value;
    this.#set(ahci.port.SERR, left);
    let status = this.#get(ahci.port.IS);
    if ((left & ahci.SERR_DIAG_X) === 0) status &= ~ahci.IS_PCS;
    if ((left & ahci.SERR_DIAG_N) === 0) status &= ~ahci.IS_PRCS;
    this.#set(ahci.port.IS, status);
    this.#onInterrupt();
  }

  #writeCommand(value: number): void {
    const before = this.#get(ahci.port.CMD);
    this.#set(ahci.port.CMD, (before & ~ahci.CMD_WRITABLE) | (value & ahci.CMD_WRITABLE));
    if ((value & ahci.CMD_CLO) !== 0) this.#set(ahci.port.TFD, this.#get(ahci.port.TFD) & ~(BSY | DRQ));
    if ((before & ~value & ahci.CMD_ST) !== 0) this.#forgetCommands();
  }

  /** DET 1 holds the link in reset, 0 after it lets the drive come up. */
  #writeControl(value: number): void {
    const before = this.#get(ahci.port.SCTL) & 0xf;
    this.#set(ahci.port.SCTL, value & 0xfff);
    const detection = value & 0xf;
    if (detection === 1) {
      this.#forgetCommands();
      this.#set(ahci.port.SSTS, 0);
      this.#set(ahci.port.TFD, NO_DEVICE);
    } else if (detection === 0 && before === 1) {
      this.#drive?.reset(true);
      this.#linkUp();
      if (this.#drive === undefined) return;
      this.#set(ahci.port.SERR, this.#get(ahci.port.SERR) | ahci.SERR_DIAG_X);
      this.#sendRegisters(false);
      this.#raise(ahci.IS_PCS);
    }
  }

  // Commands.

  /** False when there is nothing to do now. */
  #step(): boolean {
    const drive = this.#drive;
    if (drive === undefined) return false;
    const command = this.#current;
    if (command === undefined) return this.#begin(drive);
    switch (drive.phase) {
      case "busy":
        return false;
      case "dma":
        return this.#moveByDma(drive, command);
      case "pioToHost":
        return this.#moveToHost(drive, command);
      case "pioFromHost":
        return this.#moveFromHost(drive, command);
      case "idle":
        this.#complete(drive, command);
        return true;
    }
  }

  #begin(drive: AtaDrive): boolean {
    const issued = this.#get(ahci.port.CI);
    if (issued === 0 || this.#stopped || (this.#get(ahci.port.CMD) & ahci.CMD_ST) === 0) return false;
    const slot = Math.log2((issued & -issued) >>> 0);
    const command = this.#command(slot);
    const { fis } = command;
    const isQueued = fis[2] === ataCommand.readFpdmaQueued || fis[2] === ataCommand.writeFpdmaQueued;
    if (fis[0] !== ahci.FIS_TO_DEVICE) {
      this.#clearIssued(slot);
      return true;
    }
    if ((fis[1]! & ahci.FIS_COMMAND) === 0) {
      this.#softwareReset(drive, command);
      return true;
    }
    if (isQueued && drive instanceof AtaDisk) {
      // The command is accepted at once; its end is told by SActive.
      this.#clearIssued(slot);
      this.#sendRegisters(false);
      this.#queue.begin(drive, command);
      return true;
    }
    if (this.#queue.busy) return false;
    this.#moved = 0;
    this.#packetSent = false;
    this.#lastWasPioIn = false;
    this.#current = command;
    command.fillTaskFile(drive.taskFile);
    this.#set(ahci.port.TFD, BSY);
    if (fis[2] === ataCommand.executeDeviceDiagnostic) drive.reset(false);
    else drive.command(fis[2]!);
    return true;
  }

  #command(slot: number): AhciCommand {
    const list = this.#get(ahci.port.CLBU) * HIGH + this.#get(ahci.port.CLB);
    return new AhciCommand(this.#memory, list, slot);
  }

  #clearIssued(slot: number): void {
    this.#set(ahci.port.CI, this.#get(ahci.port.CI) & ~(1 << slot));
  }

  /** Two FISes: SRST set, SRST cleared. After the second the drive tells its signature. */
  #softwareReset(drive: AtaDrive, command: AhciCommand): void {
    this.#clearIssued(command.slot);
    const asserted = (command.fis[15]! & SRST) !== 0;
    if (asserted) {
      drive.holdReset();
      this.#set(ahci.port.TFD, BSY);
    } else if (this.#resetting) {
      drive.reset(false);
      this.#set(ahci.port.SIG, signature(drive));
      this.#sendRegisters(false);
    }
    this.#resetting = asserted;
  }

  #moveByDma(drive: AtaDrive, command: AhciCommand): boolean {
    const before = this.#moved;
    drive.serviceDma({
      toMemory: (source) => {
        const moved = command.data.write(this.#moved, source);
        this.#moved += moved;
        // What finds no region is lost, and said so.
        if (moved < source.length) this.#raise(ahci.IS_OFS);
        return source.length;
      },
      fromMemory: (target) => {
        const moved = command.data.read(this.#moved, target);
        this.#moved += moved;
        if (moved === 0) this.#raise(ahci.IS_OFS);
        return moved;
      },
    });
    return this.#moved !== before || drive.phase !== "dma";
  }

  #moveToHost(drive: AtaDrive, command: AhciCommand): boolean {
    const block = new Uint8Array(drive.blockBytes);
    const before = drive.status;
    drive.readBlock(block);
    const moved = command.data.write(this.#moved, block);
    this.#moved += moved;
    if (moved < block.length) this.#raise(ahci.IS_OFS);
    const isLast = drive.phase === "idle" && command.fis[2] !== ataCommand.packet;
    this.#lastWasPioIn = isLast && (drive.status & ERR) === 0;
    const endStatus = drive.status;
    const fis = ahci.FIS_TO_HOST | (this.#lastWasPioIn ? ahci.FIS_INTERRUPT : 0);
    if (this.#receives) this.#received.pioSetup(this.#fisBase, drive, fis, before, endStatus, block.length);
    return true;
  }

  #moveFromHost(drive: AtaDrive, command: AhciCommand): boolean {
    const block = new Uint8Array(drive.blockBytes);
    if (command.fis[2] === ataCommand.packet && !this.#packetSent) {
      this.#packetSent = true;
      block.set(command.packet.subarray(0, block.length));
    } else {
      const moved = command.data.read(this.#moved, block);
      this.#moved += moved;
      if (moved < block.length) {
        // A disk must not get bytes that nobody gave: the command hangs, as on a link that lost its host.
        this.#raise(ahci.IS_OFS);
        return false;
      }
    }
    if (this.#receives) this.#received.pioSetup(this.#fisBase, drive, 0, drive.status, drive.status, block.length);
    drive.writeBlock(block);
    return true;
  }

  #complete(drive: AtaDrive, command: AhciCommand): void {
    this.#current = undefined;
    command.setMoved(this.#moved);
    const failed = (drive.status & ERR) !== 0;
    drive.acknowledgeInterrupt();
    if (!failed) this.#clearIssued(command.slot);
    if (!failed && this.#lastWasPioIn) {
      this.#set(ahci.port.TFD, drive.status | (drive.error << 8));
      this.#raise(ahci.IS_PSS);
      return;
    }
    this.#stopped = failed;
    this.#sendRegisters(true);
    this.#raise(ahci.IS_DHRS | (failed ? ahci.IS_TFES : 0));
  }

  #queuedDone(slot: number): void {
    this.#set(ahci.port.SACT, this.#get(ahci.port.SACT) & ~(1 << slot));
    if (this.#receives) this.#received.deviceBits(this.#fisBase, 0x40, 0, 1 << slot);
    this.#raise(ahci.IS_SDBS);
    this.#steps.advance();
  }

  /** One failed command ends all: the drive aborts the others, and says in its log which one it was. */
  #queuedFailed(slot: number, error: number, sector: number): void {
    this.#queue.abandon();
    this.#stopped = true;
    const status = 0x40 | ERR;
    if (this.#drive instanceof AtaDisk) this.#drive.noteQueuedError(slot, status, error, sector);
    this.#set(ahci.port.TFD, status | (error << 8));
    if (this.#receives) this.#received.deviceBits(this.#fisBase, status, error, 0);
    this.#raise(ahci.IS_SDBS | ahci.IS_TFES);
  }

  get #receives(): boolean {
    return (this.#get(ahci.port.CMD) & ahci.CMD_FRE) !== 0;
  }

  get #fisBase(): number {
    return this.#get(ahci.port.FBU) * HIGH + this.#get(ahci.port.FB);
  }

  #sendRegisters(interrupt: boolean): void {
    const drive = this.#drive;
    if (drive === undefined) return;
    this.#set(ahci.port.TFD, drive.status | (drive.error << 8));
    if (this.#receives) this.#received.registers(this.#fisBase, drive, interrupt ? ahci.FIS_INTERRUPT : 0);
  }

  #raise(bits: number): void {
    this.#set(ahci.port.IS, this.#get(ahci.port.IS) | bits);
    this.#onInterrupt();
  }

  #get(register: number): number {
    return this.#registers[register >> 2]!;
  }

  #set(register: number, value: number): void {
    this.#registers[register >> 2] = value;
  }

  save(writer: StateWriter): void {
    for (const value of this.#registers) writer.u32(value);
    writer.u8(this.#current?.slot ?? NO_SLOT).f64(this.#moved);
    writer.bool(this.#packetSent).bool(this.#lastWasPioIn).bool(this.#resetting).bool(this.#stopped);
    writer.u32(this.#queue.slots).bool(this.#drive !== undefined);
    this.#drive?.save(writer);
  }

  prepareLoad(reader: StateReader): () => void {
    const registers = Uint32Array.from(this.#registers, () => reader.u32());
    const [slot, moved] = [reader.u8(), reader.f64()];
    const [packetSent, lastWasPioIn, resetting, stopped] = [reader.bool(), reader.bool(), reader.bool(), reader.bool()];
    const queued = reader.u32();
    const hasDrive = reader.bool();
    const sane = (slot < SLOTS || slot === NO_SLOT) && Number.isSafeInteger(moved) && moved >= 0;
    if (!sane || hasDrive !== (this.#drive !== undefined)) {
      throw new GuesthouseError("state-invalid", "The saved state of an AHCI port has other drives, or is damaged.");
    }
    const loadDrive = this.#drive?.prepareLoad(reader);
    return () => {
      // The drive speaks while it loads; nothing may go on before the memory is there.
      this.#steps.hold(() => {
        this.#queue.abandon();
        this.#current = undefined;
        loadDrive?.();
        this.#registers.set(registers);
        this.#moved = moved;
        this.#packetSent = packetSent;
        this.#lastWasPioIn = lastWasPioIn;
        this.#resetting = resetting;
        this.#stopped = stopped;
      });
      this.#resume(slot, queued);
    };
  }

  #resume(slot: number, queued: number): void {
    this.#queue.expect(queued);
    if (slot !== NO_SLOT) this.#current = this.#command(slot);
    void Promise.resolve().then(() => {
      const drive = this.#drive;
      if (slot !== NO_SLOT && this.#current?.slot === slot) this.#current = this.#command(slot);
      for (let index = 0; index < SLOTS; index++) {
        const expected = (queued >>> index) & (this.#queue.slots >>> index) & 1;
        if (expected !== 0 && drive instanceof AtaDisk) this.#queue.begin(drive, this.#command(index));
      }
      this.#steps.advance();
    });
  }
}

function signature(drive: AtaDrive): number {
  const { taskFile } = drive;
  return ((taskFile.cylinder << 16) | (taskFile.sectorNumber << 8) | taskFile.sectorCount) >>> 0;
}
