import type { PortAccess } from "../../contracts/PortAccess.ts";
import { BDA, EBDA, extendedArea } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import { IDLE, type ServiceRun } from "../service/ServiceRun.ts";
import type { KeyboardBuffer } from "./KeyboardBuffer.ts";
import { extendedCodes, type KeyCodes, keyCodes, keypadCodes } from "./keyCodes.ts";

/**
 * INT 09h: takes scan codes (set 1) from the keyboard controller, offers them to INT 15h AH=4Fh, keeps the shift states and
 * puts key codes into the buffer. Handles Ctrl-Alt-Del, Ctrl-Break, Pause, Print Screen, SysRq, Alt with keypad
 * digits, and the lamps (with their acknowledgements, which arrive here too).
 */
const DATA_PORT = 0x60;
const STATUS_PORT = 0x64;
const OUTPUT_FULL = 0x01;
const FROM_POINTER = 0x20;
const PULSE_RESET = 0xfe;
const SET_LAMPS = 0xed;
const ACKNOWLEDGE = 0xfa;
const WARM_BOOT = 0x1234;

/** Bits of KEYBOARD_FLAGS and KEYBOARD_FLAGS_2. */
const RIGHT_SHIFT = 0x01;
const LEFT_SHIFT = 0x02;
const CONTROL = 0x04;
const ALT = 0x08;
const NUM_LOCK = 0x20;
const CAPS_LOCK = 0x40;
const INSERT = 0x80;
const PAUSED = 0x08;
const SYSTEM_REQUEST = 0x04;
/** Bits of KEYBOARD_FLAGS_3. */
const AFTER_E1 = 0x01;
const AFTER_E0 = 0x02;

const TOGGLES: ReadonlyMap<number, number> = new Map([
  [0x3a, CAPS_LOCK],
  [0x45, NUM_LOCK],
  [0x46, 0x10],
]);

export class Int09 {
  readonly #memory: GuestMemory;
  readonly #ports: PortAccess;
  readonly #buffer: KeyboardBuffer;

  constructor(memory: GuestMemory, ports: PortAccess, buffer: KeyboardBuffer) {
    this.#memory = memory;
    this.#ports = ports;
    this.#buffer = buffer;
  }

  *serve(): ServiceRun {
    const status = this.#ports.in8(STATUS_PORT);
    if ((status & OUTPUT_FULL) === 0 || status & FROM_POINTER) {
      this.#endOfInterrupt();
      return;
    }
    const scan = this.#ports.in8(DATA_PORT);
    if (this.#lampDialogue(scan)) {
      this.#endOfInterrupt();
      return;
    }
    const intercept = yield { kind: "interrupt", vector: 0x15, ax: 0x4f00 | scan };
    this.#endOfInterrupt();
    if (intercept.carry) yield* this.#scanCode(intercept.ax & 0xff);
    this.#updateLamps();
  }

