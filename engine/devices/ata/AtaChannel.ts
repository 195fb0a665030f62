/**
 * One ATA channel: the command block (8 ports), the control block (alternate status and device control, 1 port), the
 * interrupt line and up to two drives (ATA/ATAPI-6 clauses 7 and 9). Register writes reach both drives, reads come from
 * the selected one. With one drive the other position reads zeros; clause 9.16.1 has the registers besides the
 * status repeat those of device 0, which some drivers take for a second drive. With none the bus floats at FFh. Ports: command block 1F0h or 170h with widths 1, 2, 4; control block 3F6h or 376h with width 1.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { AtaDrive } from "./AtaDrive.ts";
import { DEVICE } from "./AtaTaskFile.ts";
import { ataCommand, BSY, DEVICE_DEV, DRQ, HOB, NIEN, SRST } from "./ataRegisters.ts";
import type { IdeBusMaster } from "./IdeBusMaster.ts";

const DATA = 0;
const ERROR_FEATURES = 1;
const STATUS_COMMAND = 7;

export interface AtaChannelOptions {
  readonly id: string;
  readonly irq: IrqLine;
  readonly busMaster: IdeBusMaster;
  /** Device 0 and device 1. */
  readonly drives: readonly [AtaDrive | undefined, AtaDrive | undefined];
}

export class AtaChannel implements Device {
  readonly id: string;
  readonly stateVersion = 1;
  readonly #irq: IrqLine;
  readonly #busMaster: IdeBusMaster;
  readonly #drives: AtaChannelOptions["drives"];
  #selected: 0 | 1 = 0;
  #deviceControl = 0;

