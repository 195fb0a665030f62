/**
 * An IBM enhanced (MF2) PS/2 keyboard with scan code sets 1, 2 and 3: make and break codes from HID usages, typematic repeat, LEDs and
 * the whole command set. The host must not repeat keys itself; a second "pressed" for a held key is ignored.
 * The buffer holds 1,024 bytes instead of 16, so that pasted text is not lost while a guest is slow; when it is full a key is
 * dropped and the overrun code takes its place.
 * Absent: the shift codes wrapped around navigation keys under Num Lock, the self test after power-on (only after FFh).
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { NS_PER_MS, NS_PER_S } from "../../base/units.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { KeyboardSink } from "../../contracts/InputSink.ts";
import type { Ps2Port } from "./Ps2Port.ts";
import {
  SCAN_CODES,
  USAGE_LEFT_ALT,
  USAGE_LEFT_CONTROL,
  USAGE_LEFT_SHIFT,
  USAGE_PAUSE,
  USAGE_PRINT_SCREEN,
  USAGE_RIGHT_ALT,
  USAGE_RIGHT_CONTROL,
  USAGE_RIGHT_SHIFT,
} from "./scanCodes.ts";
import { set1FromSet2 } from "./translateSet2.ts";

const ACK = 0xfa;
const RESEND = 0xfe;
const ECHO = 0xee;
const SELF_TEST_PASSED = 0xaa;
const ID = [0xab, 0x83];
const OVERRUN_SET1 = 0xff;
const OVERRUN = 0x00;
const BUFFER_BYTES = 1024;
/** 500 ms, then 10.9 characters a second. */
const TYPEMATIC_DEFAULT = 0x2b;

/** Set 3 key types. */
const TYPEMATIC = 1;
const MAKE_BREAK = 2;
const MAKE_ONLY = 4;
const TYPEMATIC_MAKE_BREAK = TYPEMATIC | MAKE_BREAK;

/** Commands that are followed by a parameter, by their code. */
const SET_LEDS = 0xed;
const SELECT_SET = 0xf0;
const SET_TYPEMATIC = 0xf3;
const SET_KEY_TYPEMATIC = 0xfb;
const SET_KEY_MAKE_BREAK = 0xfc;
const SET_KEY_MAKE_ONLY = 0xfd;

export class Ps2Keyboard implements Device, KeyboardSink, Ps2Port {
  readonly id = "keyboard";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #onLeds: ((leds: number) => void) | undefined;
  onOutput: (() => void) | undefined;
  #responses: number[] = [];
  #scanCodes: number[] = [];
  #scanning = true;
  #set = 2;
  #typematic = TYPEMATIC_DEFAULT;
  #leds = 0;
  /** The command whose parameter comes next, 0 for none. */
  #awaiting = 0;
  #lastSent = 0;
  /** Usages held down, in the order they were pressed. */
  #held: number[] = [];
  readonly #keyTypes = new Uint8Array(256);
  /** The usage that repeats, 0 for none. */
  #repeating = 0;
  #timer: ClockTimer | undefined;

  /** `onLeds` hears bits 0 Scroll Lock, 1 Num Lock, 2 Caps Lock. */
  constructor(parts: { clock: Clock; onLeds?: (leds: number) => void }) {
    this.#clock = parts.clock;
    this.#onLeds = parts.onLeds;
    this.#setDefaults();
  }

  get leds(): number {
    return this.#leds;
  }

