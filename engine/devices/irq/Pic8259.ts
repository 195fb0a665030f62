/**
 * One Intel 8259A programmable interrupt controller in 8086 mode (datasheet 231468), with the edge/level control
 * register (ELCR) that PCI chipsets add: initialisation words, all operation words, rotating priorities, special mask,
 * polling, automatic end of interrupt, special fully nested mode and the spurious level 7.
 * An edge request that falls before it is acknowledged is forgotten, as on the part; a source that wants a pulse drives
 * its line low and then high and leaves it there.
 * Absent: MCS-80/85 mode, buffered mode, the LTIM bit (the ELCR replaces it).
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

const ICW1 = 0x10;
const ICW1_IC4 = 0x01;
const ICW1_SNGL = 0x02;
const OCW3 = 0x08;
const OCW3_RIS = 0x01;
const OCW3_RR = 0x02;
const OCW3_P = 0x04;
const OCW3_SMM = 0x20;
const OCW3_ESMM = 0x40;
const ICW4_AEOI = 0x02;
const ICW4_SFNM = 0x10;
const SPURIOUS_LEVEL = 7;

type InitStep = "done" | "icw2" | "icw3" | "icw4";
const INIT_STEPS: readonly InitStep[] = ["done", "icw2", "icw3", "icw4"];

interface State {
  irr: number;
  isr: number;
  imr: number;
  /** Levels of IR0-IR7. */
  pins: number;
  elcr: number;
  vectorBase: number;
  icw1: number;
  icw4: number;
  initStep: InitStep;
  lowestPriority: number;
  rotateInAutoEoi: boolean;
  specialMask: boolean;
  readsIsr: boolean;
  poll: boolean;
}

function powerOnState(): State {
  return {
    irr: 0,
    isr: 0,
    imr: 0xff,
    pins: 0,
    elcr: 0,
    vectorBase: 0,
    icw1: 0,
    icw4: 0,
    initStep: "done",
    lowestPriority: 7,
    rotateInAutoEoi: false,
    specialMask: false,
    readsIsr: false,
    poll: false,
  };
}

export class Pic8259 {
  readonly #onOutput: (level: boolean) => void;
  readonly #elcrMask: number;
  readonly #cascadeInputs: number;
  #state = powerOnState();
  #output = false;

  /** `elcrMask`: inputs whose trigger can be chosen. `cascadeInputs`: inputs that carry another chip's INT. */
  constructor(parts: { elcrMask: number; cascadeInputs: number; onOutput: (level: boolean) => void }) {
    this.#elcrMask = parts.elcrMask;
    this.#cascadeInputs = parts.cascadeInputs;
    this.#onOutput = parts.onOutput;
  }

  /** The INT pin. */
  get output(): boolean {
    return this.#output;
  }

  setPin(input: number, level: boolean): void {
    const state = this.#state;
    const bit = 1 << input;
    if (((state.pins & bit) !== 0) === level) return;
    if (level) {
      state.pins |= bit;
      state.irr |= bit;
    } else {
      state.pins &= ~bit;
      state.irr &= ~bit;
    }
    this.#update();
  }

  get elcr(): number {
    return this.#state.elcr;
  }

  set elcr(value: number) {
    const state = this.#state;
    state.elcr = value & this.#elcrMask;
    state.irr = (state.irr & ~state.elcr) | (state.pins & state.elcr);
    this.#update();
  }

  /** `offset` is the A0 pin. */
  read(offset: number): number {
    const state = this.#state;
    if (state.poll) {
      state.poll = false;
      const level = this.#highestRequest();
      if (level < 0) return 0;
      this.acknowledge();
      return 0x80 | level;
    }
    if (offset === 1) return state.imr;
    return state.readsIsr ? state.isr : state.irr;
  }

  write(offset: number, value: number): void {
    if (offset === 1) this.#writeOdd(value);
    else if ((value & ICW1) !== 0) this.#initialise(value);
    else if ((value & OCW3) !== 0) this.#writeOcw3(value);
    else this.#writeOcw2(value);
    this.#update();
  }

  /** The two INTA cycles: the level taken into service, 7 (without service) when the request vanished. */
  acknowledge(): number {
    const state = this.#state;
    const level = this.#highestRequest();
    if (level < 0) return SPURIOUS_LEVEL;
    const bit = 1 << level;
    if ((state.elcr & bit) === 0) state.irr &= ~bit;
    if ((state.icw4 & ICW4_AEOI) === 0) state.isr |= bit;
    else if (state.rotateInAutoEoi) state.lowestPriority = level;
    // INT falls with INTA even if the next request is already waiting, so that a master sees another edge.
    this.#setOutput(false);
    this.#update();
    return level;
  }

  vectorOf(level: number): number {
    return this.#state.vectorBase | level;
  }

  reset(): void {
    const pins = this.#state.pins;
    this.#state = powerOnState();
    this.#state.pins = pins;
    this.#update();
  }

