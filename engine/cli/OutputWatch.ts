/**
 * Looks for a pattern in what a guest says: bytes of the serial line and of port 0xE9, each as one growing text, and the
 * characters on its screen. Only the end of a text is searched, so that a talkative guest costs no more than a silent one.
 */
const KEPT_CHARACTERS = 16 * 1024;

export class OutputWatch {
  readonly #pattern: RegExp;
  readonly #texts = new Map<string, string>();
  readonly #fresh = new Set<string>();
  readonly #decoders = new Map<string, InstanceType<typeof TextDecoder>>();

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  /** Bytes of one of the sources. Terminal escape sequences are left as they are. */
  put(source: string, bytes: Uint8Array): void {
    let decoder = this.#decoders.get(source);
    if (decoder === undefined) {
      decoder = new TextDecoder();
      this.#decoders.set(source, decoder);
    }
    const text = (this.#texts.get(source) ?? "") + decoder.decode(bytes, { stream: true });
    this.#texts.set(source, text);
    this.#fresh.add(source);
  }

  /** True when the pattern stands in what came since the last call, or in the given screen. */
  found(screen: readonly string[] | undefined): boolean {
    for (const source of this.#fresh) {
      // Line ends as the pattern's author thinks of them.
      const text = (this.#texts.get(source) ?? "").replaceAll("\r\n", "\n");
      if (this.#pattern.test(text)) return true;
      this.#texts.set(source, text.slice(-KEPT_CHARACTERS));
    }
    this.#fresh.clear();
    return screen !== undefined && this.#pattern.test(screen.join("\n"));
  }
}
