/**
 * A PS/2 mouse with the IntelliMouse extensions (wheel, and fourth and fifth button) that drivers knock for with sample rates
 * 200-100-80 and 200-200-80. Stream, remote and wrap mode, sample rate, resolution, scaling and status are modelled. Motion adds up
 * between packets, so a slow guest sees every count up to a limit; button changes wait in a queue, so no click is lost.
 * Wheel counts grow towards the user, as y does. Resolution is reported and does not scale the counts.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { NS_PER_S } from "../../base/units.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { PointerSink } from "../../contracts/InputSink.ts";
import type { Ps2Port } from "./Ps2Port.ts";

const ACK = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const ID_STANDARD = 0;
const ID_WHEEL = 3;
const ID_FIVE_BUTTONS = 4;
const SET_RESOLUTION = 0xe8;
const SET_SAMPLE_RATE = 0xf3;
const RESET_WRAP = 0xec;
const RESET = 0xff;
const SAMPLE_RATES = [10, 20, 40, 60, 80, 100, 200];
const DEFAULT_RATE = 100;
const DEFAULT_RESOLUTION = 2;
/** Counts kept for a guest that does not fetch them. */
const MOTION_LIMIT = 4096;
const BUTTON_QUEUE_LIMIT = 32;
const SCALED_2_TO_1 = [0, 1, 1, 3, 6, 9];

interface State {
  id: number;
  reporting: boolean;
  remote: boolean;
  wrap: boolean;
  scaling: boolean;
  resolution: number;
  sampleRate: number;
  /** The command whose parameter comes next, 0 for none. */
  awaiting: number;
  lastSent: number;
  /** The last sample rates set, newest last. */
  knock: number[];
  dx: number;
  dy: number;
  wheel: number;
  /** As last reported. */
  buttons: number;
  buttonQueue: number[];
}

function resetState(): State {
  return {
    id: ID_STANDARD,
    reporting: false,
    remote: false,
    wrap: false,
    scaling: false,
    resolution: DEFAULT_RESOLUTION,
    sampleRate: DEFAULT_RATE,
    awaiting: 0,
    lastSent: 0,
    knock: [],
    dx: 0,
    dy: 0,
    wheel: 0,
    buttons: 0,
    buttonQueue: [],
  };
}

export class Ps2Mouse implements Device, PointerSink, Ps2Port {
  readonly id = "mouse";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  onOutput: (() => void) | undefined;
  #state = resetState();
  #responses: number[] = [];
  #packet: number[] = [];
  /** Runs from a packet until the next may be sent. */
  #timer: ClockTimer | undefined;

  constructor(parts: { clock: Clock }) {
    this.#clock = parts.clock;
  }

  move(dx: number, dy: number, wheel: number): void {
    const state = this.#state;
    if (!this.#collects) return;
    state.dx = limit(state.dx + dx);
    state.dy = limit(state.dy + dy);
    state.wheel = limit(state.wheel + wheel);
    this.#report();
  }

  buttons(mask: number): void {
    const state = this.#state;
    const latest = state.buttonQueue.at(-1) ?? state.buttons;
    const next = mask & 0x1f;
    if (next === latest) return;
    if (this.#collects && state.buttonQueue.length < BUTTON_QUEUE_LIMIT) state.buttonQueue.push(next);
    else if (state.buttonQueue.length > 0) state.buttonQueue[state.buttonQueue.length - 1] = next;
    else state.buttons = next;
    this.#report();
  }

  receive(byte: number): void {
    // A command interrupts a packet that is being sent.
    this.#packet = [];
    this.#responses = [];
    const state = this.#state;
    if (state.wrap && byte !== RESET && byte !== RESET_WRAP) this.#responses.push(byte);
    else if (state.awaiting !== 0) this.#parameter(state.awaiting, byte);
    else this.#command(byte);
    if (this.hasOutput()) this.onOutput?.();
  }

  hasOutput(): boolean {
    return this.#responses.length > 0 || this.#packet.length > 0;
  }

  takeOutput(): number {
    const byte = this.#responses.shift() ?? this.#packet.shift() ?? 0;
    if (byte !== RESEND) this.#state.lastSent = byte;
    if (!this.hasOutput()) this.#report();
    return byte;
  }

  reset(_kind: ResetKind): void {
    this.#state = resetState();
    this.#responses = [];
    this.#packet = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  save(writer: StateWriter): void {
    const state = this.#state;
    writer.u8(state.id).bool(state.reporting).bool(state.remote).bool(state.wrap).bool(state.scaling);
    writer.u8(state.resolution).u8(state.sampleRate).u8(state.awaiting).u8(state.lastSent);
    writer.f64(state.dx).f64(state.dy).f64(state.wheel).u8(state.buttons);
    for (const list of [state.knock, state.buttonQueue, this.#responses, this.#packet]) {
      writer.bytes(Uint8Array.from(list));
    }
  }

  load(reader: StateReader): void {
    const [id, reporting, remote] = [reader.u8(), reader.bool(), reader.bool()];
    const [wrap, scaling] = [reader.bool(), reader.bool()];
    const [resolution, sampleRate, awaiting, lastSent] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()];
    const [dx, dy, wheel, buttons] = [reader.f64(), reader.f64(), reader.f64(), reader.u8()];
    const [knock, buttonQueue, responses, packet] = [reader.bytes(), reader.bytes(), reader.bytes(), reader.bytes()];
    if (![dx, dy, wheel].every((counts) => Math.abs(counts) <= MOTION_LIMIT)) {
      throw new GuesthouseError("state-invalid", "The saved mouse has moved impossibly far.", { dx, dy, wheel });
    }
    this.reset("hard");
    this.#state = {
      id,
      reporting,
      remote,
      wrap,
      scaling,
      resolution: resolution & 3,
      sampleRate: sampleRate || DEFAULT_RATE,
      awaiting,
      lastSent,
      knock: [...knock].slice(-3),
      dx,
      dy,
      wheel,
      buttons: buttons & 0x1f,
      buttonQueue: [...buttonQueue],
    };
    this.#responses = [...responses];
    this.#packet = [...packet];
    this.#report();
  }

  /** Motion counts only while somebody may ask for it. */
  get #collects(): boolean {
    return !this.#state.wrap && (this.#state.reporting || this.#state.remote);
  }