  #endOfInterrupt(): void {
    this.#ports.out8(0x20, 0x20);
  }

  #flag(address: number, bit: number): boolean {
    return (this.#memory.get8(address) & bit) !== 0;
  }
  #setFlag(address: number, bit: number, on: boolean): void {
    const value = this.#memory.get8(address);
    this.#memory.set8(address, on ? value | bit : value & ~bit);
  }

  get #lampState(): number {
    return extendedArea(this.#memory) + EBDA.LAMP_STATE;
  }

  /** True when the byte was an answer to a command of ours. */
  #lampDialogue(byte: number): boolean {
    const state = this.#memory.get8(this.#lampState);
    if (state === 0 || (byte !== ACKNOWLEDGE && byte !== 0xfe)) return byte === ACKNOWLEDGE;
    if (state === 1 && byte === ACKNOWLEDGE) {
      this.#ports.out8(DATA_PORT, this.#memory.get8(BDA.KEYBOARD_LEDS) & 7);
      this.#memory.set8(this.#lampState, 2);
    } else this.#memory.set8(this.#lampState, 0);
    return true;
  }

  #updateLamps(): void {
    const wanted = (this.#memory.get8(BDA.KEYBOARD_FLAGS) >> 4) & 7;
    const shown = this.#memory.get8(BDA.KEYBOARD_LEDS);
    if (wanted === (shown & 7) || this.#memory.get8(this.#lampState) !== 0) return;
    this.#memory.set8(BDA.KEYBOARD_LEDS, (shown & ~7) | wanted);
    this.#memory.set8(this.#lampState, 1);
    this.#ports.out8(DATA_PORT, SET_LAMPS);
  }

  *#scanCode(scan: number): ServiceRun {
    const third = this.#memory.get8(BDA.KEYBOARD_FLAGS_3);
    if (scan === 0xe0) {
      this.#memory.set8(BDA.KEYBOARD_FLAGS_3, (third | AFTER_E0) & ~AFTER_E1);
      return;
    }
    if (scan === 0xe1) {
      this.#memory.set8(BDA.KEYBOARD_FLAGS_3, (third | AFTER_E1) & ~AFTER_E0);
      return;
    }
    // E1 is followed by two codes; the second one ends the sequence.
    if (third & AFTER_E1) {
      if ((scan & 0x7f) === 0x1d) return;
      this.#memory.set8(BDA.KEYBOARD_FLAGS_3, third & ~AFTER_E1);
      if (scan === 0x45) yield* this.#pause();
      return;
    }
    this.#memory.set8(BDA.KEYBOARD_FLAGS_3, third & ~(AFTER_E0 | AFTER_E1));
    const extended = (third & AFTER_E0) !== 0;
    const released = (scan & 0x80) !== 0;
    const key = scan & 0x7f;
    if (scan === 0xfa || scan === 0xff || scan === 0) return;
    if (this.#shiftKey(key, released, extended)) return;
    if (released) this.#releasedKey(key);
    else if (this.#flag(BDA.KEYBOARD_FLAGS_2, PAUSED)) this.#setFlag(BDA.KEYBOARD_FLAGS_2, PAUSED, false);
    else yield* this.#pressedKey(key, extended);
  }

  /** Shift, Ctrl and Alt of both sides; true when the key was one of them. */
  #shiftKey(key: number, released: boolean, extended: boolean): boolean {
    const on = !released;
    if (key === 0x2a || key === 0x36) {
      // With E0 these are fakes that undo the shift state around cursor keys.
      if (!extended) this.#setFlag(BDA.KEYBOARD_FLAGS, key === 0x2a ? LEFT_SHIFT : RIGHT_SHIFT, on);
      return true;
    }
    if (key !== 0x1d && key !== 0x38) return false;
    const isAlt = key === 0x38;
    const left = isAlt ? 0x02 : 0x01;
    const right = isAlt ? 0x08 : 0x04;
    if (extended) this.#setFlag(BDA.KEYBOARD_FLAGS_3, right, on);
    else this.#setFlag(BDA.KEYBOARD_FLAGS_2, left, on);
    const held = this.#flag(BDA.KEYBOARD_FLAGS_2, left) || this.#flag(BDA.KEYBOARD_FLAGS_3, right);
    this.#setFlag(BDA.KEYBOARD_FLAGS, isAlt ? ALT : CONTROL, held);
    if (isAlt && released) this.#finishAltNumber();
    return true;
  }

  #finishAltNumber(): void {
    const number = this.#memory.get8(BDA.ALT_NUMPAD);
    this.#memory.set8(BDA.ALT_NUMPAD, 0);
    if (number !== 0) this.#buffer.put(number);
  }

  #releasedKey(key: number): void {
    const toggle = TOGGLES.get(key) ?? (key === 0x52 ? INSERT : 0);
    if (toggle) this.#setFlag(BDA.KEYBOARD_FLAGS_2, toggle, false);
    if (key === 0x54) this.#setFlag(BDA.KEYBOARD_FLAGS_2, SYSTEM_REQUEST, false);
  }

  *#pressedKey(key: number, extended: boolean): ServiceRun {
    const control = this.#flag(BDA.KEYBOARD_FLAGS, CONTROL);
    const alt = this.#flag(BDA.KEYBOARD_FLAGS, ALT);
    if (key === 0x53 && control && alt) {
      this.#memory.set16(BDA.RESET_FLAG, WARM_BOOT);
      this.#ports.out8(STATUS_PORT, PULSE_RESET);
      return;
    }
    if (key === 0x46 && extended) {
      yield* this.#break();
      return;
    }
    if (key === 0x45 && control) {
      yield* this.#pause();
      return;
    }
    if (TOGGLES.has(key) && !extended) {
      this.#toggle(TOGGLES.get(key)!);
      return;
    }
    if ((key === 0x37 && extended && !control) || (key === 0x37 && !extended && this.#shifted)) {
      yield { kind: "interrupt", vector: 0x05, ax: 0 };
      return;
    }
    if (key === 0x54) {
      this.#setFlag(BDA.KEYBOARD_FLAGS_2, SYSTEM_REQUEST, true);
      yield { kind: "interrupt", vector: 0x15, ax: 0x8500 };
      return;
    }
    if (key === 0x52 && !alt && !control && (extended || !this.#keypadDigits)) this.#toggle(INSERT);
    const code = this.#codeFor(key, extended, control, alt);
    if (code) this.#buffer.put(code);
  }

  get #shifted(): boolean {
    return this.#flag(BDA.KEYBOARD_FLAGS, LEFT_SHIFT | RIGHT_SHIFT);
  }
  get #keypadDigits(): boolean {
    return this.#flag(BDA.KEYBOARD_FLAGS, NUM_LOCK) !== this.#shifted;
  }

  #codeFor(key: number, extended: boolean, control: boolean, alt: boolean): number {
    const keypad = extended ? undefined : keypadCodes.get(key);
    if (keypad) {
      if (alt) {
        const digit = Number(keypad.digit);
        if (Number.isNaN(digit)) return 0;
        this.#memory.set8(BDA.ALT_NUMPAD, this.#memory.get8(BDA.ALT_NUMPAD) * 10 + digit);
        return 0;
      }
      if (control) return keypad.control;
      if (this.#keypadDigits) return (key << 8) | keypad.digit.charCodeAt(0);
      return key === 0x4c ? 0x4cf0 : keypad.cursor;
    }
    const codes = extended ? extendedCodes.get(key) : keyCodes.get(key);
    return codes ? this.#select(key, codes, control, alt) : 0;
  }

  #select(key: number, codes: KeyCodes, control: boolean, alt: boolean): number {
    if (alt) return codes.alt;
    if (control) return codes.control;
    const character = codes.normal & 0xff;
    const letter = character >= 0x61 && character <= 0x7a && key < 0x40;
    const upper = letter && this.#flag(BDA.KEYBOARD_FLAGS, CAPS_LOCK) ? !this.#shifted : this.#shifted;
    return upper ? codes.shift : codes.normal;
  }

  #toggle(bit: number): void {
    // A held key repeats; only its first press counts.
    if (this.#flag(BDA.KEYBOARD_FLAGS_2, bit)) return;
    this.#setFlag(BDA.KEYBOARD_FLAGS_2, bit, true);
    this.#setFlag(BDA.KEYBOARD_FLAGS, bit, !this.#flag(BDA.KEYBOARD_FLAGS, bit));
  }

  *#break(): ServiceRun {
    this.#buffer.clear();
    this.#memory.set8(BDA.BREAK, 0x80);
    yield { kind: "interrupt", vector: 0x1b, ax: 0 };
    this.#buffer.put(0);
  }

  /** Holds the program until another key is pressed. */
  *#pause(): ServiceRun {
    if (this.#flag(BDA.KEYBOARD_FLAGS_2, PAUSED)) return;
    this.#setFlag(BDA.KEYBOARD_FLAGS_2, PAUSED, true);
    while (this.#flag(BDA.KEYBOARD_FLAGS_2, PAUSED)) yield IDLE;
  }
}