  save(writer: StateWriter): void {
    const state = this.#state;
    writer.u8(state.irr).u8(state.isr).u8(state.imr).u8(state.pins).u8(state.elcr).u8(state.vectorBase);
    writer.u8(state.icw1).u8(state.icw4).u8(INIT_STEPS.indexOf(state.initStep)).u8(state.lowestPriority);
    writer.bool(state.rotateInAutoEoi).bool(state.specialMask).bool(state.readsIsr).bool(state.poll);
  }

  /** Reads everything at once; the returned function takes it over. */
  restore(reader: StateReader): () => void {
    const state: State = {
      irr: reader.u8(),
      isr: reader.u8(),
      imr: reader.u8(),
      pins: reader.u8(),
      elcr: reader.u8() & this.#elcrMask,
      vectorBase: reader.u8() & 0xf8,
      icw1: reader.u8(),
      icw4: reader.u8(),
      initStep: INIT_STEPS[reader.u8()] ?? "done",
      lowestPriority: reader.u8() & 7,
      rotateInAutoEoi: reader.bool(),
      specialMask: reader.bool(),
      readsIsr: reader.bool(),
      poll: reader.bool(),
    };
    return () => {
      this.#state = state;
      this.#update();
    };
  }

  #initialise(icw1: number): void {
    const state = this.#state;
    state.icw1 = icw1;
    state.imr = 0;
    state.isr = 0;
    // The edge sense circuit is reset: an input that is already high must fall and rise again.
    state.irr = state.pins & state.elcr;
    state.lowestPriority = 7;
    state.specialMask = false;
    state.readsIsr = false;
    state.poll = false;
    state.rotateInAutoEoi = false;
    state.icw4 = 0;
    state.initStep = "icw2";
  }

  #writeOdd(value: number): void {
    const state = this.#state;
    switch (state.initStep) {
      case "done":
        state.imr = value;
        return;
      case "icw2":
        state.vectorBase = value & 0xf8;
        state.initStep = (state.icw1 & ICW1_SNGL) === 0 ? "icw3" : this.#afterIcw3();
        return;
      case "icw3":
        // The cascade wiring is fixed on the board; the word is taken and not needed.
        state.initStep = this.#afterIcw3();
        return;
      case "icw4":
        state.icw4 = value;
        state.initStep = "done";
    }
  }

  #afterIcw3(): InitStep {
    return (this.#state.icw1 & ICW1_IC4) !== 0 ? "icw4" : "done";
  }

  #writeOcw3(value: number): void {
    const state = this.#state;
    if ((value & OCW3_P) !== 0) state.poll = true;
    else if ((value & OCW3_RR) !== 0) state.readsIsr = (value & OCW3_RIS) !== 0;
    if ((value & OCW3_ESMM) !== 0) state.specialMask = (value & OCW3_SMM) !== 0;
  }

  #writeOcw2(value: number): void {
    const state = this.#state;
    const level = value & 7;
    switch (value >> 5) {
      case 0: // rotate in automatic EOI mode (clear)
        state.rotateInAutoEoi = false;
        break;
      case 1: // non-specific EOI
        this.#endHighest();
        break;
      case 3: // specific EOI
        state.isr &= ~(1 << level);
        break;
      case 4: // rotate in automatic EOI mode (set)
        state.rotateInAutoEoi = true;
        break;
      case 5: {
        // rotate on non-specific EOI
        const ended = this.#endHighest();
        if (ended >= 0) state.lowestPriority = ended;
        break;
      }
      case 6: // set priority
        state.lowestPriority = level;
        break;
      case 7: // rotate on specific EOI
        state.isr &= ~(1 << level);
        state.lowestPriority = level;
    }
  }

  #endHighest(): number {
    const state = this.#state;
    const level = this.#highestOf(this.#blockingService());
    if (level >= 0) state.isr &= ~(1 << level);
    return level;
  }

  /** In special mask mode a masked level in service neither blocks others nor is reached by a non-specific EOI. */
  #blockingService(): number {
    const state = this.#state;
    return state.specialMask ? state.isr & ~state.imr : state.isr;
  }

  #highestOf(bits: number): number {
    if (bits === 0) return -1;
    let level = (this.#state.lowestPriority + 1) & 7;
    while ((bits & (1 << level)) === 0) level = (level + 1) & 7;
    return level;
  }

  /** The level that INT stands for, -1 when none may interrupt. */
  #highestRequest(): number {
    const state = this.#state;
    const level = this.#highestOf(state.irr & ~state.imr);
    if (level < 0) return -1;
    const serviced = this.#highestOf(this.#blockingService());
    if (serviced < 0) return level;
    if (level === serviced) {
      // Special fully nested: a slave may interrupt its own lower levels through the master.
      return (state.icw4 & ICW4_SFNM) !== 0 && (this.#cascadeInputs & (1 << level)) !== 0 ? level : -1;
    }
    const rank = (which: number) => (which - state.lowestPriority - 1) & 7;
    return rank(level) < rank(serviced) ? level : -1;
  }

  #update(): void {
    this.#setOutput(this.#state.initStep === "done" && this.#highestRequest() >= 0);
  }

  #setOutput(level: boolean): void {
    if (level === this.#output) return;
    this.#output = level;
    this.#onOutput(level);
  }
}