  get #hasNews(): boolean {
    const { dx, dy, wheel, buttonQueue, id } = this.#state;
    const turned = id !== ID_STANDARD && Math.trunc(wheel) !== 0;
    return buttonQueue.length > 0 || Math.trunc(dx) !== 0 || Math.trunc(dy) !== 0 || turned;
  }

  #command(byte: number): void {
    const state = this.#state;
    this.#responses.push(ACK);
    switch (byte) {
      case 0xe6:
      case 0xe7:
        state.scaling = byte === 0xe7;
        return;
      case 0xe9:
        this.#responses.push(this.#statusByte(), state.resolution, state.sampleRate);
        return;
      case 0xea:
        state.remote = false;
        return;
      case 0xeb:
        this.#responses.push(...this.#makePacket());
        return;
      case RESET_WRAP:
      case 0xee:
        state.wrap = byte === 0xee;
        return;
      case 0xf0:
        state.remote = true;
        return;
      case 0xf2:
        this.#responses.push(state.id);
        return;
      case 0xf4:
      case 0xf5:
        this.#setReporting(byte === 0xf4);
        return;
      case SET_RESOLUTION:
      case SET_SAMPLE_RATE:
        state.awaiting = byte;
        return;
      case 0xf6:
        this.#setDefaults();
        return;
      case RESEND:
        this.#responses = [state.lastSent];
        return;
      case RESET:
        this.reset("hard");
        this.#responses.push(ACK, SELF_TEST_PASSED, ID_STANDARD);
        return;
      default:
        this.#responses = [RESEND];
    }
  }

  #parameter(command: number, byte: number): void {
    const state = this.#state;
    const valid = command === SET_RESOLUTION ? byte <= 3 : SAMPLE_RATES.includes(byte);
    if (!valid) {
      this.#responses.push(RESEND);
      return;
    }
    state.awaiting = 0;
    this.#responses.push(ACK);
    if (command === SET_RESOLUTION) state.resolution = byte;
    else {
      state.sampleRate = byte;
      state.knock = [...state.knock, byte].slice(-3);
      const knock = state.knock.join("-");
      if (knock === "200-100-80") state.id = Math.max(state.id, ID_WHEEL);
      else if (knock === "200-200-80") state.id = ID_FIVE_BUTTONS;
    }
  }

  #setReporting(reporting: boolean): void {
    this.#state.reporting = reporting;
    this.#forgetMotion();
  }

  #setDefaults(): void {
    const { id, knock, lastSent } = this.#state;
    this.#state = { ...resetState(), id, knock, lastSent };
  }

  #forgetMotion(): void {
    const state = this.#state;
    state.dx = 0;
    state.dy = 0;
    state.wheel = 0;
    state.buttons = state.buttonQueue.at(-1) ?? state.buttons;
    state.buttonQueue = [];
  }

  #statusByte(): number {
    const { remote, reporting, scaling, buttons } = this.#state;
    const swapped = ((buttons & 1) << 2) | ((buttons & 4) >> 1) | ((buttons & 2) >> 1);
    return (remote ? 0x40 : 0) | (reporting ? 0x20 : 0) | (scaling ? 0x10 : 0) | swapped;
  }

  /** Starts a packet when there is news, the last one is gone and the sample interval has passed. */
  #report(): void {
    const { reporting, remote, wrap } = this.#state;
    if (!reporting || remote || wrap || this.#timer || this.hasOutput() || !this.#hasNews) return;
    this.#packet = this.#makePacket();
    const intervalNs = Math.round(NS_PER_S / this.#state.sampleRate);
    this.#timer = this.#clock.schedule(this.#clock.nowNs() + intervalNs, () => {
      this.#timer = undefined;
      this.#report();
    });
    this.onOutput?.();
  }

  /** Takes as much motion as a packet can carry and leaves the rest for the next. */
  #makePacket(): number[] {
    const state = this.#state;
    state.buttons = state.buttonQueue.shift() ?? state.buttons;
    const takenX = clamp(Math.trunc(state.dx), -255, 255);
    const takenY = clamp(Math.trunc(state.dy), -255, 255);
    state.dx -= takenX;
    state.dy -= takenY;
    const scale = state.scaling && !state.remote ? scaled2To1 : (counts: number) => counts;
    const [x, y] = [scale(takenX), scale(-takenY)];
    const packet = [0x08 | (state.buttons & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0), x & 0xff, y & 0xff];
    if (state.id === ID_STANDARD) {
      state.wheel = 0;
      return packet;
    }
    const wheel = clamp(Math.trunc(state.wheel), -8, 7);
    state.wheel -= wheel;
    packet.push(state.id === ID_WHEEL ? wheel & 0xff : (wheel & 0x0f) | ((state.buttons & 0x18) << 1));
    return packet;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

function limit(counts: number): number {
  return clamp(counts, -MOTION_LIMIT, MOTION_LIMIT);
}

function scaled2To1(counts: number): number {
  const size = Math.abs(counts);
  const scaled = SCALED_2_TO_1[size] ?? Math.min(255, size * 2);
  return counts < 0 ? -scaled : scaled;
}
