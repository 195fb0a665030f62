import type { CpuStateImage } from "../CpuStateImage.ts";
import type { Decoder } from "../decode/Decoder.ts";
import { attentionBits, codeModeBits, segmentIndex } from "../layout/cpuLayout.ts";
import { memoryPlan, physMapBits, physPages } from "../layout/memoryPlan.ts";
import type { CodeCache } from "./CodeCache.ts";
import type { PageNumbers } from "./CodePages.ts";
import type { DebugStops } from "./DebugStops.ts";
import { codeSizeOf, isLong } from "./HandlerSpec.ts";
import { recordLayout } from "./recordLayout.ts";
import type { SystemUnit, UnitEnvironment } from "./SystemUnit.ts";
import { usesStackSegment } from "./usesStackSegment.ts";

/** An instruction that is about to be fetched. */
interface FetchPlace {
  readonly mode: number;
  readonly linear: bigint;
  readonly physical: number;
  /** In its page. */
  readonly offset: number;
  /** How many bytes from its first on lie within the limit of CS. */
  readonly withinLimit: number;
}

/** A page of plain memory that holds code. */
export interface CodePage {
  readonly memoryPage: number;
  readonly physPage: number;
  readonly bytes: Uint8Array;
}

export interface InstructionFetchParts {
  readonly memory: WebAssembly.Memory;
  readonly state: CpuStateImage;
  readonly decoder: Decoder;
  readonly environment: Pick<UnitEnvironment, "mmioRead" | "bringPage">;
  readonly system: SystemUnit;
  readonly cache: CodeCache;
  readonly stops: DebugStops;
}

const pageBytes = 4096;
const longestInstruction = 15;
const generalProtection = 13;

/**
 * From the address of an instruction without a record to its record: translation, the limit of CS, bytes that lie in two pages or in a device, and
 * what the code cache makes of them. What must not be fetched is a guest fault, which goes through as an exception.
 */
export class InstructionFetch {
  readonly #state: CpuStateImage;
  readonly #decoder: Decoder;
  readonly #environment: Pick<UnitEnvironment, "mmioRead" | "bringPage">;
  readonly #system: SystemUnit;
  readonly #cache: CodeCache;
  readonly #stops: DebugStops;
  readonly #bytes: Uint8Array;
  readonly #physMap: Uint32Array;
  readonly #fetched = new Uint8Array(longestInstruction);

  constructor(parts: InstructionFetchParts) {
    this.#state = parts.state;
    this.#decoder = parts.decoder;
    this.#environment = parts.environment;
    this.#system = parts.system;
    this.#cache = parts.cache;
    this.#stops = parts.stops;
    this.#bytes = new Uint8Array(parts.memory.buffer);
    this.#physMap = new Uint32Array(parts.memory.buffer, memoryPlan.physMap, physPages);
  }

  /** What the map of physical memory says of a byte, whose page may be absent; 0 where there is no memory. */
  mapEntry(physical: number): number {
    const page = Math.floor(physical / pageBytes);
    return page < physPages ? this.#physMap[page]! : 0;
  }

