/**
 * A device on a PS/2 connector as the keyboard controller sees it: it takes commands and offers bytes one at a time. The
 * controller sets `onOutput` to learn that an idle device has something to say.
 */
export interface Ps2Port {
  /** A byte from the host: a command or its parameter. */
  receive(byte: number): void;
  hasOutput(): boolean;
  /** The next byte for the host; only when `hasOutput`. */
  takeOutput(): number;
  onOutput: (() => void) | undefined;
}
