import { BDA } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";

/** The ring of key codes in the BIOS data area, where programs also read and write it themselves. */
export class KeyboardBuffer {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  clear(): void {
    const start = this.#memory.get16(BDA.KEYBOARD_BUFFER_START);
    this.#memory.set16(BDA.KEYBOARD_HEAD, start);
    this.#memory.set16(BDA.KEYBOARD_TAIL, start);
  }

  #next(offset: number): number {
    const next = offset + 2;
    return next >= this.#memory.get16(BDA.KEYBOARD_BUFFER_END) ? this.#memory.get16(BDA.KEYBOARD_BUFFER_START) : next;
  }

  /** False when the buffer is full. */
  put(code: number): boolean {
    const tail = this.#memory.get16(BDA.KEYBOARD_TAIL);
    const next = this.#next(tail);
    if (next === this.#memory.get16(BDA.KEYBOARD_HEAD)) return false;
    this.#memory.set16(0x400 + tail, code);
    this.#memory.set16(BDA.KEYBOARD_TAIL, next);
    return true;
  }

  peek(): number | undefined {
    const head = this.#memory.get16(BDA.KEYBOARD_HEAD);
    return head === this.#memory.get16(BDA.KEYBOARD_TAIL) ? undefined : this.#memory.get16(0x400 + head);
  }

  drop(): void {
    this.#memory.set16(BDA.KEYBOARD_HEAD, this.#next(this.#memory.get16(BDA.KEYBOARD_HEAD)));
  }
}
