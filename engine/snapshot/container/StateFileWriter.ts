import { StateWriter } from "../../base/StateWriter.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import type { StateSection } from "../../contracts/MachineStateParts.ts";
import { pack } from "../codecNumbers.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import {
  END_SECTION,
  encodeSectionHead,
  FORMAT_VERSION,
  MAGIC,
  type SectionHead,
  type StateHeader,
  sectionHeadBytes,
} from "./stateFileLayout.ts";

/** Where a part of a file that grows is written. */
export interface ByteSink {
  readonly position: number;
  write(bytes: Uint8Array): Promise<void>;
}

/**
 * Writes a state file from its header to its end mark (`stateFileLayout`). One call after another; the file is whole after `finish`, which
 * flushes. Closing and naming it are the caller's.
 */
export class StateFileWriter {
  readonly #store: ByteStore;
  readonly #services: SnapshotServices;
  #position = 0;
  #sections = 0;

  constructor(store: ByteStore, services: SnapshotServices) {
    this.#store = store;
    this.#services = services;
  }

  get position(): number {
    return this.#position;
  }

  async writeHeader(header: StateHeader): Promise<void> {
    const text = new TextEncoder().encode(JSON.stringify(header));
    const fixed = new StateWriter().u32(FORMAT_VERSION).u32(text.length).u32(this.#services.crc32(text, 0)).finish();
    await this.#append(MAGIC);
    await this.#append(fixed);
    await this.#append(text);
  }

  async writeSection({ id, version, payload }: StateSection): Promise<void> {
    const packed = await pack(payload, this.#services);
    const head = {
      id,
      version,
      codec: packed.codec,
      sizeBytes: payload.length,
      storedBytes: packed.bytes.length,
      checksum: this.#services.crc32(packed.bytes, 0),
    };
    await this.#append(this.#encodeHead(head));
    await this.#append(packed.bytes);
    this.#sections++;
  }

  /** A section that is not held in memory: its length is known when `fill` is done. */
  async streamSection(id: string, version: number, fill: (sink: ByteSink) => Promise<void>): Promise<void> {
    const start = this.#position;
    const head = { id, version, codec: 0, sizeBytes: 0, storedBytes: 0, checksum: 0 };
    const payloadStart = start + sectionHeadBytes(id);
    this.#position = payloadStart;
    let checksum = 0;
    const position = () => this.#position - payloadStart;
    await fill({
      get position() {
        return position();
      },
      write: async (bytes) => {
        checksum = this.#services.crc32(bytes, checksum);
        await this.#append(bytes);
      },
    });
    const bytes = position();
    await this.#store.write(start, this.#encodeHead({ ...head, sizeBytes: bytes, storedBytes: bytes, checksum }));
    this.#sections++;
  }

  async finish(): Promise<void> {
    const payload = new StateWriter().u32(this.#sections).f64(this.#position).finish();
    await this.writeSection({ id: END_SECTION, version: FORMAT_VERSION, payload });
    await this.#store.flush();
  }

  #encodeHead(head: SectionHead): Uint8Array {
    return encodeSectionHead(head, (bytes) => this.#services.crc32(bytes, 0));
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const at = this.#position;
    this.#position += bytes.length;
    await this.#store.write(at, bytes);
  }
}