  /** As `mapEntry`, of a page that is there then. */
  #presentEntry(physical: number): number {
    const entry = this.mapEntry(physical);
    if ((entry & physMapBits.absent) === 0) return entry;
    this.#environment.bringPage(Math.floor(physical / pageBytes));
    return this.mapEntry(physical);
  }

  /** The page of memory that code at a linear address lies in, for the translator; undefined when it is no plain memory. */
  codePage(linear: bigint): CodePage | undefined {
    const physical = Number(this.#system.translateForDebugger(linear));
    const physPage = Math.floor(physical / pageBytes);
    const entry = physical < 0 ? 0 : this.#presentEntry(physical);
    if (!(entry & physMapBits.readable)) return undefined;
    const memoryPage = entry >>> 12;
    return { memoryPage, physPage, bytes: this.#bytes.subarray(memoryPage * pageBytes, (memoryPage + 1) * pageBytes) };
  }

  /** Where the next instruction is, outside of `run`. */
  linearRip(): bigint {
    const rip = this.#state.get64("rip");
    if (isLong(this.#state.get32("codeMode"))) return rip;
    return BigInt.asUintN(32, rip + BigInt(this.#state.segmentBase(segmentIndex.cs)));
  }

  /** Where the instruction at rip lies, and how far CS reaches; a fault when it must not be fetched. The state's pageRip belongs to it then. */
  #fetchPlace(): FetchPlace {
    const state = this.#state;
    const mode = state.get32("codeMode");
    const rip = state.getNumber("rip");
    const unlimited = isLong(mode) || (mode & codeModeBits.flat) !== 0;
    const limit = unlimited ? Number.POSITIVE_INFINITY : state.segmentWord(segmentIndex.cs, "executeHi");
    if (rip > limit) this.#system.raise(generalProtection, 0);
    const linear = this.linearRip();
    const physical = Number(this.#system.translateFetch(linear));
    const offset = physical % pageBytes;
    state.set64("pageRip", BigInt.asUintN(64, state.get64("rip") - BigInt(offset)));
    return { mode, linear, physical, offset, withinLimit: limit - rip + 1 };
  }

  /** The record for the instruction at rip, after the look-up found none. */
  decodeAt(): number {
    const place = this.#fetchPlace();
    const { mode, linear, physical, offset, withinLimit } = place;
    if (this.#cache.isKeptOut(offset)) {
      if (!this.#stops.meets(linear)) return this.#fetchSingle(place, false);
      this.#state.set32("attention", this.#state.get32("attention") | attentionBits.debugger);
      return this.#cache.leaveBefore(offset);
    }
    const physPage = Math.floor(physical / pageBytes);
    const entry = this.#presentEntry(physical);
    if (entry & physMapBits.readable && offset + withinLimit >= pageBytes) {
      const record = this.#cache.decodeRun(entry >>> 12, physPage, offset, mode);
      if (record !== undefined) return record;
      const unlimited = withinLimit === Number.POSITIVE_INFINITY;
      if (unlimited) return this.#decodeCrossing(linear, { memoryPage: entry >>> 12, physPage }, offset, mode);
    }
    return this.#fetchSingle(place, false);
  }

  /** The record for an instruction that begins at the end of a page and ends in the next one. */
  #decodeCrossing(linear: bigint, first: PageNumbers, offset: number, mode: number): number {
    const here = pageBytes - offset;
    const next = Number(this.#system.translateFetch(linear + BigInt(here)));
    const entry = this.#presentEntry(next);
    const physical = first.physPage * pageBytes + offset;
    if (!(entry & physMapBits.readable))
      return this.#fetchSingle({ mode, linear, physical, offset, withinLimit: Number.POSITIVE_INFINITY }, false);
    const bytes = this.#fetched;
    for (let i = 0; i < longestInstruction; i++)
      bytes[i] = this.#readPhysical(i < here ? physical + i : next + i - here);
    const source = { bytes, start: 0, available: longestInstruction };
    return this.#cache.crossing(
      first,
      { memoryPage: entry >>> 12, physPage: Math.floor(next / pageBytes) },
      source,
      offset,
      mode,
    );
  }

  /** A crossing record found another page behind its own, or did not find it in the TLB. Gives a record that may be executed now. */
  recross(record: number): number {
    const linear = this.linearRip();
    const offset = Number(linear & 0xfffn);
    const next = Number(this.#system.translateFetch(linear + BigInt(pageBytes - offset)));
    if (this.mapEntry(next) >>> 12 === this.#cache.crossesTo(record)) return record + recordLayout.sizeBytes;
    const physical = Number(this.#system.translateFetch(linear));
    const mode = this.#state.get32("codeMode");
    return this.#fetchSingle({ mode, linear, physical, offset, withinLimit: Number.POSITIVE_INFINITY }, false);
  }

  /** The instruction at rip alone, then out of the loop. */
  decodeSingle(): number {
    return this.#fetchSingle(this.#fetchPlace(), true);
  }

  /** Brings the bytes of one instruction together, from two pages when it takes them, and makes its records. */
  #fetchSingle({ mode, linear, physical, offset, withinLimit }: FetchPlace, leave: boolean): number {
    const wanted = Math.min(longestInstruction, withinLimit);
    const here = Math.min(wanted, pageBytes - offset);
    const bytes = this.#fetched;
    for (let i = 0; i < here; i++) bytes[i] = this.#readPhysical(physical + i);
    let available = here;
    if (here < wanted && this.#isTruncated(here, mode)) {
      const next = Number(this.#system.translateFetch(linear + BigInt(here)));
      for (let i = here; i < wanted; i++) bytes[i] = this.#readPhysical(next + i - here);
      available = wanted;
    }
    if (available < longestInstruction && this.#isTruncated(available, mode)) this.#system.raise(generalProtection, 0);
    return this.#cache.single({ bytes, start: 0, available }, offset, mode, leave);
  }

  /** Does the instruction at rip touch a linear address by way of SS? It was fetched before; if it is gone since, no. */
  usesStackSegment(low: number, high: number): boolean {
    const bytes = this.#fetched;
    let available = 0;
    for (; available < longestInstruction; available++) {
      const physical = this.#system.translateForDebugger(this.linearRip() + BigInt(available));
      if (physical < 0n) break;
      bytes[available] = this.#readPhysical(Number(physical));
    }
    const decoded = this.#decoder.decode(bytes, 0, available, { codeSize: codeSizeOf(this.#state.get32("codeMode")) });
    if ("failure" in decoded) return false;
    const linear = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    return usesStackSegment(decoded, linear, this.#state.get64("gpr", 4));
  }

  #isTruncated(available: number, mode: number): boolean {
    const decoded = this.#decoder.decode(this.#fetched, 0, available, { codeSize: codeSizeOf(mode) });
    return "failure" in decoded && decoded.failure === "truncated";
  }

  #readPhysical(address: number): number {
    const entry = this.#presentEntry(address);
    if (entry & physMapBits.readable) {
      return this.#bytes[(entry >>> 12) * pageBytes + (address % pageBytes)]!;
    }
    return this.#environment.mmioRead(address % 0x1_0000_0000, Math.floor(address / 0x1_0000_0000), 1) & 0xff;
  }
}
