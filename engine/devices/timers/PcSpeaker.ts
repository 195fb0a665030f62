/**
 * The PC speaker as a tone: counter 2 of the 8254 gated by bit 1 of port 61h. Reports the frequency when it changes.
 * Absent: sound made by toggling the data bit or by pulse widths (one-bit samples); modes other than 2 and 3 are silent.
 */
import type { Pit8254 } from "./Pit8254.ts";
import { PIT_FREQUENCY_HZ } from "./timerTicks.ts";

export interface SpeakerSink {
  /** The tone from now on, 0 for silence. */
  tone(frequencyHz: number): void;
}

/** Above what anybody hears; programs park the counter there to be silent. */
const INAUDIBLE_HZ = 20_000;

export class PcSpeaker {
  readonly #pit: Pit8254;
  readonly #sink: SpeakerSink;
  #dataEnabled = false;
  #frequencyHz = 0;

  constructor(parts: { pit: Pit8254; sink: SpeakerSink }) {
    this.#pit = parts.pit;
    this.#sink = parts.sink;
    this.#pit.onSpeakerChanged = () => this.#update();
  }

  get dataEnabled(): boolean {
    return this.#dataEnabled;
  }

  /** Port 61h bit 1. */
  set dataEnabled(enabled: boolean) {
    this.#dataEnabled = enabled;
    this.#update();
  }

  #update(): void {
    const periodTicks = this.#dataEnabled ? this.#pit.speakerPeriodTicks : 0;
    const frequencyHz = periodTicks === 0 ? 0 : PIT_FREQUENCY_HZ / periodTicks;
    const audibleHz = frequencyHz > INAUDIBLE_HZ ? 0 : frequencyHz;
    if (audibleHz === this.#frequencyHz) return;
    this.#frequencyHz = audibleHz;
    this.#sink.tone(audibleHz);
  }
}