  key(usage: number, pressed: boolean): void {
    const at = this.#held.indexOf(usage);
    if (!SCAN_CODES.has(usage) || pressed === at >= 0) return;
    if (pressed) this.#held.push(usage);
    else this.#held.splice(at, 1);
    if (pressed) this.#startRepeat(usage);
    else if (usage === this.#repeating) this.#stopRepeat();
    if (this.#scanning) this.#queue(pressed ? this.#makeCode(usage) : this.#breakCode(usage));
  }

  receive(byte: number): void {
    const awaiting = this.#awaiting;
    this.#awaiting = 0;
    // A command byte ends a command that still waits for its parameter.
    if (awaiting !== 0 && byte < 0xed) this.#parameter(awaiting, byte);
    else this.#command(byte);
    if (this.hasOutput()) this.onOutput?.();
  }

  hasOutput(): boolean {
    return this.#responses.length > 0 || (this.#scanCodes.length > 0 && this.#awaiting === 0);
  }

  takeOutput(): number {
    const byte = this.#responses.shift() ?? this.#scanCodes.shift() ?? 0;
    if (byte !== RESEND) this.#lastSent = byte;
    return byte;
  }

  reset(_kind: ResetKind): void {
    this.#responses = [];
    this.#awaiting = 0;
    this.#lastSent = 0;
    this.#held = [];
    this.#setDefaults();
    this.#scanning = true;
    this.#setLeds(0);
  }

  save(writer: StateWriter): void {
    writer.bytes(Uint8Array.from(this.#responses)).bytes(Uint8Array.from(this.#scanCodes));
    writer.bytes(Uint8Array.from(this.#held)).bytes(this.#keyTypes);
    writer.bool(this.#scanning).u8(this.#set).u8(this.#typematic).u8(this.#leds);
    writer.u8(this.#awaiting).u8(this.#lastSent).u8(this.#repeating);
  }

  /** A key that repeated starts over with its delay. */
  load(reader: StateReader): void {
    const [responses, scanCodes, held, keyTypes] = [reader.bytes(), reader.bytes(), reader.bytes(), reader.bytes()];
    const [scanning, set, typematic, leds] = [reader.bool(), reader.u8(), reader.u8(), reader.u8()];
    const [awaiting, lastSent, repeating] = [reader.u8(), reader.u8(), reader.u8()];
    this.#responses = [...responses];
    this.#scanCodes = [...scanCodes];
    this.#held = [...held];
    this.#keyTypes.set(keyTypes.subarray(0, 256));
    this.#scanning = scanning;
    this.#set = set >= 1 && set <= 3 ? set : 2;
    this.#typematic = typematic & 0x7f;
    this.#awaiting = awaiting;
    this.#lastSent = lastSent;
    this.#stopRepeat();
    if (SCAN_CODES.has(repeating)) this.#startRepeat(repeating);
    this.#setLeds(leds & 7);
  }

  #command(byte: number): void {
    switch (byte) {
      case ECHO:
        this.#responses.push(ECHO);
        return;
      case RESEND:
        this.#responses.push(this.#lastSent);
        return;
      case 0xf2:
        this.#responses.push(ACK, ...ID);
        return;
      case 0xff:
        this.reset("hard");
        this.#responses.push(ACK, SELF_TEST_PASSED);
        return;
    }
    const known = byte === SET_LEDS || (byte >= SELECT_SET && byte <= SET_KEY_MAKE_ONLY && byte !== 0xf1);
    this.#responses.push(known ? ACK : RESEND);
    if (known) this.#plainCommand(byte);
  }

  #plainCommand(byte: number): void {
    switch (byte) {
      case 0xf4:
        this.#scanCodes = [];
        this.#scanning = true;
        return;
      case 0xf5:
        this.#setDefaults();
        this.#scanning = false;
        return;
      case 0xf6:
        this.#setDefaults();
        return;
      case 0xf7:
        this.#keyTypes.fill(TYPEMATIC);
        return;
      case 0xf8:
        this.#keyTypes.fill(MAKE_BREAK);
        return;
      case 0xf9:
        this.#keyTypes.fill(MAKE_ONLY);
        return;
      case 0xfa:
        this.#keyTypes.fill(TYPEMATIC_MAKE_BREAK);
        return;
      default:
        // Key types and all settings with a parameter stop scanning codes until it came.
        this.#awaiting = byte;
    }
  }

  #parameter(command: number, byte: number): void {
    switch (command) {
      case SET_LEDS:
        this.#setLeds(byte & 7);
        break;
      case SET_TYPEMATIC:
        this.#typematic = byte & 0x7f;
        break;
      case SELECT_SET:
        this.#selectSet(byte);
        return;
      case SET_KEY_TYPEMATIC:
        this.#setKeyType(byte, TYPEMATIC, command);
        break;
      case SET_KEY_MAKE_BREAK:
        this.#setKeyType(byte, MAKE_BREAK, command);
        break;
      case SET_KEY_MAKE_ONLY:
        this.#setKeyType(byte, MAKE_ONLY, command);
    }
    this.#responses.push(ACK);
  }

  #selectSet(byte: number): void {
    if (byte > 3) {
      this.#responses.push(RESEND);
      this.#awaiting = SELECT_SET;
      return;
    }
    this.#responses.push(ACK);
    if (byte === 0) this.#responses.push(this.#set);
    else {
      this.#set = byte;
      this.#scanCodes = [];
    }
  }

  /** Takes one set 3 code after another until a command comes. */
  #setKeyType(code: number, type: number, command: number): void {
    this.#keyTypes[code] = type;
    this.#awaiting = command;
  }

  #setDefaults(): void {
    this.#scanCodes = [];
    this.#set = 2;
    this.#typematic = TYPEMATIC_DEFAULT;
    this.#keyTypes.fill(TYPEMATIC_MAKE_BREAK);
    this.#stopRepeat();
  }

  #setLeds(leds: number): void {
    if (leds === this.#leds) return;
    this.#leds = leds;
    this.#onLeds?.(leds);
  }

  #isHeld(one: number, other: number): boolean {
    return this.#held.includes(one) || this.#held.includes(other);
  }

  #makeCode(usage: number): number[] {
    if (this.#set === 3) return [SCAN_CODES.get(usage)![1]];
    if (usage === USAGE_PAUSE) {
      const withControl = this.#isHeld(USAGE_LEFT_CONTROL, USAGE_RIGHT_CONTROL);
      return withControl ? [0xe0, 0x7e, 0xe0, 0xf0, 0x7e] : [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77];
    }
    if (usage === USAGE_PRINT_SCREEN) {
      const form = this.#printScreenForm();
      return form === "sysrq" ? [0x84] : form === "plain" ? [0xe0, 0x7c] : [0xe0, 0x12, 0xe0, 0x7c];
    }
    const code = SCAN_CODES.get(usage)![0];
    return code > 0xff ? [0xe0, code & 0xff] : [code];
  }

  #breakCode(usage: number): number[] {
    if (this.#set === 3) {
      const code = SCAN_CODES.get(usage)![1];
      return code !== 0 && (this.#keyTypes[code]! & MAKE_BREAK) !== 0 ? [0xf0, code] : [];
    }
    if (usage === USAGE_PAUSE) return [];
    if (usage === USAGE_PRINT_SCREEN) {
      const form = this.#printScreenForm();
      if (form === "sysrq") return [0xf0, 0x84];
      return form === "plain" ? [0xe0, 0xf0, 0x7c] : [0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12];
    }
    const code = SCAN_CODES.get(usage)![0];
    // The Korean keys report presses only.
    if (code === 0xf1 || code === 0xf2) return [];
    return code > 0xff ? [0xe0, 0xf0, code & 0xff] : [0xf0, code];
  }

  #printScreenForm(): "sysrq" | "plain" | "shifted" {
    if (this.#isHeld(USAGE_LEFT_ALT, USAGE_RIGHT_ALT)) return "sysrq";
    const modified =
      this.#isHeld(USAGE_LEFT_SHIFT, USAGE_RIGHT_SHIFT) || this.#isHeld(USAGE_LEFT_CONTROL, USAGE_RIGHT_CONTROL);
    return modified ? "plain" : "shifted";
  }

  #queue(set2: number[]): void {
    const bytes = this.#set === 1 ? set1FromSet2(set2) : set2.filter((byte) => byte !== 0);
    if (bytes.length === 0) return;
    if (this.#scanCodes.length + bytes.length >= BUFFER_BYTES) {
      const overrun = this.#set === 1 ? OVERRUN_SET1 : OVERRUN;
      if (this.#scanCodes.at(-1) !== overrun) this.#scanCodes.push(overrun);
      return;
    }
    this.#scanCodes.push(...bytes);
    this.onOutput?.();
  }

  #startRepeat(usage: number): void {
    this.#stopRepeat();
    if (usage === USAGE_PAUSE) return;
    const type = this.#set === 3 ? this.#keyTypes[SCAN_CODES.get(usage)![1]]! : TYPEMATIC;
    if ((type & TYPEMATIC) === 0) return;
    this.#repeating = usage;
    const delayNs = (((this.#typematic >> 5) & 3) + 1) * 250 * NS_PER_MS;
    this.#armRepeat(delayNs);
  }

  #armRepeat(waitNs: number): void {
    this.#timer = this.#clock.schedule(this.#clock.nowNs() + waitNs, () => {
      // A guest that does not fetch its codes gets no more of them.
      if (this.#scanning && this.#scanCodes.length === 0) this.#queue(this.#makeCode(this.#repeating));
      this.#armRepeat(this.#repeatIntervalNs());
    });
  }

  #repeatIntervalNs(): number {
    const base = 8 + (this.#typematic & 7);
    const exponent = (this.#typematic >> 3) & 3;
    return Math.round((base * 2 ** exponent * NS_PER_S) / 240);
  }

  #stopRepeat(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#repeating = 0;
  }
}
