/**
 * Takes the bytes that a GDB sends apart (GDB manual, appendix E.1): `$data#checksum` with `}` as the escape, `+` and `-` for
 * acknowledgement, and 03h outside of packets as the interrupt. Data is Latin-1 text, a character for a byte. A packet that is damaged or
 * too long is told and forgotten; other bytes between packets are ignored.
 */
export type PacketEvent =
  | { readonly kind: "packet"; readonly data: string }
  | { readonly kind: "damaged" | "interrupt" | "accepted" | "refused" };

/** What a packet may have in it, both ways; GDB is told. */
export const PACKET_BYTES_MAX = 0x4000;

const [START, END, ESCAPE] = [0x24, 0x23, 0x7d];
const events = { 3: "interrupt", 43: "accepted", 45: "refused" } as const;

export class PacketReader {
  readonly #data: number[] = [];
  #phase: "between" | "data" | "checksum" = "between";
  #escaped = false;
  #sum = 0;
  #tooLong = false;
  #digits = "";

  push(bytes: Uint8Array): PacketEvent[] {
    const found: PacketEvent[] = [];
    for (const byte of bytes) {
      const event = this.#take(byte);
      if (event !== undefined) found.push(event);
    }
    return found;
  }

  #take(byte: number): PacketEvent | undefined {
    switch (this.#phase) {
      case "between":
        if (byte === START) this.#begin();
        else if (byte in events) return { kind: events[byte as keyof typeof events] };
        return undefined;
      case "data":
        this.#takeData(byte);
        return undefined;
      case "checksum":
        this.#digits += String.fromCharCode(byte);
        return this.#digits.length === 2 ? this.#finish() : undefined;
    }
  }

  #begin(): void {
    this.#phase = "data";
    this.#data.length = 0;
    this.#sum = 0;
    this.#escaped = false;
    this.#tooLong = false;
    this.#digits = "";
  }

  #takeData(byte: number): void {
    if (byte === END) {
      this.#phase = "checksum";
      return;
    }
    if (byte === START) {
      // The end of the last one was lost.
      this.#begin();
      return;
    }
    this.#sum = (this.#sum + byte) & 0xff;
    if (byte === ESCAPE && !this.#escaped) {
      this.#escaped = true;
      return;
    }
    this.#data.push(this.#escaped ? byte ^ 0x20 : byte);
    this.#escaped = false;
    if (this.#data.length > PACKET_BYTES_MAX) {
      this.#tooLong = true;
      this.#data.length = 0;
    }
  }

  #finish(): PacketEvent {
    this.#phase = "between";
    const right = /^[0-9a-fA-F]{2}$/.test(this.#digits) && Number.parseInt(this.#digits, 16) === this.#sum;
    if (!right || this.#tooLong || this.#escaped) return { kind: "damaged" };
    return { kind: "packet", data: Buffer.from(this.#data).toString("latin1") };
  }
}

/** The packet that carries this data. */
export function packetOf(data: string): string {
  const escaped = data.replace(/[#$}*]/g, (found) => `}${String.fromCharCode(found.charCodeAt(0) ^ 0x20)}`);
  let sum = 0;
  for (let i = 0; i < escaped.length; i++) sum = (sum + escaped.charCodeAt(i)) & 0xff;
  return `$${escaped}#${sum.toString(16).padStart(2, "0")}`;
}
