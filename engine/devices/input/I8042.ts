/**
 * The keyboard controller of an AT and PS/2 (Intel 8042 with IBM's firmware): output buffer, command byte, translation of set 2
 * to set 1, auxiliary port, output port with A20 and reset, self tests, internal memory. Ports: 60h data and 64h command/status,
 * each mapped alone, 1 byte wide. IRQ1 keyboard, IRQ12 auxiliary.
 * A byte from a device takes `DEVICE_BYTE_NS` to arrive, so that software which reads port 60h twice gets the same byte twice, as
 * on real lines. The input buffer is never full: commands act at once.
 * Absent: parity and timeout errors, the password, the key lock.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { A20Gate } from "./A20Gate.ts";
import type { Ps2Port } from "./Ps2Port.ts";
import { SET2_BREAK, translateSet2 } from "./translateSet2.ts";

const STATUS_OBF = 0x01;
const STATUS_SYS = 0x04;
const STATUS_CMD = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_AUX_OBF = 0x20;
const CTR_KBD_INT = 0x01;
const CTR_AUX_INT = 0x02;
const CTR_SYS = 0x04;
const CTR_KBD_DISABLED = 0x10;
const CTR_AUX_DISABLED = 0x20;
const CTR_XLATE = 0x40;
/** Keyboard on with translation, mouse off; firmware writes its own. */
const CTR_RESET = CTR_KBD_INT | CTR_AUX_DISABLED | CTR_XLATE;
const OUTPUT_NOT_RESET = 0x01;
const OUTPUT_A20 = 0x02;
const DEVICE_BYTE_NS = 150_000;

const WRITE_OUTPUT_PORT = 0xd1;
const WRITE_KEYBOARD_BUFFER = 0xd2;
const WRITE_AUX_BUFFER = 0xd3;
const WRITE_AUX = 0xd4;

const SOURCE_NONE = 0;
const SOURCE_KEYBOARD = 1;
const SOURCE_AUX = 2;

export interface I8042Parts {
  readonly clock: Clock;
  readonly keyboardIrq: IrqLine;
  readonly auxIrq: IrqLine;
  readonly keyboard: Ps2Port;
  readonly aux: Ps2Port;
  readonly a20: A20Gate;
  /** The reset pin of the output port went low. */
  onReset(): void;
}

export class I8042 implements Device {
  readonly id = "i8042";
  readonly stateVersion = 1;
  readonly #parts: I8042Parts;
  readonly #memory = new Uint8Array(32);
  #outputByte = 0;
  #outputSource = SOURCE_NONE;
  /** Answers of the controller itself that found the output buffer full. */
  #answers: number[] = [];
  /** The command that waits for a byte at port 60h, 0 for none. */
  #awaiting = 0;
  #lastWasCommand = false;
  #afterBreak = false;
  #timer: ClockTimer | undefined;

  constructor(parts: I8042Parts) {
    this.#parts = parts;
    this.#memory[0] = CTR_RESET;
    parts.keyboard.onOutput = () => this.#expectDeviceByte();
    parts.aux.onOutput = () => this.#expectDeviceByte();
  }

  /** Port 60h. */
  readonly dataPort: IoHandler = {
    read: () => this.#readData(),
    write: (_offset, value) => this.#writeData(value),
  };

  /** Port 64h. */
  readonly commandPort: IoHandler = {
    read: () => this.#status(),
    write: (_offset, value) => this.#command(value),
  };

  reset(_kind: ResetKind): void {
    this.#memory.fill(0);
    this.#memory[0] = CTR_RESET;
    this.#outputByte = 0;
    this.#outputSource = SOURCE_NONE;
    this.#answers = [];
    this.#awaiting = 0;
    this.#lastWasCommand = false;
    this.#afterBreak = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#updateInterrupts();
  }

