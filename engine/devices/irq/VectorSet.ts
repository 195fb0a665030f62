/** 256 bits, one per interrupt vector: the shape of the local APIC's IRR, ISR and TMR. */
export class VectorSet {
  readonly words = new Uint32Array(8);

  has(vector: number): boolean {
    return ((this.words[vector >> 5]! >>> (vector & 31)) & 1) !== 0;
  }

  add(vector: number): void {
    this.words[vector >> 5]! |= 1 << (vector & 31);
  }

  remove(vector: number): void {
    this.words[vector >> 5]! &= ~(1 << (vector & 31));
  }

  clear(): void {
    this.words.fill(0);
  }

  /** The highest vector in the set, -1 when it is empty. */
  highest(): number {
    for (let index = 7; index >= 0; index--) {
      const word = this.words[index]!;
      if (word !== 0) return index * 32 + 31 - Math.clz32(word);
    }
    return -1;
  }
}
