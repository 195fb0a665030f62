import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { StateReader } from "../../base/StateReader.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import type { StateSection } from "../../contracts/MachineStateParts.ts";
import { damaged, unpack } from "../codecNumbers.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import { readExactly, truncated } from "./readExactly.ts";
import { readStateHeader } from "./readStateHeader.ts";
import {
  decodeSectionHead,
  END_SECTION,
  FIXED_BYTES,
  HEAD_START_BYTES,
  type SectionHead,
  type StateHeader,
  sectionHeadBytes,
} from "./stateFileLayout.ts";

export interface StoredSection extends SectionHead {
  /** Where the payload starts in the file. */
  readonly offset: number;
}

const SECTIONS_MAX = 1024;
/** What one section may unfold to; RAM is not among those that are read whole. */
const SECTION_BYTES_MAX = 256 * 1024 * 1024;
const CHECK_STEP_BYTES = 1024 * 1024;

/**
 * A state file that was opened: its header, and its sections to be read. Opening checks everything but the payloads' checksums; `verify`
 * checks those of sections that are not read whole. Whatever the bytes are, the answer is a GuesthouseError ("state-damaged", "state-truncated",
 * "state-format", "not-a-state", or what the store throws) in time and memory that the file's size bounds.
 */
export class StateFile {
  readonly header: StateHeader;
  readonly sections: ReadonlyMap<string, StoredSection>;
  readonly sizeBytes: number;
  readonly #store: ByteStore;
  readonly #services: SnapshotServices;

  private constructor(
    store: ByteStore,
    services: SnapshotServices,
    header: StateHeader,
    sections: ReadonlyMap<string, StoredSection>,
    sizeBytes: number,
  ) {
    this.#store = store;
    this.#services = services;
    this.header = header;
    this.sections = sections;
    this.sizeBytes = sizeBytes;
  }

  /** The store stays the caller's to close. */
  static async open(store: ByteStore, services: SnapshotServices): Promise<StateFile> {
    const sizeBytes = await store.size();
    const { header, bytes } = await readStateHeader(store, sizeBytes, services);
    const sections = await readHeads(store, FIXED_BYTES + bytes, sizeBytes, services);
    return new StateFile(store, services, header, sections, sizeBytes);
  }

  /** Throws "state-section-missing". */
  section(id: string): StoredSection {
    const section = this.sections.get(id);
    if (section === undefined) {
      throw new GuesthouseError("state-section-missing", `The saved state of “${id}” is missing.`, { section: id });
    }
    return section;
  }

  async read(id: string): Promise<StateSection> {
    const section = this.section(id);
    if (section.sizeBytes > SECTION_BYTES_MAX) throw damaged("A section is too large.", { id });
    const payload = await readSection(this.#store, section, this.#services);
    return { id, version: section.version, payload };
  }

  /** All sections except `besides`, in the order of the file. */
  async readAll(besides: readonly string[]): Promise<StateSection[]> {
    const all: StateSection[] = [];
    for (const id of this.sections.keys()) if (!besides.includes(id)) all.push(await this.read(id));
    return all;
  }

  async verify(id: string): Promise<void> {
    const { offset, storedBytes, checksum } = this.section(id);
    let value = 0;
    for (let done = 0; done < storedBytes; ) {
      const part = new Uint8Array(Math.min(CHECK_STEP_BYTES, storedBytes - done));
      await readExactly(this.#store, offset + done, part);
      value = this.#services.crc32(part, value);
      done += part.length;
    }
    if (value !== checksum) throw damaged("A section does not match its checksum.", { id });
  }
}

async function readHeads(
  store: ByteStore,
  from: number,
  sizeBytes: number,
  services: SnapshotServices,
): Promise<Map<string, StoredSection>> {
  const sections = new Map<string, StoredSection>();
  for (let at = from; ; ) {
    const section = await readHead(store, at, sizeBytes, services);
    if (sections.has(section.id) || sections.size >= SECTIONS_MAX)
      throw damaged("A section is there twice.", { id: section.id });
    if (section.id === END_SECTION) {
      const reader = new StateReader(await readSection(store, section, services));
      const [count, place] = [reader.u32(), reader.f64()];
      reader.end();
      const ends = section.offset + section.storedBytes === sizeBytes;
      if (count !== sections.size || place !== at || !ends) throw damaged("It does not end where it should.");
      return sections;
    }
    sections.set(section.id, section);
    at = section.offset + section.storedBytes;
  }
}

async function readHead(
  store: ByteStore,
  at: number,
  sizeBytes: number,
  services: SnapshotServices,
): Promise<StoredSection> {
  const start = new Uint8Array(HEAD_START_BYTES);
  await readExactly(store, at, start);
  const bytes = new Uint8Array(sectionHeadBytes("x".repeat(start[4]!)));
  await readExactly(store, at, bytes);
  const head = decodeSectionHead(bytes, (covered) => services.crc32(covered, 0));
  const offset = at + bytes.length;
  if (offset + head.storedBytes > sizeBytes) throw truncated();
  return { ...head, offset };
}

async function readSection(store: ByteStore, section: StoredSection, services: SnapshotServices): Promise<Uint8Array> {
  const stored = new Uint8Array(section.storedBytes);
  await readExactly(store, section.offset, stored);
  if (services.crc32(stored, 0) !== section.checksum) {
    throw damaged("A section does not match its checksum.", { id: section.id });
  }
  return unpack({ codec: section.codec, bytes: stored }, section.sizeBytes, services);
}