  save(writer: StateWriter): void {
    writer.bytes(this.#memory).u8(this.#outputByte).u8(this.#outputSource).bytes(Uint8Array.from(this.#answers));
    writer.u8(this.#awaiting).bool(this.#lastWasCommand).bool(this.#afterBreak);
  }

  load(reader: StateReader): void {
    const [memory, outputByte, outputSource, answers] = [reader.bytes(), reader.u8(), reader.u8(), reader.bytes()];
    const [awaiting, lastWasCommand, afterBreak] = [reader.u8(), reader.bool(), reader.bool()];
    this.#memory.fill(0);
    this.#memory.set(memory.subarray(0, this.#memory.length));
    this.#outputByte = outputByte;
    this.#outputSource = outputSource <= SOURCE_AUX ? outputSource : SOURCE_NONE;
    this.#answers = [...answers];
    this.#awaiting = awaiting;
    this.#lastWasCommand = lastWasCommand;
    this.#afterBreak = afterBreak;
    this.#updateInterrupts();
    // The devices may be loaded later, so look for their bytes in any case.
    this.#expectDeviceByte();
  }

  get #ctr(): number {
    return this.#memory[0]!;
  }

  #status(): number {
    return (
      STATUS_UNLOCKED |
      (this.#outputSource !== SOURCE_NONE ? STATUS_OBF : 0) |
      (this.#outputSource === SOURCE_AUX ? STATUS_AUX_OBF : 0) |
      ((this.#ctr & CTR_SYS) !== 0 ? STATUS_SYS : 0) |
      (this.#lastWasCommand ? STATUS_CMD : 0)
    );
  }

  #readData(): number {
    if (this.#outputSource !== SOURCE_NONE) {
      this.#outputSource = SOURCE_NONE;
      this.#updateInterrupts();
      const answer = this.#answers.shift();
      if (answer !== undefined) {
        const byte = this.#outputByte;
        this.#fill(answer, SOURCE_KEYBOARD);
        return byte;
      }
      this.#expectDeviceByte();
    }
    return this.#outputByte;
  }

  #writeData(value: number): void {
    const awaiting = this.#awaiting;
    this.#awaiting = 0;
    this.#lastWasCommand = false;
    if (awaiting >= 0x60 && awaiting <= 0x7f) this.#writeMemory(awaiting & 31, value);
    else if (awaiting === WRITE_OUTPUT_PORT) this.#writeOutputPort(value);
    else if (awaiting === WRITE_KEYBOARD_BUFFER) this.#fill(value, SOURCE_KEYBOARD);
    else if (awaiting === WRITE_AUX_BUFFER) this.#fill(value, SOURCE_AUX);
    else if (awaiting === WRITE_AUX) {
      this.#memory[0]! &= ~CTR_AUX_DISABLED;
      this.#parts.aux.receive(value);
    } else {
      // Sending to a device drives its clock, which enables it.
      this.#memory[0]! &= ~CTR_KBD_DISABLED;
      this.#parts.keyboard.receive(value);
    }
  }

  #command(command: number): void {
    this.#lastWasCommand = true;
    this.#awaiting = 0;
    if (command >= 0x20 && command < 0x40) this.#answer(this.#memory[command & 31]!);
    else if (command >= 0x60 && command < 0x80) this.#awaiting = command;
    else if (command >= WRITE_OUTPUT_PORT && command <= WRITE_AUX) this.#awaiting = command;
    else if (command >= 0xf0) this.#pulse(command & 0x0f);
    else this.#plainCommand(command);
  }

  #plainCommand(command: number): void {
    switch (command) {
      case 0xa4: // is a password installed: no
        this.#answer(0xf1);
        return;
      case 0xa7:
        this.#writeMemory(0, this.#ctr | CTR_AUX_DISABLED);
        return;
      case 0xa8:
        this.#writeMemory(0, this.#ctr & ~CTR_AUX_DISABLED);
        return;
      case 0xa9: // auxiliary and keyboard interface tests: no error
      case 0xab:
        this.#answer(0x00);
        return;
      case 0xaa:
        this.#memory[0]! |= CTR_SYS;
        this.#answer(0x55);
        return;
      case 0xad:
        this.#writeMemory(0, this.#ctr | CTR_KBD_DISABLED);
        return;
      case 0xae:
        this.#writeMemory(0, this.#ctr & ~CTR_KBD_DISABLED);
        return;
      case 0xc0: // input port: key lock open
        this.#answer(0x80);
        return;
      case 0xd0:
        this.#answer(this.#outputPort());
        return;
      case 0xdd:
        this.#parts.a20.enabled = false;
        return;
      case 0xdf:
        this.#parts.a20.enabled = true;
        return;
      case 0xe0: // test inputs: both clocks low
        this.#answer(0x00);
    }
  }

  #outputPort(): number {
    const { a20 } = this.#parts;
    return (
      OUTPUT_NOT_RESET |
      (a20.enabled ? OUTPUT_A20 : 0) |
      (this.#outputSource === SOURCE_KEYBOARD ? 0x10 : 0) |
      (this.#outputSource === SOURCE_AUX ? 0x20 : 0)
    );
  }

  #writeOutputPort(value: number): void {
    this.#parts.a20.enabled = (value & OUTPUT_A20) !== 0;
    if ((value & OUTPUT_NOT_RESET) === 0) this.#parts.onReset();
  }

  /** Bits of the output port that are zero go low for a moment; the A20 gate does not follow pulses. */
  #pulse(mask: number): void {
    if ((mask & OUTPUT_NOT_RESET) === 0) this.#parts.onReset();
  }