  constructor(options: AtaChannelOptions) {
    this.id = options.id;
    this.#irq = options.irq;
    this.#busMaster = options.busMaster;
    this.#drives = options.drives;
    const host = { interruptChanged: () => this.#driveInterrupt(), dmaRequested: () => this.#serviceDma() };
    for (const drive of this.#drives) drive?.attach(host);
    this.#busMaster.onStart = () => this.#serviceDma();
  }

  readonly commandBlock: IoHandler = {
    read: (offset: number, width: IoWidth): number => this.#readCommandBlock(offset, width),
    write: (offset: number, value: number, width: IoWidth): void => this.#writeCommandBlock(offset, value, width),
  };

  readonly controlBlock: IoHandler = {
    read: (): number => this.#status(),
    write: (_offset: number, value: number): void => this.#writeDeviceControl(value & 0xff),
  };

  /** Bytes by `rep insw` at once: at most to the end of the DRQ block. Returns how many were moved. */
  readBlock(offset: number, target: Uint8Array): number {
    return offset === DATA ? (this.#drives[this.#selected]?.readBlock(target) ?? 0) : 0;
  }

  writeBlock(offset: number, source: Uint8Array): number {
    return offset === DATA ? (this.#drives[this.#selected]?.writeBlock(source) ?? 0) : 0;
  }

  reset(kind: ResetKind): void {
    void kind; // Both raise RESET- on the cable.
    this.#selected = 0;
    this.#deviceControl = 0;
    this.#busMaster.reset();
    for (const drive of this.#drives) drive?.reset(true);
    this.#driveInterrupt();
  }

  /** What an unanswered read gives: a single drive pulls the bus low for the absent one. */
  get #unanswered(): number {
    return this.#drives[0] === undefined && this.#drives[1] === undefined ? 0xff : 0x00;
  }

  #readCommandBlock(offset: number, width: IoWidth): number {
    if (offset === DATA) {
      const drive = this.#drives[this.#selected];
      if (drive !== undefined) return drive.readData(width);
    }
    // Wide accesses elsewhere see one register a byte.
    let value = 0;
    for (let index = 0; index < width; index++) value |= this.#readRegister(offset + index) << (8 * index);
    return value >>> 0;
  }

  #readRegister(offset: number): number {
    const drive = this.#drives[this.#selected];
    if (drive === undefined || offset > STATUS_COMMAND) return this.#unanswered;
    if (offset === STATUS_COMMAND) {
      drive.acknowledgeInterrupt();
      return drive.status;
    }
    if ((drive.status & BSY) !== 0) return drive.status;
    if (offset === ERROR_FEATURES) return drive.error;
    const value = drive.taskFile.read(offset, (this.#deviceControl & HOB) !== 0);
    // Bits 7 and 5 of the device register read as one, and DEV is what was selected.
    return offset === DEVICE ? (value & ~DEVICE_DEV) | 0xa0 | (this.#selected << 4) : value;
  }

  #status(): number {
    return this.#drives[this.#selected]?.status ?? this.#unanswered;
  }

  #writeCommandBlock(offset: number, value: number, width: IoWidth): void {
    if (offset === DATA) {
      this.#drives[this.#selected]?.writeData(value, width);
      return;
    }
    for (let index = 0; index < width; index++) this.#writeRegister(offset + index, (value >>> (8 * index)) & 0xff);
  }

  #writeRegister(offset: number, value: number): void {
    if (offset > STATUS_COMMAND) return;
    this.#deviceControl &= ~HOB;
    if (offset === STATUS_COMMAND) {
      this.#command(value);
      return;
    }
    for (const drive of this.#drives) {
      if (drive !== undefined && (drive.status & (BSY | DRQ)) === 0) drive.taskFile.write(offset, value);
    }
    if (offset === DEVICE) {
      this.#selected = (value & DEVICE_DEV) === 0 ? 0 : 1;
      this.#driveInterrupt();
    }
  }

  #command(command: number): void {
    if ((this.#deviceControl & SRST) !== 0) return;
    if (command === ataCommand.executeDeviceDiagnostic) {
      this.#diagnose(true);
      return;
    }
    const drive = this.#drives[this.#selected];
    if (drive === undefined) return;
    if ((drive.status & BSY) !== 0 && command !== ataCommand.deviceReset) return;
    drive.command(command);
  }

  #writeDeviceControl(value: number): void {
    const changed = this.#deviceControl ^ value;
    this.#deviceControl = value & (HOB | SRST | NIEN);
    if ((changed & SRST) !== 0) {
      if ((value & SRST) !== 0) for (const drive of this.#drives) drive?.holdReset();
      else this.#diagnose(false);
    }
    this.#driveInterrupt();
  }

  /** SRST and EXECUTE DEVICE DIAGNOSTIC leave device 0 selected and both drives with their signatures. */
  #diagnose(interrupt: boolean): void {
    this.#selected = 0;
    for (const drive of this.#drives) {
      drive?.reset(false);
      drive?.taskFile.set(DEVICE, 0);
    }
    if (interrupt) (this.#drives[0] ?? this.#drives[1])?.raiseInterrupt();
    this.#driveInterrupt();
  }

  #driveInterrupt(): void {
    const pending = this.#drives[this.#selected]?.interruptPending ?? false;
    const level = pending && (this.#deviceControl & NIEN) === 0;
    this.#busMaster.setInterrupt(level);
    this.#irq.set(level);
  }

  #serviceDma(): void {
    // Only one drive can hold DMARQ: the selected one started last.
    for (const drive of this.#drives) drive?.serviceDma(this.#busMaster);
  }

  save(writer: StateWriter): void {
    writer.u8(this.#selected).u8(this.#deviceControl);
    this.#busMaster.save(writer);
    for (const drive of this.#drives) {
      writer.bool(drive !== undefined);
      drive?.save(writer);
    }
  }

  load(reader: StateReader): void {
    this.prepareLoad(reader)();
  }

  /** Reads a saved state and returns what makes it the present one. */
  prepareLoad(reader: StateReader): () => void {
    const selected = (reader.u8() & 1) === 0 ? 0 : 1;
    const deviceControl = reader.u8() & (HOB | SRST | NIEN);
    const loadBusMaster = this.#busMaster.prepareLoad(reader);
    const loadDrives: (() => void)[] = [];
    for (const drive of this.#drives) {
      if (reader.bool() !== (drive !== undefined)) {
        throw new GuesthouseError("state-invalid", "The saved state has other drives than the machine.", {
          device: this.id,
        });
      }
      if (drive !== undefined) loadDrives.push(drive.prepareLoad(reader));
    }
    return () => {
      this.#selected = selected;
      this.#deviceControl = deviceControl;
      for (const load of loadDrives) load();
      // After the drives: the levels that they drive must not count as new edges.
      loadBusMaster();
      this.#driveInterrupt();
    };
  }
}
