/**
 * Port 61h of the AT (NMI status and control register of a PIIX): gate and data of the speaker, the refresh toggle in bit 4,
 * OUT2 in bit 5, the NMI mask bits 2 and 3 as storage. 1 byte wide.
 * The refresh toggle changes every 15.085 microseconds of virtual time whatever counter 1 is programmed to; old software
 * measures delays with it.
 * Absent: the NMI sources (SERR#, IOCHK#), which read as quiet.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { PcSpeaker } from "./PcSpeaker.ts";
import type { Pit8254 } from "./Pit8254.ts";

const GATE2 = 0x01;
const SPEAKER_DATA = 0x02;
const NMI_MASKS = 0x0c;
const REFRESH_TOGGLE = 0x10;
const OUT2 = 0x20;
const REFRESH_NS = 15_085;

export class SystemControlPortB implements Device, IoHandler {
  readonly id = "port-61";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #pit: Pit8254;
  readonly #speaker: PcSpeaker;
  #control = 0;

  constructor(parts: { clock: Clock; pit: Pit8254; speaker: PcSpeaker }) {
    this.#clock = parts.clock;
    this.#pit = parts.pit;
    this.#speaker = parts.speaker;
  }

  read(): number {
    const refresh = Math.floor(this.#clock.nowNs() / REFRESH_NS) % 2 === 0 ? 0 : REFRESH_TOGGLE;
    return this.#control | refresh | (this.#pit.output(2) ? OUT2 : 0);
  }

  write(_offset: number, value: number): void {
    this.#control = value & (GATE2 | SPEAKER_DATA | NMI_MASKS);
    this.#pit.setGate2((value & GATE2) !== 0);
    this.#speaker.dataEnabled = (value & SPEAKER_DATA) !== 0;
  }

  reset(_kind: ResetKind): void {
    this.write(0, 0);
  }

  save(writer: StateWriter): void {
    writer.u8(this.#control);
  }

  /** The gate is the timer's own state and is not driven again. */
  load(reader: StateReader): void {
    this.#control = reader.u8() & (GATE2 | SPEAKER_DATA | NMI_MASKS);
    this.#speaker.dataEnabled = (this.#control & SPEAKER_DATA) !== 0;
  }
}