  #writeMemory(index: number, value: number): void {
    this.#memory[index] = value;
    if (index !== 0) return;
    this.#updateInterrupts();
    this.#expectDeviceByte();
  }

  #answer(byte: number): void {
    if (this.#outputSource === SOURCE_NONE) this.#fill(byte, SOURCE_KEYBOARD);
    else this.#answers.push(byte);
  }

  #fill(byte: number, source: number): void {
    // Low first: a byte that replaces another is another edge.
    this.#outputSource = SOURCE_NONE;
    this.#updateInterrupts();
    this.#outputByte = byte;
    this.#outputSource = source;
    this.#updateInterrupts();
  }

  #updateInterrupts(): void {
    const { keyboardIrq, auxIrq } = this.#parts;
    keyboardIrq.set(this.#outputSource === SOURCE_KEYBOARD && (this.#ctr & CTR_KBD_INT) !== 0);
    auxIrq.set(this.#outputSource === SOURCE_AUX && (this.#ctr & CTR_AUX_INT) !== 0);
  }

  #expectDeviceByte(): void {
    if (this.#timer || this.#outputSource !== SOURCE_NONE) return;
    const { clock } = this.#parts;
    this.#timer = clock.schedule(clock.nowNs() + DEVICE_BYTE_NS, () => {
      this.#timer = undefined;
      this.#takeDeviceByte();
    });
  }

  #takeDeviceByte(): void {
    if (this.#outputSource !== SOURCE_NONE) return;
    const { keyboard, aux } = this.#parts;
    while ((this.#ctr & CTR_KBD_DISABLED) === 0 && keyboard.hasOutput()) {
      const byte = keyboard.takeOutput();
      if ((this.#ctr & CTR_XLATE) === 0) {
        this.#fill(byte, SOURCE_KEYBOARD);
        return;
      }
      if (byte === SET2_BREAK) this.#afterBreak = true;
      else {
        const translated = translateSet2(byte, this.#afterBreak);
        this.#afterBreak = false;
        this.#fill(translated, SOURCE_KEYBOARD);
        return;
      }
    }
    if ((this.#ctr & CTR_AUX_DISABLED) === 0 && aux.hasOutput()) this.#fill(aux.takeOutput(), SOURCE_AUX);
  }
}
