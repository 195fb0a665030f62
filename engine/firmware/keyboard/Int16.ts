import { BDA } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { IDLE, type ServiceRun } from "../service/ServiceRun.ts";
import type { KeyboardBuffer } from "./KeyboardBuffer.ts";

/**
 * INT 16h: reading the keyboard. AH=00h-02h know the 83-key keyboard and translate or drop the codes of newer keys;
 * AH=10h-12h give them as they are. Waiting for a key halts the processor with interrupts enabled.
 */
const KEYBOARD_ID = 0x41ab;
/** Last code of the 83-key keyboard (Ctrl-PgUp). */
const LAST_OLD_SCAN = 0x84;

/** A code as the old functions report it; undefined for a key that the old keyboard did not have. */
function oldCode(code: number): number | undefined {
  const scan = code >> 8;
  const character = code & 0xff;
  if (scan === 0xe0) return ((character === 0x2f ? 0x35 : 0x1c) << 8) | character;
  if (character === 0xe0 && scan !== 0) return scan << 8;
  if (character === 0xf0 && scan !== 0) return undefined;
  return scan > LAST_OLD_SCAN ? undefined : code;
}

export class Int16 {
  readonly #memory: GuestMemory;
  readonly #buffer: KeyboardBuffer;

  constructor(memory: GuestMemory, buffer: KeyboardBuffer) {
    this.#memory = memory;
    this.#buffer = buffer;
  }

  serve(frame: InterruptFrame): undefined | ServiceRun {
    switch (frame.ah) {
      case 0x00:
        return this.#read(frame, false);
      case 0x10:
      case 0x20:
        return this.#read(frame, true);
      case 0x01:
        return this.#peek(frame, false);
      case 0x11:
      case 0x21:
        return this.#peek(frame, true);
      case 0x02:
        frame.al = this.#memory.get8(BDA.KEYBOARD_FLAGS);
        return undefined;
      case 0x12:
      case 0x22:
        frame.al = this.#memory.get8(BDA.KEYBOARD_FLAGS);
        frame.ah = this.#extendedFlags();
        return undefined;
      case 0x05:
        frame.al = this.#buffer.put(frame.cx) ? 0 : 1;
        return undefined;
      case 0x09:
        // AH=0Ah and the enhanced functions are there.
        frame.al = 0x30;
        return undefined;
      case 0x0a:
        frame.bx = KEYBOARD_ID;
        return undefined;
      default:
        return undefined;
    }
  }

  /** Toggle keys held and the right-hand shift keys, as AH=12h packs them. */
  #extendedFlags(): number {
    const second = this.#memory.get8(BDA.KEYBOARD_FLAGS_2);
    const third = this.#memory.get8(BDA.KEYBOARD_FLAGS_3);
    return (second & 0x73) | ((second & 0x04) << 5) | (third & 0x0c);
  }

  /** The next code in the chosen dialect; drops codes that the dialect does not know. */
  next(enhanced: boolean): number | undefined {
    for (;;) {
      const code = this.#buffer.peek();
      if (code === undefined || enhanced) {
        // F0h marks keys that only the enhanced functions report.
        return code !== undefined && (code & 0xff) === 0xf0 && code >> 8 !== 0 ? code & 0xff00 : code;
      }
      const old = oldCode(code);
      if (old !== undefined) return old;
      this.#buffer.drop();
    }
  }

  *#read(frame: InterruptFrame, enhanced: boolean): ServiceRun {
    frame.ax = yield* this.waitForKey(enhanced);
  }

  *waitForKey(enhanced: boolean): ServiceRun<number> {
    for (;;) {
      const code = this.next(enhanced);
      if (code !== undefined) {
        this.#buffer.drop();
        return code;
      }
      yield IDLE;
    }
  }

  #peek(frame: InterruptFrame, enhanced: boolean): undefined {
    const code = this.next(enhanced);
    frame.zero = code === undefined;
    if (code !== undefined) frame.ax = code;
    return undefined;
  }
}
